/**
 * Keys as metadata writes them: parsed once, compared by what they are and not by what they are called.
 *
 * Spec: spec/uptane.md section 3.3. Private keys stay inside of signers: none is a member of anything that can be printed.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type CanonicalInput, canonicalJson } from '../core/canonical-json.ts';
import { asObject, asString, type JsonObject, type JsonValue } from '../core/json.ts';
import { TrustError } from './errors.ts';
import { MAX_PARSED_KEYS } from './limits.ts';
import { sha256Hex } from './payload.ts';
import { canonicalSpki, type KeyType, readPublic, SCHEMES, type Scheme, type SchemeName } from './schemes.ts';

export type { KeyType, SchemeName } from './schemes.ts';

export interface PublicKey {
  /** What documents call it, by the rule of its dialect: 64 hex digits. Another document may use any other name. */
  readonly keyId: string;
  readonly keyType: KeyType;
  readonly scheme: SchemeName;
  /** The key object of the metadata, as it was read. Written with `canonicalJson`: what was read is a Map. */
  readonly json: CanonicalInput;
  /** What the key is, however it is spelled and called: SHA-256 of its one DER encoding, hex. Thresholds count these. */
  readonly fingerprint: string;
  /** That encoding. */
  readonly spki: Uint8Array;
  /**
   * False for any signature that this key did not make over exactly `message`; never throws.
   *
   * Signatures are raw (Ed25519: 64 bytes, ML-DSA-44: 2,420, RSA: as long as the modulus) or strict DER (ECDSA). One ECDSA
   * signature (r, s) has one other accepted form, (r, n - s): OpenSSL encodes what it read again and compares, so neither longer
   * integers nor trailing bytes make a third. The others have none.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/** Asynchronous, so that a hardware token can be one. */
export interface Signer {
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * How documents spell keys and derive their ids. `tuf1`: with a scheme; the id is the hash of the key object. `reference`: the
 * reference implementation of Uptane, whose objects hold `keyid_hash_algorithms` and no scheme; the id is the hash of the
 * object. `aktualizr`: key types in any case and no scheme; the id is the hash of the public value alone.
 */
export type KeyDialect = 'tuf1' | 'reference' | 'aktualizr';

/** Older documents name the scheme where the key type stands. */
const KEY_TYPE_ALIASES: ReadonlyMap<string, KeyType> = new Map([['ecdsa-sha2-nistp256', 'ecdsa']]);

/**
 * @throws {TrustError} TRUST_KEY unusable, weak, or with a private half; TRUST_UNSUPPORTED another key type or scheme
 * @throws {JsonError} JSON_SHAPE
 */
export function parsePublicKey(json: JsonValue, dialect: KeyDialect = 'tuf1'): PublicKey {
  const object = asObject(json, '');
  const scheme = schemeNamedIn(object, dialect);
  const values = asObject(object.get('keyval'), '/keyval');
  // Some tools write an empty member; a full one must not travel on in documents.
  if ((values.get('private') ?? '') !== '') {
    throw new TrustError('TRUST_KEY', 'a private key where a public one belongs', {
      fix: 'Take the private half out, and replace the key if others have seen it.',
    });
  }
  const text = asString(values.get('public'), '/keyval/public');
  // First, since it bounds the length: cutting line ends takes quadratic time where other text follows them.
  const key = parsed(scheme, text);
  return publicKeyOf(scheme, key, object, dialect === 'aktualizr' ? text.replace(/\n+$/, '') : object);
}

/**
 * @param pem an unencrypted private key, PKCS#8 or the older forms of OpenSSL @param schemeName which of the schemes of an RSA key,
 * PSS by default
 * @throws {TrustError} TRUST_KEY unusable; TRUST_UNSUPPORTED a kind of key that signs no metadata, or not with this scheme
 */
export function importSigner(pem: string, schemeName?: SchemeName): Signer {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: it may quote what it could not read.
    throw new TrustError('TRUST_KEY', 'not a private key in PEM', {
      fix: 'Name one that is not encrypted, such as the *.key.pem files that "trust init" writes.',
    });
  }
  return signerOf(key, schemeName);
}

/**
 * A key whose private half lies elsewhere.
 * @param pem SPKI @param schemeName which of the schemes of an RSA key, PSS by default
 * @throws {TrustError} TRUST_KEY unusable, or a private one; TRUST_UNSUPPORTED a kind of key that signs no metadata, or not with this scheme
 */
