/**
 * The image repository of one tenant: what is published, and the online half of publishing.
 *
 * People sign what an image is; the keys in the vault sign only that it is still so (snapshot, timestamp). What is stored is
 * served as it is; nothing that was signed is ever written again.
 */
import type { CanonicalInput } from '../core/canonical-json.ts';
import { isOtaError, type OtaError } from '../core/errors.ts';
import type { Clock, Log } from '../core/ports.ts';
import { Serial } from '../core/serial.ts';
import { TrustError } from '../trust/errors.ts';
import type { Signer } from '../trust/keys.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../trust/limits.ts';
import { sha256Hex } from '../trust/payload.ts';
import { snapshotDocument, timestampDocument } from '../trust/repository/documents.ts';
import { BINS, isOwnRole, rolesOf, sameRole } from '../trust/repository/draft.ts';
import { fileName, type Reading, readPublished, rootOf, withParents } from '../trust/repository/published.ts';
import { metadataFile, signWith } from '../trust/repository/sign.ts';
import { requireUnexpired } from '../trust/tuf/accept.ts';
import { verifyProof } from '../trust/tuf/proof.ts';
import { type Found, findTarget, type Wanted } from '../trust/tuf/refresh.ts';
import type { Common, Root, TopRole } from '../trust/tuf/roles.ts';
import type { Vault } from '../trust/vault.ts';
import { Lru } from './cache.ts';
import { FleetError } from './errors.ts';
import { MAX_CACHED_METADATA_BYTES, MAX_CACHED_PROOFS } from './limits.ts';
import type { Artifact, ListedTarget, Release, RepositoryHead, SigningEvent } from './model.ts';
import type { ImageQuery, Publication, Store } from './ports.ts';
import { inProofOrder, listedAfter, ProofContent } from './proofs.ts';
import { fileRow, intentWords, requireCurrent, requireHead } from './publication.ts';

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
  /** Called when its turn has come, before any key is used: throws when this no longer follows what is published. */
  readonly requireFresh?: () => void;
}

/** What is about to be signed online, and with what. */
interface Intended {
  readonly intentId: string;
  readonly versions: ReadonlyMap<string, number>;
  readonly signers: Readonly<Record<(typeof ONLINE)[number], readonly Signer[]>>;
  readonly withSnapshot: boolean;
  readonly nowMs: number;
}

type OnPublished = () => Promise<void>;

/** What is published, as one: whoever looks twice must not see two. */
interface Current {
  readonly head: RepositoryHead;
  readonly reading: Reading;
  /** Of every targets file as it was published last, also of suppliers that are gone. */
  readonly targets: ReadonlyMap<string, Common>;
}

/** New files that are not stored yet, by their names. */
type Fresh = ReadonlyMap<string, Uint8Array>;

/** A publication before it is stored. */
interface Next extends Current {
  readonly rows: Publication['files'];
  readonly fresh: Fresh;
  readonly nowMs: number;
}

interface ProofOrder {
  readonly image: ImageQuery;
  readonly listed: readonly ListedTarget[];
  /** When the proof is for. */
  readonly nowMs: number;
  readonly fresh?: Fresh;
}

const NEVER_PUBLISHED: ReadonlyMap<string, number> = new Map();
const NONE: Fresh = new Map();
const NOT_TARGETS: readonly string[] = ['root', 'snapshot', 'timestamp'];
const ONLINE = ['snapshot', 'timestamp'] as const;

export class ImageRepository {
  readonly #ports: RepositoryPorts;
  readonly #serial = new Serial();
  readonly #files = new Lru<Uint8Array>(MAX_CACHED_METADATA_BYTES, ({ length }) => length);
  readonly #proofs = new Lru<Promise<Uint8Array | undefined>>(MAX_CACHED_PROOFS);
  readonly #listeners: OnPublished[] = [];
  #current: Current | undefined;

  private constructor(ports: RepositoryPorts) {
    this.#ports = ports;
  }

