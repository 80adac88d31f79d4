/**
 * Keys and signatures that certificates may have.
 *
 * Each AlgorithmIdentifier is compared as a whole with the one DER spelling its standard gives it (RFC 5480, 5758, 4055, 8410), so
 * that no parameter is left to interpret. MD5, SHA-1, other curves and short keys are not in the tables.
 */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { equalBytes } from '../core/bytes.ts';
import { rsaProblem } from './rsa.ts';
import { type CertificateError, certificateError } from './x509-errors.ts';

export interface AlgorithmIdentifier {
  readonly oid: string;
  /** All of it in DER, hex. */
  readonly hex: string;
}

export interface SubjectPublicKeyInfo {
  /** All of it in DER. */
  readonly der: Uint8Array;
  readonly algorithm: AlgorithmIdentifier;
  /** Content of subjectPublicKey. */
  readonly bits: Uint8Array;
}

/** A certificate in an error. */
interface Named {
  readonly fingerprint: string;
}

type KeyKind = 'ec' | 'ed25519' | 'rsa';

interface KeyRow {
  readonly kind: KeyKind;
  /** Why such a key is not fit for use, or not the one spelling of itself. */
  problem(key: KeyObject, spki: SubjectPublicKeyInfo): string | undefined;
}

const UNCOMPRESSED = 0x04;
const EC: KeyRow = {
  kind: 'ec',
  problem: (_key, { bits }) => (bits[0] === UNCOMPRESSED ? undefined : 'a compressed point as public key'),
};
const RSA: KeyRow = { kind: 'rsa', problem: (key, spki) => rsaProblem(key) ?? spellingProblem(key, spki) };
const ED25519: KeyRow = { kind: 'ed25519', problem: () => undefined };

/** By AlgorithmIdentifier, hex. */
const KEYS: ReadonlyMap<string, KeyRow> = new Map([
  ['301306072a8648ce3d020106082a8648ce3d030107', EC], //  P-256
  ['301006072a8648ce3d020106052b81040022', EC], //        P-384
  ['300d06092a864886f70d0101010500', RSA],
  ['300506032b6570', ED25519],
]);

export interface SignatureScheme {
  readonly kind: KeyKind;
  /** Given to node:crypto; Ed25519 brings its own. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null;
  readonly padding?: { readonly padding: number; readonly saltLength?: number };
}

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };

/** By AlgorithmIdentifier, hex. */
const SIGNATURES: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  ['300a06082a8648ce3d040302', { kind: 'ec', hash: 'sha256' }],
  ['300a06082a8648ce3d040303', { kind: 'ec', hash: 'sha384' }],
  ['300d06092a864886f70d01010b0500', { kind: 'rsa', hash: 'sha256', padding: PKCS1 }],
  ['300d06092a864886f70d01010c0500', { kind: 'rsa', hash: 'sha384', padding: PKCS1 }],
  ['300d06092a864886f70d01010d0500', { kind: 'rsa', hash: 'sha512', padding: PKCS1 }],
  [pssIdentifier('01', '20'), { kind: 'rsa', hash: 'sha256', padding: pss(32) }],
  [pssIdentifier('02', '30'), { kind: 'rsa', hash: 'sha384', padding: pss(48) }],
  [pssIdentifier('03', '40'), { kind: 'rsa', hash: 'sha512', padding: pss(64) }],
  ['300506032b6570', { kind: 'ed25519', hash: null }],
]);

/** Names for the message, of what people still meet. */
const WEAK: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.4', 'RSA with MD5'],
  ['1.2.840.113549.1.1.5', 'RSA with SHA-1'],
  ['1.2.840.10045.4.1', 'ECDSA with SHA-1'],
]);

/** @throws {CertificateError} CERT_UNSUPPORTED */
export function importPublicKey(spki: SubjectPublicKeyInfo, certificate: Named): KeyObject {
  const row = KEYS.get(spki.algorithm.hex);
  if (!row) throw unsupported(`a key of algorithm ${spki.algorithm.oid}`, certificate);
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki.der), format: 'der', type: 'spki' });
  } catch {
    throw unsupported('a public key that is none', certificate);
  }
  const problem = row.problem(key, spki);
  if (problem !== undefined) throw unsupported(problem, certificate);
  return key;
}

/** @throws {CertificateError} CERT_UNSUPPORTED */
export function signatureScheme({ oid, hex }: AlgorithmIdentifier, certificate: Named): SignatureScheme {
  const scheme = SIGNATURES.get(hex);
  if (!scheme) throw unsupported(`a signature by ${WEAK.get(oid) ?? oid}`, certificate);
  return scheme;
}

/** Whether `key` made `signature` over `message` in just this way; never throws. */
export function isSignedBy(
  key: KeyObject,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (key.asymmetricKeyType !== scheme.kind) return false;
  try {
    return verify(scheme.hash, message, { key, ...scheme.padding }, signature);
  } catch {
    return false;
  }
}

/** OpenSSL reads the two numbers also in BER, and with bytes after them. */
function spellingProblem(key: KeyObject, { der }: SubjectPublicKeyInfo): string | undefined {
  const isDer = equalBytes(key.export({ format: 'der', type: 'spki' }), der);
  return isDer ? undefined : 'an RSA key that is not DER';
}

/** RSASSA-PSS and MGF1 with one hash of the SHA-2 family, a salt as long as the hash (RFC 4055 section 3.1). Both in hex. */
function pssIdentifier(hash: string, saltLength: string): string {
  const sha2 = `300d06096086480165030402${hash}0500`;
  return `304106092a864886f70d01010a3034a00f${sha2}a11c301a06092a864886f70d010108${sha2}a2030201${saltLength}`;
}

function pss(saltLength: number) {
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
}

function unsupported(what: string, certificate: Named): CertificateError {
  return certificateError('CERT_UNSUPPORTED', `a certificate with ${what}`, { certificate });
}
