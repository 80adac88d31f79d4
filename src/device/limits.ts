/** Numbers of the device engine: unit and reason. */
import { MAX_STORED_BYTES } from '../trust/limits.ts';

/** Starts an image on trial gets before the device goes back (REL-14: at most 3). */
export const TRIAL_STARTS = 3;
/** Digests of failed images that are remembered; the oldest is forgotten first. */
export const MAX_REFUSED = 64;
/** Bytes of the journal file; ours stay below 6 kB. */
export const MAX_JOURNAL_BYTES = 64 * 1024;
/** Roots a device remembers to have gone by; the oldest is forgotten first, and provisioned again with that one it begins anew. */
export const MAX_KNOWN_ROOTS = 256;
/** Bytes of a file that holds all that is remembered in base64, digests of roots, and the names around them. */
export const MAX_TRUST_BYTES = Math.ceil((4 / 3) * MAX_STORED_BYTES) + MAX_KNOWN_ROOTS * 67 + 1_024;
