/** Numbers of the audit log: unit and reason. */

/** Level of the highest subtree there can be: indexes are exact integers, below 2^53. */
export const MAX_LEVEL = 52;

/** Characters of a kind or an event code; both are words of ours. */
export const MAX_KIND_CHARACTERS = 64;
/** Characters of the id of an actor, object or request, and of an approval: a digest has 64, names of roles and identities somewhat more. */
export const MAX_ID_CHARACTERS = 256;
/** Approvals of one change: as many as one document has signatures. */
export const MAX_APPROVALS = 64;
/** Bytes of what was before, and of what is after: states, versions and digests, never documents, which are named by their digest. */
export const MAX_VALUE_BYTES = 4_096;
/** Bytes of one entry: both values, a few long ids, and room for approvals by key id. */
export const MAX_ENTRY_BYTES = 16_384;
/** Entries of one call that appends: what one transaction changes is far less. */
export const MAX_APPENDED = 1_000;

/** Entries that one transaction sequences: some 10 ms, for which other writes wait. */
export const SEQUENCE_BATCH = 1_000;
/** Milliseconds of the sequencer's lease: somebody else takes over before a checkpoint is due again. */
export const LEASE_MS = 30_000;
/** Batches of one round, after which the lease is given back; a hundred thousand entries. */
export const MAX_BATCHES = 100;
/** Milliseconds between two rounds: an entry waits that long for its place. */
export const ROUND_INTERVAL_MS = 1_000;
/** Milliseconds within which what was sequenced is under an exported checkpoint (SEC-25). */
export const MAX_UNSIGNED_MS = 60_000;

/** Bytes of a signed note: a log's signature and those of sixteen witnesses, post-quantum ones too. */
export const MAX_NOTE_BYTES = 131_072;
/** Signatures of one note; the format asks for at least sixteen. */
export const MAX_NOTE_SIGNATURES = 32;
/** Characters of a key's name, and of an origin: a host and a path. */
export const MAX_KEY_NAME_CHARACTERS = 256;

/** Entries that an export reads at once: some 200 kB. */
export const EXPORT_BATCH = 500;
/** Hashes of one line of an export that stands for entries that are not there. */
export const MAX_LINE_HASHES = 256;
/** Bytes of one line of an export: an entry, or that many hashes, and what stands around them. */
export const MAX_LINE_BYTES = 65_536;

/** Findings that a report lists one by one; more are counted. */
export const MAX_FINDINGS = 100;
/** Differences that are followed to their kind; about 200 bytes each. Where there are more, they are only said to be many. */
export const MAX_DIFFERENCES = 100_000;
