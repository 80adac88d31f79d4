/** Every number of the CUPS folder (spec/cups.md sections 4, 5, 8 and 13). */

/** Bytes of a URI that a Station can read back; one more and it falls to its backup set. */
export const MAX_URI_BYTES = 127;
/** Bytes; the length field is 16 bits wide. */
export const MAX_CREDENTIAL_BYTES = 65_535;
/** Bytes of the signature segment, its four bytes of key CRC included. */
export const MIN_SIGNATURE_SEGMENT_BYTES = 8;
export const MAX_SIGNATURE_SEGMENT_BYTES = 132;
/** Bytes of an update a Station can take: a signed 32-bit length. */
export const MAX_UPDATE_BYTES = 2 ** 31 - 1;
/** Bytes of everything before the update, all fields at their longest. */
export const MAX_HEAD_BYTES =
  2 * (1 + MAX_URI_BYTES) + 2 * (2 + MAX_CREDENTIAL_BYTES) + (4 + MAX_SIGNATURE_SEGMENT_BYTES) + 4;
/** Bytes after the update that a client ignores: one widely used server always sends four (section 4). */
export const MAX_TRAILING_BYTES = 64;
/** Bytes of a request body; a Station's own is about 300 (section 13). */
export const MAX_REQUEST_BYTES = 16 * 1024;
/** Signature keys a router may report (section 13). */
export const MAX_KEYS = 64;
/** Characters of `station`, `model` and `package`: free text that is stored and shown (section 3.2). */
export const MAX_TEXT_CHARACTERS = 256;
/** Bytes of a firmware key file: X then Y of a P-256 point (section 2). */
export const SIGNATURE_KEY_BYTES = 64;
/** Update size an operator has to raise on purpose (section 13). */
export const DEFAULT_MAX_UPDATE_BYTES = 64 * 2 ** 20;
/** Milliseconds without a byte after which a connection is given up (section 10, CUPS_CONN_TIMEOUT). */
export const CONNECTION_TIMEOUT_MS = 60_000;
