/** Errors as RFC 9457 problems: what failed, which values, what to do. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isOtaError, type OtaError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';

/** HTTP status per code; a code that is not listed is answered by its fault: peer and caller 422, environment 503. */
const STATUS = new Map<string, number>([
  ['API_UNAUTHENTICATED', 401],
  ['API_FORBIDDEN', 403],
  ['API_NOT_FOUND', 404],
  ['API_INVALID', 400],
  ['API_LENGTH_REQUIRED', 411],
  ['API_TOO_LARGE', 413],
  ['API_MEDIA_TYPE', 415],
  ['API_NO_ISSUER', 409],
  ['DEVICE_UNKNOWN', 404],
  ['RELEASE_UNKNOWN', 404],
  ['REPOSITORY_MISSING', 409],
  ['REPOSITORY_KEYS', 409],
  ['SIGNING_EVENT_UNKNOWN', 404],
  ['SIGNING_EVENT_CLOSED', 409],
  ['SIGNING_STALE', 409],
  ['ROLLOUT_UNKNOWN', 404],
  ['ROLLOUT_STATE', 409],
  ['ROLLOUT_ALL_OPEN', 409],
  ['STORE_DUPLICATE', 409],
  ['STORE_CONFLICT', 409],
  ['STORE_FULL', 409],
  ['BLOB_LENGTH', 422],
  ['BLOB_DIGEST', 422],
  ['BLOB_MISSING', 404],
  ['UPLOAD_UNKNOWN', 404],
  ['UPLOAD_OFFSET', 409],
  ['UPLOAD_CUT', 409],
]);

/** Seconds after which it is worth to come again, where something is full (REL-19). */
const RETRY_AFTER_SECONDS = new Map<string, number>([
  ['STORE_BUSY', 1],
  ['BLOB_BUSY', 30],
]);

/** What Fastify itself refuses, in our words. */
const FASTIFY = new Map<string, { status: number; code: string; fix?: string }>([
  ['FST_ERR_VALIDATION', { status: 400, code: 'API_INVALID', fix: 'Compare the request with /api/openapi.json.' }],
  [
    'FST_ERR_CTP_INVALID_MEDIA_TYPE',
    {
      status: 415,
      code: 'API_MEDIA_TYPE',
      fix: 'Send application/json; artifacts as application/octet-stream, parts of them as application/offset+octet-stream.',
    },
  ],
  ['FST_ERR_CTP_BODY_TOO_LARGE', { status: 413, code: 'API_TOO_LARGE' }],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', { status: 400, code: 'API_INVALID', fix: 'Send a JSON body.' }],
  ['FST_ERR_CTP_INVALID_JSON_BODY', { status: 400, code: 'API_INVALID', fix: 'Send well-formed JSON.' }],
]);

interface Shown {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly fix?: string | undefined;
}

/** Answers `error`; what is not ours to explain becomes INTERNAL and is logged whole. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const shown = describe(error);
  const entry = {
    code: shown.code,
    status: shown.status,
    requestId: request.id,
    route: request.routeOptions.url ?? '',
  };
  if (shown.status >= 500) log.error({ ...entry, error: String(error) });
  else log.info(entry);
  if (shown.status === 401) reply.header('www-authenticate', 'Bearer realm="sealift"');
  const retryAfter = RETRY_AFTER_SECONDS.get(shown.code);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  return reply
    .code(shown.status)
    .type('application/problem+json')
    .send({
      type: `/api/docs/errors#${shown.code.toLowerCase()}`,
      title: shown.code,
      status: shown.status,
      detail: shown.detail,
      instance: request.url,
      code: shown.code,
      requestId: request.id,
      ...(shown.fix === undefined ? {} : { fix: shown.fix }),
      ...validationErrors(error),
    });
}

function describe(error: unknown): Shown {
  if (isOtaError(error)) return { status: statusOf(error), code: error.code, detail: reasons(error), fix: error.fix };
  const { code = '', message = '', statusCode = 500 } = error as Partial<FastifyError>;
  const known = FASTIFY.get(code);
  if (known) return { ...known, detail: message };
  if (statusCode >= 400 && statusCode < 500) return { status: statusCode, code: 'API_INVALID', detail: message };
  return { status: 500, code: 'INTERNAL', detail: 'Sealift failed; the log has the reason under this request id.' };
}

function statusOf(error: OtaError): number {
  return STATUS.get(error.code) ?? (error.fault === 'environment' ? 503 : 422);
}

/** A refusal of the fleet may rest on a refusal of the trust layer: say both. */
function reasons(error: OtaError): string {
  return isOtaError(error.cause) ? `${error.message}: ${reasons(error.cause)}` : error.message;
}

function validationErrors(error: unknown): { errors?: { pointer: string; message: string }[] } {
  const { validation } = error as Partial<FastifyError>;
  if (!validation) return {};
  return {
    errors: validation.map(({ instancePath, message }) => ({ pointer: instancePath, message: message ?? 'is wrong' })),
  };
}
