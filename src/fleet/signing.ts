/**
 * Signing events: a change to the repository is drafted, signed by people wherever they are, and published when enough have.
 *
 * Nothing becomes a release in any other way (design section 4).
 */

import { fromHex } from '../core/bytes.ts';
import type { Clock, Log } from '../core/ports.ts';
import { Serial } from '../core/serial.ts';
import { verifyPayload } from '../trust/payload.ts';
import { describe } from '../trust/repository/describe.ts';
import { SigningError } from '../trust/repository/errors.ts';
import { rootOf, rootsIn } from '../trust/repository/published.ts';
import {
  type Collected,
  merged,
  readRequest,
  requestOf,
  type SigningRequest,
  writeRequest,
} from '../trust/repository/request.ts';
import {
  isComplete,
  type PayloadProgress,
  type Progress,
  payloadProgressOf,
  progressOf,
  type Review,
  requireSound,
  reviewRequest,
  signedFiles,
} from '../trust/repository/review.ts';
import type { Root } from '../trust/tuf/roles.ts';
import type { Vault } from '../trust/vault.ts';
import { type Change, type ChangePorts, type Drafted, draftChange } from './changes.ts';
import { FleetError } from './errors.ts';
import type { Artifact, Release, ReleaseDraft, SigningEvent } from './model.ts';
import type { Blobs, Store } from './ports.ts';
import type { ImageRepository } from './repository.ts';

export interface SigningPorts {
  readonly tenant: string;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly nextId: () => string;
  readonly vault: Vault;
  readonly repository: ImageRepository;
  /** Told of each event that was started, signed, published or cancelled, once it is stored. */
  readonly onChange?: (event: SigningEvent) => void;
  /** Hears what failed after a publication, which stands all the same. */
  readonly log?: Log;
}

export interface SigningStatus {
  readonly event: SigningEvent;
  /** What changes, one sentence each. */
  readonly changes: readonly string[];
  readonly progress: readonly Progress[];
  readonly payloads: readonly PayloadProgress[];
  /** Nobody has to sign any more. */
  readonly isComplete: boolean;
  /** Key id to holder. */
  readonly names: ReadonlyMap<string, string>;
}

export class SigningEvents {
  readonly #ports: SigningPorts;
  readonly #serial = new Serial();

  constructor(ports: SigningPorts) {
    this.#ports = ports;
  }

  /** Drafts the change; nothing is published. @throws {SigningError} SIGNING_CHANGE; {FleetError} RELEASE_NOT_ADMITTED, REPOSITORY_MISSING */
  async start(change: Change, reason: string): Promise<SigningStatus> {
    const { vault } = this.#ports;
    const made: string[] = [];
    const generate: Vault['generate'] = (label, scheme) => {
      made.push(label);
      return vault.generate(label, scheme);
    };
    try {
      return await this.#start(change, reason, { ...this.#ports, vault: { generate } });
    } catch (error) {
      // Keys made for a draft that was refused would fill the vault (SEC-6); those of others, made meanwhile, are theirs.
      for (const label of made) await vault.destroy(label).catch(() => undefined);
      throw error;
    }
  }

