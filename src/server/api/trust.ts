/** Signing events, and what the repository says of itself. */
import { setImmediate } from 'node:timers/promises';
import { utf8Decode, utf8Encode } from '../../core/bytes.ts';
import { parseJson, parseSigned } from '../../core/json.ts';
import { DAY_MS } from '../../core/time.ts';
import type { Change } from '../../fleet/changes.ts';
import type { SigningStatus } from '../../fleet/signing.ts';
import { type PublicKey, parsePublicKey } from '../../trust/keys.ts';
import { MAX_REQUEST_BYTES } from '../../trust/limits.ts';
import { sha256Hex } from '../../trust/payload.ts';
import type { RoleContent } from '../../trust/repository/documents.ts';
import { holderNames } from '../../trust/repository/published.ts';
import type { TopRole } from '../../trust/tuf/roles.ts';
import { ApiError } from '../errors.ts';
import { type ApiPorts, operation } from './operation.ts';
import { page, pageRequest, time } from './paging.ts';
import { IdParams, Page, PageQuery } from './schemas.ts';
import {
  IntentAnswer,
  RepositoryAnswer,
  type RoleBody,
  RootAnswer,
  SigningEventAnswer,
  SigningEventBody,
  SigningRequestDocument,
} from './trust-schemas.ts';

const ROOT_DAYS = 365;
const TARGETS_DAYS = 90;
const TOP_ROLES: readonly TopRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

export const TRUST_OPERATIONS = [
  operation({
    id: 'createSigningEvent',
    method: 'POST',
    url: '/trust/signing-events',
    permission: 'trust.write',
    summary: 'Draft a change to the repository for people to sign; nothing is published until enough have',
    body: SigningEventBody,
    status: 201,
    answer: SigningEventAnswer,
    async run({ signing, clock }, { body, reply }) {
      const status = await signing.start(changeOf(body, clock.nowMs()), body.reason ?? '');
      reply.header('location', `/api/v1/trust/signing-events/${status.event.id}`);
      return eventAnswer(status);
    },
  }),
  operation({
    id: 'listSigningEvents',
    method: 'GET',
    url: '/trust/signing-events',
    permission: 'trust.read',
    summary: 'All signing events, oldest first',
    query: PageQuery,
    status: 200,
    answer: Page(SigningEventAnswer),
    async run({ store, signing, tenant }, { query }) {
      const events = await store.signingEvents(tenant, pageRequest(query));
      const { nextCursor } = page(query, (event) => event, events);
      const items = [];
      for (const event of events) {
        items.push(eventAnswer(signing.statusOf(event)));
        // Each is verified from its first root on; other requests get their turn in between.
        await setImmediate();
      }
      return { items, nextCursor };
    },
  }),
  operation({
    id: 'getSigningEvent',
    method: 'GET',
    url: '/trust/signing-events/:id',
    permission: 'trust.read',
    summary: 'One signing event: what changes, who has signed, who is missing',
    params: IdParams,
    status: 200,
    answer: SigningEventAnswer,
    run: async ({ signing }, { params }) => eventAnswer(await signing.status(params.id)),
  }),
  operation({
    id: 'getSigningRequest',
    method: 'GET',
    url: '/trust/signing-events/:id/request',
    permission: 'trust.read',
    summary: 'The file that travels to those who sign',
    params: IdParams,
    status: 200,
    answer: SigningRequestDocument,
    run: async ({ signing }, { params }) => ({ request: text((await signing.event(params.id)).request) }),
  }),
  operation({
    id: 'importSigningRequest',
    method: 'PUT',
    url: '/trust/signing-events/:id/request',
    permission: 'trust.write',
    summary: 'Take in a request that was signed; publishes when it is enough',
    params: IdParams,
    body: SigningRequestDocument,
    bodyLimit: 2 * MAX_REQUEST_BYTES,
    status: 200,
    answer: SigningEventAnswer,
    async run({ signing }, { params, body }) {
      return eventAnswer(await signing.import(params.id, utf8Encode(body.request)));
    },
  }),
  operation({
    id: 'cancelSigningEvent',
    method: 'POST',
    url: '/trust/signing-events/:id([0-9A-Z]+)::cancel',
    permission: 'trust.write',
    summary: 'Give a signing event up; what was signed for it counts no more',
    params: IdParams,
    status: 200,
    answer: SigningEventAnswer,
    run: async ({ signing }, { params }) => eventAnswer(await signing.cancel(params.id)),
  }),
  operation({
    id: 'getRepository',
    method: 'GET',
    url: '/trust/repository',
    permission: 'trust.read',
    summary: 'Roles, keys, thresholds, and when each expires',
    status: 200,
    answer: RepositoryAnswer,
    run: repositoryAnswer,
  }),
  operation({
    id: 'getRoot',
    method: 'GET',
    url: '/trust/root',
    permission: 'trust.read',
    summary: 'The newest root, for devices to be provisioned with',
    status: 200,
    answer: RootAnswer,
    async run({ repository }) {
      const { root } = repository.reading.trusted;
      return { version: root.value.version, root: text(root.bytes) };
    },
  }),
  operation({
    id: 'listSigningIntents',
    method: 'GET',
    url: '/trust/signing-intents',
    permission: 'trust.read',
    summary: 'What the online keys were used for, oldest first',
    query: PageQuery,
    status: 200,
    answer: Page(IntentAnswer),
    async run({ store, tenant }, { query }) {
      const intents = await store.intents(tenant, pageRequest(query));
      return page(query, ({ id, what, state, atMs }) => ({ id, what, state, at: time(atMs) }), intents);
    },
  }),
];

