/** `GET /proofs/<sha256>[?hardware=ID]`, the same on every listener that serves images (design section 4). */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SHA256_HEX } from '../../core/bytes.ts';
import { sha256Hex } from '../../trust/payload.ts';
import { MAX_HARDWARE_ID } from './limits.ts';

export interface ProofRoute {
  Params: { sha256: string };
  /** An id that stands there twice is a list. */
  Querystring: { hardware?: unknown };
}

/** As the management API takes them. */
const HARDWARE_ID = /^[A-Za-z0-9._-]+$/;

/**
 * Answers with the proof, for devices of one hardware when the query names it; or 404, 400 as text. The ETag is the digest of the proof, which changes with each renewal of its metadata.
 * @param find asked for digests of 64 lower-case hex digits only, and for ids of at most 64 letters, digits, `.`, `_` and `-`
 */
export async function sendProof(
  request: FastifyRequest<ProofRoute>,
  reply: FastifyReply,
  find: (sha256: string, hardware: string | undefined) => Promise<Uint8Array | undefined>,
): Promise<FastifyReply> {
  const { sha256 } = request.params;
  const { hardware } = request.query;
  if (hardware !== undefined && !isHardwareId(hardware)) {
    const text = `hardware is one id of at most ${MAX_HARDWARE_ID} letters, digits, ".", "_" and "-"\n`;
    return reply.code(400).type('text/plain; charset=utf-8').send(text);
  }
  const proof = SHA256_HEX.test(sha256) ? await find(sha256, hardware) : undefined;
  if (!proof) return reply.code(404).type('text/plain; charset=utf-8').send('no release proof for this digest\n');
  const tag = `"${sha256Hex(proof)}"`;
  reply.header('etag', tag);
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  return reply.type('application/json').send(proof);
}

function isHardwareId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_HARDWARE_ID && HARDWARE_ID.test(value);
}
