/** Numbers of the fleet engine: unit and reason. */

/** Devices kept in memory before their keyed read; about 1 kB each. */
export const MAX_CACHED_DEVICES = 50_000;
/** Devices whose last-seen time waits to be written; a full buffer is flushed at once. */
export const MAX_SEEN_BUFFER = 20_000;
/** Phases of one rollout; more cannot be watched. */
export const MAX_PHASES = 32;
/** Groups of one device. */
export const MAX_GROUPS = 64;
/** Hash buckets that shares are cut from: a share is exact to 0.01 %. */
export const BUCKETS = 10_000;
/** Bytes of metadata files kept in memory: room for 4,096 bins of 10 kB and what stands above them; others are one keyed read. */
export const MAX_CACHED_METADATA_BYTES = 64 * 2 ** 20;
/** Release proofs kept in memory; about 10 kB to 100 kB each. */
export const MAX_CACHED_PROOFS = 256;
/** API tokens of one tenant that are not revoked; more cannot be looked after. */
export const MAX_TOKENS = 1_000;
