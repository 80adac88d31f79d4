/** Keys as TUF 1.0 writes them: parsed once, compared by what they are and not by what they are called. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { fromHex, toHex } from '../core/bytes.ts';
import { type CanonicalInput, canonicalJson } from '../core/canonical-json.ts';
import { asObject, asString, type JsonValue } from '../core/json.ts';
import { TrustError } from './errors.ts';

export type KeyType = 'ed25519' | 'ecdsa';
export type KeyDialect = 'tuf1' | 'reference' | 'aktualizr';

export interface PublicKey {
  /** SHA-256 of the canonical key object, hex. */
  readonly keyId: string;
  readonly keyType: KeyType;
  readonly scheme: string;
  readonly fingerprint: string;
  /** The key object of the metadata. */
  readonly json: CanonicalInput;
  /** False for any signature that this key did not make over exactly `message`; never throws. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

export interface Signer {
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

interface Scheme {
  readonly keyType: KeyType;
  readonly scheme: string;
  /** Hash given to node:crypto; Ed25519 brings its own. */
  readonly hash: string | null;
  readPublic(text: string): KeyObject;
  writePublic(key: KeyObject): string;
}

const ED25519_PUBLIC_BYTES = 32;
const ED25519_SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

const SCHEMES: readonly Scheme[] = [
  {
    keyType: 'ed25519',
    scheme: 'ed25519',
    hash: null,
    readPublic(text) {
      const raw = fromHex(text);
      if (raw?.length !== ED25519_PUBLIC_BYTES)
        throw new TrustError('TRUST_KEY', 'an Ed25519 public key is 64 hex digits');
      return createPublicKey({ key: Buffer.concat([ED25519_SPKI_HEAD, raw]), format: 'der', type: 'spki' });
    },
    writePublic: (key) => toHex(key.export({ type: 'spki', format: 'der' }).subarray(ED25519_SPKI_HEAD.length)),
  },
  {
    keyType: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    hash: 'sha256',
    readPublic(text) {
      const key = publicFromPem(text);
      if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
        throw new TrustError('TRUST_KEY', 'not a key on curve P-256');
      return key;
    },
    writePublic: (key) => key.export({ type: 'spki', format: 'pem' }).toString(),
  },
];

/** @throws {TrustError} TRUST_KEY unusable, TRUST_UNSUPPORTED another key type or scheme; {JsonError} JSON_SHAPE */
export function parsePublicKey(json: JsonValue, _dialect: KeyDialect = 'tuf1'): PublicKey {
  const object = asObject(json, '');
  const keyType = asString(object.get('keytype'), '/keytype');
  const schemeName = asString(object.get('scheme'), '/scheme');
  const scheme = SCHEMES.find((one) => one.keyType === keyType && one.scheme === schemeName);
  if (!scheme) {
    throw new TrustError(
      'TRUST_UNSUPPORTED',
      `key type ${keyType.slice(0, 32)} with scheme ${schemeName.slice(0, 32)}`,
      {
        fix: `Use one of: ${SCHEMES.map((one) => one.scheme).join(', ')}.`,
      },
    );
  }
  const text = asString(asObject(object.get('keyval'), '/keyval').get('public'), '/keyval/public');
  return publicKeyOf(scheme, scheme.readPublic(text), text);
}

/** @param pem PKCS#8 @throws {TrustError} TRUST_KEY */
export function importSigner(pem: string): Signer {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: it may quote what it could not read.
    throw new TrustError('TRUST_KEY', 'not a private key in PEM', {
      fix: 'Name the *.key.pem file that "trust init" wrote.',
    });
  }
  return signerOf(key);
}

/** A fresh key: its signer, and its PKCS#8 PEM, which is secret and belongs into a file of mode 0600. */
export function generateSigner(keyType: KeyType): { readonly signer: Signer; readonly pem: string } {
  const pair =
    keyType === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    signer: signerOf(pair.privateKey),
    pem: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function signerOf(key: KeyObject): Signer {
  const wanted = key.asymmetricKeyType === 'ec' ? 'ecdsa' : key.asymmetricKeyType;
  const scheme = SCHEMES.find(({ keyType }) => keyType === wanted);
  if (!scheme) throw new TrustError('TRUST_UNSUPPORTED', `a ${key.asymmetricKeyType} key cannot sign metadata`);
  const publicHalf = createPublicKey(key);
  const publicKey = publicKeyOf(scheme, publicHalf, scheme.writePublic(publicHalf));
  return { publicKey, sign: async (message) => new Uint8Array(sign(scheme.hash, message, key)) };
}

function publicKeyOf(scheme: Scheme, key: KeyObject, text: string): PublicKey {
  const json = { keytype: scheme.keyType, keyval: { public: text }, scheme: scheme.scheme };
  return {
    keyId: createHash('sha256').update(canonicalJson(json)).digest('hex'),
    keyType: scheme.keyType,
    scheme: scheme.scheme,
    fingerprint: createHash('sha256')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    json,
    verify(message, signature) {
      try {
        return verify(scheme.hash, message, key, signature);
      } catch {
        return false;
      }
    },
  };
}

function publicFromPem(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new TrustError('TRUST_KEY', 'not a public key in PEM', { cause });
  }
}
