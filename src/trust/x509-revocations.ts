/** Revoked certificates, by what tells them apart; a list of our own in place of CRL and OCSP (spec/dtls.md section 5). */

import { SHA256_HEX } from '../core/bytes.ts';
import type { CertificateId } from './x509-certificate.ts';
import { RevocationError } from './x509-errors.ts';

export interface RevocationList {
  /** `issuerHash`: SHA-256 of the issuer's name in DER, hex. It stays when the authority's own certificate is renewed. */
  readonly serials: readonly { readonly issuerHash: string; readonly serial: string }[];
  /** SHA-256 of whole certificates, hex; their twins (x509-twins.ts) are revoked with them. */
  readonly fingerprints: readonly string[];
}

export interface Revocations {
  has(certificate: CertificateId): boolean;
}

const SERIAL_FORM = /^[0-9a-f]{1,40}$/;

/**
 * Hexadecimal digits are taken as OpenSSL and Node write them too: in capitals, with colons, serials with leading zeros.
 * @throws {RevocationError} REVOCATION_INVALID; an entry that would never match is no entry to pass over
 */
export function createRevocations(list: RevocationList): Revocations {
  const fingerprints = new Set(list.fingerprints.map((text) => digits(text, SHA256_HEX, 'fingerprint')));
  const serials = new Set(
    list.serials.map(({ issuerHash, serial }) =>
      serialKey(digits(issuerHash, SHA256_HEX, 'issuer hash'), digits(serial, SERIAL_FORM, 'serial number')),
    ),
  );
  return {
    has: ({ fingerprint, twins, issuerHash, serial }) =>
      [fingerprint, ...twins].some((one) => fingerprints.has(one)) || serials.has(serialKey(issuerHash, serial)),
  };
}

function serialKey(issuerHash: string, serial: string): string {
  return `${issuerHash} ${serial.replace(/^0+/, '')}`;
}

function digits(text: string, form: RegExp, what: string): string {
  const plain = text.replaceAll(':', '').toLowerCase();
  if (form.test(plain)) return plain;
  throw new RevocationError(
    'REVOCATION_INVALID',
    `${what} ${JSON.stringify(text.slice(0, 80))} is not hexadecimal of its length`,
    {
      fix: 'Copy it from "openssl x509 -noout -serial -fingerprint -sha256", or from the audit log.',
    },
  );
}
