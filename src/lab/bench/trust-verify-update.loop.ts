/** A whole update of a client: its stored root, then timestamp, snapshot and targets with 100 entries, none of it seen before. */
import { TUF1 } from '../../trust/tuf/dialect.ts';
import { drive } from '../../trust/tuf/drive.ts';
import { refresh } from '../../trust/tuf/refresh.ts';
import { answerRounds, repeat } from './rounds.ts';
import { NOW_MS, sampleUpdate } from './sample-update.ts';

const { root, timestamp, snapshot, targets } = await sampleUpdate(100);
const served = new Map([
  ['timestamp.json', timestamp],
  ['1.snapshot.json', snapshot],
  ['7.targets.json', targets],
]);
const stored = new Map([['root', root]]);
await answerRounds((durationMs) =>
  repeat(
    () => drive(refresh(stored, { dialect: TUF1, nowMs: NOW_MS }), (name) => served.get(name)),
    (trusted) => trusted.targets.value.targets.size === 100,
    durationMs,
  ),
);
