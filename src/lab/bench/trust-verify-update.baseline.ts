/** The least that it costs: the four Ed25519 verifications, keys parsed before, and the hash of the snapshot. */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { parseSigned } from '../../core/json.ts';
import { answerRounds, repeat } from './rounds.ts';
import { sampleUpdate } from './sample-update.ts';

const HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const update = await sampleUpdate(100);
const { keys, roles } = JSON.parse(Buffer.from(update.root).toString()).signed as {
  keys: Record<string, { keyval: { public: string } }>;
  roles: Record<string, { keyids: [string] }>;
};
const checks = Object.entries(update).map(([role, bytes]) => {
  const raw = Buffer.from(keys[roles[role]?.keyids[0] ?? '']?.keyval.public ?? '', 'hex');
  const { signatures } = JSON.parse(Buffer.from(bytes).toString()) as { signatures: [{ sig: string }] };
  return {
    message: parseSigned(bytes).canonical,
    key: createPublicKey({ key: Buffer.concat([HEAD, raw]), format: 'der', type: 'spki' }),
    signature: Buffer.from(signatures[0].sig, 'hex'),
  };
});
await answerRounds((durationMs) =>
  repeat(
    () => {
      createHash('sha256').update(update.snapshot).digest('hex');
      return checks.every(({ message, key, signature }) => verify(null, message, key, signature));
    },
    (isGood) => isGood,
    durationMs,
  ),
);
