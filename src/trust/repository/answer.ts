/** Signing a request: by whoever holds keys, wherever that is. */

import { toHex } from '../../core/bytes.ts';
import type { Signer } from '../keys.ts';
import { type PayloadSigner, sha256Hex } from '../payload.ts';
import { SigningError } from './errors.ts';
import { approvalMessage, type Collected, merged, type PayloadSignatureMade, type SigningRequest } from './request.ts';
import { eligible, type Review, requireSound } from './review.ts';

export interface Answer {
  readonly request: SigningRequest;
  /** Roles that were signed, and paths of artifacts. */
  readonly signed: readonly string[];
}

/**
 * Signs all that these keys may sign. What is there already is checked first, and kept.
 * @param contents artifacts by SHA-256; a payload whose artifact is not here stays for somebody else
 * @throws {SigningError} SIGNING_KEY none of the keys is asked for; SIGNING_ALTERED
 */
export async function answerRequest(
  review: Review,
  signers: readonly Signer[],
  payloadSigners: readonly PayloadSigner[] = [],
  contents: readonly Uint8Array[] = [],
): Promise<Answer> {
  requireSound(review);
  const { request, files } = review;
  const made: Collected['signatures'][number][] = [];
  const approvals = new Map<string, Uint8Array>();
  for (const file of files) {
    const keys = eligible(file);
    for (const signer of signers) {
      // The name under which this very key stands in the file's role, whatever the signer calls it.
      const keyId = [...keys].find(([, key]) => key?.fingerprint === signer.publicKey.fingerprint)?.[0];
      if (keyId === undefined) continue;
      made.push({ role: file.role, keyId, value: await signer.sign(file.message) });
      if (!approvals.has(keyId)) approvals.set(keyId, await signer.sign(approvalMessage(request.digest)));
    }
  }
  const payloadSignatures = await signPayloads(request, payloadSigners, contents);
  if (made.length === 0 && payloadSignatures.length === 0) {
    throw new SigningError('SIGNING_KEY', 'none of these keys is asked to sign this request', {
      fix: 'See who may sign: sealift trust show REQUEST',
    });
  }
  const collected = merged({ signatures: made, payloadSignatures, approvals }, request.collected);
  const signed = [...made.map(({ role }) => role), ...payloadSignatures.map(({ path }) => path)];
  return { request: { ...request, collected }, signed: [...new Set(signed)] };
}

async function signPayloads(
  { body }: SigningRequest,
  signers: readonly PayloadSigner[],
  contents: readonly Uint8Array[],
): Promise<readonly PayloadSignatureMade[]> {
  const made: PayloadSignatureMade[] = [];
  for (const { path, sha256, scheme, keys } of body.payloads) {
    const content = contents.find((one) => sha256Hex(one) === sha256);
    for (const signer of signers) {
      const key = toHex(signer.key);
      if (!content || signer.scheme !== scheme || !keys.includes(key)) continue;
      made.push({ path, key, value: await signer.sign(content) });
    }
  }
  return made;
}
