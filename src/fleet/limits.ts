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
/** Uploads in parts that may be open: 64 build machines at once; each may hold disk for one artifact. */
export const MAX_OPEN_UPLOADS = 64;
/** Milliseconds (monotonic) after which an upload nobody adds to goes away: a day, so that a night's outage is no loss. */
export const UPLOAD_IDLE_MS = 24 * 60 * 60_000;
/** Bytes of blobs that are hashed anew per second: a tenth of a slow disk, and 41 TB in the 30 days of the default. */
export const SCRUB_BYTES_PER_SECOND = 16 * 2 ** 20;
/** Milliseconds (monotonic) between two looks at which blobs are due. */
export const SCRUB_LOOK_MS = 60 * 60_000;
/** Milliseconds of pause that are saved up while blobs are hashed: shorter ones only cost wake-ups. */
export const SCRUB_PAUSE_MS = 100;
/** Blobs on one page of a scrub; about 200 bytes each. */
export const SCRUB_PAGE = 1_000;
