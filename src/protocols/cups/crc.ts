/** CRCs of CUPS (spec/cups.md section 6): CRC-32/ISO-HDLC. They detect change and protect nothing. */
import { crc32 } from 'node:zlib';

const ABSENT = new Uint8Array(4);

/** One running CRC over trust, crt and key as stored; an absent or empty one counts as four zero bytes. */
export function credentialCrc(parts: {
  readonly trust?: Uint8Array | undefined;
  readonly crt?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}): number {
  return [parts.trust, parts.crt, parts.key].reduce((crc, part) => crc32(part?.length ? part : ABSENT, crc), 0);
}

/** CRC of a signature key file, or of a whole credential segment. */
export function crcOf(bytes: Uint8Array): number {
  return crc32(bytes);
}

/** CRC a router reports for a set it does not have. */
export const EMPTY_SET_CRC = 0x7bd5_c66f;
