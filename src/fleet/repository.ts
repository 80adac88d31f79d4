/**
 * The image repository of one tenant: what is published, and the online half of publishing.
 *
 * People sign what an image is; the keys in the vault sign only that it is still so (snapshot, timestamp). What is stored is
 * served as it is; nothing that was signed is ever written again.
 */
import { isOtaError, type OtaError } from '../core/errors.ts';
import type { Clock, Log } from '../core/ports.ts';
import { Serial } from '../core/serial.ts';
import type { Signer } from '../trust/keys.ts';
import { BINS, isOwnRole, rolesOf, sameRole } from '../trust/repository/draft.ts';
import { fileName, type Reading, rootOf } from '../trust/repository/published.ts';
import { requireUnexpired } from '../trust/tuf/accept.ts';
import type { Common, Root, TopRole } from '../trust/tuf/roles.ts';
import type { Vault } from '../trust/vault.ts';
import { FleetError } from './errors.ts';
import { MetadataFiles, type State } from './metadata-files.ts';
import type { Release, RepositoryHead, SigningEvent } from './model.ts';
import {
  type Lifetimes,
  NOT_TARGETS,
  ONLINE,
  type OnlineRole,
  onlineLabels,
  onlineSigners,
  signSnapshot,
  signTimestamp,
} from './online-keys.ts';
import type { Store } from './ports.ts';
import { fileRow, intentWords, requireCurrent } from './publication.ts';
import { ReleaseProofs } from './release-proofs.ts';

export interface RepositoryPorts {
  readonly tenant: string;
  readonly store: Store;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly nextId: () => string;
  readonly lifetimes: Lifetimes;
  /** Hears what failed after a publication, which stands all the same. */
  readonly log?: Log;
}

/** That an image may be offered: signed, published, and until when. */
export interface Endorsement {
  readonly sha256: string;
  readonly lengthBytes: number;
  readonly expiresAtMs: number;
}

export interface RoleExpiry {
  readonly role: string;
  readonly version: number;
  readonly expiresAtMs: number;
  /** Renewed by the server, or by people. */
  readonly isOnline: boolean;
}

/** What people have signed, ready to be published. */
export interface Signed {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly versions: ReadonlyMap<string, number>;
  readonly event?: SigningEvent;
  readonly release?: Release;
  /** Called when its turn has come, before any key is used: throws when this no longer follows what is published. */
  readonly requireFresh?: () => void;
}

/** What is about to be signed online, and with what. */
interface Intended {
  readonly intentId: string;
  readonly versions: ReadonlyMap<string, number>;
  readonly signers: Readonly<Record<OnlineRole, readonly Signer[]>>;
  readonly withSnapshot: boolean;
  readonly nowMs: number;
}

type OnPublished = () => Promise<void>;

interface Current extends State {
  /** Of every targets file as it was published last, also of suppliers that are gone. */
  readonly targets: ReadonlyMap<string, Common>;
}

const NEVER_PUBLISHED: ReadonlyMap<string, number> = new Map();

export class ImageRepository {
  readonly #ports: RepositoryPorts;
  readonly #serial = new Serial();
  readonly #files: MetadataFiles;
  readonly #proofs: ReleaseProofs;
  readonly #listeners: OnPublished[] = [];
  #current: Current | undefined;

  private constructor(ports: RepositoryPorts) {
    this.#ports = ports;
    const { tenant, store } = ports;
    this.#files = new MetadataFiles(tenant, store);
    this.#proofs = new ReleaseProofs({ tenant, store, files: this.#files });
  }

