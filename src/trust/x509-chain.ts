/**
 * Verifies certificate chains: bytes and a time in, a trusted value or a typed error out.
 *
 * Spec: RFC 5280 section 6 for chains of at most three certificates, RFC 6125 for DNS names. No policies, no name constraints (a
 * certificate with them is refused), no CRL and no OCSP (Revocations take their place). node:crypto checks the single
 * signatures; its X509Certificate checks no path length, no keyCertSign and no name constraints (spec/dtls.md section 5).
 */
import type { KeyObject } from 'node:crypto';
import { MAX_CHAIN_CERTIFICATES, MAX_DNS_NAME, MAX_PRESENTED_CERTIFICATES } from './limits.ts';
import { isSignedBy, signatureScheme } from './x509-algorithms.ts';
import { type Certificate, type CertificateId, parseCertificate } from './x509-certificate.ts';
import { CertificateError, certificateError } from './x509-errors.ts';
import { dnsName, matchesHost } from './x509-names.ts';
import { certificatesOf } from './x509-pem.ts';
import type { Revocations } from './x509-revocations.ts';

/** Only `verifyChain` makes these. */
export interface VerifiedCertificate extends CertificateId {
  /** The subject's one common name; `undefined` for none or several. */
  readonly commonName: string | undefined;
  /** Lower case, of subjectAltName; a wildcard is its first label. */
  readonly dnsNames: readonly string[];
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Object identifiers; empty where the certificate sets no bounds. */
  readonly extendedKeyUsage: readonly string[];
  /** This one first, the trusted root last: for asking `Revocations` again when a session is resumed (SEC-20). */
  readonly chain: readonly CertificateId[];
}

/** Object identifiers of RFC 5280 section 4.2.1.12. */
const PURPOSES = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
} as const;
export type Purpose = keyof typeof PURPOSES;

/** Nothing is optional: what is not to be checked is said so where the chain is verified. */
export interface ChainRequest {
  /** DER, as the peer sent them: its own first, the others in any order. At most 8, 16 KiB each. */
  readonly presented: readonly Uint8Array[];
  readonly roots: TrustedRoots;
  readonly purpose: Purpose;
  /** The name that was asked for; `undefined` where the caller compares names itself. */
  readonly hostName: string | undefined;
  readonly revocations: Revocations;
  readonly nowMs: number;
}

/** Certificates that need no issuer: roots, or an authority below one that is trusted by itself. */
export class TrustedRoots {
  readonly #bySubject = new Map<string, Certificate[]>();

  /** @param files PEM or DER @throws {CertificateError} CERT_MALFORMED any certificate of any file; then none is trusted */
  constructor(...files: readonly (Uint8Array | string)[]) {
    for (const root of files.flatMap(certificatesOf).map(parseCertificate)) {
      this.#bySubject.set(root.subjectHash, [...(this.#bySubject.get(root.subjectHash) ?? []), root]);
    }
  }

