/** Numbers of the command line: unit and reason. */

/** Bytes of an artifact in one request: what a proxy in between takes, and each answer is a point to go on from. */
export const UPLOAD_PIECE_BYTES = 16 * 2 ** 20;
/** Failures in a row, with no byte gained, after which an upload is given up: five minutes or so of an unreachable server. */
export const MAX_UPLOAD_FAILURES = 15;
/** Milliseconds of the first wait at most; it doubles with each failure in a row. */
export const UPLOAD_BACKOFF_MS = 500;
/** Milliseconds of any wait at most, also of one that the server asks for. */
export const MAX_UPLOAD_BACKOFF_MS = 60_000;
/** Milliseconds between two drawings of a progress line. */
export const PROGRESS_MS = 100;