  /** Reads what is published from its first root on, as any client does. @throws {TrustError} the stored files do not hold */
  static async open(ports: RepositoryPorts): Promise<ImageRepository> {
    const repository = new ImageRepository(ports);
    const { store, tenant, clock } = ports;
    await store.abandonIntents(tenant, clock.nowMs());
    const head = await store.repository(tenant);
    if (head) {
      const reading = await repository.#readAt(head, []);
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
    return this.#readAt(this.#published().head, this.#delegated(roles));
  }

  /** Files that prove what is published to somebody who trusts a root of ours: what a signing request begins from. */
  async base(roles: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#filesAt(this.#published().head, this.#delegated(roles));
  }

  /** A file under the name a client asks for: `3.root.json`, `timestamp.json`, or the newest under its plain name. */
  async file(name: string): Promise<Uint8Array | undefined> {
    return this.#current && this.#fileAt(this.#current.head, name);
  }

  async #fileAt(head: RepositoryHead, name: string): Promise<Uint8Array | undefined> {
    const [, digits, encoded = ''] = /^(?:([1-9][0-9]{0,15})\.)?([^/]{1,3000})\.json$/.exec(name) ?? [];
    const role = decoded(encoded);
    const published = role === undefined ? undefined : head.versions.get(role);
    if (role === undefined || published === undefined) return undefined;
    // The one file that is asked for by its plain name alone. How names are escaped differs from client to client.
    if (role === 'timestamp' && digits !== undefined) return undefined;
    const version = digits === undefined ? published : Number(digits);
    return version > published ? undefined : this.#load(role, version);
  }

  /**
   * The release proof of an image; `undefined` when no published target is it.
   * @param hardware narrows it to targets that list this hardware: an image may be that of more boards than a proof names
   */
  proof(sha256: string, hardware?: string): Promise<Uint8Array | undefined> {
    const key = hardware === undefined ? sha256 : `${sha256} ${hardware}`;
    const known = this.#proofs.get(key);
    if (known) return known;
    const proof = this.#buildProof({ sha256, hardware, limit: MAX_PROOF_PATHS });
    this.#proofs.set(key, proof);
    // What is not there is not worth a place, and a failure must not last.
    const forget = () => this.#proofs.delete(key);
    proof.then((bytes) => bytes ?? forget(), forget);
    return proof;
  }

