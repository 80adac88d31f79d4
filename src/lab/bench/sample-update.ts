/** What a client that has a root fetches when there is something new: timestamp, snapshot and targets, and who signed them. */
import { DAY_MS } from '../../core/time.ts';
import { generateSigner, type Signer } from '../../trust/keys.ts';
import { sha256Hex } from '../../trust/payload.ts';
import { rootDocument, snapshotDocument, timestampDocument } from '../../trust/repository/documents.ts';
import { metadataFile, signWith } from '../../trust/repository/sign.ts';
import { sampleTargets } from './sample-targets.ts';

export const NOW_MS = Date.UTC(2026, 0, 1);
const expiresAtMs = NOW_MS + DAY_MS;

export async function sampleUpdate(entries: number) {
  const role = () => generateSigner('ed25519').signer;
  const signers = { root: role(), timestamp: role(), snapshot: role(), targets: role() };
  const content = (name: keyof typeof signers) => ({
    keys: [{ name, key: signers[name].publicKey }],
    threshold: 1,
  });
  const roles = {
    root: content('root'),
    timestamp: content('timestamp'),
    snapshot: content('snapshot'),
    targets: content('targets'),
  };
  const file = async (signed: Parameters<typeof signWith>[0], signer: Signer) =>
    metadataFile(signed, await signWith(signed, [signer]));
  const root = await file(rootDocument({ version: 1, expiresAtMs, roles }), signers.root);
  const targets = await file(sampleTargets(entries), signers.targets);
  const common = { version: 1, expiresAtMs };
  const snapshot = await file(snapshotDocument(common, new Map([['targets', 7]])), signers.snapshot);
  const facts = { version: 1, lengthBytes: snapshot.length, sha256: sha256Hex(snapshot) };
  const timestamp = await file(timestampDocument({ ...common, signedAtMs: NOW_MS }, facts), signers.timestamp);
  return { root, timestamp, snapshot, targets };
}
