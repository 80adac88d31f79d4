/** Numbers of signed metadata: unit and reason. */

/** Bytes of each role's file, the most that is ever read (spec/uptane.md section 3.6). */
export const MAX_ROOT_BYTES = 512_000;
export const MAX_TIMESTAMP_BYTES = 16_384;
export const MAX_SNAPSHOT_BYTES = 2_000_000;
/** About 25,000 entries. */
export const MAX_TARGETS_BYTES = 8 * 2 ** 20;
/** Roots one refresh over a network follows; a client that missed more goes on with the next refresh. Files at hand bound themselves. */
export const MAX_ROOT_STEPS = 256;
/** Delegated roles one search may visit; it bounds depth, width and cycles alike (SEC-4). */
export const MAX_DELEGATED_ROLES = 32;
/** Delegations under which one role's file is read in one release proof: a second parent may name other keys, a hundredth only costs time (SEC-4). */
export const MAX_WAYS_TO_ROLE = 2;
/** Signatures on one document; more would only cost time before any is trusted (SEC-10). */
export const MAX_SIGNATURES = 64;
/** Characters of a public key in a document: ML-DSA-44 takes 2,624, RSA of 8,192 bits in PEM 1,476; read before any signature is (SEC-10). */
export const MAX_PUBLIC_KEY_TEXT = 4_096;
/** Public keys that stay parsed; about 2 kB each, and a client meets a dozen. */
export const MAX_PARSED_KEYS = 256;
/** Bits of an RSA modulus: shorter ones can be broken, longer ones cost every verifier more for nothing (8,192 bits: a quarter of a millisecond). */
export const MIN_RSA_BITS = 2_048;
export const MAX_RSA_BITS = 8_192;
/** Bits of RSA keys that we make: as strong as P-256, near enough. */
export const DEFAULT_RSA_BITS = 3_072;
/** RSA public exponents: from the one all use, as FIPS 186-5 asks, to the longest that OpenSSL takes with any modulus. */
export const MIN_RSA_EXPONENT = 65_537n;
export const MAX_RSA_EXPONENT = 2n ** 64n - 1n;
/** Characters of one signature: ML-DSA-44 has 4,840 hex digits, the longest there are. */
export const MAX_SIGNATURE_CHARACTERS = 4_840;
/** Keys in one table, and keys one role may name. */
export const MAX_KEYS = 1_024;
/** Delegations of one role; hashed bins written out one by one need many. */
export const MAX_DELEGATIONS = 16_384;
/** Patterns or prefixes of one delegation. */
export const MAX_DELEGATION_PATHS = 4_096;
/** Patterns of one file: one for each delegation there may be. Each is compared with every path that is looked for. */
export const MAX_PATTERNS = 16_384;
/** UTF-16 units of one pattern: a few segments and their stars; comparing takes up to this times the length of the path (SEC-4). */
export const MAX_PATTERN_CHARACTERS = 256;
/**
 * Steps of one search (steps.ts): as many patterns as one file may have, of 20 characters each; some 10 ms. A release proof has
 * `MAX_PROOF_PATHS` searches at most.
 */
export const MAX_SEARCH_STEPS = 2 ** 20;
/** Bits of succinct roles: 2^20 bins hold a hundred million targets. */
export const MAX_SUCCINCT_BITS = 20;
/** UTF-16 units of a role's name, a key id, a target path. */
export const MAX_NAME_CHARACTERS = 1_024;
/** Hardware ids one target or delegation may name. */
export const MAX_HARDWARE_IDS = 64;
/** Bytes of a DER ECDSA P-256 signature: shortest and longest there are. */
export const MIN_P256_DER = 8;
export const MAX_P256_DER = 72;
/** Bytes of a release proof: a chain of roots, and a few targets files of a large repository. */
export const MAX_PROOF_BYTES = 16 * 2 ** 20;
/**
 * Bytes of all roles that a device remembers: those of the top-level ones at their longest, for which its storage is made. What they
 * leave free is for delegated ones.
 */
export const MAX_STORED_BYTES = MAX_ROOT_BYTES + MAX_TIMESTAMP_BYTES + MAX_SNAPSHOT_BYTES + MAX_TARGETS_BYTES;
/** Targets that may be one and the same image: those a proof names, and the most that are looked at in one role. */
export const MAX_PROOF_PATHS = 64;
/** Bytes of a signing request: new files and what they replace; a root that changes the signers of a large repository rewrites all. */
export const MAX_REQUEST_BYTES = 64 * 2 ** 20;
/** Files one request asks to sign: all bins of 2^12, and the root. */
export const MAX_REQUEST_FILES = 4_100;
/** Artifacts one request asks to sign. */
export const MAX_PAYLOADS = 256;
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
/** Bytes of a vault file: that many keys of ML-DSA-44, the longest usual kind, as PEM in hex. */
export const MAX_VAULT_BYTES = 2 * 2 ** 20;
/** Bytes of a passphrase; what is longer is some other file. */
export const MAX_PASSPHRASE_BYTES = 1_024;
/** Bytes of one certificate: four times what RSA-4096 with a page of names needs; read before any signature is (SEC-10). */
export const MAX_CERTIFICATE_BYTES = 16_384;
/** Certificates from a peer: with the trusted root at its end, and a few that lead elsewhere. */
export const MAX_PRESENTED_CERTIFICATES = 8;
/** Certificates from the peer's own to the trusted root: one authority may stand between (design section 4). */
export const MAX_CHAIN_CERTIFICATES = 3;
/** Bytes of a serial number (RFC 5280 section 4.1.2.2). */
export const MAX_SERIAL_BYTES = 20;
/** Bytes of a file of trusted roots; that of an operating system has 220,000. */
export const MAX_ROOTS_BYTES = 2 ** 20;
/** Characters of a DNS name (RFC 1035 section 2.3.4, without the length octets). */
export const MAX_DNS_NAME = 253;
