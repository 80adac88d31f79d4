/** The one engine behind every protocol: contacts in, decisions out; commands of operators in, durable changes out. */
import type { Clock, Random } from '../core/ports.ts';
import { Serial } from '../core/serial.ts';
import { createUlids } from '../core/ulid.ts';
import { identityKey, Lru } from './cache.ts';
import { decide } from './decide.ts';
import { FleetError } from './errors.ts';
import type { FleetEvent, FleetListener } from './events.ts';
import { MAX_CACHED_DEVICES, MAX_GROUPS, MAX_PHASES } from './limits.ts';
import type {
  Attempt,
  AttemptState,
  Contact,
  Decision,
  Device,
  DeviceView,
  Offer,
  Phase,
  Release,
  Rollout,
} from './model.ts';
import { Plan } from './plan.ts';
import type { ProtocolTraits, Store } from './ports.ts';
import type { ImageRepository } from './repository.ts';
import { commanded, type RolloutCommand } from './rollout.ts';
import { SeenBuffer } from './seen.ts';

/** What the fleet asks of a repository: whether an image is signed now. */
export type Endorser = Pick<ImageRepository, 'endorsement' | 'onPublished'>;

export interface FleetPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly protocols: readonly ProtocolTraits[];
  /** One per tenant that has any. */
  readonly repositories: readonly { readonly tenant: string; readonly repository: Endorser }[];
}

export interface CheckIn {
  readonly device: DeviceView;
  readonly decision: Decision;
  /** The open attempt of each offer, durable before this is returned. */
  readonly attempts: readonly Attempt[];
}

export class Fleet {
  readonly #ports: FleetPorts;
  readonly #traits: ReadonlyMap<string, ProtocolTraits>;
  readonly #nextId: () => string;
  readonly #cache = new Lru<DeviceView>(MAX_CACHED_DEVICES);
  readonly #plan: Plan;
  readonly #serial = new Serial();
  readonly #seen: SeenBuffer;
  readonly #listeners: FleetListener[] = [];

  private constructor(ports: FleetPorts, plan: Plan) {
    this.#ports = ports;
    this.#plan = plan;
    this.#traits = new Map(ports.protocols.map((traits) => [traits.name, traits]));
    this.#nextId = createUlids(ports);
    this.#seen = new SeenBuffer(ports.store);
  }

