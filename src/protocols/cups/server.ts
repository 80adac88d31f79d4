/**
 * CUPS on the fleet: an authenticated request in, a decision, a response out.
 *
 * Spec: spec/cups.md sections 4, 7, 11 and 14. Credentials and redirects are unmanaged here: never sent.
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isOtaError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { CheckIn, Fleet } from '../../fleet/fleet.ts';
import type { Artifact, Contact, Offer } from '../../fleet/model.ts';
import type { Blobs, Proofs, ProtocolTraits } from '../../fleet/ports.ts';
import { type PeerCertificate, peerCertificate } from '../../transport/http/peer.ts';
import { type ProofRoute, sendProof } from '../../transport/http/proofs.ts';
import { decodeRequest, FIRMWARE, NO_UPDATE, NOTHING, ResponseHead, type UpdateInfoRequest } from './codec.ts';
import { crcOf } from './crc.ts';
import { CupsRequestError } from './errors.ts';
import { DEFAULT_MAX_UPDATE_BYTES, MAX_REQUEST_BYTES } from './limits.ts';
import { commonKey } from './segments.ts';

const FACT_PREFIX = 'sigkey:';
const EUI = /^[0-9a-f]{16}$/i;

/** What the fleet needs to know of CUPS to decide. */
export const cupsTraits: ProtocolTraits = {
  name: 'cups',
  objection(facts, artifact) {
    if (artifact.lengthBytes > DEFAULT_MAX_UPDATE_BYTES) {
      return {
        code: 'cups.update-too-large',
        text: `the image has ${artifact.lengthBytes} bytes, CUPS updates may have ${DEFAULT_MAX_UPDATE_BYTES}`,
      };
    }
    if (usableSignature(installedKeys(facts), artifact)) return undefined;
    return {
      code: 'cups.no-common-key',
      text: `the image is signed for keys ${hexList(signatureCrcs(artifact))}, the router has ${hexList(installedKeys(facts))}`,
    };
  },
};

export interface CupsReply {
  readonly head: Uint8Array;
  /** Follows the head; its length is part of Content-Length. */
  readonly update: { readonly attemptId: string; readonly artifact: Artifact } | undefined;
}

const NO_CHANGE: CupsReply = { head: NO_UPDATE, update: undefined };

export interface CupsPorts {
  readonly fleet: Pick<Fleet, 'checkIn' | 'report'>;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly proofs: Proofs;
  readonly log: Log;
  /** Tenant of all routers that come through this listener. */
  readonly tenant: string;
}

export class CupsServer {
  readonly #ports: CupsPorts;

  constructor(ports: CupsPorts) {
    this.#ports = ports;
  }

  /**
   * Answers one request of a router whose client certificate was verified.
   *
   * The certificate says who asks; the body may only agree (section 11). A fault of ours is answered with "no change" to a
   * router that is known, because any other status makes a Station rotate to older credentials (section 7).
   * @throws {CupsRequestError} CUPS_NOT_AUTHENTICATED, CUPS_BAD_REQUEST, CUPS_FOREIGN_ROUTER, CUPS_UNKNOWN_ROUTER; {JsonError}
   */
  async answer(peer: PeerCertificate | undefined, body: Uint8Array): Promise<CupsReply> {
    const eui = routerOf(peer);
    const request = decodeRequest(body);
    if (request.router !== eui) {
      throw new CupsRequestError('CUPS_FOREIGN_ROUTER', `certificate of ${eui} asks for router ${request.router}`, {
        detail: { eui, claimed: request.router },
        fix: 'Give the router a certificate whose common name is its own EUI.',
      });
    }
    const checkIn = await this.#decide(contactOf(this.#ports.tenant, request));
    if (checkIn === 'undecided') return NO_CHANGE;
    if (checkIn === undefined) {
      throw new CupsRequestError('CUPS_UNKNOWN_ROUTER', `no device with protocol cups and EUI ${eui}`, {
        detail: { eui },
        fix: `Register it: sealift device create --protocol cups --identity ${eui} --hardware NAME`,
      });
    }
    const offer = checkIn.decision.offers.find(({ component }) => component === FIRMWARE);
    const attempt = checkIn.attempts.find(({ releaseId }) => releaseId === offer?.releaseId);
    return offer && attempt ? replyWith(offer, attempt.id, request) : NO_CHANGE;
  }

  /** The update's bytes; the attempt moves as they leave. */
  async *send(update: NonNullable<CupsReply['update']>): AsyncGenerator<Uint8Array> {
    const { fleet, blobs, tenant } = this.#ports;
    await fleet.report({ tenant, attemptId: update.attemptId, state: 'downloading' });
    yield* blobs.read(update.artifact.sha256);
    await fleet.report({ tenant, attemptId: update.attemptId, state: 'downloaded' });
  }

