/** The words of design section 3 as types. Ids are ULIDs; times are milliseconds since the epoch; digests lower-case hex. */

export type Assurance = 'proven' | 'bearer' | 'claimed' | 'anonymous';

/** What a device that got in touch says of itself, and how far that can be believed. */
export interface Contact {
  /** From the listener or the credential, never from the payload. */
  readonly tenant: string;
  readonly protocol: string;
  /** The protocol's own name of the device in its canonical spelling (CUPS: EUI as 16 hex digits). */
  readonly identity: string;
  readonly assurance: Assurance;
  /** Component name to the version it runs; `null` when the device does not know. */
  readonly installed: ReadonlyMap<string, string | null>;
  /** What else a decision of this protocol rests on (CUPS: the CRCs of its signature keys). Sorted, compared as text. */
  readonly facts: readonly string[];
}

export interface Device {
  readonly tenant: string;
  readonly id: string;
  readonly protocol: string;
  readonly identity: string;
  readonly hardware: string;
  readonly groups: readonly string[];
  readonly createdAtMs: number;
}

/** Everything a decision needs to know of one device, fetched by one keyed read. */
export interface DeviceView extends Device {
  readonly installed: ReadonlyMap<string, string | null>;
  readonly facts: readonly string[];
  /** At most one per component. */
  readonly openAttempts: readonly Attempt[];
  /** `null`: never. Exact to the last flush of the seen-buffer only. */
  readonly lastSeenAtMs: number | null;
}

/** A signature over an artifact's bytes that devices of one protocol check by themselves. */
export interface PayloadSignature {
  /** `cups-p256-sha512`: key is X || Y, 64 bytes; signature is DER ECDSA over the artifact with SHA-512. */
  readonly scheme: 'cups-p256-sha512';
  readonly key: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Artifact {
  readonly hardware: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  /** Its name in the targets metadata that admitted it. */
  readonly targetPath: string;
  readonly payloadSignatures: readonly PayloadSignature[];
}

export interface Release {
  readonly tenant: string;
  readonly id: string;
  readonly component: string;
  readonly version: string;
  /** One per hardware. */
  readonly artifacts: readonly Artifact[];
  /** The signing event that admitted it. */
  readonly signingEventId: string;
  /** Key ids whose signatures on the metadata that names its artifacts were checked. */
  readonly signedBy: readonly string[];
  readonly createdAtMs: number;
}

/** What a tenant's repository publishes now: the version of every role, root, snapshot and timestamp included. */
export interface RepositoryHead {
  readonly tenant: string;
  /** Grows by one with each publication. */
  readonly revision: number;
  readonly versions: ReadonlyMap<string, number>;
}

/** One target of a published file, so that an image is found by its digest. */
export interface TargetEntry {
  readonly path: string;
  readonly sha256: string;
  readonly hardwareIds: readonly string[];
}

/** The same, with the role whose file lists it. */
export interface ListedTarget extends TargetEntry {
  readonly role: string;
}

export type SigningState = 'open' | 'published' | 'cancelled';

/** What becomes of a signing event that is about a release. */
export interface ReleaseDraft {
  readonly component: string;
  readonly version: string;
  readonly artifacts: readonly Omit<Artifact, 'payloadSignatures'>[];
}

/** A change to the repository that waits for people to sign it. */
export interface SigningEvent {
  readonly tenant: string;
  readonly id: string;
  readonly state: SigningState;
  readonly reason: string;
  /** The signing request with every signature that was taken in (trust/repository/request.ts). */
  readonly request: Uint8Array;
  /** SHA-256 of what the request asks, hex. */
  readonly digest: string;
  readonly release: ReleaseDraft | null;
  /** The release that came of it. */
  readonly releaseId: string | null;
  readonly revision: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** What a caller of the API may do, by name; what each may is in server/access.ts. */
export const ROLES = ['viewer', 'operator', 'publisher', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A credential of a person or a program. The token itself is nowhere: only its digest. */
export interface ApiToken {
  readonly tenant: string;
  readonly id: string;
  /** Who or what uses it, for people to read. */
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, hex. Tokens are random and long: nothing is gained by a slow hash. */
  readonly digest: string;
  readonly createdAtMs: number;
  /** `null`: it does not expire. */
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

/** `share` is 0 < share <= 1 of all devices, by hash (design section 2). */
export type Phase =
  | { readonly name: string; readonly kind: 'group'; readonly group: string }
  | { readonly name: string; readonly kind: 'share'; readonly share: number };

export const ROLLOUT_STATES = ['running', 'paused', 'halted', 'cancelled'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

export interface Rollout {
  readonly tenant: string;
  readonly id: string;
  readonly releaseId: string;
  readonly phases: readonly Phase[];
  /** Phases 0 .. openPhases-1 are open. */
  readonly openPhases: number;
  readonly state: RolloutState;
  /** Grows by one with each change; the ETag of the resource. */
  readonly revision: number;
  readonly createdAtMs: number;
}

export const TERMINAL_STATES = ['confirmed', 'failed', 'rolledBack', 'timedOut', 'cancelled', 'refused'] as const;
export const OPEN_STATES = ['offered', 'downloading', 'downloaded', 'installing', 'installed'] as const;
/** All states, in the order they are passed. */
export const ATTEMPT_STATES = [...OPEN_STATES, ...TERMINAL_STATES] as const;
export type TerminalState = (typeof TERMINAL_STATES)[number];
export type OpenState = (typeof OPEN_STATES)[number];
export type AttemptState = OpenState | TerminalState;

/** One device x one release. */
export interface Attempt {
  readonly tenant: string;
  readonly id: string;
  readonly deviceId: string;
  readonly rolloutId: string;
  readonly releaseId: string;
  readonly component: string;
  readonly fromVersion: string | null;
  readonly toVersion: string;
  readonly state: AttemptState;
  readonly offeredAtMs: number;
  readonly updatedAtMs: number;
}

/** One rule that was looked at. `code` is stable API; `text` is a plain sentence with the values compared. */
export interface TraceStep {
  readonly code: string;
  readonly passed: boolean;
  readonly text: string;
}

export interface Offer {
  readonly component: string;
  readonly rolloutId: string;
  readonly releaseId: string;
  readonly version: string;
  readonly artifact: Artifact;
}

/** An offer per component or nothing, with the rules looked at in order; the first that said no ends its component. */
export interface Decision {
  readonly offers: readonly Offer[];
  readonly trace: readonly TraceStep[];
}