/** @throws {ApiError} API_INVALID a number of bins that is no power of two; {TrustError} a key that is none */
function changeOf(body: SigningEventBody, nowMs: number): Change {
  const expiresAtMs = nowMs + (body.days ?? (body.kind === 'root' ? ROOT_DAYS : TARGETS_DAYS)) * DAY_MS;
  switch (body.kind) {
    case 'root':
      return {
        ...{ kind: 'root', expiresAtMs, rotateOnline: body.rotateOnline ?? false },
        targetsExpiresAtMs: nowMs + (body.targetsDays ?? TARGETS_DAYS) * DAY_MS,
        ...(body.root ? { root: roleOf(body.root) } : {}),
        ...(body.targets ? { targets: roleOf(body.targets) } : {}),
        ...(body.bins === undefined ? {} : { bits: bitsOf(body.bins) }),
      };
    case 'release': {
      const { component, version, artifacts, payloadKeys = [], supplier } = body;
      const change = { kind: 'release', component, version, artifacts, payloadKeys, expiresAtMs } as const;
      return supplier === undefined ? change : { ...change, supplier };
    }
    case 'remove': {
      const change = { kind: 'remove', paths: body.paths, expiresAtMs } as const;
      return body.supplier === undefined ? change : { ...change, supplier: body.supplier };
    }
    case 'delegate': {
      const { name, threshold, paths, hardware, terminating = false } = body;
      const delegation = { name, threshold, paths, terminating, keys: body.keys.map(keyOf) };
      return {
        kind: 'delegate',
        expiresAtMs,
        delegation: hardware === undefined ? delegation : { ...delegation, hardwareIds: hardware },
      };
    }
    case 'undelegate':
      return { kind: 'undelegate', supplier: body.supplier, expiresAtMs };
    case 'renew':
      return {
        ...{ kind: 'renew', roles: body.roles ?? [], expiresAtMs },
        rootExpiresAtMs: nowMs + (body.days ?? ROOT_DAYS) * DAY_MS,
      };
  }
}

function roleOf({ keys, threshold }: RoleBody): RoleContent {
  return { threshold, keys: keys.map(({ name, key }) => ({ name, key: keyOf(key) })) };
}

/** Back to text and through the strict reader: what is signed later is exactly what was read. */
function keyOf(key: object): PublicKey {
  return parsePublicKey(parseJson(utf8Encode(JSON.stringify(key))));
}

function bitsOf(bins: number): number {
  const bits = Math.log2(bins);
  if (Number.isInteger(bits)) return bits;
  throw new ApiError('API_INVALID', `${bins} bins are no power of two`, { fix: 'Use 16, 64, 256, 1024 ...' });
}

function eventAnswer(status: SigningStatus) {
  const { event, changes, progress, payloads, names } = status;
  const signer = (keyId: string) => ({ keyId, name: names.get(keyId) ?? '' });
  return {
    ...{ id: event.id, state: event.state, reason: event.reason, digest: event.digest, changes: [...changes] },
    files: progress.map(({ role, authority, need, signed, missing, isComplete: complete }) => ({
      ...{ role, authority, need, complete, signed: signed.map(signer), missing: missing.map(signer) },
    })),
    payloads: payloads.map(({ path, key, isSigned }) => ({ path, key, signed: isSigned })),
    complete: status.isComplete,
    releaseId: event.releaseId,
    createdAt: time(event.createdAtMs),
    updatedAt: time(event.updatedAtMs),
  };
}

async function repositoryAnswer({ repository, expiries, keysProblem }: ApiPorts) {
  const due = expiries().map(({ expiresAtMs, ...one }) => ({ ...one, expiresAt: time(expiresAtMs) }));
  const keys = await keysProblem();
  if (!repository.head)
    return { revision: 0, rootDigest: null, roles: [], targets: 0, keysProblem: keys, expiries: due };
  const { trusted } = repository.reading;
  const names = holderNames(trusted.root.bytes);
  const root = trusted.root.value;
  return {
    revision: repository.head.revision,
    rootDigest: sha256Hex(parseSigned(trusted.root.bytes).canonical),
    roles: TOP_ROLES.map((role) => ({
      role,
      version: trusted[role].value.version,
      threshold: root.roles[role].threshold,
      keys: root.roles[role].keyIds.map((keyId) => ({ keyId, name: names.get(keyId) ?? '' })),
      online: role === 'snapshot' || role === 'timestamp',
    })),
    targets: trusted.targets.value.targets.size,
    keysProblem: keys,
    expiries: due,
  };
}

/** What we store is JSON, and JSON is UTF-8. */
function text(bytes: Uint8Array): string {
  return utf8Decode(bytes) ?? '';
}
