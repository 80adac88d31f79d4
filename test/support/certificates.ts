/** Certificates made by hand, with any part of them wrong: what OpenSSL and others refuse to write. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { concat } from '../../src/core/bytes.ts';
import { bits, integer, octets, oid, sequence, text, tlv } from './der.ts';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Members as they go into the certificate, DER each; all but the first four have a sound default. */
export interface Parts {
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly publicKey: KeyObject;
  /** Of the issuer. */
  readonly signingKey: KeyObject;
  /** Default: ECDSA with SHA-256, by `signingKey`. */
  readonly sign?: (signed: Uint8Array) => Uint8Array;
  readonly version?: Uint8Array;
  readonly serial?: Uint8Array;
  readonly notBefore?: Uint8Array;
  readonly notAfter?: Uint8Array;
  readonly spki?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  /** By any name, in their order; `NONE` leaves one out. */
  readonly extensions?: Readonly<Record<string, Uint8Array>>;
  /** After the extensions. */
  readonly more?: Uint8Array;
  readonly unusedBits?: number;
}

/** Of all certificates that say nothing else. */
export const NOT_BEFORE_MS = Date.UTC(2026, 0, 1);
export const NOT_AFTER_MS = Date.UTC(2026, 11, 31, 23, 59, 59);
export const NONE = new Uint8Array();
export const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const VERSION_3 = tlv(0xa0, integer(2));

export function ecKeys(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

export function certificate(parts: Parts): Uint8Array {
  const extensions = concat(...Object.values(parts.extensions ?? {}));
  const signed = sequence(
    parts.version ?? VERSION_3,
    parts.serial ?? integer(0x1234),
    parts.innerAlgorithm ?? ECDSA_SHA256,
    parts.issuer,
    sequence(parts.notBefore ?? text(0x17, '260101000000Z'), parts.notAfter ?? text(0x17, '261231235959Z')),
    parts.subject,
    parts.spki ?? spkiOf(parts.publicKey),
    extensions.length > 0 ? tlv(0xa3, sequence(extensions)) : NONE,
    parts.more ?? NONE,
  );
  const signature = parts.sign?.(signed) ?? sign('sha256', signed, parts.signingKey);
  return sequence(signed, parts.outerAlgorithm ?? ECDSA_SHA256, bits(parts.unusedBits ?? 0, signature));
}

export function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }));
}

/** A common name for each text; an attribute as it is. */
export function nameOf(...names: readonly (string | Uint8Array)[]): Uint8Array {
  return sequence(
    ...names.map((name) => tlv(0x31, typeof name === 'string' ? attribute(COMMON_NAME, text(0x0c, name)) : name)),
  );
}

export function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), value);
}

export function extension(id: string, value: Uint8Array, isCritical = false): Uint8Array {
  return sequence(oid(id), isCritical ? TRUE : NONE, octets(value));
}

const TRUE = tlv(0x01, Uint8Array.of(0xff));
export const DIGITAL_SIGNATURE = 0x80;
export const KEY_CERT_SIGN = 0x04;

export const basicConstraints = (isCa: boolean, pathLength?: number) =>
  extension('2.5.29.19', sequence(isCa ? TRUE : NONE, pathLength === undefined ? NONE : integer(pathLength)), true);
export const keyUsage = (...usages: readonly number[]) =>
  extension('2.5.29.15', bits(0, Uint8Array.of(usages.reduce((all, usage) => all | usage, 0))), true);
export const extendedKeyUsage = (...ids: readonly string[]) => extension('2.5.29.37', sequence(...ids.map(oid)));
export const dnsNames = (...names: readonly string[]) =>
  extension('2.5.29.17', sequence(...names.map((name) => text(0x82, name))));
export const subjectKeyId = (key: KeyObject) => extension('2.5.29.14', octets(keyId(key)));
export const authorityKeyId = (key: KeyObject) => extension('2.5.29.35', sequence(tlv(0x80, keyId(key))));

function keyId(key: KeyObject): Uint8Array {
  return new Uint8Array(createHash('sha256').update(spkiOf(key)).digest().subarray(0, 20));
}
