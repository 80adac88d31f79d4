/**
 * Bytes, a time and what is trusted so far in; a trusted value or a typed error out. No I/O, no clock, nothing remembered.
 *
 * Spec: spec/uptane.md sections 9.1 to 9.5 (S5.4.4.3 to S5.4.4.6, TUF 5.3 to 5.6). Inside `signed` nothing is believed before the
 * signatures hold; the order of the steps is the order of the lines.
 */
import { createHash } from 'node:crypto';
import { wireJson } from '../../core/canonical-json.ts';
import { TrustError } from '../errors.ts';
import { MAX_ROOT_BYTES, MAX_SNAPSHOT_BYTES, MAX_TARGETS_BYTES, MAX_TIMESTAMP_BYTES } from '../limits.ts';
import type { Dialect } from './dialect.ts';
import { type Envelope, readEnvelope } from './envelope.ts';
import {
  type Common,
  type FileFacts,
  type Root,
  readRoot,
  readSnapshot,
  readTargets,
  readTimestamp,
  requireType,
  type Snapshot,
  type Targets,
  type Timestamp,
  type TopRole,
} from './roles.ts';
import { describeTime, inRole, readVersion, writeTime } from './shape.ts';
import { type KeyTable, type RoleKeys, requireSignatures } from './threshold.ts';

declare const VERIFIED: unique symbol;

/** Only this file makes these: none can be written down elsewhere. */
export interface Verified<T> {
  readonly [VERIFIED]: true;
  readonly value: T;
  /** Exactly as they came. */
  readonly bytes: Uint8Array;
  /** Ids of the distinct keys that have signed, at least the threshold. */
  readonly signedBy: readonly string[];
}

function verified<T>(value: T, bytes: Uint8Array, signedBy: readonly string[]): Verified<T> {
  return { value, bytes, signedBy } as Verified<T>;
}

export interface Context {
  readonly dialect: Dialect;
  /** One instant for a whole update, milliseconds since the epoch; `undefined` where expiry does not matter. */
  readonly nowMs: number | undefined;
}

/** The root a client was provisioned with: nobody vouches for it, but it must hold in itself (9.2 step 1). */
export function acceptFirstRoot(bytes: Uint8Array, { dialect }: Context): Verified<Root> {
  return inRole('root', () => {
    const envelope = readEnvelope(bytes, MAX_ROOT_BYTES, dialect);
    requireType(envelope.signed, 'root', dialect);
    const value = readRoot(envelope.signed, dialect);
    return verified(value, bytes, requireSignatures(value.roles.root, value.keys, envelope));
  });
}

/** 9.2 steps 3 and 4. Its expiry is not looked at: only the last root of a chain must be current. */
export function acceptNextRoot(
  { value: trusted }: Verified<Root>,
  bytes: Uint8Array,
  { dialect }: Context,
): Verified<Root> {
  return inRole('root', () => {
    const envelope = readEnvelope(bytes, MAX_ROOT_BYTES, dialect);
    requireSignatures(trusted.roles.root, trusted.keys, envelope);
    requireType(envelope.signed, 'root', dialect);
    const value = readRoot(envelope.signed, dialect);
    const signedBy = requireSignatures(value.roles.root, value.keys, envelope);
    if (value.version !== trusted.version + 1) throw rollback(value.version, trusted.version + 1, 'must follow as');
    return verified(value, bytes, signedBy);
  });
}

/** For what was accepted without a time: the last root of a chain (9.2 step 6), and what is held from an earlier update. */
export function requireUnexpired(role: string, { expiresAtMs }: Common, context: Pick<Context, 'nowMs'>): void {
  inRole(role, () => requireCurrent(expiresAtMs, context));
}

/** 9.3. @returns `stored` itself when the versions are equal: whatever else came under that version is not looked at */
export function acceptTimestamp(
  { value: root }: Verified<Root>,
  stored: Verified<Timestamp> | undefined,
  bytes: Uint8Array,
  context: Context,
): Verified<Timestamp> {
  return inRole('timestamp', () => {
    const envelope = readEnvelope(bytes, MAX_TIMESTAMP_BYTES, context.dialect);
    const signedBy = requireTopRole(root, 'timestamp', envelope, context);
    const value = readTimestamp(envelope.signed, context.dialect);
    const accepted = stored?.value.version === value.version ? stored : verified(value, bytes, signedBy);
    if (stored) {
      requireNotLower(value.version, stored.value.version);
      requireNotLower(accepted.value.snapshot.version, stored.value.snapshot.version);
    }
    requireCurrent(accepted.value.expiresAtMs, context);
    return accepted;
  });
}

/** 9.4. @param timestamp `undefined` for what is stored: it was listed when it came */
export function acceptSnapshot(
  { value: root }: Verified<Root>,
  timestamp: Verified<Timestamp> | undefined,
  stored: Verified<Snapshot> | undefined,
  bytes: Uint8Array,
  context: Context,
): Verified<Snapshot> {
  return inRole('snapshot', () => {
    const envelope = readEnvelope(bytes, MAX_SNAPSHOT_BYTES, context.dialect);
    if (timestamp) requireListed(bytes, envelope, timestamp.value.snapshot, context);
    const signedBy = requireTopRole(root, 'snapshot', envelope, context);
    const value = readSnapshot(envelope.signed);
    if (stored) {
      requireNotLower(value.version, stored.value.version);
      requireNoneLost(value, stored.value);
    }
    requireCurrent(value.expiresAtMs, context);
    return verified(value, bytes, signedBy);
  });
}

