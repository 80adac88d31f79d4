/** One REST operation as data: route, permission, schemas and what it does. The table of all of them is routes.ts. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema } from 'typebox';
import type { Clock, Random } from '../../core/ports.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Blobs, Store } from '../../fleet/ports.ts';
import type { ImageRepository } from '../../fleet/repository.ts';
import type { SigningEvents } from '../../fleet/signing.ts';
import type { Principal } from '../access.ts';
import type { Expiry } from '../expiry.ts';
import type { RouterIssuer } from '../pki.ts';

/** What a caller may do; access.ts says which roles may. */
export type Permission =
  | 'artifact.write'
  | 'device.read'
  | 'device.write'
  | 'release.read'
  | 'rollout.read'
  | 'rollout.write'
  | 'self.read'
  | 'token.read'
  | 'token.write'
  | 'trust.read'
  | 'trust.write';

export interface ApiPorts {
  readonly tenant: string;
  readonly fleet: Fleet;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly random: Random;
  readonly nextId: () => string;
  readonly repository: ImageRepository;
  readonly signing: SigningEvents;
  /** Everything that expires; see expiry.ts. */
  readonly expiries: () => readonly Expiry[];
  /** Why snapshot and timestamp could not be signed now; `null` when they could. */
  readonly keysProblem: () => Promise<string | null>;
  /** `undefined` when the operator's own CA signs router certificates. */
  readonly issuer: RouterIssuer | undefined;
}

export interface Call<P, Q, B, H> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly principal: Principal;
  /** Those of the schema; names in lower case. */
  readonly headers: H;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface Operation {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below /api/v1, in Fastify's spelling: `::` is a colon. */
  readonly url: string;
  readonly permission: Permission;
  readonly summary: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  readonly headers?: TSchema;
  /** The body is raw bytes of this media type, handed over as a stream. */
  readonly raw?: 'application/octet-stream' | 'application/offset+octet-stream';
  /** Bytes of the body, where more than usual are needed. */
  readonly bodyLimit?: number;
  readonly status: 200 | 201 | 204;
  readonly answer: TSchema;
  run(ports: ApiPorts, call: Call<unknown, unknown, unknown, unknown>): Promise<unknown>;
}

type StaticOr<S extends TSchema | undefined> = S extends TSchema ? Static<S> : undefined;

/** Checks `run` against the schemas beside it, so that validation and types cannot drift. */
export function operation<
  A extends TSchema,
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
  H extends TSchema | undefined = undefined,
>(
  definition: Omit<Operation, 'params' | 'query' | 'body' | 'headers' | 'answer' | 'run'> & {
    params?: P;
    query?: Q;
    body?: B;
    headers?: H;
    answer: A;
    run(ports: ApiPorts, call: Call<StaticOr<P>, StaticOr<Q>, StaticOr<B>, StaticOr<H>>): Promise<Static<A>>;
  },
): Operation {
  return definition as unknown as Operation;
}
