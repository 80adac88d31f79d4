/** Numbers of the rules that people write: unit and reason. */
import { DAY_MS } from '../../core/time.ts';

/** Characters of a filter, as written and as printed: it travels in a URL. */
export const MAX_FILTER_CHARACTERS = 4096;
/** Parentheses and `not` inside each other; what people write has 3. */
export const MAX_FILTER_DEPTH = 16;
/** Values that one filter compares with: what it costs for each device. */
export const MAX_FILTER_VALUES = 256;
/** Characters of one value or pattern; no name in the fleet is longer. */
export const MAX_FILTER_VALUE_CHARACTERS = 256;
/** Characters of the name of a tag, as of all names. */
export const MAX_TAG_NAME_CHARACTERS = 64;
/** Milliseconds of the longest duration in a filter: ten years, longer than devices live. */
export const MAX_FILTER_DURATION_MS = 3650 * DAY_MS;
/** Characters of what an error quotes; more hides the rest of the message. */
export const MAX_QUOTED_CHARACTERS = 32;

/** Windows of one rollout: two for each day of the week, and some over. */
export const MAX_WINDOWS = 16;
/** Characters of a zone's name; the longest of IANA has 32. */
export const MAX_ZONE_CHARACTERS = 64;
/** Zones whose formatter is kept, about 10 kB each: all that IANA lists, with old names. */
export const MAX_CACHED_ZONES = 640;
/** Milliseconds that the next opening or closing is looked for: every summer time comes round within a year. */
export const WINDOW_HORIZON_MS = 400 * DAY_MS;

/** Halt rules of one rollout; more cannot be watched. */
export const MAX_HALT_RULES = 16;
/** Parts of one that shares are given in: exact to 0.01 %, as the buckets of phases. */
export const SHARE_PARTS = 10_000;
/** Devices that a halt rule can name as a count or a sample: beyond what one cell serves. */
export const MAX_HALT_DEVICES = 100_000_000;
/** Milliseconds of the longest soak: three months; a rollout that waits longer was forgotten. */
export const MAX_SOAK_MS = 92 * DAY_MS;
/** Devices of a canary in a small fleet, and its share of a large one (REL-26). */
export const MIN_CANARY_DEVICES = 10;
export const CANARY_SHARE = 0.01;
