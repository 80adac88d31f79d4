/** Numbers of signed metadata: unit and reason. */

/** Bytes of targets metadata; about 20,000 entries. */
export const MAX_TARGETS_BYTES = 4 * 2 ** 20;
/** Signatures on one document; more would only cost time before any is trusted (SEC-10). */
export const MAX_SIGNATURES = 64;
/** Hex characters of one signature: RSA-4096 with room to spare. */
export const MAX_SIGNATURE_HEX = 2_048;
/** Characters of a target path; Uptane's DER identifiers set the tone. */
export const MAX_TARGET_PATH = 256;
/** Hardware ids one target may name. */
export const MAX_HARDWARE_IDS = 64;
/** Bytes of a DER ECDSA P-256 signature: shortest and longest there are. */
export const MIN_P256_DER = 8;
export const MAX_P256_DER = 72;
