/** Numbers of the server process: unit and reason. */

/** Characters of a configuration file; ours has some thirty lines. */
export const MAX_CONFIG_BYTES = 64 * 1024;
/** Bytes of a JSON request to the REST API; targets metadata inside of a release is the largest part. */
export const MAX_API_BODY_BYTES = 8 * 2 ** 20;
/** Bytes of an artifact that the API takes. */
export const MAX_ARTIFACT_BYTES = 2 ** 31 - 1;
/** Items on one page of a list. */
export const MAX_PAGE = 1_000;
export const DEFAULT_PAGE = 100;
/** Milliseconds for all request headers to arrive (REL-23). */
export const HEADERS_TIMEOUT_MS = 10_000;
/** Milliseconds for a whole request, upload of an artifact included. */
export const REQUEST_TIMEOUT_MS = 15 * 60_000;
/** Milliseconds a kept-alive connection may stay silent; Stations open a new one per request. */
export const KEEP_ALIVE_MS = 60_000;
/** Connections per listener at the same time (REL-19). */
export const MAX_CONNECTIONS = 10_000;
/** Milliseconds between flushes of last-seen times (design section 5 rule 1). */
export const SEEN_FLUSH_MS = 10_000;
/** Milliseconds that requests in hand get to finish after SIGTERM (REL-24). */
export const DRAIN_MS = 30_000;
/** Days a router certificate issued by our own CA is valid: two years outlast a site visit. */
export const ROUTER_CERTIFICATE_DAYS = 730;
export const SERVER_CERTIFICATE_DAYS = 397;
export const CA_CERTIFICATE_DAYS = 3_650;
/** Days before an expiry at which it is warned of. */
export const EXPIRY_WARNING_DAYS: readonly number[] = [30, 14, 3];
/** Milliseconds between two looks at what expires and what has to be signed anew. */
export const TRUST_CHECK_MS = 10 * 60_000;
/** Milliseconds between two looks at uploads that nobody goes on with; they are kept for a day. */
export const UPLOAD_CHECK_MS = 10 * 60_000;
/** Random bytes of an API token (SEC-16: at least 128 bits). */
export const TOKEN_BYTES = 32;
/** Days an API token may be valid, if it expires at all. */
export const MAX_TOKEN_DAYS = 3_650;
