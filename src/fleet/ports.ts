/** What the fleet needs from storage. Every adapter runs the contract suites `describeStore` and `describeBlobs`. */
import type {
  ApiToken,
  Artifact,
  Attempt,
  AttemptState,
  Contact,
  Device,
  DeviceView,
  ListedTarget,
  Release,
  RepositoryHead,
  Rollout,
  SigningEvent,
  TargetEntry,
} from './model.ts';

/** Keyset page: items after `after` (an id) in ascending id order, at most `limit` of them. */
export interface PageRequest {
  readonly after: string | undefined;
  readonly limit: number;
}

/**
 * Durable state. Each call is one transaction: on return it is on disk (WAL, synchronous=FULL), on a throw nothing of it is.
 * Everything is keyed by tenant: another tenant's object answers as a missing one.
 */
export interface Store {
  /** @throws {StoreError} STORE_DUPLICATE same tenant, protocol and identity exist */
  createDevice(device: Device): Promise<void>;
  device(tenant: string, id: string): Promise<DeviceView | undefined>;
  /** One keyed read. */
  deviceByIdentity(tenant: string, protocol: string, identity: string): Promise<DeviceView | undefined>;
  devices(tenant: string, page: PageRequest): Promise<readonly DeviceView[]>;

  /**
   * What a contact changed: `installed` and `facts` replace the stored ones, and an open attempt whose component now runs
   * `toVersion` becomes `confirmed`, in the same transaction. Returns the view afterwards.
   */
  recordContact(device: Device, contact: Pick<Contact, 'installed' | 'facts'>, atMs: number): Promise<DeviceView>;
  /** Batched last-seen times; unknown devices are ignored, times never go back. */
  recordSeen(seen: readonly { tenant: string; deviceId: string; atMs: number }[]): Promise<void>;

  release(tenant: string, id: string): Promise<Release | undefined>;
  releases(tenant: string, page: PageRequest): Promise<readonly Release[]>;

  createRollout(rollout: Rollout): Promise<void>;
  rollout(tenant: string, id: string): Promise<Rollout | undefined>;
  rollouts(tenant: string, page: PageRequest): Promise<readonly Rollout[]>;
  /** Every rollout of every tenant with its release, oldest first: the plan, loaded at start. */
  plan(): Promise<readonly { readonly rollout: Rollout; readonly release: Release }[]>;
  /** Replaces the rollout if its stored revision is `next.revision - 1`. @throws {StoreError} STORE_CONFLICT otherwise */
  updateRollout(next: Rollout): Promise<void>;

  /**
   * Opens the attempt unless its rollout no longer runs (a halt that was confirmed wins, REL-30): then `undefined`. An open
   * attempt of the same device and component stays if it is for the same release, else it is cancelled in favour of the new one.
   */
  openAttempt(
    attempt: Attempt,
  ): Promise<{ readonly attempt: Attempt; readonly cancelled: Attempt | undefined } | undefined>;
  /**
   * Moves an attempt forward. Late, repeated and backward moves change nothing (REL-9). Returns the attempt as it stands
   * afterwards and whether this call moved it; `undefined` when there is none.
   */
  moveAttempt(
    tenant: string,
    id: string,
    to: AttemptState,
    atMs: number,
  ): Promise<{ readonly attempt: Attempt; readonly moved: boolean } | undefined>;
  attempts(
    tenant: string,
    filter: { readonly deviceId?: string; readonly rolloutId?: string },
    page: PageRequest,
  ): Promise<readonly Attempt[]>;
  attemptCounts(tenant: string, rolloutId: string): Promise<ReadonlyMap<AttemptState, number>>;