  async #start(change: Change, reason: string, ports: ChangePorts): Promise<SigningStatus> {
    const { store, tenant, clock, nextId, repository } = this.#ports;
    const nowMs = clock.nowMs();
    const drafted = await draftChange(change, ports);
    const id = nextId();
    const createdAtMs = Math.floor(nowMs / 1_000) * 1_000;
    const base = repository.head ? await repository.base(drafted.files.map(({ role }) => role)) : new Map();
    const request = requestOf({ id, createdAtMs, reason, base, files: drafted.files, payloads: drafted.payloads });
    const event = eventOf(tenant, request, drafted, createdAtMs);
    // Read the way those who sign will: what they could not is refused now.
    const status = this.statusOf(event);
    await store.createSigningEvent(event);
    return this.#tell(status);
  }

  /** @throws {FleetError} SIGNING_EVENT_UNKNOWN */
  async status(id: string): Promise<SigningStatus> {
    return this.statusOf(await this.event(id));
  }

  /** Of an event as it is stored. */
  statusOf(event: SigningEvent): SigningStatus {
    return this.#status(event, reviewRequest(readRequest(event.request)));
  }

  /** @throws {FleetError} SIGNING_EVENT_UNKNOWN */
  async event(id: string): Promise<SigningEvent> {
    const event = await this.#ports.store.signingEvent(this.#ports.tenant, id);
    if (event) return event;
    throw new FleetError('SIGNING_EVENT_UNKNOWN', `there is no signing event ${id.slice(0, 64)}`, {
      fix: 'See: sealift trust events',
    });
  }

  /**
   * Takes in what others have signed, and publishes when it is enough. What was taken in before stays, whatever comes; what completes
   * the event is kept with the publication, or not at all: where that fails it has to be imported again.
   * @throws {SigningError} SIGNING_FORMAT, SIGNING_ALTERED, SIGNING_STALE, SIGNING_KEY, SIGNING_FILE; {FleetError}
   * SIGNING_EVENT_UNKNOWN, SIGNING_EVENT_CLOSED; {TrustError} a client would refuse what would be published
   */
  async import(id: string, bytes: Uint8Array): Promise<SigningStatus> {
    const incoming = readRequest(bytes);
    if (incoming.body.id !== id)
      throw new SigningError(
        'SIGNING_FORMAT',
        `this is the request of signing event ${incoming.body.id.slice(0, 64)}`,
        {
          fix: 'Import it under the id of its own event.',
        },
      );
    return this.#serial.run(incoming.body.id, () => this.#import(incoming));
  }

  /** @throws {FleetError} SIGNING_EVENT_UNKNOWN, SIGNING_EVENT_CLOSED */
  async cancel(id: string): Promise<SigningStatus> {
    return this.#serial.run(id, async () => {
      const event = await this.event(id);
      requireOpen(event);
      const next = this.#next(event, { state: 'cancelled' });
      await this.#ports.store.updateSigningEvent(next);
      const review = reviewRequest(readRequest(event.request));
      await this.#destroyDeadKeys(review);
      return this.#tell(this.#status(next, review));
    });
  }

  async #import(incoming: SigningRequest): Promise<SigningStatus> {
    const event = await this.event(incoming.body.id);
    requireOpen(event);
    const held = readRequest(event.request);
    requireSame(incoming, event);
    this.#requireFresh(held);
    const review = reviewRequest(withCollected(held, incoming.collected));
    requireSound(review);
    await this.#requirePayloads(review, held.collected);
    const taken = this.#next(event, { request: writeRequest(review.request) });
    const status = this.#status(taken, review);
    if (!status.isComplete) {
      await this.#ports.store.updateSigningEvent(taken);
      return this.#tell(status);
    }
    return this.#tell({ ...status, event: await this.#publish(taken, review) });
  }

  async #publish(event: SigningEvent, review: Review): Promise<SigningEvent> {
    const { clock, nextId, repository } = this.#ports;
    const release = event.release && releaseOf(event, event.release, review, nextId(), clock.nowMs());
    const published: SigningEvent = { ...event, state: 'published', releaseId: release?.id ?? null };
    await repository.publish({
      files: signedFiles(review),
      versions: new Map(review.files.map(({ role, version }) => [role, version])),
      event: published,
      ...(release ? { release } : {}),
      // Another event may be published while this one waits for its turn.
      requireFresh: () => this.#requireFresh(review.request),
    });
    await this.#destroyDeadKeys(review).catch((error: unknown) =>
      this.#ports.log?.error({ code: 'INTERNAL', what: 'keys of earlier roots', error: String(error) }),
    );
    return published;
  }

  /**
   * Destroys online keys of earlier roots, and of the root that was just decided on, unless the published root or an open event
   * names them: devices that were away for long still believe the old ones (SEC-23).
   */
  async #destroyDeadKeys({ nextRoot }: Review): Promise<void> {
    if (!nextRoot) return;
    const { vault, repository, store, tenant } = this.#ports;
    const base = repository.head ? await repository.base([]) : new Map<string, Uint8Array>();
    const roots = rootsIn(base).map(({ bytes }) => rootOf(bytes));
    const open = await store.openSigningEvents(tenant);
    const drafted = open.map(({ request }) => reviewRequest(readRequest(request)).nextRoot);
    const alive = [roots.at(-1), ...drafted].flatMap((root) => (root ? onlineKeys(root) : []));
    const ever = [...roots, nextRoot].flatMap(onlineKeys);
    for (const { label, publicKey } of await vault.keys()) {
      const isDead = ever.includes(publicKey.fingerprint) && !alive.includes(publicKey.fingerprint);
      // The decision stands whatever becomes of the vault; with the next root it is tried again.
      if (isDead) await vault.destroy(label).catch(() => undefined);
    }
  }

  /** What is published must still be what the request began from. @throws {SigningError} SIGNING_STALE */
  #requireFresh({ body }: SigningRequest): void {
    const versions = this.#ports.repository.head?.versions ?? new Map<string, number>();
    const changed = body.files.find(({ role, version }) => version !== (versions.get(role) ?? 0) + 1)?.role;
    const what =
      changed ?? ((rootsIn(body.base).at(-1)?.version ?? 0) === (versions.get('root') ?? 0) ? undefined : 'root');
    if (what === undefined) return;
    throw new SigningError('SIGNING_STALE', `${what} was published anew since this request was made`, {
      detail: { role: what },
      fix: 'Cancel this signing event and start a new one: sealift trust cancel EVENT',
    });
  }

  /** Each new payload signature is over the stored bytes. @throws {SigningError} SIGNING_FILE */
  async #requirePayloads({ request }: Review, held: Collected): Promise<void> {
    for (const { path, key, value } of request.collected.payloadSignatures) {
      const known = held.payloadSignatures.some((one) => one.path === path && one.key === key);
      const payload = request.body.payloads.find((one) => one.path === path);
      if (known || !payload) continue;
      const bytes = this.#ports.blobs.read(payload.sha256);
      if (await verifyPayload(payload.scheme, fromHex(key) ?? new Uint8Array(), value, bytes)) continue;
      throw new SigningError('SIGNING_FILE', `the ${payload.scheme} signature over ${path} does not verify`, {
        fix: 'Sign exactly the file that was uploaded; its digest stands in the request.',
      });
    }
  }

  #tell(status: SigningStatus): SigningStatus {
    this.#ports.onChange?.(status.event);
    return status;
  }

  #next(event: SigningEvent, change: Partial<SigningEvent>): SigningEvent {
    return { ...event, ...change, revision: event.revision + 1, updatedAtMs: this.#ports.clock.nowMs() };
  }

  #status(event: SigningEvent, review: Review): SigningStatus {
    return {
      ...{ event, changes: describe(review), progress: progressOf(review), payloads: payloadProgressOf(review) },
      ...{ isComplete: isComplete(review), names: review.names },
    };
  }
}

