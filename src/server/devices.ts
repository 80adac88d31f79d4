/**
 * The device HTTP listener: the image repository as any TUF client reads it, images, and release proofs. All of it is public: what is
 * served here is signed, not secret.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SHA256_HEX } from '../core/bytes.ts';
import type { Log } from '../core/ports.ts';
import type { Blobs } from '../fleet/ports.ts';
import type { ImageRepository } from '../fleet/repository.ts';
import { type ProofRoute, sendProof } from '../transport/http/proofs.ts';
import { rangeOf } from '../transport/http/ranges.ts';

export interface DevicePorts {
  readonly repository: ImageRepository;
  readonly blobs: Blobs;
  readonly log: Log;
}

/** `HASH.name`, behind any folders: the hash alone says which image it is. */
const HASHED_NAME = /^(?:.*\/)?([0-9a-f]{64})\.[^/]+$/;
const IMMUTABLE = 'public, max-age=31536000, immutable';

export function mountDevices(app: FastifyInstance, { repository, blobs, log }: DevicePorts): void {
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, log));
  app.setNotFoundHandler((_request, reply) => notFound(reply));
  app.get<ProofRoute>('/proofs/:sha256', (request, reply) =>
    sendProof(request, reply, (sha256, hardware) => repository.proof(sha256, hardware)),
  );
  app.get<{ Params: { sha256: string } }>('/artifacts/:sha256', (request, reply) =>
    sendImage(request, reply, blobs, SHA256_HEX.test(request.params.sha256) ? request.params.sha256 : undefined),
  );
  app.get<{ Params: { '*': string } }>('/repo/targets/*', (request, reply) =>
    sendImage(request, reply, blobs, HASHED_NAME.exec(request.params['*'])?.[1]),
  );
  app.get('/repo/:file', async (request, reply) => {
    // The name as it was asked for: decoding it would let a role's name reach another file.
    const name = request.url.split('?', 1)[0]?.slice('/repo/'.length) ?? '';
    const bytes = await repository.file(name);
    if (!bytes) return notFound(reply);
    const isImmutable = /^[0-9]/.test(name);
    return reply
      .type('application/json')
      .header('cache-control', isImmutable ? IMMUTABLE : 'no-cache')
      .send(Buffer.from(bytes));
  });
}

/** Bytes of an image, whole or from where a client left off; immutable under its digest. */
async function sendImage(
  request: FastifyRequest,
  reply: FastifyReply,
  blobs: Blobs,
  sha256: string | undefined,
): Promise<FastifyReply> {
  const lengthBytes = sha256 === undefined ? undefined : await blobs.lengthBytes(sha256);
  if (sha256 === undefined || lengthBytes === undefined) return notFound(reply);
  const tag = `"${sha256}"`;
  reply.headers({
    ...{ etag: tag, 'cache-control': IMMUTABLE, 'accept-ranges': 'bytes' },
    'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
  });
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  const asked = request.headers['if-range'] ?? tag;
  const range = asked === tag ? rangeOf(request.headers.range, lengthBytes) : undefined;
  if (range === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${lengthBytes}`).send();
  const { start, end } = range ?? { start: 0, end: lengthBytes };
  if (range) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${lengthBytes}`);
  reply.type('application/octet-stream').header('content-length', end - start);
  return reply.send(Readable.from(blobs.read(sha256, { start, end }), { objectMode: false }));
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).type('text/plain; charset=utf-8').send('not found\n');
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const { statusCode = 500 } = error as { statusCode?: number };
  if (statusCode < 500) return reply.code(statusCode).type('text/plain; charset=utf-8').send('bad request\n');
  log.error({ code: 'INTERNAL', route: request.routeOptions.url ?? '', error: String(error) });
  return reply.code(500).type('text/plain; charset=utf-8').send('internal error\n');
}
