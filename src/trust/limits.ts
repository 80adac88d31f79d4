/** Numbers of signed metadata: unit and reason. */

/** Bytes of targets metadata; about 20,000 entries. */
export const MAX_TARGETS_BYTES = 4 * 2 ** 20;
/** Signatures on one document; more would only cost time before any is trusted (SEC-10). */
export const MAX_SIGNATURES = 64;
/** Hex characters of one signature: those of ML-DSA-44 have 2,420 bytes, the longest there are. */
export const MAX_SIGNATURE_HEX = 4_840;
/** Characters of a public key in a document: ML-DSA-44 takes 2,624, RSA of 8,192 bits in PEM 1,476; read before any signature is (SEC-10). */
export const MAX_PUBLIC_KEY_TEXT = 4_096;
/** Bits of an RSA modulus: shorter ones can be broken, longer ones take the verifier more than a millisecond. */
export const MIN_RSA_BITS = 2_048;
export const MAX_RSA_BITS = 8_192;
/** Bits of RSA keys that we make: as strong as P-256, near enough. */
export const DEFAULT_RSA_BITS = 3_072;
/** RSA public exponents: from the one all use, as FIPS 186-5 asks, to the longest that OpenSSL takes with any modulus. */
export const MIN_RSA_EXPONENT = 65_537n;
export const MAX_RSA_EXPONENT = 2n ** 64n - 1n;
/** Characters of a target path; Uptane's DER identifiers set the tone. */
export const MAX_TARGET_PATH = 256;
/** Hardware ids one target may name. */
export const MAX_HARDWARE_IDS = 64;
/** Bytes of a DER ECDSA P-256 signature: shortest and longest there are. */
export const MIN_P256_DER = 8;
export const MAX_P256_DER = 72;