  static async open(ports: FleetPorts): Promise<Fleet> {
    const fleet = new Fleet(ports, new Plan(await ports.store.plan()));
    for (const { tenant, repository } of ports.repositories) {
      repository.onPublished(() => fleet.#endorseAll(tenant, repository));
      await fleet.#endorseAll(tenant, repository);
    }
    return fleet;
  }

  onEvent(listener: FleetListener): void {
    this.#listeners.push(listener);
  }

  /**
   * A device got in touch. Writes nothing when it reports what is known and is offered nothing new; reads at most one row.
   * @returns `undefined` when no such device is registered
   * @throws {StoreError} nothing was offered
   */
  async checkIn(contact: Contact): Promise<CheckIn | undefined> {
    const key = identityKey(contact);
    const known = this.#cache.get(key);
    const quick = known && this.#unchanged(known, contact);
    const checkIn = quick ?? (await this.#serial.run(key, () => this.#checkIn(key, contact)));
    if (!checkIn) {
      const { tenant, protocol, identity } = contact;
      this.#emit({ type: 'unknownDevice', tenant, protocol, identity });
    } else if (this.#seen.add(checkIn.device, this.#ports.clock.nowMs())) {
      await this.flushSeen();
    }
    return checkIn;
  }

  /**
   * A protocol saw an attempt move. Late, repeated and backward reports change nothing.
   * @returns the attempt as it stands; `undefined` when there is none
   */
  async report(report: {
    readonly tenant: string;
    readonly attemptId: string;
    readonly state: AttemptState;
  }): Promise<Attempt | undefined> {
    const { store, clock } = this.#ports;
    const { tenant, attemptId, state } = report;
    const result = await store.moveAttempt(tenant, attemptId, state, clock.nowMs());
    if (result?.moved) await this.#attemptMoved(result.attempt);
    return result?.attempt;
  }

  /** The decision a device would get now, on what it reported last. @throws {FleetError} DEVICE_UNKNOWN */
  async why(tenant: string, deviceId: string): Promise<Decision> {
    const view = await this.#ports.store.device(tenant, deviceId);
    if (!view)
      throw new FleetError('DEVICE_UNKNOWN', `there is no device ${deviceId}`, { fix: 'See: sealift device list' });
    return this.#decide(view);
  }

  /** @throws {FleetError} DEVICE_INVALID; {StoreError} STORE_DUPLICATE */
  async registerDevice(request: Omit<Device, 'id' | 'createdAtMs'>): Promise<Device> {
    this.#traitsOf(request.protocol);
    const groups = [...new Set(request.groups)].toSorted();
    if (groups.length > MAX_GROUPS) throw invalidDevice(`${groups.length} groups where ${MAX_GROUPS} are allowed`);
    const device = { ...request, groups, id: this.#nextId(), createdAtMs: this.#ports.clock.nowMs() };
    await this.#ports.store.createDevice(device);
    this.#emit({ type: 'deviceRegistered', device });
    return device;
  }

  /** Its first phase is open at once. @throws {FleetError} RELEASE_UNKNOWN, ROLLOUT_INVALID */
  async startRollout(request: {
    readonly tenant: string;
    readonly releaseId: string;
    readonly phases: readonly Phase[];
  }): Promise<Rollout> {
    const { store, clock } = this.#ports;
    const { tenant, releaseId, phases } = request;
    requirePhases(phases);
    const release = await store.release(tenant, releaseId);
    if (!release)
      throw new FleetError('RELEASE_UNKNOWN', `there is no release ${releaseId}`, { fix: 'See: sealift release list' });
    const frame = { openPhases: 1, state: 'running', revision: 1 } as const;
    const rollout: Rollout = { tenant, id: this.#nextId(), releaseId, phases, ...frame, createdAtMs: clock.nowMs() };
    await store.createRollout(rollout);
    await this.#endorse(release);
    this.#plan.set({ rollout, release });
    this.#emit({ type: 'rolloutChanged', rollout });
    return rollout;
  }

  /**
   * After `halt`, `pause` and `cancel` have returned no offer leaves, whatever raced with them (REL-30). A command that changes nothing
   * is no error.
   * @throws {FleetError} ROLLOUT_UNKNOWN, ROLLOUT_STATE, ROLLOUT_ALL_OPEN; {StoreError} STORE_CONFLICT
   */
  command(tenant: string, id: string, command: RolloutCommand): Promise<Rollout> {
    return this.#serial.run(`rollout\0${tenant}\0${id}`, async () => {
      const { store } = this.#ports;
      const rollout = await store.rollout(tenant, id);
      if (!rollout)
        throw new FleetError('ROLLOUT_UNKNOWN', `there is no rollout ${id}`, { fix: 'See: sealift rollout list' });
      const next = commanded(rollout, command);
      if (next === rollout) return rollout;
      const changed = { ...next, revision: rollout.revision + 1 };
      await store.updateRollout(changed);
      const release = this.#plan.release(tenant, rollout.releaseId) ?? (await store.release(tenant, rollout.releaseId));
      if (release) this.#plan.set({ rollout: changed, release });
      this.#emit({ type: 'rolloutChanged', rollout: changed });
      return changed;
    });
  }

  /** Writes the last-seen times that wait in memory. */
  async flushSeen(): Promise<void> {
    await this.#seen.flush();
  }

  /** Waits for what is in hand and writes what waits. The store stays open: it is not ours. */
  async close(): Promise<void> {
    await this.#serial.idle();
    await this.flushSeen();
  }

  #keep(view: DeviceView): void {
    this.#cache.set(identityKey(view), view);
  }

  #decide(view: DeviceView): Decision {
    return decide(view, this.#plan, this.#traitsOf(view.protocol), this.#ports.clock.nowMs());
  }

  /** What was published has changed: every image that may be offered is looked up again. */
  async #endorseAll(tenant: string, repository: Endorser): Promise<void> {
    for (const release of this.#plan.releases(tenant)) await this.#endorseBy(repository, release);
  }

  async #endorse(release: Release): Promise<void> {
    const found = this.#ports.repositories.find(({ tenant }) => tenant === release.tenant);
    if (found) await this.#endorseBy(found.repository, release);
  }

