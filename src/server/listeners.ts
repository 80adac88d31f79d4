/** Fastify instances with the limits every listener shares. */
import { isIP } from 'node:net';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Clock, Random } from '../core/ports.ts';
import { createUlids } from '../core/ulid.ts';
import { ServerError } from './errors.ts';
import { HEADERS_TIMEOUT_MS, KEEP_ALIVE_MS, MAX_CONNECTIONS, REQUEST_TIMEOUT_MS } from './limits.ts';
import type { Metrics } from './metrics.ts';

export interface ListenerOptions {
  readonly name: string;
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
}

export function createListener({ name, tls, metrics, clock, random }: ListenerOptions): FastifyInstance {
  const nextId = createUlids({ clock, random });
  const options = {
    logger: false,
    genReqId: () => nextId(),
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle' as const,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    // What is refused before there is a route is answered in the words of the listener, too.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      app.errorHandler(error, request, reply);
    },
  };
  const app: FastifyInstance = tls ? Fastify({ ...options, https: tlsOptions(tls) }) : Fastify(options);
  app.server.maxConnections = MAX_CONNECTIONS;
  app.server.headersTimeout = HEADERS_TIMEOUT_MS;
  app.addHook('onResponse', (request, reply, done) => {
    metrics.requestDone(name, request.routeOptions.url ?? 'unknown', reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
  return app;
}

/** @returns the address as a URL @throws {ServerError} SERVER_ADDRESS_IN_USE */
export async function listen(app: FastifyInstance, host: string, port: number, setting: string): Promise<string> {
  try {
    return withName(await app.listen({ host, port }), host);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw cause;
    throw new ServerError('SERVER_ADDRESS_IN_USE', `${host}:${port} cannot be listened on (${code})`, {
      cause,
      fix: `Set ${setting}.port to a free port (0 takes any) or end the process that holds it.`,
    });
  }
}

/** Stations verify names only, so a loopback address is shown as the name that certificates carry. */
function withName(address: string, host: string): string {
  return host === '127.0.0.1' || host === '::1' ? address.replace(/\/\/[^/]*:/, '//localhost:') : address;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function tlsOptions({ cert, key, clientCa }: NonNullable<ListenerOptions['tls']>) {
  const server = { cert, key, minVersion: 'TLSv1.2' as const };
  return clientCa === undefined ? server : { ...server, ca: clientCa, requestCert: true, rejectUnauthorized: true };
}
