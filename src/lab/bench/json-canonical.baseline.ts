/** The least that making bytes of an object costs: the engine's own JSON, which checks and sorts nothing. */
import { canonicalJson } from '../../core/canonical-json.ts';
import { answerRounds, repeat } from './rounds.ts';
import { sampleTargets } from './sample-targets.ts';

const targets = sampleTargets(100);
const expected = canonicalJson(targets);
await answerRounds((durationMs) =>
  repeat(
    () => Buffer.from(JSON.stringify(targets)),
    (bytes) => bytes.equals(expected),
    durationMs,
  ),
);