  /** Reads what is published from its first root on, as any client does. @throws {TrustError} the stored files do not hold */
  static async open(ports: RepositoryPorts): Promise<ImageRepository> {
    const repository = new ImageRepository(ports);
    const { store, tenant, clock } = ports;
    await store.abandonIntents(tenant, clock.nowMs());
    const head = await store.repository(tenant);
    if (head) {
      const reading = await repository.#files.readAt(head, []);
      repository.#current = { head, reading, targets: new Map() };
      // What a client may ask for next is looked at once, so that no damage on the disk is served as good (SEC-7).
      const { published } = await repository.readWith(repository.#delegatedRoles());
      repository.#current = { head, reading, targets: commonOf(published.files) };
    }
    return repository;
  }

  /** Called, and waited for, after each publication. What it throws is logged: what is published stays so. */
  onPublished(listener: OnPublished): void {
    this.#listeners.push(listener);
  }

  get head(): RepositoryHead | undefined {
    return this.#current?.head;
  }

  /** @throws {FleetError} REPOSITORY_MISSING nothing was published yet */
  get reading(): Reading {
    return this.#published().reading;
  }

  /**
   * What is published, with the named roles read beside the top one; a role that nobody delegates to has no file that counts.
   * @throws {FleetError} REPOSITORY_MISSING
   */
  async readWith(roles: readonly string[]): Promise<Reading> {
    return this.#files.readAt(this.#published().head, this.#delegated(roles));
  }

  /** Files that prove what is published to somebody who trusts a root of ours: what a signing request begins from. */
  async base(roles: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#files.provingAt(this.#published().head, this.#delegated(roles));
  }

  /** A file under the name a client asks for: `3.root.json`, `timestamp.json`, or the newest under its plain name. */
  async file(name: string): Promise<Uint8Array | undefined> {
    return this.#current && this.#files.named(this.#current.head, name);
  }

  /** The release proof of an image, for devices of one hardware if it is named; `undefined` when no published target is it. */
  async proof(sha256: string, hardware?: string): Promise<Uint8Array | undefined> {
    return this.#current && this.#proofs.of(this.#current, this.nowMs(), sha256, hardware);
  }

  /** Whether a target may be offered to a piece of hardware, and until when. */
  async endorsement(path: string, hardwareId: string): Promise<Endorsement | undefined> {
    const current = this.#current;
    if (!current) return undefined;
    const found = await this.#files.find(current, { path, hardwareId });
    const sha256 = found?.target.hashes.get('sha256');
    if (!found?.target.hardwareIds.includes(hardwareId) || sha256 === undefined) return undefined;
    const { trusted } = current.reading;
    const files = [trusted.root, trusted.timestamp, trusted.snapshot, ...found.visited];
    const expiresAtMs = Math.min(...files.map(({ value }) => value.expiresAtMs));
    return { sha256, lengthBytes: found.target.lengthBytes, expiresAtMs };
  }

  /** Every role with its expiry, the first to expire first; of all bins only the first to expire. */
  expiries(): readonly RoleExpiry[] {
    if (!this.#current) return [];
    const { reading, targets } = this.#current;
    const { root, snapshot, timestamp } = reading.trusted;
    const online = [
      { role: 'snapshot', value: snapshot.value },
      { role: 'timestamp', value: timestamp.value },
    ].map(({ role, value }) => ({ role, version: value.version, expiresAtMs: value.expiresAtMs, isOnline: true }));
    const signed = new Set(['targets', ...this.#delegatedRoles()]);
    const offline = [['root', root.value] as const, ...[...targets].filter(([role]) => signed.has(role))].map(
      ([role, { version, expiresAtMs }]) => ({ role, version, expiresAtMs, isOnline: false }),
    );
    return [...online, ...firstBinOnly(offline)].toSorted((left, right) => left.expiresAtMs - right.expiresAtMs);
  }

  /** The clock's time, or the last one that clients have seen signed: for them it is never earlier (REL-11). */
  nowMs(): number {
    const { signedAtMs = 0 } = this.#current?.reading.trusted.timestamp.value ?? {};
    return Math.max(this.#ports.clock.nowMs(), signedAtMs);
  }

  /** Why what is published could not be kept fresh now: the vault fails, or lacks keys that the published root names. */
  async keysProblem(): Promise<OtaError | undefined> {
    const root = this.#current?.reading.trusted.root.value;
    if (!root) return undefined;
    try {
      for (const role of ONLINE) await onlineLabels(this.#ports.vault, root, role);
      return undefined;
    } catch (error) {
      if (isOtaError(error)) return error;
      throw error;
    }
  }

  /**
   * Signs snapshot and timestamp anew when half of their life is over (SEC-24). @returns whether it did
   * @throws {TrustError} TRUST_EXPIRED by this clock clients refuse everything; if the clock is wrong, what it signed would spread
   * its time to all of them (REL-11); those of `publish`
   */
  async renew(): Promise<boolean> {
    return this.#serial.run('publish', async () => {
      if (!this.#current) return false;
      const { root, targets, snapshot, timestamp } = this.#current.reading.trusted;
      const { lifetimes } = this.#ports;
      const nowMs = this.nowMs();
      const isOld = (expiresAtMs: number, lifeMs: number) => expiresAtMs - nowMs <= lifeMs / 2;
      const needsSnapshot = isOld(snapshot.value.expiresAtMs, lifetimes.snapshotMs);
      if (!needsSnapshot && !isOld(timestamp.value.expiresAtMs, lifetimes.timestampMs)) return false;
      requireUnexpired('root', root.value, { nowMs });
      requireUnexpired('targets', targets.value, { nowMs });
      await this.#publish({ files: new Map(), versions: new Map() }, needsSnapshot);
      return true;
    });
  }

  /**
   * Publishes what people have signed, under a new snapshot and timestamp.
   * @throws {TrustError} a client would refuse it, or not find its release: nothing was published; {FleetError} REPOSITORY_KEYS;
   * {StoreError}
   */
  publish(signed: Signed): Promise<void> {
    return this.#serial.run('publish', () => this.#publish(signed, true));
  }

  async #publish(signed: Signed, withSnapshot: boolean): Promise<void> {
    const { store, tenant, clock, nextId, vault } = this.#ports;
    signed.requireFresh?.();
    const versions = new Map([...(this.#current?.head.versions ?? NEVER_PUBLISHED), ...signed.versions]);
    const root = this.#rootAfter(signed);
    const isRotated = this.#rotates(root);
    // Clients that have seen the old keys' last signed time forget it with those keys, and so do we.
    const nowMs = isRotated ? clock.nowMs() : this.nowMs();
    const intentId = nextId();
    if (withSnapshot) versions.set('snapshot', await this.#nextVersion('snapshot', isRotated));
    versions.set('timestamp', await this.#nextVersion('timestamp', isRotated));
    const signers = {
      snapshot: await onlineSigners(vault, root, 'snapshot'),
      timestamp: await onlineSigners(vault, root, 'timestamp'),
    };
    const what = intentWords(versions, signers, withSnapshot);
    await store.openIntent({ tenant, id: intentId, atMs: clock.nowMs(), what });
    try {
      await this.#signAndStore(signed, { intentId, versions, signers, withSnapshot, nowMs });
    } catch (error) {
      // Where the store is gone, too, the next start closes it.
      await store.abandonIntent(tenant, intentId, clock.nowMs()).catch(() => undefined);
      throw error;
    }
    for (const listener of this.#listeners) await this.#tell(listener);
  }

  async #signAndStore(signed: Signed, intended: Intended): Promise<void> {
    const { store, tenant, clock, lifetimes } = this.#ports;
    const { intentId, versions, signers, withSnapshot, nowMs } = intended;
    const files = new Map(signed.files);
    if (withSnapshot) files.set('snapshot', await signSnapshot(versions, signers.snapshot, lifetimes, nowMs));
    const snapshot =
      files.get('snapshot') ?? (await this.#files.load('snapshot', versions.get('snapshot') ?? 0)) ?? new Uint8Array();
    files.set('timestamp', await signTimestamp(versions, snapshot, signers.timestamp, lifetimes, nowMs));
    const head = { tenant, revision: (this.#current?.head.revision ?? 0) + 1, versions };
    const fresh = new Map([...files].map(([role, bytes]) => [fileName(role, versions.get(role) ?? 0), bytes]));
    const targetRoles = [...files.keys()].filter((role) => !NOT_TARGETS.includes(role));
    const reading = await this.#files.readAt(head, targetRoles, fresh);
    const targets = new Map([...(this.#current?.targets ?? []), ...commonOf(reading.published.files)]);
    const current = { head, reading, targets };
    requireCurrent(current.reading, files, nowMs);
    const rows = [...files].map(([role, bytes]) => fileRow(role, bytes, versions, current.reading));
    if (signed.release) await this.#proofs.requireFound({ ...current, rows, fresh, nowMs }, signed.release);
    await store.publish({
      ...{ head, intentId, atMs: clock.nowMs(), files: rows },
      ...(signed.event ? { event: signed.event } : {}),
      ...(signed.release ? { release: signed.release } : {}),
    });
    for (const [role, bytes] of files) this.#files.keep(role, versions.get(role) ?? 0, bytes);
    this.#proofs.clear();
    this.#current = current;
  }

  async #tell(listener: OnPublished): Promise<void> {
    try {
      await listener();
    } catch (error) {
      this.#ports.log?.error({ code: 'INTERNAL', what: 'after a publication', error: String(error) });
    }
  }

  /** Whether `root` gives the online roles to other keys than now. */
  #rotates(root: Root): boolean {
    if (!this.#current) return false;
    const { published } = this.#current.reading;
    const after = rolesOf({ root, names: published.names });
    return ONLINE.some((role) => !sameRole(published.root, role, after[role]));
  }

  #rootAfter({ files }: Signed): Root {
    const bytes = files.get('root');
    return bytes ? rootOf(bytes) : this.#published().reading.trusted.root.value;
  }

  /**
   * Whoever stole the online keys may have used up versions as high as there are. With new keys clients forget what the old ones
   * signed (spec 9.2 step 7), and we go on where nobody has jumped ahead yet.
   */
  async #nextVersion(role: TopRole, isRotated: boolean): Promise<number> {
    const { store, tenant } = this.#ports;
    if (isRotated) return store.freeVersion(tenant, role);
    const version = (this.#current?.head.versions.get(role) ?? 0) + 1;
    if (Number.isSafeInteger(version)) return version;
    throw new FleetError('REPOSITORY_KEYS', `somebody has used up the versions of ${role}`, {
      detail: { role },
      fix: 'Its key is stolen. Rotate the online keys: sealift trust ceremony --rotate-online --out REQUEST; then do again what failed',
    });
  }

  /** Bins, and suppliers that still are; removed ones stay in the snapshot (spec 9.4: no file may vanish). */
  #delegatedRoles(): readonly string[] {
    const { head, reading } = this.#published();
    const suppliers = new Set(reading.trusted.targets.value.delegations?.roles.map(({ name }) => name));
    return [...head.versions.keys()].filter((role) => suppliers.has(role) || (isOwnRole(role) && role !== 'targets'));
  }

  #delegated(roles: readonly string[]): readonly string[] {
    const delegated = new Set(this.#delegatedRoles());
    return [...new Set(roles)].filter((role) => delegated.has(role));
  }

  #published() {
    if (this.#current) return this.#current;
    throw new FleetError('REPOSITORY_MISSING', 'there is no repository yet: nobody has signed a root', {
      fix: 'Begin with: sealift trust init --keys DIR --name NAME; then: sealift trust ceremony --signer DIR/signer.pub.json --out REQUEST',
    });
  }
}

function firstBinOnly(roles: readonly RoleExpiry[]): readonly RoleExpiry[] {
  const bins = roles.filter(({ role }) => role.startsWith(`${BINS}-`));
  const first = bins.toSorted((left, right) => left.expiresAtMs - right.expiresAtMs).slice(0, 1);
  return [...roles.filter((one) => !bins.includes(one)), ...first.map((one) => ({ ...one, role: `${BINS}-*` }))];
}

/** Without what they list, which may be much. */
function commonOf(files: ReadonlyMap<string, Common>): ReadonlyMap<string, Common> {
  return new Map([...files].map(([role, { version, expiresAtMs }]) => [role, { version, expiresAtMs }]));
}
