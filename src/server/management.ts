/** The management listener: REST API, its documents, health and metrics. */
import { readFile } from 'node:fs/promises';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../core/ports.ts';
import { may, type Principal, rolesWith } from './access.ts';
import type { ApiPorts, Operation } from './api/operation.ts';
import { sendProblem } from './api/problems.ts';
import { OPERATIONS } from './api/routes.ts';
import { Problem } from './api/schemas.ts';
import { compileValidator } from './api/validator.ts';
import { ApiError } from './errors.ts';
import { MAX_API_BODY_BYTES, MAX_ARTIFACT_BYTES } from './limits.ts';
import type { Metrics } from './metrics.ts';

export interface ManagementPorts extends ApiPorts {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
  /** Whose an Authorization header is; `undefined` for nobody's. */
  readonly authenticate: (header: string | undefined) => Promise<Principal | undefined>;
  /** Rejects with the reason while the server cannot do its work. */
  readonly checkReady: () => Promise<void>;
}

const ERROR_PAGE = new URL('../../docs/reference/errors.md', import.meta.url);

/** Adds everything to `app`; call `app.ready()` or `listen` afterwards. */
export async function mountManagement(app: FastifyInstance, ports: ManagementPorts): Promise<void> {
  app.setValidatorCompiler(compileValidator);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, ports.log));
  app.setNotFoundHandler((request, reply) => {
    const error = new ApiError('API_NOT_FOUND', `there is no ${request.method} ${request.url.slice(0, 200)}`, {
      fix: 'See /api/openapi.json for the operations there are.',
    });
    return sendProblem(error, request, reply, ports.log);
  });
  for (const type of new Set(OPERATIONS.flatMap(({ raw }) => raw ?? [])))
    app.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Sealift', version: ports.version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json.$id ?? `schema${index}`) },
  });
  app.addSchema(Problem);
  await app.register(async (api) => mountOperations(api, ports), { prefix: '/api/v1' });
  mountPublic(app, ports);
}

function mountOperations(api: FastifyInstance, ports: ManagementPorts): void {
  for (const operation of OPERATIONS) mountOperation(api.withTypeProvider<TypeBoxTypeProvider>(), operation, ports);
}

/** @throws {ApiError} API_UNAUTHENTICATED, API_FORBIDDEN */
async function authorize(
  { authenticate, log }: ManagementPorts,
  { id, permission }: Operation,
  request: FastifyRequest,
): Promise<Principal> {
  const principal = await authenticate(request.headers.authorization);
  if (!principal)
    throw new ApiError('API_UNAUTHENTICATED', 'this needs an API token that is neither revoked nor expired', {
      fix: 'Send "Authorization: Bearer TOKEN"; the first token is in the file admin.token of the data folder.',
    });
  if (may(principal, permission)) return principal;
  log.warn({ code: 'ACCESS_REFUSED', requestId: request.id, operation: id, permission, tokenId: principal.tokenId });
  throw new ApiError('API_FORBIDDEN', `a token of role ${principal.role} may not do this: it needs ${permission}`, {
    detail: { role: principal.role, permission },
    fix: `Use a token of role ${rolesWith(permission).join(' or ')}: sealift token create`,
  });
}

function mountOperation(api: FastifyInstance, operation: Operation, ports: ManagementPorts): void {
  const { params, query, body, headers, answer, raw } = operation;
  const principals = new WeakMap<FastifyRequest, Principal>();
  api.route({
    method: operation.method,
    url: operation.url,
    bodyLimit: operation.bodyLimit ?? (raw ? MAX_ARTIFACT_BYTES : MAX_API_BODY_BYTES),
    schema: {
      operationId: operation.id,
      summary: operation.summary,
      ...(raw ? { consumes: [raw] } : {}),
      ...(params ? { params } : {}),
      ...(query ? { querystring: query } : {}),
      ...(body ? { body } : {}),
      ...(headers ? { headers } : {}),
      response: { [operation.status]: answer, default: { $ref: 'Problem#' } },
    },
    // Before the body is read: strangers cost nothing.
    async onRequest(request) {
      principals.set(request, await authorize(ports, operation, request));
    },
    async handler(request, reply) {
      const principal = principals.get(request);
      if (!principal) throw new Error('a request that nobody has authorized');
      if (raw) requireMediaType(raw, request.headers['content-type']);
      const { params: names, query: options, body: content, headers: given } = request;
      const call = { params: names, query: options, body: content, headers: given, principal, request, reply };
      return reply.code(operation.status).send(await operation.run(ports, call));
    },
  });
}

/** JSON, which every route can read, is no stream of bytes. @throws {ApiError} API_MEDIA_TYPE */
function requireMediaType(type: string, header: string | undefined): void {
  if (header?.split(';', 1)[0]?.trim().toLowerCase() === type) return;
  throw new ApiError('API_MEDIA_TYPE', `this takes ${type}, not ${header ?? 'a body without a type'}`, {
    fix: `Send "Content-Type: ${type}".`,
  });
}

/** What needs no token: health, metrics, and the documents that describe the API. */
function mountPublic(app: FastifyInstance, { metrics, checkReady, keysProblem }: ManagementPorts): void {
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/api/docs/errors', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/markdown; charset=utf-8').send(await readFile(ERROR_PAGE)),
  );
  app.get('/livez', { schema: { hide: true } }, async () => ({ status: 'ok' }));
  app.get<{ Querystring: { verbose?: string } }>('/readyz', { schema: { hide: true } }, async (request, reply) => {
    try {
      await checkReady();
      // Without the online keys it still serves what is published: nothing that a load balancer should act on.
      return request.query.verbose === undefined
        ? { status: 'ok' }
        : { status: 'ok', keysProblem: await keysProblem() };
    } catch (error) {
      return reply.code(503).send({ status: 'degraded', reason: String(error) });
    }
  });
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