  /**
   * The release proof of an image, for any router: what is released is no secret among them.
   * @throws {CupsRequestError} CUPS_NOT_AUTHENTICATED
   */
  async proof(peer: PeerCertificate | undefined, sha256: string, hardware?: string): Promise<Uint8Array | undefined> {
    routerOf(peer);
    return this.#ports.proofs.proof(this.#ports.tenant, sha256, hardware);
  }

  async #decide(contact: Contact): Promise<CheckIn | undefined | 'undecided'> {
    try {
      return await this.#ports.fleet.checkIn(contact);
    } catch (error) {
      const code = isOtaError(error) ? error.code : 'INTERNAL';
      this.#ports.log.error({ code, protocol: 'cups', identity: contact.identity, error: String(error) });
      return 'undecided';
    }
  }
}

/** Serves `POST /update-info` and `GET /proofs/<sha256>` on `app`, which must ask TLS clients for a certificate. */
export function mountCups(app: FastifyInstance, cups: CupsServer, log: Log): void {
  // Old Stations send no Content-Type; the body is ours to judge, whatever it claims to be.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_REQUEST_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, log));
  app.post('/update-info', async (request, reply) => {
    const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
    const { head, update } = await cups.answer(peerCertificate(request.raw.socket), body);
    reply.header('content-type', 'application/octet-stream');
    if (!update) return reply.send(head);
    reply.header('content-length', head.length + update.artifact.lengthBytes);
    return reply.send(Readable.from(prefixed(head, cups.send(update)), { objectMode: false }));
  });
  app.get<ProofRoute>('/proofs/:sha256', (request, reply) =>
    sendProof(request, reply, (sha256, hardware) => cups.proof(peerCertificate(request.raw.socket), sha256, hardware)),
  );
}

const STATUS = {
  CUPS_BAD_REQUEST: 400,
  CUPS_NOT_AUTHENTICATED: 401,
  CUPS_FOREIGN_ROUTER: 403,
  CUPS_UNKNOWN_ROUTER: 404,
} as const satisfies Record<CupsRequestError['code'], number>;

function refuse(error: unknown, _request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const status = statusOf(error);
  const known = isOtaError(error) ? error : undefined;
  const code = known?.code ?? (status < 500 ? 'CUPS_BAD_REQUEST' : 'INTERNAL');
  const entry = { code, protocol: 'cups', status, ...known?.detail };
  if (status < 500) log.warn(entry);
  else log.error({ ...entry, error: String(error) });
  const text =
    status < 500 ? [String((error as Error).message), known?.fix].filter(Boolean).join('. ') : 'internal error';
  return reply.code(status).type('text/plain; charset=utf-8').send(`${code}: ${text}\n`);
}

function statusOf(error: unknown): number {
  if (error instanceof CupsRequestError) return STATUS[error.code];
  if (isOtaError(error)) return error.fault === 'peer' ? 400 : 500;
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
}

function routerOf(peer: PeerCertificate | undefined): string {
  if (!peer || !EUI.test(peer.commonName)) {
    const shown = peer ? `a certificate named "${peer.commonName.slice(0, 64)}"` : 'no certificate';
    throw new CupsRequestError('CUPS_NOT_AUTHENTICATED', `${shown} does not say which router asks`, {
      fix: 'Give the router a client certificate whose common name is its EUI as 16 hex digits.',
    });
  }
  return peer.commonName.toLowerCase();
}

function contactOf(tenant: string, request: UpdateInfoRequest): Contact {
  return {
    tenant,
    protocol: 'cups',
    identity: request.router,
    assurance: 'proven',
    installed: new Map([[FIRMWARE, request.package]]),
    facts: [...new Set(request.keys)].map((crc) => `${FACT_PREFIX}${crc}`).toSorted(),
  };
}

function replyWith(offer: Offer, attemptId: string, request: UpdateInfoRequest): CupsReply {
  const { artifact } = offer;
  const signature = usableSignature(request.keys, artifact);
  // The trait's objection came first, so a signature exists; without one nothing is sent.
  if (!signature) return NO_CHANGE;
  const head = ResponseHead.encode({
    ...NOTHING,
    signature: { keyCrc: crcOf(signature.key), der: signature.signature },
    updateLength: artifact.lengthBytes,
  });
  return { head, update: { attemptId, artifact } };
}

function usableSignature(installed: readonly number[], artifact: Artifact) {
  const crc = commonKey(signatureCrcs(artifact), installed);
  return crc === undefined ? undefined : artifact.payloadSignatures.find(({ key }) => crcOf(key) === crc);
}

function signatureCrcs(artifact: Artifact): number[] {
  return artifact.payloadSignatures.map(({ key }) => crcOf(key));
}

function installedKeys(facts: readonly string[]): number[] {
  return facts.filter((fact) => fact.startsWith(FACT_PREFIX)).map((fact) => Number(fact.slice(FACT_PREFIX.length)));
}

function hexList(crcs: readonly number[]): string {
  return crcs.length === 0 ? 'none' : crcs.map((crc) => crc.toString(16).padStart(8, '0')).join(', ');
}

async function* prefixed(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  yield* rest;
}
