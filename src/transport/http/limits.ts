/** Numbers of what is read from HTTP requests: unit and reason. */

/** Characters of a hardware id; the management API takes no longer ones. */
export const MAX_HARDWARE_ID = 64;