/** Who may sign a targets file: the root for the top one, the delegating file for the others. */
export interface Delegator {
  readonly keys: KeyTable;
  readonly role: RoleKeys;
}

/** 9.5, for the top-level role and for delegated ones. @param snapshot `undefined` for what is stored: it was listed when it came */
export function acceptTargets(
  name: string,
  { keys, role }: Delegator,
  snapshot: Verified<Snapshot> | undefined,
  bytes: Uint8Array,
  context: Context,
  stored?: Verified<Targets>,
): Verified<Targets> {
  return inRole(name, () => {
    const envelope = readEnvelope(bytes, MAX_TARGETS_BYTES, context.dialect);
    if (snapshot) requireListed(bytes, envelope, requireFile(snapshot.value, name), context);
    const signedBy = requireSignatures(role, keys, envelope);
    requireType(envelope.signed, 'targets', context.dialect);
    const value = readTargets(envelope.signed, context.dialect);
    if (stored) requireNotLower(value.version, stored.value.version);
    requireCurrent(value.expiresAtMs, context);
    return verified(value, bytes, signedBy);
  });
}

/** What the snapshot says of a role's file. @throws {TrustError} TRUST_MISSING it says nothing */
export function requireFile(snapshot: Snapshot, name: string): FileFacts {
  const facts = snapshot.files.get(name);
  if (facts) return facts;
  throw new TrustError('TRUST_MISSING', `the snapshot does not list ${name.slice(0, 64)}`, { detail: { role: name } });
}

function requireTopRole(root: Root, role: TopRole, envelope: Envelope, { dialect }: Context): readonly string[] {
  const signedBy = requireSignatures(root.roles[role], root.keys, envelope);
  requireType(envelope.signed, role, dialect);
  return signedBy;
}

/** Version, length and every hash we can compute are those that were listed, before anything else is looked at. */
function requireListed(bytes: Uint8Array, envelope: Envelope, facts: FileFacts, { dialect }: Context): void {
  const version = readVersion(envelope.signed, '/signed');
  // What is hashed is written as what is signed: in the dialect that hashes the canonical form, by jsoncpp.
  const covered = dialect.hashesOver === 'file' ? bytes : wireJson(envelope.document);
  const problem =
    mismatch(covered, facts) ??
    (version === facts.version ? undefined : `is version ${version}, version ${facts.version} is listed`);
  if (problem === undefined) return;
  throw new TrustError('TRUST_MIX_AND_MATCH', `the file ${problem}`, { detail: { version, listed: facts.version } });
}

function mismatch(covered: Uint8Array, { lengthBytes, hashes }: FileFacts): string | undefined {
  if (lengthBytes !== undefined && covered.length !== lengthBytes)
    return `has ${covered.length} bytes, ${lengthBytes} are listed`;
  if (!hashes) return undefined;
  const known = HASHES.filter((algorithm) => hashes.has(algorithm));
  const wrong = known.find(
    (algorithm) => createHash(algorithm).update(covered).digest('hex') !== hashes.get(algorithm),
  );
  if (wrong) return `has another ${wrong} than is listed`;
  return known.length > 0 ? undefined : 'is listed with no hash that can be checked';
}

/** Algorithms we compute, wherever hashes are listed. */
export const HASHES = ['sha256', 'sha512'] as const;

/** 9.4: every file that was listed before still is, and no version went down. */
function requireNoneLost(next: Snapshot, stored: Snapshot): void {
  for (const [name, { version }] of stored.files) {
    const listed = next.files.get(name);
    if (!listed)
      throw new TrustError('TRUST_ROLLBACK', `${name.slice(0, 64)} is no longer listed`, { detail: { lost: name } });
    requireNotLower(listed.version, version);
  }
}

function requireNotLower(version: number, seen: number): void {
  if (version < seen) throw rollback(version, seen, 'comes after');
}

function rollback(version: number, other: number, relation: string): TrustError {
  return new TrustError('TRUST_ROLLBACK', `version ${version} ${relation} version ${other}`, {
    detail: { version, other },
    fix: 'Fetch the newest metadata; if it stays, somebody replays an old one or the server was restored from a backup.',
  });
}

/** At the very instant of its expiry it has expired, and also when the clock shows no time at all. */
function requireCurrent(expiresAtMs: number, { nowMs }: Pick<Context, 'nowMs'>): void {
  if (nowMs === undefined || nowMs < expiresAtMs) return;
  throw new TrustError('TRUST_EXPIRED', `expired at ${writeTime(expiresAtMs)}, it is ${describeTime(nowMs)}`, {
    detail: { expiresAtMs, nowMs },
    fix: 'Sign it again with a later expiry; if the time is wrong, set the clock.',
  });
}
