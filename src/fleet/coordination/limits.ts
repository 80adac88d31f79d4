/** Numbers of what nodes and background work agree by: unit and reason. */

/** Milliseconds of a lease: shorter ones are lost to one slow write, longer ones leave work undone after a crash. */
export const MIN_LEASE_MS = 1_000;
export const MAX_LEASE_MS = 10 * 60_000;
/** A lease is renewed so many times before it would end: two renewals in a row may fail. */
export const RENEWALS_PER_LEASE = 3;
/** Leases held at the same time; each is one kind of background work. */
export const MAX_LEASES = 1_000;

/** Timers that are run at once: they share the disk. */
export const TIMER_BATCH = 100;
/** Milliseconds between two looks at what is due. */
export const TIMER_LOOK_MS = 1_000;
/** Milliseconds that the work of one timer may take (REL-25). */
export const TIMER_WORK_MS = 30_000;
/** Milliseconds after which a timer whose runner said nothing is run again; longer than its work may take. */
export const TIMER_CLAIM_MS = 60_000;
/** Runs of a timer that fail, one after the other, until it is set aside: with the waits below about a day. */
export const MAX_TIMER_RUNS = 30;
/** Milliseconds before the first repetition; it doubles with each. */
export const TIMER_BACKOFF_MS = 1_000;
export const MAX_TIMER_BACKOFF_MS = 60 * 60_000;
/** Characters of what a timer carries: ids, no documents. */
export const MAX_TIMER_PAYLOAD = 4_096;
/** Characters of a timer's name, and of its key. */
export const MAX_TIMER_NAME = 256;
/** Milliseconds between two notes of the time, for the next start. */
export const HEARTBEAT_MS = 60_000;
/** Milliseconds that time goes on at most while no process runs: a longer outage is as likely a wrong clock (REL-11). */
export const MAX_OUTAGE_MS = 7 * 24 * 60 * 60_000;
/** Milliseconds by which wall and monotonic clock may part between two notes before it is told of. */
export const CLOCK_TOLERANCE_MS = 60_000;

/** Events that wait for one subscriber; the oldest go first. */
export const MAX_BUS_QUEUE = 1_000;
/** Subscribers of one bus: a few per open view of the console. */
export const MAX_SUBSCRIBERS = 10_000;
/** Characters of an event as JSON: ids and states, no documents. */
export const MAX_BUS_EVENT = 8_192;

/** Connections of devices that one table of sessions holds: an embedded broker's worth ten times over; about 300 bytes each. */
export const MAX_SESSIONS = 100_000;
/** Offers that wait for connected devices; about 300 bytes each. */
export const MAX_WAITING_OFFERS = 100_000;
/** Halted rollouts that a feed remembers, so that an offer which was under way comes too late. */
export const MAX_WITHDRAWN = 10_000;
