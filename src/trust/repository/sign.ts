/** From the `signed` part and its signatures to the bytes that are stored and served. */
import { toHex } from '../../core/bytes.ts';
import { type CanonicalInput, canonicalJson, wireJson } from '../../core/canonical-json.ts';
import type { Signer } from '../keys.ts';

/** Key id to signature. */
export type Signatures = ReadonlyMap<string, Uint8Array>;

/** What a signer signs. */
export function messageOf(signed: CanonicalInput): Uint8Array {
  return canonicalJson(signed);
}

export async function signWith(signed: CanonicalInput, signers: readonly Signer[]): Promise<Signatures> {
  const message = messageOf(signed);
  return new Map(
    await Promise.all(signers.map(async (signer) => [signer.publicKey.keyId, await signer.sign(message)] as const)),
  );
}

/** The file, signatures in order of key id. */
export function metadataFile(signed: CanonicalInput, signatures: Signatures): Uint8Array {
  const ordered = [...signatures].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return wireJson({ signatures: ordered.map(([keyid, value]) => ({ keyid, sig: toHex(value) })), signed });
}