  /** `undefined` before the first publication. */
  repository(tenant: string): Promise<RepositoryHead | undefined>;
  /** A file of the repository, exactly as it was published; every version there ever was. */
  metadata(tenant: string, role: string, version: number): Promise<Uint8Array | undefined>;
  /** Lowest version of a role that was never published, above those that were without a gap; 1 before the first. */
  freeVersion(tenant: string, role: string): Promise<number>;
  /** Published targets that are this image, in order of role and path; whether their role may still speak is not looked at. */
  targetsOf(tenant: string, image: ImageQuery): Promise<readonly ListedTarget[]>;
  /** What is about to be signed with an online key, durable before it is (SEC-26). */
  openIntent(intent: SigningIntent): Promise<void>;
  /** Closes an open intent that came to nothing: it was signed or not, but never published. */
  abandonIntent(tenant: string, id: string, atMs: number): Promise<void>;
  /** The same for all that a crash left open. Returns how many. */
  abandonIntents(tenant: string, atMs: number): Promise<number>;
  intents(tenant: string, page: PageRequest): Promise<readonly (SigningIntent & { readonly state: IntentState })[]>;
  /**
   * New files, the head that names them, what is signed with them and what it admits: all or nothing. Clients that read while it
   * happens see the head before or the head after (REL-8).
   * @throws {StoreError} STORE_CONFLICT somebody else published, or changed the event; STORE_DUPLICATE the release exists
   */
  publish(publication: Publication): Promise<void>;

  createSigningEvent(event: SigningEvent): Promise<void>;
  signingEvent(tenant: string, id: string): Promise<SigningEvent | undefined>;
  signingEvents(tenant: string, page: PageRequest): Promise<readonly SigningEvent[]>;
  /** Those that wait for people, oldest first; as many as people can have in hand. */
  openSigningEvents(tenant: string): Promise<readonly SigningEvent[]>;
  /** Replaces the event if its stored revision is `next.revision - 1`. @throws {StoreError} STORE_CONFLICT otherwise */
  updateSigningEvent(next: SigningEvent): Promise<void>;

  /** @throws {StoreError} STORE_DUPLICATE a token of that name is in use; STORE_FULL there are as many as may be */
  createToken(token: ApiToken): Promise<void>;
  /** Of any tenant, revoked or expired ones too: who asks decides what it is worth. One keyed read. */
  tokenByDigest(digest: string): Promise<ApiToken | undefined>;
  tokens(tenant: string, page: PageRequest): Promise<readonly ApiToken[]>;
  /** @returns the token as it stands afterwards; the first revocation counts. `undefined` when there is none */
  revokeToken(tenant: string, id: string, atMs: number): Promise<ApiToken | undefined>;
  /** Waits for work in hand, then lets go of all files and threads. */
  close(): Promise<void>;
}

export interface ImageQuery {
  readonly sha256: string;
  /** Only targets that list it; `undefined` for all. */
  readonly hardware: string | undefined;
  /** Of each role: its first paths. */
  readonly limit: number;
}

export type IntentState = 'open' | 'done' | 'abandoned';

export interface SigningIntent {
  readonly tenant: string;
  readonly id: string;
  /** What is to be signed, by which keys: `snapshot 4 by 1f3a…, timestamp 9 by 77b0…`. */
  readonly what: string;
  readonly atMs: number;
}

export interface Publication {
  /** After the publication; its revision is the one before plus one. */
  readonly head: RepositoryHead;
  readonly files: readonly {
    readonly role: string;
    readonly version: number;
    readonly bytes: Uint8Array;
    /** What a targets file lists; replaces what the version before listed. `undefined` for other roles. */
    readonly targets?: readonly TargetEntry[];
  }[];
  /** The intent this fulfils. */
  readonly intentId: string;
  readonly event?: SigningEvent;
  readonly release?: Release;
  readonly atMs: number;
}

