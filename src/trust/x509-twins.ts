/**
 * The other certificate that whoever holds one can make of it without any key: where ECDSA's signature (r, s) holds, (r, n - s)
 * holds too, n being the order of the issuer's curve. It says the same and has another fingerprint.
 *
 * The other schemes leave nothing to change: OpenSSL refuses RSA signatures that are not below the modulus and Ed25519 scalars that
 * are not below the order, and the encoding around them is strict DER.
 */
import { createHash } from 'node:crypto';
import { concat } from '../core/bytes.ts';
import { DerError, parseDer } from '../core/der.ts';
import { BIT_STRING, INTEGER, SEQUENCE } from '../core/der-types.ts';

/** Of P-256 and P-384, the curves of x509-algorithms.ts (SEC 2 sections 2.4.2 and 2.5.1). */
const ORDERS = [
  0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n,
  0xffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_c7634d81_f4372ddf_581a0db2_48b0a77a_ecec196a_ccc52973n,
];

/** The three members of a certificate; the first two in DER, the last without its BIT STRING. */
export interface CertificateMembers {
  readonly signed: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Fingerprints: one for each curve the signature may be on, since the issuer is not known yet; that of the wrong curve is nobody's.
 * @returns none for signatures that are not ECDSA's
 */
export function twinFingerprints({ signed, algorithm, signature }: CertificateMembers): readonly string[] {
  const pair = readPair(signature);
  if (!pair) return [];
  return ORDERS.filter((order) => pair.s < order).map((order) => {
    const twin = tlv(SEQUENCE, integer(pair.r), integer(order - pair.s));
    const certificate = tlv(SEQUENCE, signed, algorithm, tlv(BIT_STRING.tag, Uint8Array.of(0), twin));
    return createHash('sha256').update(certificate).digest('hex');
  });
}

/** Also of a signature by another scheme that happens to read as one; then nothing has the fingerprints. */
function readPair(signature: Uint8Array): { readonly r: bigint; readonly s: bigint } | undefined {
  try {
    const members = parseDer(signature).members();
    const [r, s] = [members.next().read(INTEGER), members.next().read(INTEGER)];
    members.end();
    return r > 0n && s > 0n ? { r, s } : undefined;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(...content);
  return concat(Uint8Array.of(tag, ...lengthOctets(body.length)), body);
}

/** At most 16 KiB, as a certificate has. */
function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

/** Of a positive number: a leading zero keeps the sign. */
function integer(value: bigint): Uint8Array {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return tlv(INTEGER.tag, ...((bytes[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), bytes);
}
