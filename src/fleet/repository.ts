/**
 * The image repository of one tenant: what is published, and the online half of publishing.
 *
 * People sign what an image is; the keys in the vault sign only that it is still so (snapshot, timestamp). What is stored is
 * served as it is; nothing that was signed is ever written again.
 */
import type { CanonicalInput } from '../core/canonical-json.ts';
import type { Clock } from '../core/ports.ts';
import type { Signer } from '../trust/keys.ts';
import { sha256Hex } from '../trust/payload.ts';
import { snapshotDocument, timestampDocument } from '../trust/repository/documents.ts';
import { BINS, isOwnRole } from '../trust/repository/draft.ts';
import { fileName, type Reading, readPublished, rootOf, withParents } from '../trust/repository/published.ts';
import { metadataFile, signWith } from '../trust/repository/sign.ts';
import { requireUnexpired } from '../trust/tuf/accept.ts';
import { writeProof } from '../trust/tuf/proof.ts';
import { type Conversation, type Found, findTarget } from '../trust/tuf/refresh.ts';
import type { Root, Target, TopRole } from '../trust/tuf/roles.ts';
import type { Vault } from '../trust/vault.ts';
import { Lru } from './cache.ts';
import { FleetError } from './errors.ts';
import { MAX_CACHED_FILES, MAX_CACHED_PROOFS, MAX_PUBLISHED_VERSION } from './limits.ts';
import type { Release, RepositoryHead, SigningEvent, TargetEntry } from './model.ts';
import type { Publication, Store } from './ports.ts';
import { Serial } from './serial.ts';

export interface RepositoryPorts {
  readonly tenant: string;
  readonly store: Store;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly nextId: () => string;
  readonly lifetimes: Lifetimes;
}

/** Milliseconds that what the server signs by itself is valid. It is signed anew at half of that. */
export interface Lifetimes {
  readonly snapshotMs: number;
  readonly timestampMs: number;
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
}

type OnPublished = () => Promise<void>;

const NEVER_PUBLISHED: ReadonlyMap<string, number> = new Map();
const NOT_TARGETS: readonly string[] = ['root', 'snapshot', 'timestamp'];

export class ImageRepository {
  readonly #ports: RepositoryPorts;
  readonly #serial = new Serial();
  readonly #files = new Lru<Uint8Array>(MAX_CACHED_FILES);
  readonly #proofs = new Lru<Promise<Uint8Array | undefined>>(MAX_CACHED_PROOFS);
  readonly #listeners: OnPublished[] = [];
  #current: { readonly head: RepositoryHead; readonly reading: Reading } | undefined;

  private constructor(ports: RepositoryPorts) {
    this.#ports = ports;
  }

  /** Reads what is published from its first root on, as any client does. @throws {TrustError} the stored files do not hold */
  static async open(ports: RepositoryPorts): Promise<ImageRepository> {
    const repository = new ImageRepository(ports);
    const { store, tenant, clock } = ports;
    await store.abandonIntents(tenant, clock.nowMs());
    const head = await store.repository(tenant);
    if (head) repository.#current = { head, reading: await repository.#readAt(head, []) };
    return repository;
  }

  /** Called, and waited for, after each publication. */
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

  /** What is published, with the named roles read beside the top one. @throws {FleetError} REPOSITORY_MISSING */
  readWith(roles: readonly string[]): Promise<Reading> {
    return this.#readAt(this.#published().head, roles);
  }

  /** Files that prove what is published to somebody who trusts a root of ours: what a signing request begins from. */
  async base(roles: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#filesAt(this.#published().head, roles);
  }

  /** A file under the name a client asks for: `3.root.json`, `timestamp.json`, or the newest under its plain name. */
  async file(name: string): Promise<Uint8Array | undefined> {
    const [, digits, encoded = ''] = /^(?:([0-9]{1,16})\.)?([^/]{1,3000})\.json$/.exec(name) ?? [];
    const role = decoded(encoded);
    const published = role === undefined ? undefined : this.#current?.head.versions.get(role);
    if (role === undefined || published === undefined) return undefined;
    const version = digits === undefined ? published : Number(digits);
    return version > published ? undefined : this.#load(role, version);
  }

  /** The release proof of an image; `undefined` when no published target is it. */
  proof(sha256: string): Promise<Uint8Array | undefined> {
    const known = this.#proofs.get(sha256);
    if (known) return known;
    const proof = this.#buildProof(sha256);
    this.#proofs.set(sha256, proof);
    // What is not there is not worth a place, and a failure must not last.
    const forget = () => this.#proofs.delete(sha256);
    proof.then((bytes) => bytes ?? forget(), forget);
    return proof;
  }