/** Immutable bytes, addressed by their SHA-256. */
export interface Blobs {
  /**
   * Stores what `source` yields if it is exactly `lengthBytes` long and hashes to `sha256`; nothing otherwise. Durable on
   * return. Storing the same again changes nothing.
   * @throws {BlobError} BLOB_LENGTH, BLOB_DIGEST, BLOB_WRITE (disk full, I/O)
   */
  put(sha256: string, lengthBytes: number, source: AsyncIterable<Uint8Array>): Promise<void>;
  /** Length in bytes, or `undefined` when there is no such blob. */
  lengthBytes(sha256: string): Promise<number | undefined>;
  /** Bytes [start, end) in chunks. @throws {BlobError} BLOB_MISSING, BLOB_READ */
  read(sha256: string, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
  /** Keyset page in order of digests; `after` is one. */
  list(page: PageRequest): Promise<readonly BlobEntry[]>;
  /**
   * Hashes a blob anew. One that no longer hashes to its name is moved aside, kept for inspection (the newest of each digest), and
   * from then on missing, also after a restart, until it is stored again. One that is stored again meanwhile stays.
   * @param pace called after each chunk with its bytes, and waited for; what it throws ends the check without a verdict
   * @throws {BlobError} BLOB_READ it cannot be read; it stays where it is
   */
  check(sha256: string, pace?: (bytes: number) => Promise<void>): Promise<BlobCheck>;
  /** Digests of what was moved aside: keyset page. */
  quarantined(page: PageRequest): Promise<readonly string[]>;
  readonly uploads: Uploads;
}

export interface BlobEntry {
  readonly sha256: string;
  readonly lengthBytes: number;
  /** Wall clock at which its bytes were last seen to hash to its name: when it was stored, or checked. */
  readonly checkedAtMs: number;
}

export type BlobCheck =
  | { readonly state: 'good' }
  | { readonly state: 'missing' }
  /** `isAside` is false when the disk did not let it be moved; it is not served by this process all the same. */
  | { readonly state: 'bad'; readonly actualSha256: string; readonly isAside: boolean };

/**
 * Blobs that come in parts, over connections that break. What was acknowledged is durable: after a kill an upload goes on from there,
 * or from further on. Uploads that nobody adds to for UPLOAD_IDLE_MS of monotonic time go away; a restart begins that time anew.
 */
export interface Uploads {
  /**
   * The open upload of these bytes, begun by whomever, or a new one. An append that runs is ended, so that the offset stands still.
   * @throws {BlobError} BLOB_BUSY MAX_OPEN_UPLOADS are open, BLOB_WRITE, BLOB_MISSING not a digest
   */
  open(sha256: string, lengthBytes: number): Promise<Upload>;
  state(id: string): Promise<Upload | undefined>;
  /**
   * Adds what `source` yields behind the `offsetBytes` that are here. A newer call ends an older one that still waits for bytes: its
   * connection may be long dead. What came before a source broke off is kept.
   * @throws {UploadError} UPLOAD_UNKNOWN, UPLOAD_OFFSET another offset than what is here, UPLOAD_CUT the source broke off
   * @throws {BlobError} BLOB_LENGTH more than announced, BLOB_WRITE disk full, I/O: what was acknowledged stays
   */
  append(id: string, offsetBytes: number, source: AsyncIterable<Uint8Array>): Promise<Upload>;
  /**
   * Makes a blob of an upload that has all its bytes, durably.
   * @throws {UploadError} UPLOAD_UNKNOWN
   * @throws {BlobError} BLOB_LENGTH bytes are missing, it stays open; BLOB_DIGEST other bytes, it is gone; BLOB_WRITE
   */
  finish(id: string): Promise<void>;
  /** @returns whether there was one */
  abort(id: string): Promise<boolean>;
  /** Drops what is idle for too long, to free its disk. @returns how many */
  expire(): Promise<number>;
}

export interface Upload {
  readonly id: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  /** Bytes that are here, on disk. */
  readonly offsetBytes: number;
  /** Wall clock, as it stands now, at which it goes away unless something is added. */
  readonly expiresAtMs: number;
}

/** The image repository as devices see it: release proofs, ready to be served. */
export interface Proofs {
  /**
   * The proof of the artifact with this digest (64 lower-case hex digits), fresh enough for devices to take it; the same bytes until
   * something in it is signed anew. `undefined` when the tenant's signed metadata lists no such artifact.
   * @param hardware for devices of this hardware only; `undefined` for all
   */
  proof(tenant: string, sha256: string, hardware: string | undefined): Promise<Uint8Array | undefined>;
}

/** What a protocol declares about itself, so that the fleet needs to know none. */
export interface ProtocolTraits {
  readonly name: string;
  /** Why a device with these facts cannot take this artifact over this protocol; `undefined` when it can. */
  objection(facts: readonly string[], artifact: Artifact): { code: string; text: string } | undefined;
}
