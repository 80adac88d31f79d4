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
/**
 * N of scrypt: OWASP's value for r = 8, p = 1 (128 MiB, a third of a second, once per opening); the least that is taken (16 MiB), and the
 * most, so that a foreign file cannot take more than 256 MiB.
 */
export const DEFAULT_SCRYPT_N = 2 ** 17;
export const MIN_SCRYPT_N = 2 ** 14;
export const MAX_SCRYPT_N = 2 ** 18;
/** r of scrypt, as everybody has it; and the most p, which multiplies the time. */
export const SCRYPT_R = 8;
export const MAX_SCRYPT_P = 4;
/** Keys of one vault: online roles of several repositories, old and new side by side. */
export const MAX_VAULT_KEYS = 256;
/** Bytes of a vault file: that many keys of RSA-4096 in PEM, in hex. */
export const MAX_VAULT_BYTES = 2 * 2 ** 20;
/** Bytes of a passphrase; what is longer is some other file. */
export const MAX_PASSPHRASE_BYTES = 1_024;
