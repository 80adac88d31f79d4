/**
 * Reads certificates: DER or PEM in, what they say out. Nothing of it is believed before x509-chain.ts has verified it.
 *
 * Spec: RFC 5280 section 4, in strict DER. One spelling is let through that DER does not have: `FALSE` written out where it is
 * the default, which authorities do write, and which the signature covers as it stands.
 */
import { createHash, type KeyObject } from 'node:crypto';
import { toHex } from '../core/bytes.ts';
import { DerError, type DerNode, parseDer } from '../core/der.ts';
import {
  BIT_STRING,
  BOOLEAN,
  contextConstructed,
  contextTag,
  GENERALIZED_TIME,
  IA5_STRING,
  INTEGER,
  integerBetween,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  PRINTABLE_STRING,
  SEQUENCE,
  SET,
  UTC_TIME,
  UTF8_STRING,
} from '../core/der-types.ts';
import { MAX_CERTIFICATE_BYTES, MAX_SERIAL_BYTES } from './limits.ts';
import { type AlgorithmIdentifier, importPublicKey, type SubjectPublicKeyInfo } from './x509-algorithms.ts';
import { type CertificateError, certificateError } from './x509-errors.ts';
import { dnsName } from './x509-names.ts';
import { twinFingerprints } from './x509-twins.ts';

/** What tells one certificate from all others. */
export interface CertificateId {
  /** SHA-256 of the whole certificate, lower-case hex. */
  readonly fingerprint: string;
  /** Fingerprints of what anybody can make of it without a key (x509-twins.ts). */
  readonly twins: readonly string[];
  /** SHA-256 of the issuer's name in DER, lower-case hex. */
  readonly issuerHash: string;
  /** Lower-case hex, whole bytes, without a sign byte. */
  readonly serial: string;
}

export interface Certificate extends CertificateId {
  readonly subjectHash: string;
  /** The subject's one common name; `undefined` when it has none, or several, of which two readers might take two. */
  readonly commonName: string | undefined;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Parsed once, when first asked for. @throws {CertificateError} CERT_UNSUPPORTED */
  readonly publicKey: () => KeyObject;
  /** What the issuer has signed: the TBSCertificate as it stands. */
  readonly signed: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  readonly extensions: Extensions;
  /** Object identifiers of extensions that must be obeyed and are not understood. */
  readonly notUnderstood: readonly string[];
}

/** Extensions that are understood; all others may be there as long as they are not critical. */
const EXTENSIONS = {
  /** 4.2.1.1: the issuer's key id, hex. */
  authorityKeyId: { oid: '2.5.29.35', read: readAuthorityKeyId },
  /** 4.2.1.2, hex. */
  subjectKeyId: { oid: '2.5.29.14', read: (value: DerNode) => toHex(value.read(OCTET_STRING)) },
  /** 4.2.1.3 */
  keyUsage: { oid: '2.5.29.15', read: readKeyUsage },
  /** 4.2.1.6: its DNS names; names of other kinds, and in other spellings, match nothing here and are left out. */
  dnsNames: { oid: '2.5.29.17', read: readDnsNames },
  /** 4.2.1.9 */
  basicConstraints: { oid: '2.5.29.19', read: readBasicConstraints },
  /** 4.2.1.12: object identifiers. */
  extendedKeyUsage: {
    oid: '2.5.29.37',
    read: (value: DerNode) => readList(value).map((id) => id.read(OBJECT_IDENTIFIER)),
  },
} as const;

type ExtensionName = keyof typeof EXTENSIONS;
export type Extensions = { readonly [K in ExtensionName]?: ReturnType<(typeof EXTENSIONS)[K]['read']> };

