/** Certificates in text (RFC 7468): nothing else between the lines, explanations around them. */
import { fromBase64, utf8Decode, utf8Encode } from '../core/bytes.ts';
import { MAX_ROOTS_BYTES } from './limits.ts';
import { type CertificateError, certificateError } from './x509-errors.ts';

const BEGIN = '-----BEGIN CERTIFICATE-----';
const END = '-----END CERTIFICATE-----';
/** Of any label: a private key in a file of roots is a mistake to be told. */
const ANY_BEGIN = '-----BEGIN ';
const SEQUENCE = 0x30;

/**
 * The certificates of a file, DER each: of PEM all, in their order, at least one; DER is one.
 * @param input a file, at most 1 MiB @throws {CertificateError} CERT_MALFORMED
 */
export function certificatesOf(input: Uint8Array | string): readonly Uint8Array[] {
  const file = typeof input === 'string' ? utf8Encode(input) : input;
  if (file.length > MAX_ROOTS_BYTES)
    throw malformed(`${file.length} bytes where at most ${MAX_ROOTS_BYTES} are allowed`);
  if (file[0] === SEQUENCE) return [file];
  const [before = '', ...blocks] = (utf8Decode(file) ?? '').split(BEGIN);
  const found = blocks.map((block) => {
    const end = block.indexOf(END);
    const der = fromBase64(block.slice(0, Math.max(end, 0)).replaceAll(/\s/g, ''));
    if (!der?.length) throw malformed('a certificate that is not base64, or has no end');
    return { der, after: block.slice(end + END.length) };
  });
  if ([before, ...found.map(({ after }) => after)].some((text) => text.includes(ANY_BEGIN)))
    throw malformed('something else beside certificates');
  if (found.length === 0) throw malformed('no certificate');
  return found.map(({ der }) => der);
}

function malformed(what: string): CertificateError {
  return certificateError('CERT_MALFORMED', `a file with ${what}`);
}