  /** Those that can have issued this certificate, by what both say. */
  issuersOf(certificate: Certificate): readonly Certificate[] {
    return (this.#bySubject.get(certificate.issuerHash) ?? []).filter((root) => canHaveIssued(root, certificate));
  }
}

/** Each is issued by the next, by what both say; the last is a trusted root. */
type Path = readonly [leaf: Certificate, ...issuers: Certificate[]];

/** The steps in their order; each throws a CertificateError. */
const CHECKS: readonly ((path: Path, request: ChainRequest) => void)[] = [
  checkSerials,
  checkKeys,
  checkSignatures,
  checkDates,
  checkRevocations,
  checkExtensions,
  checkAuthorities,
  checkKeyUsage,
  checkPurpose,
  checkHostName,
];

/**
 * Of several ways to a root the first that holds counts; where none does, the error is of the one that came furthest.
 *
 * @throws {CertificateError} CERT_MALFORMED; CERT_UNTRUSTED no way to a trusted root; CERT_CHAIN_LENGTH; CERT_UNSUPPORTED key,
 * signature or extension; CERT_SIGNATURE; CERT_NOT_YET_VALID; CERT_EXPIRED; CERT_REVOKED; CERT_NO_CA; CERT_PATH_LENGTH;
 * CERT_KEY_USAGE; CERT_PURPOSE; CERT_NAME
 */
export function verifyChain(request: ChainRequest): VerifiedCertificate {
  const { presented, roots } = request;
  if (presented.length > MAX_PRESENTED_CERTIFICATES) {
    throw certificateError(
      'CERT_CHAIN_LENGTH',
      `${presented.length} certificates where ${MAX_PRESENTED_CERTIFICATES} are looked at`,
    );
  }
  const [leaf, ...others] = presented.map(parseCertificate);
  if (!leaf) throw certificateError('CERT_MALFORMED', 'no certificate');
  let furthest: Failure | undefined;
  for (const path of pathsFrom([leaf], others, roots)) {
    const failure = firstFailure(path, request);
    if (!failure) return verified(path);
    if (!furthest || failure.step > furthest.step) furthest = failure;
  }
  throw furthest?.error ?? noPath(leaf, others, roots);
}

interface Failure {
  readonly step: number;
  readonly error: CertificateError;
}

/** Through authorities that have not issued themselves: those would only be a longer way to the same key. */
function* pathsFrom(path: Path, others: readonly Certificate[], roots: TrustedRoots): Generator<Path> {
  const top = path.at(-1) ?? path[0];
  for (const root of roots.issuersOf(top)) yield [...path, root];
  if (path.length + 1 === MAX_CHAIN_CERTIFICATES) return;
  for (const between of others) {
    const isAuthority = canHaveIssued(between, top) && between.subjectHash !== between.issuerHash;
    if (isAuthority) yield* pathsFrom([...path, between], others, roots);
  }
}

/** 6.1.3 (a)(4), and 4.2.1.1: authorities that share a name tell their keys apart by key id. */
function canHaveIssued(issuer: Certificate, certificate: Certificate): boolean {
  const { authorityKeyId } = certificate.extensions;
  const { subjectKeyId } = issuer.extensions;
  const isSameKey = authorityKeyId === undefined || subjectKeyId === undefined || authorityKeyId === subjectKeyId;
  return issuer.subjectHash === certificate.issuerHash && isSameKey;
}

/** Tells a chain that is too long from one that leads nowhere. */
function noPath(leaf: Certificate, others: readonly Certificate[], roots: TrustedRoots): CertificateError {
  const passed = new Set<Certificate>();
  for (let at: Certificate | undefined = leaf; at; ) {
    passed.add(at);
    if (roots.issuersOf(at).length > 0) {
      const message = `${passed.size + 1} certificates from the first to a root where ${MAX_CHAIN_CERTIFICATES} are allowed`;
      return certificateError('CERT_CHAIN_LENGTH', message, { certificate: leaf });
    }
    const below: Certificate = at;
    at = others.find((other) => !passed.has(other) && canHaveIssued(other, below));
  }
  return certificateError('CERT_UNTRUSTED', 'no chain from the certificate to a trusted root', { certificate: leaf });
}

function firstFailure(path: Path, request: ChainRequest): Failure | undefined {
  for (const [step, check] of CHECKS.entries()) {
    try {
      check(path, request);
    } catch (error) {
      if (error instanceof CertificateError) return { step, error };
      throw error;
    }
  }
  return undefined;
}

function verified(path: Path): VerifiedCertificate {
  const [leaf] = path;
  return {
    ...idOf(leaf),
    commonName: leaf.commonName,
    dnsNames: leaf.extensions.dnsNames ?? [],
    publicKey: leaf.publicKey(),
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
    extendedKeyUsage: leaf.extensions.extendedKeyUsage ?? [],
    chain: path.map(idOf),
  };
}

function idOf({ fingerprint, twins, issuerHash, serial }: Certificate): CertificateId {
  return { fingerprint, twins, issuerHash, serial };
}

/** 4.1.2.2: positive, but for roots, some of which have 0. */
function checkSerials(path: Path): void {
  for (const certificate of path.slice(0, -1)) {
    if (certificate.serial === '00') throw certificateError('CERT_MALFORMED', 'a serial number of 0', { certificate });
  }
}

/** 4.1.2.7: strong enough, and of a kind that is read here. */
function checkKeys(path: Path): void {
  for (const certificate of path) certificate.publicKey();
}

/** 6.1.3 (a)(1). That of the root is left out (6.1.1 (d)): it is trusted by being configured. */
function checkSignatures([leaf, ...issuers]: Path): void {
  let certificate = leaf;
  for (const issuer of issuers) {
    const { signatureAlgorithm, signed, signature } = certificate;
    const scheme = signatureScheme(signatureAlgorithm, certificate);
    if (!isSignedBy(issuer.publicKey(), scheme, signed, signature))
      throw certificateError('CERT_SIGNATURE', 'not signed by the issuer it names', { certificate });
    certificate = issuer;
  }
}

/** 6.1.3 (a)(2): both bounds belong to it. Written so that NaN is no time either. */
function checkDates(path: Path, { nowMs }: ChainRequest): void {
  for (const certificate of path) {
    const { notBeforeMs, notAfterMs } = certificate;
    const refuse = (code: 'CERT_NOT_YET_VALID' | 'CERT_EXPIRED', how: string, boundMs: number) =>
      certificateError(code, `${how} ${new Date(boundMs).toISOString()}`, { certificate });
    if (!(nowMs >= notBeforeMs)) throw refuse('CERT_NOT_YET_VALID', 'not valid before', notBeforeMs);
    if (!(nowMs <= notAfterMs)) throw refuse('CERT_EXPIRED', 'not valid after', notAfterMs);
  }
}

/** 6.1.3 (a)(3) */
function checkRevocations(path: Path, { revocations }: ChainRequest): void {
  for (const certificate of path) {
    if (revocations.has(certificate)) throw certificateError('CERT_REVOKED', 'revoked', { certificate });
  }
}

/** 6.1.4 (o), 6.1.5 (f) */
function checkExtensions(path: Path): void {
  for (const certificate of path) {
    const [oid] = certificate.notUnderstood;
    if (oid !== undefined)
      throw certificateError('CERT_UNSUPPORTED', `extension ${oid}, which is not understood`, { certificate });
  }
}

/** 6.1.4 (k) to (m), for the root too; and the other way round, no authority stands in for a server, client or signer. */
function checkAuthorities([leaf, ...issuers]: Path): void {
  if (leaf.extensions.basicConstraints?.isCa)
    throw certificateError('CERT_PURPOSE', 'an authority, which is not to be used itself', { certificate: leaf });
  for (const [below, certificate] of issuers.entries()) {
    const { basicConstraints } = certificate.extensions;
    if (!basicConstraints?.isCa)
      throw certificateError('CERT_NO_CA', 'issued by a certificate that is no authority', { certificate });
    const { pathLength } = basicConstraints;
    if (below > pathLength) {
      const message = `${below} authority below one that allows ${pathLength}`;
      throw certificateError('CERT_PATH_LENGTH', message, { certificate });
    }
  }
}

/** 6.1.4 (n); 4.2.1.3 for the first: keys of TLS 1.2 with forward secrecy and of TLS 1.3 sign. */
function checkKeyUsage(path: Path): void {
  for (const [at, certificate] of path.entries()) {
    const usage = at === 0 ? 'digitalSignature' : 'keyCertSign';
    if (certificate.extensions.keyUsage?.[usage] === false)
      throw certificateError('CERT_KEY_USAGE', `a key that is not for ${usage}`, { certificate });
  }
}

/** 4.2.1.12; on an authority it bounds what may be issued for. anyExtendedKeyUsage names no purpose. */
function checkPurpose(path: Path, { purpose }: ChainRequest): void {
  for (const certificate of path) {
    if (certificate.extensions.extendedKeyUsage?.includes(PURPOSES[purpose]) === false)
      throw certificateError('CERT_PURPOSE', `not issued for ${purpose}`, { certificate });
  }
}

/** RFC 6125 section 6.4: the common name counts only where there is no subjectAltName at all. */
function checkHostName([leaf]: Path, { hostName }: ChainRequest): void {
  if (hostName === undefined) return;
  const names = leaf.extensions.dnsNames ?? [dnsName(leaf.commonName ?? '')];
  if (!names.some((name) => name !== undefined && matchesHost(name, hostName)))
    throw certificateError('CERT_NAME', `not issued for ${JSON.stringify(hostName.slice(0, MAX_DNS_NAME))}`, {
      certificate: leaf,
    });
}
