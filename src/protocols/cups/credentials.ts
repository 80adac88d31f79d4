/** Credential segments: trust || crt || key (spec/cups.md section 5), cut up the way a Station does it. */
import { WireError } from '../../core/errors.ts';
import { credentialCrc } from './crc.ts';

export interface CredentialSet {
  readonly trust: Uint8Array;
  /** Empty when absent. */
  readonly crt: Uint8Array;
  /** DER, or HTTP header lines when there is no certificate; empty when absent. */
  readonly key: Uint8Array;
}

const SEQUENCE = 0x30;
const ABSENT_BYTES = 4;

/**
 * @throws {WireError} WIRE_VALUE where a Station keeps its old files without a word: PEM, a missing trust, a DER length in
 * any long form but 0x82 (PKCS#8 P-256 keys); WIRE_TRUNCATED a part longer than the segment
 */
export function splitSegment(segment: Uint8Array): CredentialSet {
  const trust = derItem(segment, 0, 'trust');
  const afterTrust = trust.length;
  const crt = segment[afterTrust] === 0 ? new Uint8Array() : derItem(segment, afterTrust, 'crt');
  const afterCrt = afterTrust + (crt.length || ABSENT_BYTES);
  if (afterCrt > segment.length) throw new WireError('WIRE_TRUNCATED', 'the placeholder of the certificate is cut off');
  return { trust, crt, key: keyItem(segment, afterCrt) };
}

/** CRC a Station reports once it has stored the set. */
export function deviceCrc(set: CredentialSet): number {
  return credentialCrc(set);
}

function keyItem(segment: Uint8Array, at: number): Uint8Array {
  const first = segment[at];
  if (first === undefined || first === 0) return new Uint8Array();
  return first === SEQUENCE ? derItem(segment, at, 'key') : new Uint8Array(segment.subarray(at));
}

function derItem(segment: Uint8Array, at: number, part: string): Uint8Array {
  if (segment[at] !== SEQUENCE) {
    throw new WireError('WIRE_VALUE', `${part} does not begin with 0x30; it must be DER`, { detail: { offset: at } });
  }
  const short = segment[at + 1] ?? 0x80;
  if (short > 0x80 && short !== 0x82) {
    throw new WireError('WIRE_VALUE', `${part} has a DER length that a Station misreads; use SEC1 for P-256 keys`, {
      detail: { offset: at, form: short },
    });
  }
  const length = short < 0x80 ? 2 + short : 4 + 256 * (segment[at + 2] ?? 0) + (segment[at + 3] ?? 0);
  if (short === 0x80 || at + length > segment.length) {
    throw new WireError('WIRE_TRUNCATED', `${part} needs ${length} bytes, ${segment.length - at} are left`);
  }
  return new Uint8Array(segment.subarray(at, at + length));
}