  /** Whether a target may be offered to a piece of hardware, and until when. */
  async endorsement(path: string, hardwareId: string): Promise<Endorsement | undefined> {
    if (!this.#current) return undefined;
    const { trusted } = this.#current.reading;
    const found = await this.#find(path, hardwareId);
    const sha256 = found?.target.hashes.get('sha256');
    if (!found || sha256 === undefined) return undefined;
    const files = [trusted.root, trusted.timestamp, trusted.snapshot, ...found.visited];
    const expiresAtMs = Math.min(...files.map(({ value }) => value.expiresAtMs));
    return { sha256, lengthBytes: found.target.lengthBytes, expiresAtMs };
  }

  /** Every role with its expiry, the first to expire first; of all bins only the first to expire. Their files are read for it. */
  async expiries(): Promise<readonly RoleExpiry[]> {
    if (!this.#current) return [];
    const { head, reading } = this.#current;
    const { published } = await this.#readAt(head, await this.#delegatedRoles());
    const { root, snapshot, timestamp } = reading.trusted;
    const online = [
      { role: 'snapshot', value: snapshot.value },
      { role: 'timestamp', value: timestamp.value },
    ].map(({ role, value }) => ({ role, version: value.version, expiresAtMs: value.expiresAtMs, isOnline: true }));
    const offline = [['root', root.value] as const, ...published.files].map(([role, value]) => ({
      ...{ role, version: value.version, expiresAtMs: value.expiresAtMs, isOnline: false },
    }));
    return [...online, ...firstBinOnly(offline)].toSorted((left, right) => left.expiresAtMs - right.expiresAtMs);
  }

  /** Signs snapshot and timestamp anew when half of their life is over (SEC-24). @returns whether it did */
  async renew(): Promise<boolean> {
    return this.#serial.run('publish', async () => {
      if (!this.#current) return false;
      const { snapshot, timestamp } = this.#current.reading.trusted;
      const { clock, lifetimes } = this.#ports;
      const isOld = (expiresAtMs: number, lifeMs: number) => expiresAtMs - clock.nowMs() <= lifeMs / 2;
      const needsSnapshot = isOld(snapshot.value.expiresAtMs, lifetimes.snapshotMs);
      if (!needsSnapshot && !isOld(timestamp.value.expiresAtMs, lifetimes.timestampMs)) return false;
      await this.#publish({ files: new Map(), versions: new Map() }, needsSnapshot);
      return true;
    });
  }

  /**
   * Publishes what people have signed, under a new snapshot and timestamp.
   * @throws {TrustError} a client would refuse it: nothing was published; {FleetError} REPOSITORY_KEYS; {StoreError}
   */
  publish(signed: Signed): Promise<void> {
    return this.#serial.run('publish', () => this.#publish(signed, true));
  }

  async #publish(signed: Signed, withSnapshot: boolean): Promise<void> {
    const { store, tenant, clock, nextId } = this.#ports;
    const before = this.#current?.head;
    const files = new Map(signed.files);
    const versions = new Map([...(before?.versions ?? NEVER_PUBLISHED), ...signed.versions]);
    const root = this.#rootAfter(signed);
    const intentId = nextId();
    const atMs = clock.nowMs();
    if (withSnapshot) versions.set('snapshot', await this.#nextVersion('snapshot'));
    versions.set('timestamp', await this.#nextVersion('timestamp'));
    const signers = {
      snapshot: await this.#signers(root, 'snapshot'),
      timestamp: await this.#signers(root, 'timestamp'),
    };
    await store.openIntent({ tenant, id: intentId, atMs, what: intentWords(versions, signers, withSnapshot) });
    if (withSnapshot) files.set('snapshot', await this.#signSnapshot(versions, signers.snapshot));
    files.set(
      'timestamp',
      await this.#signTimestamp(versions, await this.#fileIn(files, versions, 'snapshot'), signers.timestamp),
    );
    const head = { tenant, revision: (before?.revision ?? 0) + 1, versions };
    const targetRoles = [...files.keys()].filter((role) => !NOT_TARGETS.includes(role));
    const reading = await this.#readAt(head, targetRoles, files);
    requireCurrent(reading, files, atMs);
    await store.publish({
      ...{ head, intentId, atMs, files: [...files].map(([role, bytes]) => fileRow(role, bytes, versions, reading)) },
      ...(signed.event ? { event: signed.event } : {}),
      ...(signed.release ? { release: signed.release } : {}),
    });
    for (const [role, bytes] of files) this.#files.set(cacheKey(role, versions.get(role) ?? 0), bytes);
    this.#proofs.clear();
    this.#current = { head, reading };
    for (const listener of this.#listeners) await listener();
  }

  #rootAfter({ files }: Signed): Root {
    const bytes = files.get('root');
    return bytes ? rootOf(bytes) : this.#published().reading.trusted.root.value;
  }

  /** Whoever stole the online keys may have used up all versions; then we go on below, under new keys (spec 9.2 step 7). */
  async #nextVersion(role: TopRole): Promise<number> {
    const { store, tenant } = this.#ports;
    const version = this.#current?.head.versions.get(role) ?? 0;
    if (version < MAX_PUBLISHED_VERSION) return version + 1;
    return (await store.lastVersion(tenant, role, MAX_PUBLISHED_VERSION)) + 1;
  }

  async #signSnapshot(versions: ReadonlyMap<string, number>, signers: readonly Signer[]): Promise<Uint8Array> {
    const listed = new Map([...versions].filter(([role]) => !NOT_TARGETS.includes(role)));
    const content = this.#fresh(versions, 'snapshot', this.#ports.lifetimes.snapshotMs);
    return signedFile(snapshotDocument(content, listed), signers);
  }

  async #signTimestamp(
    versions: ReadonlyMap<string, number>,
    snapshot: Uint8Array,
    signers: readonly Signer[],
  ): Promise<Uint8Array> {
    const content = this.#fresh(versions, 'timestamp', this.#ports.lifetimes.timestampMs);
    const facts = { version: versions.get('snapshot') ?? 0, lengthBytes: snapshot.length, sha256: sha256Hex(snapshot) };
    return signedFile(timestampDocument({ ...content, signedAtMs: this.#ports.clock.nowMs() }, facts), signers);
  }

  #fresh(versions: ReadonlyMap<string, number>, role: string, lifeMs: number) {
    return { version: versions.get(role) ?? 0, expiresAtMs: this.#ports.clock.nowMs() + lifeMs };
  }

  /** @throws {FleetError} REPOSITORY_KEYS the vault has fewer of the role's keys than must sign */
  async #signers(root: Root, role: 'snapshot' | 'timestamp'): Promise<readonly Signer[]> {
    const { vault } = this.#ports;
    const { keyIds, threshold } = root.roles[role];
    const wanted = new Set(keyIds.map((keyId) => root.keys.get(keyId)?.fingerprint));
    const held = (await vault.keys()).filter(({ publicKey }) => wanted.has(publicKey.fingerprint));
    if (held.length >= threshold) return Promise.all(held.slice(0, threshold).map(({ label }) => vault.signer(label)));
    throw new FleetError(
      'REPOSITORY_KEYS',
      `the vault holds ${held.length} of the ${threshold} keys that ${role} needs`,
      {
        detail: { role, held: held.length, threshold },
        fix: 'Restore the vault, or rotate the online keys: sealift trust ceremony --rotate-online',
      },
    );
  }

  async #readAt(
    head: RepositoryHead,
    roles: readonly string[],
    fresh: ReadonlyMap<string, Uint8Array> = new Map(),
  ): Promise<Reading> {
    const files = await this.#filesAt(head, roles, fresh);
    return readPublished(files.get('1.root.json') ?? new Uint8Array(), (name) => files.get(name), roles);
  }

  /** Every root, the other top roles, and the named ones with those above them, by file name. */
  async #filesAt(
    head: RepositoryHead,
    roles: readonly string[],
    fresh: ReadonlyMap<string, Uint8Array> = new Map(),
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const names = new Map<string, Uint8Array>();
    const rootVersion = head.versions.get('root') ?? 0;
    const wanted = new Set(['snapshot', 'timestamp', 'targets', ...roles.flatMap((role) => withParents(role))]);
    for (let version = 1; version < rootVersion; version += 1) await this.#into(names, 'root', version);
    for (const role of ['root', ...wanted]) {
      const version = head.versions.get(role);
      const bytes = fresh.get(role);
      if (version !== undefined && bytes) names.set(fileName(role, version), bytes);
      else if (version !== undefined) await this.#into(names, role, version);
    }
    return names;
  }

