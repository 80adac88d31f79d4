/** `GET /proofs/<sha256>`, the same on every listener that serves images (design section 4). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SHA256_HEX } from '../../core/bytes.ts';
import { sha256Hex } from '../../trust/payload.ts';

export interface ProofRoute {
  Params: { sha256: string };
}

/**
 * Answers with the proof, or 404 as text. The ETag is the digest of the proof, which changes with each renewal of its metadata.
 * @param find asked for digests of 64 lower-case hex digits only
 */
export async function sendProof(
  request: FastifyRequest<ProofRoute>,
  reply: FastifyReply,
  find: (sha256: string) => Promise<Uint8Array | undefined>,
): Promise<FastifyReply> {
  const { sha256 } = request.params;
  const proof = SHA256_HEX.test(sha256) ? await find(sha256) : undefined;
  if (!proof) return reply.code(404).type('text/plain; charset=utf-8').send('no release proof for this digest\n');
  const tag = `"${sha256Hex(proof)}"`;
  reply.header('etag', tag);
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  return reply.type('application/json').send(proof);
}
