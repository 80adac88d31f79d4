/** Signing a request: by whoever holds keys, wherever that is. */

import { fromHex, toHex } from '../../core/bytes.ts';
import type { Signer } from '../keys.ts';
import { createPayloadVerifier, type PayloadSigner, sha256Hex } from '../payload.ts';
import { SigningError } from './errors.ts';
import {
  approvalMessage,
  type Collected,
  merged,
  type PayloadSignatureMade,
  type PayloadToSign,
  type SigningRequest,
} from './request.ts';
import { eligible, type Review, requireSound } from './review.ts';

export interface Answer {
  readonly request: SigningRequest;
  /** Roles that were signed, and paths of artifacts. */
  readonly signed: readonly string[];
  /** Paths of artifacts that wait for one of these keys, and were not at hand. */
  readonly notAtHand: readonly string[];
}

/**
 * Signs all that these keys may sign. What is there already is checked first, and kept; what is made now stands for what was there
 * by the same key.
 * @param contents artifacts; a payload whose artifact is not here stays for somebody else
 * @throws {SigningError} SIGNING_KEY none of the keys is asked for; SIGNING_ALTERED; SIGNING_FILE a signature over an artifact that is
 * there already does not hold, or nothing but artifacts is asked of these keys, and none is at hand
 */
export async function answerRequest(
  review: Review,
  signers: readonly Signer[],
  payloadSigners: readonly PayloadSigner[] = [],
  contents: readonly Uint8Array[] = [],
): Promise<Answer> {
  requireSound(review);
  const { request, files } = review;
  const atHand = byDigest(contents);
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
  const payloadSignatures = await signPayloads(request, payloadSigners, atHand);
  const collected = merged(request.collected, { signatures: made, payloadSignatures, approvals });
  requirePayloadsAtHand({ ...request, collected }, atHand);
  const notAtHand = asked(request, payloadSigners).flatMap(({ path, sha256 }) => (atHand.has(sha256) ? [] : [path]));
  if (made.length === 0 && payloadSignatures.length === 0) {
    throw notAtHand.length > 0 ? missingArtifact(notAtHand) : noKey();
  }
  const signed = [...made.map(({ role }) => role), ...payloadSignatures.map(({ path }) => path)];
  return { request: { ...request, collected }, signed: [...new Set(signed)], notAtHand: [...new Set(notAtHand)] };
}

/** By SHA-256. @throws {SigningError} SIGNING_FILE an artifact that nobody asks to sign: a slip that would otherwise go unnoticed */
export function artifactsFor(
  { body }: SigningRequest,
  contents: readonly Uint8Array[],
): ReadonlyMap<string, Uint8Array> {
  const atHand = byDigest(contents);
  const wanted = body.payloads.map(({ sha256 }) => sha256);
  const stray = [...atHand.keys()].find((sha256) => !wanted.includes(sha256));
  if (stray === undefined) return atHand;
  const list = wanted.length === 0 ? 'none' : [...new Set(wanted)].join(', ');
  throw new SigningError(
    'SIGNING_FILE',
    `an artifact with SHA-256 ${stray} is not asked for; what has to be signed is ${list}`,
    { detail: { sha256: stray }, fix: 'Name the very file that was uploaded for the release.' },
  );
}

function byDigest(contents: readonly Uint8Array[]): ReadonlyMap<string, Uint8Array> {
  return new Map(contents.map((content) => [sha256Hex(content), content]));
}

/** Each payload signature whose artifact is here holds. @throws {SigningError} SIGNING_FILE */
export function requirePayloadsAtHand(
  { body, collected }: SigningRequest,
  atHand: ReadonlyMap<string, Uint8Array>,
): void {
  for (const { path, key, value } of collected.payloadSignatures) {
    const payload = body.payloads.find((one) => one.path === path);
    const content = payload && atHand.get(payload.sha256);
    if (!content) continue;
    const verifier = createPayloadVerifier(payload.scheme, fromHex(key) ?? new Uint8Array(), value);
    verifier.update(content);
    if (verifier.verify()) continue;
    throw new SigningError(
      'SIGNING_FILE',
      `the signature over ${path} by payload key ${key.slice(0, 16)} does not verify`,
      {
        fix: 'Export the request again: sealift trust export EVENT --out FILE; and sign exactly the file that was uploaded.',
      },
    );
  }
}

/** Payloads that one of these keys is asked to sign. */
function asked({ body }: SigningRequest, signers: readonly PayloadSigner[]): readonly PayloadToSign[] {
  return body.payloads.filter(({ scheme, keys }) =>
    signers.some((signer) => signer.scheme === scheme && keys.includes(toHex(signer.key))),
  );
}

async function signPayloads(
  request: SigningRequest,
  signers: readonly PayloadSigner[],
  atHand: ReadonlyMap<string, Uint8Array>,
): Promise<readonly PayloadSignatureMade[]> {
  const made: PayloadSignatureMade[] = [];
  for (const { path, sha256, scheme, keys } of asked(request, signers)) {
    const content = atHand.get(sha256);
    for (const signer of signers) {
      const key = toHex(signer.key);
      if (!content || signer.scheme !== scheme || !keys.includes(key)) continue;
      made.push({ path, key, value: await signer.sign(content) });
    }
  }
  return made;
}

function noKey(): SigningError {
  return new SigningError('SIGNING_KEY', 'none of these keys is asked to sign this request', {
    fix: 'See who may sign: sealift trust show REQUEST',
  });
}

function missingArtifact(paths: readonly string[]): SigningError {
  return new SigningError('SIGNING_FILE', `these keys are asked to sign the artifact ${paths.join(', ')} alone`, {
    fix: 'Name the artifact: --file FILE',
  });
}