  /** Bins, and suppliers that still are; removed ones stay in the snapshot (spec 9.4: no file may vanish). */
  async #delegatedRoles(): Promise<readonly string[]> {
    const { head, reading } = this.#published();
    const suppliers = new Set(reading.trusted.targets.value.delegations?.roles.map(({ name }) => name));
    return [...head.versions.keys()].filter((role) => suppliers.has(role) || (isOwnRole(role) && role !== 'targets'));
  }

  async #into(names: Map<string, Uint8Array>, role: string, version: number): Promise<void> {
    const bytes = await this.#load(role, version);
    if (bytes) names.set(fileName(role, version), bytes);
  }

  async #fileIn(
    files: ReadonlyMap<string, Uint8Array>,
    versions: ReadonlyMap<string, number>,
    role: string,
  ): Promise<Uint8Array> {
    return files.get(role) ?? (await this.#load(role, versions.get(role) ?? 0)) ?? new Uint8Array();
  }

  async #load(role: string, version: number): Promise<Uint8Array | undefined> {
    const { store, tenant } = this.#ports;
    const key = cacheKey(role, version);
    const held = this.#files.get(key);
    if (held) return held;
    const bytes = await store.metadata(tenant, role, version);
    if (bytes) this.#files.set(key, bytes);
    return bytes;
  }

  async #buildProof(sha256: string): Promise<Uint8Array | undefined> {
    const { store, tenant } = this.#ports;
    const entries = this.#current ? await store.targetsOf(tenant, sha256) : [];
    if (entries.length === 0) return undefined;
    const { head } = this.#published();
    const files = new Map<string, Uint8Array>();
    const keep = (name: string, bytes: Uint8Array) => files.set(name, bytes);
    for (let version = 2; version <= (head.versions.get('root') ?? 0); version += 1)
      await this.#into(files, 'root', version);
    for (const role of ['timestamp', 'snapshot', 'targets'])
      await this.#into(files, role, head.versions.get(role) ?? 0);
    for (const { path, hardwareIds } of entries) {
      for (const hardwareId of hardwareIds) await this.#find(path, hardwareId, keep);
    }
    return writeProof(
      entries.map(({ path }) => path),
      files,
    );
  }

  /** The search of any client, answered from the store. */
  async #find(
    path: string,
    hardwareId: string,
    keep: (name: string, bytes: Uint8Array) => void = () => undefined,
  ): Promise<Found | undefined> {
    const { trusted } = this.#published().reading;
    return this.#answer(findTarget(trusted, { path, hardwareId }, new Map()), keep);
  }

  async #answer<T>(conversation: Conversation<T>, keep: (name: string, bytes: Uint8Array) => void): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) {
      const bytes = turn.value.do === 'fetch' ? await this.file(turn.value.file) : undefined;
      if (turn.value.do === 'fetch' && bytes) keep(turn.value.file, bytes);
      turn = conversation.next(bytes);
    }
    return turn.value;
  }

  #published() {
    if (this.#current) return this.#current;
    throw new FleetError('REPOSITORY_MISSING', 'there is no repository yet: nobody has signed a root', {
      fix: 'Begin with: sealift trust ceremony --root KEY --threshold 1 --out REQUEST',
    });
  }
}

