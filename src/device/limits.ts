/** Numbers of the device engine: unit and reason. */

/** Starts an image on trial gets before the device goes back (REL-14: at most 3). */
export const TRIAL_STARTS = 3;
/** Digests of failed images that are remembered; the oldest is forgotten first. */
export const MAX_REFUSED = 64;
/** Bytes of the journal file; ours stay below 6 kB. */
export const MAX_JOURNAL_BYTES = 64 * 1024;
