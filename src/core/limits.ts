/** Numbers that hold wherever bytes come in: unit and reason. */

/** Levels of nesting of any JSON document; metadata needs about 8 (SEC-10). */
export const MAX_JSON_DEPTH = 64;
/** Bytes of a JSON document whose reader names no limit of its own. */
export const MAX_JSON_BYTES = 4 * 2 ** 20;
/** Characters of a version; longer ones do not fit the tables of operators. */
export const MAX_VERSION_CHARACTERS = 64;