  /** Whether a target may be offered to a piece of hardware, and until when. */
  async endorsement(path: string, hardwareId: string): Promise<Endorsement | undefined> {
    const current = this.#current;
    if (!current) return undefined;
    const found = await this.#find(current, { path, hardwareId });
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
      for (const role of ONLINE) await this.#labels(root, role);
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
    const { store, tenant, clock, nextId } = this.#ports;
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
      snapshot: await this.#signers(root, 'snapshot'),
      timestamp: await this.#signers(root, 'timestamp'),
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
    const { store, tenant, clock } = this.#ports;
    const { intentId, versions, signers, withSnapshot, nowMs } = intended;
    const files = new Map(signed.files);
    if (withSnapshot) files.set('snapshot', await this.#signSnapshot(versions, signers.snapshot, nowMs));
    const snapshot = await this.#fileIn(files, versions, 'snapshot');
    files.set('timestamp', await this.#signTimestamp(versions, snapshot, signers.timestamp, nowMs));
    const head = { tenant, revision: (this.#current?.head.revision ?? 0) + 1, versions };
    const fresh = new Map([...files].map(([role, bytes]) => [fileName(role, versions.get(role) ?? 0), bytes]));
    const targetRoles = [...files.keys()].filter((role) => !NOT_TARGETS.includes(role));
    const reading = await this.#readAt(head, targetRoles, fresh);
    const targets = new Map([...(this.#current?.targets ?? []), ...commonOf(reading.published.files)]);
    const current = { head, reading, targets };
    requireCurrent(current.reading, files, nowMs);
    const rows = [...files].map(([role, bytes]) => fileRow(role, bytes, versions, current.reading));
    if (signed.release) await this.#requireFound({ ...current, rows, fresh, nowMs }, signed.release);
    await store.publish({
      ...{ head, intentId, atMs: clock.nowMs(), files: rows },
      ...(signed.event ? { event: signed.event } : {}),
      ...(signed.release ? { release: signed.release } : {}),
    });
    for (const [role, bytes] of files) this.#files.set(cacheKey(role, versions.get(role) ?? 0), bytes);
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

  #signSnapshot(versions: ReadonlyMap<string, number>, signers: readonly Signer[], nowMs: number): Promise<Uint8Array> {
    const listed = new Map([...versions].filter(([role]) => !NOT_TARGETS.includes(role)));
    const expiresAtMs = nowMs + this.#ports.lifetimes.snapshotMs;
    const content = { version: versions.get('snapshot') ?? 0, expiresAtMs };
    return signedFile(snapshotDocument(content, listed), signers);
  }

  #signTimestamp(
    versions: ReadonlyMap<string, number>,
    snapshot: Uint8Array,
    signers: readonly Signer[],
    nowMs: number,
  ): Promise<Uint8Array> {
    const expiresAtMs = nowMs + this.#ports.lifetimes.timestampMs;
    const content = { version: versions.get('timestamp') ?? 0, expiresAtMs, signedAtMs: nowMs };
    const facts = { version: versions.get('snapshot') ?? 0, lengthBytes: snapshot.length, sha256: sha256Hex(snapshot) };
    return signedFile(timestampDocument(content, facts), signers);
  }

  async #signers(root: Root, role: (typeof ONLINE)[number]): Promise<readonly Signer[]> {
    const labels = await this.#labels(root, role);
    return Promise.all(labels.map((label) => this.#ports.vault.signer(label)));
  }

  /** As many of a role's keys as must sign. @throws {FleetError} REPOSITORY_KEYS the vault has fewer */
  async #labels(root: Root, role: (typeof ONLINE)[number]): Promise<readonly string[]> {
    const { keyIds, threshold } = root.roles[role];
    const wanted = new Set(keyIds.map((keyId) => root.keys.get(keyId)?.fingerprint));
    const held = (await this.#ports.vault.keys()).filter(({ publicKey }) => wanted.has(publicKey.fingerprint));
    if (held.length >= threshold) return held.slice(0, threshold).map(({ label }) => label);
    throw new FleetError(
      'REPOSITORY_KEYS',
      `the vault holds ${held.length} of the ${threshold} keys that ${role} needs`,
      {
        detail: { role, held: held.length, threshold },
        fix: 'Look at trust.vault.file and its passphrase, restore the vault, or rotate the online keys: sealift trust ceremony --rotate-online --out REQUEST; then do again what failed',
      },
    );
  }

  async #readAt(head: RepositoryHead, roles: readonly string[], fresh = NONE): Promise<Reading> {
    const files = await this.#filesAt(head, roles, fresh);
    const reading = readPublished(files.get('1.root.json') ?? new Uint8Array(), (name) => files.get(name), roles);
    requireHead(head, reading);
    return reading;
  }

  /** Every root, the other top roles, and the named ones with those above them, by file name. */
  async #filesAt(head: RepositoryHead, roles: readonly string[], fresh = NONE): Promise<Fresh> {
    const names = new Map<string, Uint8Array>();
    const into = async (role: string, version: number) => {
      const name = fileName(role, version);
      const bytes = fresh.get(name) ?? (await this.#load(role, version));
      if (bytes) names.set(name, bytes);
    };
    for (let version = 1; version <= (head.versions.get('root') ?? 0); version += 1) await into('root', version);
    const wanted = new Set(['snapshot', 'timestamp', 'targets', ...roles.flatMap((role) => withParents(role))]);
    for (const role of wanted) await into(role, head.versions.get(role) ?? 0);
    return names;
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

  async #buildProof(image: ImageQuery): Promise<Uint8Array | undefined> {
    const { store, tenant } = this.#ports;
    const current = this.#current;
    if (!current) return undefined;
    const listed = await store.targetsOf(tenant, image);
    return (await this.#proofContent(current, { image, listed, nowMs: this.nowMs() }))?.write();
  }

  /** Of what has expired only when nothing else is there: the device shall be told what is wrong. */
  async #proofContent(current: Current, order: ProofOrder): Promise<ProofContent | undefined> {
    const content = await this.#gather(current, order, order.nowMs);
    return content.paths.size > 0 ? content : nonEmpty(await this.#gather(current, order, undefined));
  }

  /** @param nowMs with a time, what does not hold at it is passed over; without one, expiry does not matter and all else does */
  async #gather(current: Current, { image, listed, fresh = NONE }: ProofOrder, nowMs: number | undefined) {
    const { head, reading } = current;
    const at = nowMs === undefined ? current : { ...current, reading: readingAt(reading, nowMs) };
    const content = new ProofContent(await this.#filesAt(head, [], fresh));
    const suppliers = reading.trusted.targets.value.delegations?.roles.map(({ name }) => name) ?? [];
    for (const { path, hardwareIds } of inProofOrder(listed, suppliers)) {
      if (content.isFull) break;
      for (const hardwareId of image.hardware === undefined ? hardwareIds : [image.hardware]) {
        const files = new Map<string, Uint8Array>();
        const found = this.#find(at, { path, hardwareId }, { fresh, keep: files });
        // Listed is not enough: whoever lists it must still be asked, and mean this hardware.
        const target = (nowMs === undefined ? await found : await found.catch(noneIfUntrusted))?.target;
        if (target?.hashes.get('sha256') === image.sha256 && target.hardwareIds.includes(hardwareId))
          content.add(path, files);
      }
    }
    return content;
  }

  /**
   * What is admitted must be what devices will take: found under its path, and proven to them by the proof they will be served.
   * @throws {TrustError} TRUST_TARGET_UNKNOWN, TRUST_LENGTH; those of `verifyProof`
   */
  async #requireFound(next: Next, { component, artifacts }: Release): Promise<void> {
    const at = { ...next, reading: readingAt(next.reading, next.nowMs) };
    for (const artifact of artifacts) {
      const { targetPath: path, hardware: hardwareId, sha256 } = artifact;
      const found = await this.#find(at, { path, hardwareId }, { fresh: next.fresh });
      if (found?.target.hashes.get('sha256') !== sha256 || !found.target.hardwareIds.includes(hardwareId)) {
        throw new TrustError(
          'TRUST_TARGET_UNKNOWN',
          `no client with ${hardwareId} would find the image under ${path}`,
          {
            detail: { path, hardwareId },
            fix: 'What was delegated has changed since the release was drafted: cancel it, and draft it anew.',
          },
        );
      }
      await this.#requireProven(next, artifact, component);
    }
  }

  /** The check of a device that has trusted the repository from its first root on. */
  async #requireProven(next: Next, artifact: Artifact, component: string): Promise<void> {
    const { store, tenant } = this.#ports;
    const { targetPath: path, hardware: hardwareId, sha256, lengthBytes } = artifact;
    const image = { sha256, hardware: hardwareId, limit: MAX_PROOF_PATHS };
    const listed = listedAfter(await store.targetsOf(tenant, image), next.rows, image);
    const { nowMs, fresh } = next;
    const content = await this.#proofContent(next, { image, listed, nowMs, fresh });
    if (!content?.paths.has(path)) {
      throw new TrustError('TRUST_LENGTH', `the release proof for ${hardwareId} has no room for ${path}`, {
        detail: { path, hardwareId, maxPaths: MAX_PROOF_PATHS, maxBytes: MAX_PROOF_BYTES },
        fix: `Remove targets that nobody needs: a proof names ${MAX_PROOF_PATHS} of one image, ${MAX_PROOF_BYTES / 2 ** 20} MiB of metadata at most.`,
      });
    }
    const stored = new Map([['root', (await this.#load('root', 1)) ?? fresh.get('1.root.json') ?? new Uint8Array()]]);
    const request = { stored, nowMs, image: { sha256, lengthBytes }, hardwareId, component };
    try {
      verifyProof(content.write(), request);
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause;
      throw new TrustError(cause.code, `devices with ${hardwareId} would refuse ${path}: ${cause.message}`, {
        detail: { ...cause.detail, path, hardwareId },
        fix: 'Nothing was published. Find out what else lists this image for this hardware, and what it says of it.',
      });
    }
  }

  /** The search of any client, answered from the store. @param keep takes the files on the way, by name */
  async #find(
    { head, reading }: Current,
    wanted: Wanted,
    { fresh = NONE, keep }: { readonly fresh?: Fresh; readonly keep?: Map<string, Uint8Array> } = {},
  ): Promise<Found | undefined> {
    const conversation = findTarget(reading.trusted, wanted, new Map());
    let turn = conversation.next();
    while (!turn.done) {
      const name = turn.value.do === 'fetch' ? turn.value.file : undefined;
      const bytes = name === undefined ? undefined : (fresh.get(name) ?? (await this.#fileAt(head, name)));
      if (name !== undefined && bytes) keep?.set(name, bytes);
      turn = conversation.next(bytes);
    }
    return turn.value;
  }

  #published() {
    if (this.#current) return this.#current;
    throw new FleetError('REPOSITORY_MISSING', 'there is no repository yet: nobody has signed a root', {
      fix: 'Begin with: sealift trust init --keys DIR --name NAME; then: sealift trust ceremony --signer DIR/signer.pub.json --out REQUEST',
    });
  }
}

/** The same, for a client whose clock says `nowMs`. */
function readingAt({ trusted, published }: Reading, nowMs: number): Reading {
  return { trusted: { ...trusted, context: { ...trusted.context, nowMs } }, published };
}

function noneIfUntrusted(error: unknown): undefined {
  if (!(error instanceof TrustError)) throw error;
}

function nonEmpty(content: ProofContent): ProofContent | undefined {
  return content.paths.size > 0 ? content : undefined;
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

/** Every version has its own, the timestamp too, whose file name never changes. */
function cacheKey(role: string, version: number): string {
  return `${version} ${role}`;
}

async function signedFile(signed: CanonicalInput, signers: readonly Signer[]): Promise<Uint8Array> {
  return metadataFile(signed, await signWith(signed, signers));
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