const BY_OID: ReadonlyMap<string, ExtensionName> = new Map(
  Object.entries(EXTENSIONS).map(([name, { oid }]) => [oid, name as ExtensionName]),
);
/** 4.2.1.10: restricts what an authority may issue, and is obeyed or refused even where it is not marked as critical. */
const NAME_CONSTRAINTS = '2.5.29.30';
const COMMON_NAME = '2.5.4.3';
const EXPLICIT_VERSION = contextConstructed(0);
const EXPLICIT_EXTENSIONS = contextConstructed(3);
const DNS_NAME = contextTag(2);
/** Version 1 is the default, which is not written. */
const VERSION = integerBetween(1, 2);
const VERSION_3 = 2;
const PATH_LENGTH = integerBetween(0, Number.MAX_SAFE_INTEGER);
/** In the first byte of KeyUsage: bits 0 and 5. */
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;

/** @param bytes DER, at most 16 KiB; copied @throws {CertificateError} CERT_MALFORMED */
export function parseCertificate(bytes: Uint8Array): Certificate {
  try {
    return readCertificate(parseDer(new Uint8Array(bytes), { maxBytes: MAX_CERTIFICATE_BYTES }));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw certificateError('CERT_MALFORMED', `no certificate: ${cause.message}`, { cause });
  }
}

/** Section 4.1. Unique identifiers, which nobody may write any more, are refused as members too many. */
function readCertificate(document: DerNode): Certificate {
  const outer = document.members();
  const tbs = outer.next();
  const algorithm = outer.next();
  const signatureAlgorithm = readAlgorithm(algorithm);
  const signature = readWholeBytes(outer.next());
  outer.end();

  const fields = tbs.members();
  const version = fields.optional(EXPLICIT_VERSION)?.inner(EXPLICIT_VERSION).read(VERSION) ?? 0;
  const serial = readSerial(fields.next());
  // 4.1.1.2: only the inner one is signed.
  if (readAlgorithm(fields.next()).hex !== signatureAlgorithm.hex) throw malformed('two signature algorithms');
  const issuer = readName(fields.next());
  if (issuer.isEmpty) throw malformed('an issuer without a name');
  const validity = fields.next().members();
  const [notBeforeMs, notAfterMs] = [readTime(validity.next()), readTime(validity.next())];
  validity.end();
  const subject = readName(fields.next());
  const spki = readPublicKeyInfo(fields.next());
  const extensions = fields.optional(EXPLICIT_EXTENSIONS)?.inner(EXPLICIT_EXTENSIONS);
  fields.end();
  if (extensions && version !== VERSION_3) throw malformed('extensions before version 3');

  const fingerprint = sha256(document);
  let publicKey: KeyObject | undefined;
  return {
    fingerprint,
    twins: twinFingerprints({ signed: tbs.bytes, algorithm: algorithm.bytes, signature }),
    issuerHash: issuer.hash,
    serial,
    subjectHash: subject.hash,
    commonName: subject.commonName,
    notBeforeMs,
    notAfterMs,
    publicKey: () => (publicKey ??= importPublicKey(spki, { fingerprint })),
    signed: tbs.bytes,
    signatureAlgorithm,
    signature,
    ...readExtensions(extensions),
  };
}

/** 4.1.2.2; 0 is for x509-chain.ts to refuse, since there are roots that have it. */
function readSerial(node: DerNode): string {
  const isNegative = node.read(INTEGER) < 0n;
  const hex = toHex(node.content).replace(/^00(?=.)/, '');
  if (isNegative || hex.length > 2 * MAX_SERIAL_BYTES) throw malformed('a serial number that is not from 0 to 2^160-1');
  return hex;
}

/** 4.1.1.2 */
function readAlgorithm(node: DerNode): AlgorithmIdentifier {
  return { oid: node.members().next().read(OBJECT_IDENTIFIER), hex: toHex(node.bytes) };
}

/** 4.1.2.7 */
function readPublicKeyInfo(node: DerNode): SubjectPublicKeyInfo {
  const members = node.members();
  const info = { der: node.bytes, algorithm: readAlgorithm(members.next()), bits: readWholeBytes(members.next()) };
  members.end();
  return info;
}