/** Fingerprints of the keys that sign without people. */
function onlineKeys({ keys, roles }: Root): readonly string[] {
  const keyIds = [...roles.snapshot.keyIds, ...roles.timestamp.keyIds];
  return keyIds.flatMap((keyId) => keys.get(keyId)?.fingerprint ?? []);
}

function withCollected(held: SigningRequest, incoming: Collected): SigningRequest {
  return { ...held, collected: merged(incoming, held.collected) };
}

function requireSame({ digest }: SigningRequest, event: SigningEvent): void {
  if (digest === event.digest) return;
  throw new SigningError('SIGNING_ALTERED', 'the request is not the one this server made', {
    detail: { digest, expected: event.digest },
    fix: 'Export it again (sealift trust export EVENT --out FILE) and ask who changed the other one.',
  });
}

function requireOpen({ id, state }: SigningEvent): void {
  if (state === 'open') return;
  throw new FleetError('SIGNING_EVENT_CLOSED', `signing event ${id} is ${state}`, {
    detail: { state },
    fix: 'Nothing has to be done; for another change start another event.',
  });
}

function eventOf(tenant: string, request: SigningRequest, { release }: Drafted, atMs: number): SigningEvent {
  const { id, reason } = request.body;
  return {
    ...{ tenant, id, reason, release, state: 'open', releaseId: null, revision: 1 },
    ...{ request: writeRequest(request), digest: request.digest, createdAtMs: atMs, updatedAtMs: atMs },
  };
}

function releaseOf(
  { tenant, id: signingEventId }: SigningEvent,
  { component, version, artifacts: drafted }: ReleaseDraft,
  { request }: Review,
  id: string,
  createdAtMs: number,
): Release {
  const { payloadSignatures, signatures } = request.collected;
  const artifacts = drafted.map(
    (artifact): Artifact => ({
      ...artifact,
      payloadSignatures: payloadSignatures
        .filter(({ path }) => path === artifact.targetPath)
        .map(({ key, value }) => ({
          scheme: 'cups-p256-sha512',
          key: fromHex(key) ?? new Uint8Array(),
          signature: value,
        })),
    }),
  );
  const signedBy = [...new Set(signatures.map(({ keyId }) => keyId))];
  return { tenant, id, component, version, artifacts, signingEventId, signedBy, createdAtMs };
}