function firstBinOnly(roles: readonly RoleExpiry[]): readonly RoleExpiry[] {
  const bins = roles.filter(({ role }) => role.startsWith(`${BINS}-`));
  const first = bins.toSorted((left, right) => left.expiresAtMs - right.expiresAtMs).slice(0, 1);
  return [...roles.filter((one) => !bins.includes(one)), ...first.map((one) => ({ ...one, role: `${BINS}-*` }))];
}

/** Every version has its own, the timestamp too, whose file name never changes. */
function cacheKey(role: string, version: number): string {
  return `${version} ${role}`;
}

async function signedFile(signed: CanonicalInput, signers: readonly Signer[]): Promise<Uint8Array> {
  return metadataFile(signed, await signWith(signed, signers));
}

/** A file that has expired before anybody could read it is a mistake of whoever signed it. */
function requireCurrent({ trusted, published }: Reading, files: ReadonlyMap<string, unknown>, nowMs: number): void {
  for (const role of files.keys()) {
    const file = role === 'root' ? trusted.root.value : published.files.get(role);
    if (file) requireUnexpired(role, file, { nowMs });
  }
}

function fileRow(
  role: string,
  bytes: Uint8Array,
  versions: ReadonlyMap<string, number>,
  { published }: Reading,
): Publication['files'][number] {
  const row = { role, version: versions.get(role) ?? 0, bytes };
  const file = published.files.get(role);
  return file ? { ...row, targets: [...file.targets].flatMap(([path, target]) => entryOf(path, target)) } : row;
}

function entryOf(path: string, { hashes, hardwareIds }: Target): TargetEntry[] {
  const sha256 = hashes.get('sha256');
  return sha256 === undefined ? [] : [{ path, sha256, hardwareIds }];
}

function intentWords(
  versions: ReadonlyMap<string, number>,
  signers: Readonly<Record<'snapshot' | 'timestamp', readonly Signer[]>>,
  withSnapshot: boolean,
): string {
  const words = (role: 'snapshot' | 'timestamp') =>
    `${role} ${versions.get(role)} by ${signers[role].map(({ publicKey }) => publicKey.keyId).join(', ')}`;
  return [...(withSnapshot ? [words('snapshot')] : []), words('timestamp')].join('; ');
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