/** 4.1.2.4 */
function readName(node: DerNode): { hash: string; isEmpty: boolean; commonName: string | undefined } {
  const commonNames: DerNode[] = [];
  const parts = [...node.items()];
  for (const part of parts) {
    for (const attribute of readList(part, SET)) {
      const members = attribute.members();
      const type = members.next().read(OBJECT_IDENTIFIER);
      const value = members.next();
      members.end();
      if (type === COMMON_NAME) commonNames.push(value);
    }
  }
  const [first, second] = commonNames;
  const commonName = first && !second ? readCommonName(first) : undefined;
  return { hash: sha256(node), isEmpty: parts.length === 0, commonName };
}

/** Of the two types that RFC 5280 leaves for new names. */
function readCommonName(node: DerNode): string {
  const text = node.read(node.tag === PRINTABLE_STRING.tag ? PRINTABLE_STRING : UTF8_STRING);
  if (/\p{Cc}/u.test(text)) throw malformed('a control character in the common name');
  return text;
}

/** 4.1.2.5 */
function readTime(node: DerNode): number {
  return node.read(node.tag === UTC_TIME.tag ? UTC_TIME : GENERALIZED_TIME);
}

/** 4.2 */
function readExtensions(node: DerNode | undefined): Pick<Certificate, 'extensions' | 'notUnderstood'> {
  const seen = new Set<string>();
  const extensions: Partial<Record<ExtensionName, unknown>> = {};
  const notUnderstood: string[] = [];
  for (const extension of node ? readList(node) : []) {
    const members = extension.members();
    const oid = members.next().read(OBJECT_IDENTIFIER);
    const isCritical = members.optional(BOOLEAN.tag)?.read(BOOLEAN) ?? false;
    const value = members.next().read(OCTET_STRING);
    members.end();
    if (seen.has(oid)) throw malformed(`extension ${oid} twice`);
    seen.add(oid);
    const name = BY_OID.get(oid);
    if (name) extensions[name] = EXTENSIONS[name].read(parseDer(value));
    else if (isCritical || oid === NAME_CONSTRAINTS) notUnderstood.push(oid);
  }
  return { extensions: extensions as Extensions, notUnderstood };
}

function readAuthorityKeyId(value: DerNode): string | undefined {
  const members = value.members();
  const keyId = members.optional(contextTag(0))?.read(OCTET_STRING, contextTag(0));
  // The issuer's own issuer and serial say less than the key id, and are a hint only.
  members.optional(contextConstructed(1));
  members.optional(contextTag(2));
  members.end();
  return keyId && toHex(keyId);
}

function readKeyUsage(value: DerNode): { digitalSignature: boolean; keyCertSign: boolean } {
  const [first = 0] = value.read(BIT_STRING).bytes;
  return { digitalSignature: (first & DIGITAL_SIGNATURE) !== 0, keyCertSign: (first & KEY_CERT_SIGN) !== 0 };
}

function readDnsNames(value: DerNode): readonly string[] {
  return readList(value)
    .filter(({ tag }) => tag === DNS_NAME)
    .map((name) => dnsName(name.read(IA5_STRING, DNS_NAME)))
    .filter((name) => name !== undefined);
}

function readBasicConstraints(value: DerNode): { isCa: boolean; pathLength: number } {
  const members = value.members();
  const isCa = members.optional(BOOLEAN.tag)?.read(BOOLEAN) ?? false;
  const pathLength = members.optional(INTEGER.tag)?.read(PATH_LENGTH);
  members.end();
  if (!isCa && pathLength !== undefined) throw malformed('a path length without being an authority');
  return { isCa, pathLength: pathLength ?? Number.POSITIVE_INFINITY };
}

/** SIZE (1..MAX), as all lists of a certificate are. */
function readList(node: DerNode, tag: number = SEQUENCE): readonly DerNode[] {
  const items = [...node.items(tag)];
  if (items.length === 0) throw malformed('an empty list');
  return items;
}

function readWholeBytes(node: DerNode): Uint8Array {
  const { unusedBits, bytes } = node.read(BIT_STRING);
  if (unusedBits > 0) throw malformed('a key or signature of broken bytes');
  return bytes;
}

function sha256(node: DerNode): string {
  return createHash('sha256').update(node.bytes).digest('hex');
}

function malformed(what: string): CertificateError {
  return certificateError('CERT_MALFORMED', `a certificate with ${what}`);
}
