/** What each signature scheme of metadata is: how its keys are written, which are fit for use, how it signs. One row each. */
import { constants, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { fromBase64, fromHex, toHex } from '../core/bytes.ts';
import { TrustError } from './errors.ts';
import { DEFAULT_RSA_BITS, MAX_PUBLIC_KEY_TEXT } from './limits.ts';
import { rsaProblem } from './rsa.ts';

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa' | 'ml-dsa';

export type SchemeName =
  | 'ed25519'
  | 'ecdsa-sha2-nistp256'
  | 'rsassa-pss-sha256'
  | 'rsa-pkcs1v15-sha256'
  | 'ml-dsa-44'
  | 'cups-p256-sha512';

export interface Scheme {
  readonly name: SchemeName;
  readonly keyType: KeyType;
  /** What node:crypto calls such a key. */
  readonly algorithm: string;
  /** Hash given to node:crypto; null where the scheme brings its own. */
  readonly hash: 'sha256' | 'sha512' | null;
  /** Goes to `sign` and `verify` beside the key. */
  readonly padding: { readonly padding?: number; readonly saltLength?: number };
  readonly text: PublicText;
  /** Signs the bytes of images, and no metadata: a document that names such a key is refused. */
  readonly isForPayloads?: true;
  /** @throws {TrustError} TRUST_KEY of the right kind, and yet not fit for use */
  check(key: KeyObject): void;
  generate(): KeyObject;
}

/** How `keyval.public` spells a key. */
interface PublicText {
  /** @throws {TrustError} TRUST_KEY */
  read(text: string): KeyObject;
  write(key: KeyObject): string;
}

const ED25519_SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const ML_DSA_44_SPKI_HEAD = Buffer.from('30820532300b06096086480165030403110382052100', 'hex');
const ED25519_PUBLIC_BYTES = 32;
const ML_DSA_44_PUBLIC_BYTES = 1_312;
const PEM_HEAD = '-----BEGIN PUBLIC KEY-----';
const PEM_FOOT = '-----END PUBLIC KEY-----';

/**
 * SPKI in PEM, with any line ends and line width. Read here and not by OpenSSL, which under this name also takes certificates and
 * private keys, and ignores what follows the DER.
 */
const SPKI_PEM: PublicText = {
  read(text) {
    const pem = text.trim();
    const body = pem.slice(PEM_HEAD.length, -PEM_FOOT.length).replaceAll(/\s/g, '');
    const der = fromBase64(body);
    if (!pem.startsWith(PEM_HEAD) || !pem.endsWith(PEM_FOOT) || !der)
      throw new TrustError('TRUST_KEY', 'not a public key in PEM');
    const key = publicFromSpki(Buffer.from(der));
    if (!spkiOf(key).equals(der))
      throw new TrustError('TRUST_KEY', 'a public key that is not DER, or has more after it');
    return key;
  },
  write: (key) => key.export({ type: 'spki', format: 'pem' }).toString(),
};

/** The bare key in lower-case hex. */
function rawHex(name: string, head: Buffer, lengthBytes: number): PublicText {
  return {
    read(text) {
      const raw = fromHex(text);
      if (raw?.length !== lengthBytes)
        throw new TrustError('TRUST_KEY', `${name} public key is ${2 * lengthBytes} hex digits`);
      return publicFromSpki(Buffer.concat([head, raw]));
    },
    write: (key) => toHex(spkiOf(key).subarray(head.length)),
  };
}

const RSA = {
  keyType: 'rsa',
  algorithm: 'rsa',
  hash: 'sha256',
  text: SPKI_PEM,
  check: checkRsa,
  generate: () => generateKeyPairSync('rsa', { modulusLength: DEFAULT_RSA_BITS }).privateKey,
} as const;

const P256 = {
  keyType: 'ecdsa',
  algorithm: 'ec',
  padding: {},
  text: SPKI_PEM,
  check(key: KeyObject) {
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
      throw new TrustError('TRUST_KEY', 'not a key on curve P-256');
  },
  generate: () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey,
} as const;

/** The first row of a key type is what a key without a scheme means. */
export const SCHEMES: readonly Scheme[] = [
  {
    name: 'ed25519',
    keyType: 'ed25519',
    algorithm: 'ed25519',
    hash: null,
    padding: {},
    text: rawHex('an Ed25519', ED25519_SPKI_HEAD, ED25519_PUBLIC_BYTES),
    check: checkEd25519,
    generate: () => generateKeyPairSync('ed25519').privateKey,
  },
  { ...P256, name: 'ecdsa-sha2-nistp256', hash: 'sha256' },
  // MGF1 with the hash of the message, which is what OpenSSL takes when nothing else is said.
  {
    ...RSA,
    name: 'rsassa-pss-sha256',
    padding: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
  { ...RSA, name: 'rsa-pkcs1v15-sha256', padding: { padding: constants.RSA_PKCS1_PADDING } },
  {
    name: 'ml-dsa-44',
    keyType: 'ml-dsa',
    algorithm: 'ml-dsa-44',
    hash: null,
    padding: {},
    text: rawHex('an ML-DSA-44', ML_DSA_44_SPKI_HEAD, ML_DSA_44_PUBLIC_BYTES),
    check() {
      // Any bytes of this length are a key.
    },
    generate: () => generateKeyPairSync('ml-dsa-44').privateKey,
  },
  { ...P256, name: 'cups-p256-sha512', hash: 'sha512', isForPayloads: true },
];

/** @throws {TrustError} TRUST_KEY too long, misspelt, of another kind, or not fit for use */
export function readPublic(scheme: Scheme, text: string): KeyObject {
  if (text.length > MAX_PUBLIC_KEY_TEXT)
    throw new TrustError('TRUST_KEY', `a public key of more than ${MAX_PUBLIC_KEY_TEXT} characters`);
  const key = scheme.text.read(text);
  if (key.asymmetricKeyType !== scheme.algorithm)
    throw new TrustError('TRUST_KEY', `${key.asymmetricKeyType} key where ${scheme.name} needs ${scheme.algorithm}`);
  scheme.check(key);
  return key;
}

/**
 * The one DER encoding a key has. On curve P-256 OpenSSL would write a point in the form in which it was read (compressed,
 * hybrid), so the coordinates are written anew.
 */
export function canonicalSpki(key: KeyObject): Uint8Array {
  return spkiOf(
    key.asymmetricKeyType === 'ec' ? createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' }) : key,
  );
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function publicFromSpki(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new TrustError('TRUST_KEY', 'not a public key', { cause });
  }
}

function checkRsa(key: KeyObject): void {
  const problem = rsaProblem(key);
  if (problem === undefined) return;
  throw new TrustError('TRUST_KEY', problem, { fix: `Make one of ${DEFAULT_RSA_BITS} bits, with exponent 65537.` });
}

const P = 2n ** 255n - 19n;

/**
 * Refuses the two kinds of points that would let one key be two: y written as y + p, and points of small order, under which one
 * signature holds for many messages without a private key. y is 1, 0 or -1 at orders 1, 4 and 2; at order 8 doubling leads to
 * y = 0, which on -x^2 + y^2 = 1 - 121665/121666 x^2 y^2 means x^2 = -y^2.
 */
function checkEd25519(key: KeyObject): void {
  const bigEndian = spkiOf(key).subarray(ED25519_SPKI_HEAD.length).toReversed();
  const y = BigInt(`0x${toHex(bigEndian)}`) & (2n ** 255n - 1n);
  const y2 = (y * y) % P;
  const isOrder8 = (121_666n * (2n * y2 - 1n) - 121_665n * y2 * y2) % P === 0n;
  if (y >= P || y2 <= 1n || isOrder8) throw new TrustError('TRUST_KEY', 'an unsafe Ed25519 public key');
}
