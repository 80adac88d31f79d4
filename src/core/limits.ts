/** Numbers that hold wherever bytes come in: unit and reason. */

/** Levels of nesting of any JSON document; metadata needs about 8 (SEC-10). */
export const MAX_JSON_DEPTH = 64;
/** Bytes of a JSON document whose reader names no limit of its own. */
export const MAX_JSON_BYTES = 4 * 2 ** 20;
/** Characters of a version; longer ones do not fit the tables of operators. */
export const MAX_VERSION_CHARACTERS = 64;
/** Bytes of a DER document whose reader names no limit of its own; the same as JSON. */
export const MAX_DER_BYTES = 4 * 2 ** 20;
/** Constructed values inside each other; Uptane's metadata has 9, a certificate 5 (spec/uptane.md section 4.4). */
export const MAX_DER_DEPTH = 16;
/** Content bytes of an object identifier; those made of a UUID need 20, and to write one in decimal takes more than linear time. */
export const MAX_OID_BYTES = 64;
