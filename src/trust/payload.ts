/**
 * Signatures over an artifact's bytes that foreign devices check by themselves.
 *
 * `cups-p256-sha512` (spec/cups.md section 8): ECDSA on P-256 with SHA-512 over the bytes, DER; keys are X || Y.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  createVerify,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { concat } from '../core/bytes.ts';
import { TrustError } from './errors.ts';
import type { Signer } from './keys.ts';
import { MAX_P256_DER, MIN_P256_DER } from './limits.ts';

export type PayloadScheme = 'cups-p256-sha512';

/** Takes an artifact piece by piece; `verify` once, at the end. */
export interface PayloadVerifier {
  update(chunk: Uint8Array): void;
  verify(): boolean;
}

export interface PayloadSigner {
  readonly scheme: PayloadScheme;
  /** X || Y, 64 bytes. */
  readonly key: Uint8Array;
  sign(artifact: Uint8Array): Promise<Uint8Array>;
}

const RAW_KEY_BYTES = 64;
const P256_SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

/**
 * @param key X || Y, 64 bytes @param signature DER, 8 to 72 bytes
 * @returns a verifier that says no when key or signature are unusable: nothing unchecked passes
 */
export function createPayloadVerifier(_scheme: PayloadScheme, key: Uint8Array, signature: Uint8Array): PayloadVerifier {
  const publicKey = publicKeyFromRaw(key);
  const isPossible = signature.length >= MIN_P256_DER && signature.length <= MAX_P256_DER;
  const check = createVerify('sha512');
  return {
    update(chunk) {
      check.update(chunk);
    },
    verify: () => publicKey !== undefined && isPossible && check.verify(publicKey, signature),
  };
}

/** Whether `signature` was made by `key` over all bytes of `source`. */
export async function verifyPayload(
  scheme: PayloadScheme,
  key: Uint8Array,
  signature: Uint8Array,
  source: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  const verifier = createPayloadVerifier(scheme, key, signature);
  for await (const chunk of source) verifier.update(chunk);
  return verifier.verify();
}

/** Whether these 64 bytes are a key that can have signed anything: a point on the curve. */
export function isPayloadKey(raw: Uint8Array): boolean {
  return publicKeyFromRaw(raw) !== undefined;
}

/** A fresh key: its signer, and its PKCS#8 PEM, which is secret. */
export function generatePayloadSigner(): { readonly signer: PayloadSigner; readonly pem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { signer: signerOf(privateKey), pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** @throws {TrustError} TRUST_KEY not a P-256 private key in PEM */
export function importPayloadSigner(pem: string): PayloadSigner {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new TrustError('TRUST_KEY', 'not a private key in PEM');
  }
  return signerOf(key);
}

/** The key of a vault, for the images of gateways. `undefined` when it is of another scheme. */
export function payloadSignerOf(signer: Signer): PayloadSigner | undefined {
  const { scheme, spki } = signer.publicKey;
  if (scheme !== 'cups-p256-sha512') return undefined;
  return { scheme, key: rawKeyOf(spki), sign: (artifact) => signer.sign(artifact) };
}

function signerOf(key: KeyObject): PayloadSigner {
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TrustError('TRUST_KEY', 'not a key on curve P-256');
  return {
    scheme: 'cups-p256-sha512',
    key: rawKeyOf(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    sign: async (artifact) => new Uint8Array(sign('sha512', artifact, key)),
  };
}

/** X || Y of an uncompressed point. */
function rawKeyOf(spki: Uint8Array): Uint8Array {
  return spki.slice(P256_SPKI_HEAD.length);
}

/** `undefined` when the bytes are no point on the curve. */
function publicKeyFromRaw(raw: Uint8Array): KeyObject | undefined {
  if (raw.length !== RAW_KEY_BYTES) return undefined;
  try {
    return createPublicKey({ key: Buffer.from(concat(P256_SPKI_HEAD, raw)), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** SHA-256 as artifacts are named by it: lower-case hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
