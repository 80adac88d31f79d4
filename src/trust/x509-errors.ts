/** Why a certificate is not accepted, and what its owner can do about it. */
import { OtaError } from '../core/errors.ts';

/** `detail.certificate` is the SHA-256 of the certificate in question, where there is one. */
export class CertificateError extends OtaError<
  | 'CERT_MALFORMED'
  | 'CERT_UNSUPPORTED'
  | 'CERT_UNTRUSTED'
  | 'CERT_CHAIN_LENGTH'
  | 'CERT_SIGNATURE'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_EXPIRED'
  | 'CERT_REVOKED'
  | 'CERT_NO_CA'
  | 'CERT_PATH_LENGTH'
  | 'CERT_KEY_USAGE'
  | 'CERT_PURPOSE'
  | 'CERT_NAME'
> {
  readonly fault = 'peer';
}

/** An entry of a list of revoked certificates makes no sense. */
export class RevocationError extends OtaError<'REVOCATION_INVALID'> {
  readonly fault = 'caller';
}

const FIXES: Readonly<Record<CertificateError['code'], string>> = {
  CERT_MALFORMED: 'Have it issued anew, by a program that follows RFC 5280.',
  CERT_UNSUPPORTED:
    'Have it issued for P-256, P-384, Ed25519 or RSA from 2,048 bits, with SHA-256, SHA-384 or SHA-512 (RSA-PSS: a salt as long as the hash).',
  CERT_UNTRUSTED: 'Trust the root it was issued under, and send the authority in between with it.',
  CERT_CHAIN_LENGTH: 'Have it issued by the root itself, or by an authority directly below the root.',
  CERT_SIGNATURE: 'Send it exactly as it was issued; if it is, the trusted root is another one of the same name.',
  CERT_NOT_YET_VALID: 'Check the clocks of both sides.',
  CERT_EXPIRED: 'Renew it; if it is new, check the clocks of both sides.',
  CERT_REVOKED: 'Have another one issued, for a new key.',
  CERT_NO_CA: 'Have it issued by a version 3 certificate that is an authority (CA:TRUE).',
  CERT_PATH_LENGTH: 'Have it issued by the authority whose path length is 0, not by another one below it.',
  CERT_KEY_USAGE: 'Have it issued with keyUsage digitalSignature, an authority with keyCertSign.',
  CERT_PURPOSE: 'Have it issued with the extended key usage it is for: serverAuth, clientAuth or codeSigning.',
  CERT_NAME: 'Have it issued with the DNS name in subjectAltName; addresses are not matched.',
};

export function certificateError(
  code: CertificateError['code'],
  message: string,
  options: { readonly certificate?: { readonly fingerprint: string }; readonly cause?: unknown } = {},
): CertificateError {
  const { certificate, cause } = options;
  return new CertificateError(code, message, {
    fix: FIXES[code],
    ...(cause === undefined ? {} : { cause }),
    ...(certificate === undefined ? {} : { detail: { certificate: certificate.fingerprint } }),
  });
}
