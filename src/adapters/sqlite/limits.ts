/** Numbers of the embedded store: unit and reason. */

/** Operations that may wait for one thread; beyond it callers are told to come again (REL-19). */
export const MAX_WAITING_JOBS = 10_000;
/** Threads that read; more than one only pays on machines with more than two processors. */
export const READERS = 1;
