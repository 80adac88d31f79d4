/** Canonical JSON of targets metadata with 100 entries, as it is made for every signature. */
import { canonicalJson } from '../../core/canonical-json.ts';
import { answerRounds, repeat } from './rounds.ts';
import { sampleTargets } from './sample-targets.ts';

const targets = sampleTargets(100);
const expected = Buffer.from(JSON.stringify(targets));
await answerRounds((durationMs) =>
  repeat(
    () => canonicalJson(targets),
    (bytes) => expected.equals(bytes),
    durationMs,
  ),
);