  async #endorseBy(repository: Endorser, { tenant, artifacts }: Release): Promise<void> {
    for (const artifact of artifacts) {
      const endorsement = await repository.endorsement(artifact.targetPath, artifact.hardware);
      this.#plan.endorse(tenant, artifact, endorsement);
    }
  }

  /** The answer without any write or read, if there is one. */
  #unchanged(view: DeviceView, contact: Contact): CheckIn | undefined {
    if (!sameFacts(view, contact)) return undefined;
    const decision = this.#decide(view);
    const attempts = decision.offers.map((offer) => openFor(view, offer));
    return attempts.every((attempt) => attempt !== undefined) ? { device: view, decision, attempts } : undefined;
  }

  async #checkIn(key: string, contact: Contact): Promise<CheckIn | undefined> {
    const view = this.#cache.get(key) ?? (await this.#read(contact));
    if (!view) return undefined;
    const current = sameFacts(view, contact) ? view : await this.#record(view, contact);
    const decision = this.#decide(current);
    return this.#offer(current, decision);
  }

  async #read({ tenant, protocol, identity }: Contact): Promise<DeviceView | undefined> {
    const view = await this.#ports.store.deviceByIdentity(tenant, protocol, identity);
    if (view) this.#keep(view);
    return view;
  }

  async #record(before: DeviceView, contact: Contact): Promise<DeviceView> {
    const view = await this.#ports.store.recordContact(before, contact, this.#ports.clock.nowMs());
    this.#keep(view);
    for (const attempt of before.openAttempts) {
      const isOpen = view.openAttempts.some(({ id }) => id === attempt.id);
      if (!isOpen) this.#emitMoved({ ...attempt, state: 'confirmed' }, view.protocol);
    }
    return view;
  }

  /** Opens an attempt per offer; an offer whose rollout was halted meanwhile is dropped. */
  async #offer(view: DeviceView, decision: Decision): Promise<CheckIn> {
    const offers: Offer[] = [];
    const attempts: Attempt[] = [];
    let current = view;
    for (const offer of decision.offers) {
      const open = openFor(current, offer) ?? (await this.#open(current, offer));
      if (!open) continue;
      current = withOpen(current, open);
      offers.push(offer);
      attempts.push(open);
    }
    if (current !== view) this.#keep(current);
    return { device: current, decision: { offers, trace: decision.trace }, attempts };
  }

  async #open(view: DeviceView, offer: Offer): Promise<Attempt | undefined> {
    const nowMs = this.#ports.clock.nowMs();
    const result = await this.#ports.store.openAttempt({
      tenant: view.tenant,
      id: this.#nextId(),
      deviceId: view.id,
      rolloutId: offer.rolloutId,
      releaseId: offer.releaseId,
      component: offer.component,
      fromVersion: view.installed.get(offer.component) ?? null,
      toVersion: offer.version,
      ...{ state: 'offered', offeredAtMs: nowMs, updatedAtMs: nowMs },
    });
    if (result?.cancelled) this.#emitMoved(result.cancelled, view.protocol);
    if (result) this.#emitMoved(result.attempt, view.protocol);
    return result?.attempt;
  }

  /** The cached view must show the attempt as it now stands; read anew in the device's turn, so that no older view wins. */
  async #attemptMoved(attempt: Attempt): Promise<void> {
    const { store } = this.#ports;
    const device = await store.device(attempt.tenant, attempt.deviceId);
    if (!device) return;
    await this.#serial.run(identityKey(device), async () => {
      const fresh = await store.device(attempt.tenant, attempt.deviceId);
      if (fresh) this.#keep(fresh);
    });
    this.#emitMoved(attempt, device.protocol);
  }

  #traitsOf(protocol: string): ProtocolTraits {
    const traits = this.#traits.get(protocol);
    if (!traits)
      throw invalidDevice(`protocol ${protocol} is not served; there is ${[...this.#traits.keys()].join(', ')}`);
    return traits;
  }

  #emitMoved(attempt: Attempt, protocol: string): void {
    this.#emit({ type: 'attemptMoved', attempt, protocol });
  }

  #emit(event: FleetEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function sameFacts(view: DeviceView, contact: Contact): boolean {
  return (
    view.installed.size === contact.installed.size &&
    [...contact.installed].every(([name, version]) => view.installed.get(name) === version) &&
    view.facts.length === contact.facts.length &&
    contact.facts.every((fact, index) => fact === view.facts[index])
  );
}

function openFor(view: DeviceView, offer: Offer): Attempt | undefined {
  return view.openAttempts.find(
    ({ component, releaseId }) => component === offer.component && releaseId === offer.releaseId,
  );
}

function withOpen(view: DeviceView, attempt: Attempt): DeviceView {
  if (view.openAttempts.includes(attempt)) return view;
  const others = view.openAttempts.filter(({ component }) => component !== attempt.component);
  return { ...view, openAttempts: [...others, attempt] };
}

function requirePhases(phases: readonly Phase[]): void {
  if (phases.length === 0 || phases.length > MAX_PHASES)
    throw invalidRollout(`${phases.length} phases where 1 to ${MAX_PHASES} are allowed`);
  const names = phases.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw invalidRollout('two phases have the same name');
  const shares = phases.filter((phase) => phase.kind === 'share').map(({ share }) => share);
  if (shares.some((share) => !(share > 0 && share <= 1))) throw invalidRollout('a share must be above 0 and at most 1');
  if (shares.some((share, index) => share <= (shares[index - 1] ?? 0)))
    throw invalidRollout('each share must be larger than the one before');
}

function invalidRollout(reason: string): FleetError {
  return new FleetError('ROLLOUT_INVALID', `the rollout cannot start: ${reason}`, {
    fix: 'Correct the phases; nothing was started.',
  });
}

function invalidDevice(reason: string): FleetError {
  return new FleetError('DEVICE_INVALID', `the device cannot be registered: ${reason}`);
}