export function importPublicKey(pem: string, schemeName?: SchemeName): PublicKey {
  if (pem.includes('PRIVATE KEY')) {
    throw new TrustError('TRUST_KEY', 'a private key where a public one belongs', {
      fix: 'Name the public half: openssl pkey -in KEY -pubout',
    });
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw new TrustError('TRUST_KEY', 'not a public key in PEM', {
      fix: 'openssl pkey -in KEY -pubout makes one.',
    });
  }
  return written(key, schemeName).publicKey;
}

/**
 * A fresh key: its signer, and its PKCS#8 PEM, which is secret and belongs into a file of mode 0600.
 * @param kind RSA keys have 3,072 bits and sign with PSS unless the scheme says otherwise
 */
export function generateSigner(kind: KeyType | SchemeName): { readonly signer: Signer; readonly pem: string } {
  const scheme = SCHEMES.find(({ name, keyType }) => name === kind || keyType === kind);
  if (!scheme) throw unsupported(`no key is called ${String(kind).slice(0, 32)}`);
  const key = scheme.generate();
  return {
    signer: signerOf(key, scheme.name),
    pem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function schemeNamedIn(object: JsonObject, dialect: KeyDialect): Scheme {
  const spelled = asString(object.get('keytype'), '/keytype');
  const keyType = dialect === 'aktualizr' ? spelled.toLowerCase() : (KEY_TYPE_ALIASES.get(spelled) ?? spelled);
  const isNamed = dialect === 'tuf1' || object.has('scheme');
  const name = isNamed ? asString(object.get('scheme'), '/scheme') : undefined;
  const scheme = SCHEMES.find(
    (one) => one.keyType === keyType && (name === undefined || one.name === name) && !one.isForPayloads,
  );
  if (scheme) return scheme;
  throw unsupported(`key type ${spelled.slice(0, 32)}${name === undefined ? '' : ` with scheme ${name.slice(0, 32)}`}`);
}

function unsupported(message: string): TrustError {
  return new TrustError('TRUST_UNSUPPORTED', message, {
    fix: `Use one of: ${SCHEMES.filter(({ isForPayloads }) => !isForPayloads)
      .map(({ name }) => name)
      .join(', ')}.`,
  });
}

function signerOf(key: KeyObject, schemeName: SchemeName | undefined): Signer {
  const { scheme, publicKey } = written(createPublicKey(key), schemeName);
  return {
    publicKey,
    sign: async (message) => new Uint8Array(sign(scheme.hash, message, { key, ...scheme.padding })),
  };
}

/** A public key as our own documents spell it. */
function written(key: KeyObject, schemeName: SchemeName | undefined) {
  const scheme = SCHEMES.find(
    ({ name, algorithm }) => algorithm === key.asymmetricKeyType && name === (schemeName ?? name),
  );
  if (!scheme)
    throw unsupported(`a key of type ${key.asymmetricKeyType} cannot sign with ${schemeName ?? 'any scheme'}`);
  const text = scheme.text.write(key);
  const json = { keytype: scheme.keyType, keyval: { public: text }, scheme: scheme.name };
  return { scheme, publicKey: publicKeyOf(scheme, parsed(scheme, text), json, json) };
}

interface ParsedKey {
  readonly key: KeyObject;
  readonly spki: Uint8Array;
  readonly fingerprint: string;
}

/** Parsing a key costs as much as two verifications, and a client reads the same few at each update. Oldest first. */
const PARSED = new Map<string, ParsedKey>();

/** @throws {TrustError} TRUST_KEY: nothing is remembered of a key that is none */
function parsed(scheme: Scheme, text: string): ParsedKey {
  const name = `${scheme.name} ${text}`;
  const known = PARSED.get(name);
  if (known) return known;
  const key = readPublic(scheme, text);
  const spki = canonicalSpki(key);
  const fresh = { key, spki, fingerprint: sha256Hex(spki) };
  const [oldest] = PARSED.keys();
  if (PARSED.size >= MAX_PARSED_KEYS && oldest !== undefined) PARSED.delete(oldest);
  PARSED.set(name, fresh);
  return fresh;
}

/** @param named what the key id is the hash of */
function publicKeyOf(scheme: Scheme, one: ParsedKey, json: CanonicalInput, named: CanonicalInput): PublicKey {
  const { key, spki, fingerprint } = one;
  const verifyWith = { key, ...scheme.padding };
  return {
    keyId: sha256Hex(canonicalJson(named)),
    keyType: scheme.keyType,
    scheme: scheme.name,
    json,
    fingerprint,
    spki,
    verify(message, signature) {
      try {
        return verify(scheme.hash, message, verifyWith, signature);
      } catch {
        return false;
      }
    },
  };
}
