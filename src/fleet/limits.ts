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
/** Metadata files kept in memory; most are below 16 kB. */
export const MAX_CACHED_FILES = 2_048;
/** Release proofs kept in memory; about 10 kB to 100 kB each. */
export const MAX_CACHED_PROOFS = 256;
