/**
 * One update of a client's trusted metadata, as a conversation: it asks for files and says what to keep; whoever drives it does the I/O.
 *
 * Spec: spec/uptane.md sections 9.2 to 9.5 and 10 (TUF 5.3 to 5.6). The files may come from a web server, from a release proof or
 * from a test; what is trusted is the same.
 */
import { TrustError } from '../errors.ts';
import {
  MAX_DELEGATED_ROLES,
  MAX_ROOT_BYTES,
  MAX_ROOT_STEPS,
  MAX_SNAPSHOT_BYTES,
  MAX_TARGETS_BYTES,
  MAX_TIMESTAMP_BYTES,
} from '../limits.ts';
import {
  acceptFirstRoot,
  acceptNextRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  type Context,
  type Delegator,
  requireFile,
  requireUnexpired,
  type Verified,
} from './accept.ts';
import { delegationsFor } from './delegations.ts';
import { normalPath } from './paths.ts';
import type { FileFacts, Root, Snapshot, Target, Targets, Timestamp, TopRole } from './roles.ts';
import { Searches } from './searches.ts';
import { inRole } from './shape.ts';
import { Steps } from './steps.ts';
import type { RoleKeys } from './threshold.ts';

/** What a client keeps between updates: the bytes of each role it trusts. `root` is always there. */
export type Stored = ReadonlyMap<string, Uint8Array>;

export type Step =
  /** Answer with the file's bytes, or `undefined` when there is none. Never read more than `maxBytes` of it. */
  | { readonly do: 'fetch'; readonly file: string; readonly role: string; readonly maxBytes: number }
  /** Trusted from now on: replaces what is stored for the role. */
  | { readonly do: 'keep'; readonly role: string; readonly bytes: Uint8Array }
  /** No longer trusted (9.2 step 7). */
  | { readonly do: 'drop'; readonly role: string };

/** The driver sends the answer to the last `fetch`; what it sends after the others is ignored. */
export type Conversation<T> = Generator<Step, T, Uint8Array | undefined>;

/** The four top-level roles after an update. */
export interface Trusted {
  readonly root: Verified<Root>;
  readonly timestamp: Verified<Timestamp>;
  readonly snapshot: Verified<Snapshot>;
  readonly targets: Verified<Targets>;
  /** Dialect, and the one instant that this update holds expiry against. */
  readonly context: Context;
}

/**
 * @param context `nowMs` is the client's time; a signed time that it has seen makes it later, never earlier (REL-11). Without one
 * expiry is not looked at, which only the repository itself and its signers may do
 * @param maxRoots to follow; without a limit where all files are at hand, which bounds them, and nothing is kept in between
 * @throws {TrustError} with the role in `detail.role`; what was kept before stays kept, nothing else changes. {JsonError} never
 */
export function* refresh(stored: Stored, context: Context, maxRoots = MAX_ROOT_STEPS): Conversation<Trusted> {
  const { root, held } = yield* refreshRoot(stored, context, maxRoots);
  const before = notBefore(context, heldTimestamp(root, held, context));
  requireUnexpired('root', root.value, before);
  const timestamp = yield* refreshTimestamp(root, held, before);
  const now = notBefore(before, timestamp);
  const snapshot = yield* refreshSnapshot(root, timestamp, held, now);
  const delegator = { keys: root.value.keys, role: root.value.roles.targets };
  const targets = yield* loadTargets('targets', delegator, { root, snapshot }, held, now);
  return { root, timestamp, snapshot, targets, context: now };
}

/** A clock that runs behind what was signed is wrong; one that runs ahead cannot be told from a real delay. */
function notBefore({ dialect, nowMs }: Context, timestamp: Verified<Timestamp> | undefined): Context {
  return { dialect, nowMs: nowMs === undefined ? undefined : Math.max(nowMs, timestamp?.value.signedAtMs ?? 0) };
}

function storedRoot(stored: Stored): Uint8Array {
  return stored.get('root') ?? new Uint8Array();
}

/**
 * 9.2 steps 1 to 5, and 7 with each root: it is dropped before the root is kept, since after an update that was cut short nothing
 * shows any longer which keys were rotated.
 */
function* refreshRoot(
  stored: Stored,
  context: Context,
  maxRoots: number,
): Conversation<{ readonly root: Verified<Root>; readonly held: Stored }> {
  let root = acceptFirstRoot(storedRoot(stored), context);
  let held: Stored = new Map(stored);
  for (let step = 0; ; step += 1) {
    const bytes = yield* fetchRoot(root, context);
    if (!bytes) return { root, held };
    if (step === maxRoots) {
      throw new TrustError('TRUST_LENGTH', `more than ${maxRoots} roots to follow`, {
        detail: { role: 'root' },
        fix: 'Refresh again: it goes on from the last root that was kept.',
      });
    }
    const next = acceptNextRoot(root, bytes, context);
    const stale = staleRoles(root.value, next.value);
    for (const role of stale) yield { do: 'drop', role };
    yield { do: 'keep', role: 'root', bytes };
    held = new Map([...held].filter(([role]) => !stale.includes(role)));
    root = next;
  }
}

/** A repository with a single root file has no chain: the file is the next root, or still the one we have (spec 18 trap 4). */
function* fetchRoot(last: Verified<Root>, { dialect }: Context): Conversation<Uint8Array | undefined> {
  if (dialect.rootFiles === 'chain') {
    return yield { do: 'fetch', file: `${last.value.version + 1}.root.json`, role: 'root', maxBytes: MAX_ROOT_BYTES };
  }
  const bytes = yield { do: 'fetch', file: 'root.json', role: 'root', maxBytes: MAX_ROOT_BYTES };
  return bytes && Buffer.compare(bytes, last.bytes) === 0 ? undefined : bytes;
}

/** 9.2 step 7: whoever held the old keys may have set versions as high as there are. */
function staleRoles(before: Root, after: Root): readonly string[] {
  const isRotated = (role: TopRole) => !sameKeys(before, after, role);
  const isOnlineRotated = isRotated('timestamp') || isRotated('snapshot');
  return [
    ...(isOnlineRotated ? (['timestamp', 'snapshot'] as const) : []),
    ...(isRotated('targets') ? (['targets'] as const) : []),
  ];
}

function sameKeys(before: Root, after: Root, role: TopRole): boolean {
  const describe = ({ keys, roles }: Root) => {
    const { keyIds, threshold }: RoleKeys = roles[role];
    return JSON.stringify([threshold, ...keyIds.map((keyId) => keys.get(keyId)?.fingerprint ?? keyId).toSorted()]);
  };
  return describe(before) === describe(after);
}

/** A stored file that no longer holds (its keys were rotated, it was damaged) is as good as none. */
function restore<T>(
  bytes: Uint8Array | undefined,
  { dialect }: Context,
  accept: (bytes: Uint8Array, context: Context) => T,
): T | undefined {
  if (!bytes) return undefined;
  try {
    return accept(bytes, { dialect, nowMs: undefined });
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** 9.3. */
function* refreshTimestamp(root: Verified<Root>, stored: Stored, context: Context): Conversation<Verified<Timestamp>> {
  const bytes = yield { do: 'fetch', file: 'timestamp.json', role: 'timestamp', maxBytes: MAX_TIMESTAMP_BYTES };
  if (!bytes) throw missing('timestamp', 'timestamp.json');
  const held = heldTimestamp(root, stored, context);
  const timestamp = acceptTimestamp(root, held, bytes, context);
  if (timestamp !== held) yield { do: 'keep', role: 'timestamp', bytes };
  return timestamp;
}

function heldTimestamp(root: Verified<Root>, stored: Stored, context: Context): Verified<Timestamp> | undefined {
  return restore(stored.get('timestamp'), context, (bytes, unbound) =>
    acceptTimestamp(root, undefined, bytes, unbound),
  );
}

/** 9.4: the one we hold, when it is the one that is listed; else fetched, and held against it whatever listed it. */
function* refreshSnapshot(
  root: Verified<Root>,
  timestamp: Verified<Timestamp>,
  stored: Stored,
  context: Context,
): Conversation<Verified<Snapshot>> {
  const heldAs = (listedBy: Verified<Timestamp> | undefined) =>
    restore(stored.get('snapshot'), context, (bytes, unbound) =>
      acceptSnapshot(root, listedBy, undefined, bytes, unbound),
    );
  const same = heldAs(timestamp);
  if (same) {
    requireUnexpired('snapshot', same.value, context);
    return same;
  }
  const facts = timestamp.value.snapshot;
  const file = fileName(root, 'snapshot', facts);
  const bytes = yield { do: 'fetch', file, role: 'snapshot', maxBytes: bound(facts, MAX_SNAPSHOT_BYTES, context) };
  if (!bytes) throw missing('snapshot', file);
  const snapshot = acceptSnapshot(root, timestamp, heldAs(undefined), bytes, context);
  yield { do: 'keep', role: 'snapshot', bytes };
  return snapshot;
}

/** 9.5, likewise. */
function* loadTargets(
  name: string,
  delegator: Delegator,
  { root, snapshot }: Pick<Trusted, 'root' | 'snapshot'>,
  stored: Stored,
  context: Context,
): Conversation<Verified<Targets>> {
  const heldAs = (listedBy: Verified<Snapshot> | undefined) =>
    restore(stored.get(name), context, (bytes, unbound) => acceptTargets(name, delegator, listedBy, bytes, unbound));
  const same = heldAs(snapshot);
  if (same) {
    requireUnexpired(name, same.value, context);
    return same;
  }
  const facts = requireFile(snapshot.value, name);
  const file = fileName(root, name, facts);
  const bytes = yield { do: 'fetch', file, role: name, maxBytes: bound(facts, MAX_TARGETS_BYTES, context) };
  if (!bytes) throw missing(name, file);
  const targets = acceptTargets(name, delegator, snapshot, bytes, context, heldAs(undefined));
  yield { do: 'keep', role: name, bytes };
  return targets;
}

export interface Wanted {
  readonly path: string;
  /** Delegations limited to hardware are followed for this hardware only. */
  readonly hardwareId?: string;
}

/** A targets role that was read. */
export interface Visited extends Verified<Targets> {
  readonly role: string;
  /** Who may sign it: of bins, all have the same. */
  readonly authority: RoleKeys;
}

export interface Found {
  readonly target: Target;
  /** Role that lists it. */
  readonly role: string;
  /** Its file. */
  readonly file: Visited;
  /** Every targets role that was read on the way, the last one included. */
  readonly visited: readonly Visited[];
}

/**
 * Section 10: the delegations before and behind it, in their order of priority; a terminating one ends the search after its own.
 * @param searches those before it in this update, with which it shares what was read
 * @returns `undefined` when nobody who may speak for the path lists it
 * @throws {TrustError} a role on the way is missing or does not hold: the search ends, since skipping it would let others speak;
 * TRUST_LENGTH it takes too long
 */
export function* findTarget(
  trusted: Trusted,
  wanted: Wanted,
  stored: Stored,
  searches = new Searches(),
): Conversation<Found | undefined> {
  const { root, targets, context } = trusted;
  const path = normalPath(wanted.path);
  const steps = new Steps();
  const seen = new Set<string>();
  /** The next to visit is the last that was not seen. */
  const waiting: { name: string; delegator: Delegator }[] = [];
  let current: Visited = { ...targets, role: 'targets', authority: root.value.roles.targets };
  const visited = [current];
  for (;;) {
    const { value, role } = current;
    const target = value.targets.get(path);
    if (target) return { target, role, file: current, visited };
    const { next, terminates } = inRole(role, () =>
      delegationsFor(value.delegations, path, wanted.hardwareId, context.dialect, steps),
    );
    if (terminates) waiting.length = 0;
    waiting.push(...next.toReversed());
    const reached = waiting.findLast(({ name }) => !seen.has(name));
    if (!reached) return undefined;
    if (seen.size === MAX_DELEGATED_ROLES) {
      searches.isCutShort = true;
      return undefined;
    }
    const { name, delegator } = reached;
    seen.add(name);
    const load = () => loadTargets(name, delegator, trusted, stored, context);
    current = { ...(yield* searches.read(name, delegator.role, load)), role: name, authority: delegator.role };
    visited.push(current);
  }
}

function fileName({ value }: Verified<Root>, name: string, { version }: FileFacts): string {
  return value.consistentSnapshot ? `${version}.${encodeURIComponent(name)}.json` : `${encodeURIComponent(name)}.json`;
}

/** A length of the canonical form says nothing of how long the file is. */
function bound({ lengthBytes }: FileFacts, max: number, { dialect }: Context): number {
  return dialect.hashesOver === 'file' ? Math.min(lengthBytes ?? max, max) : max;
}

function missing(role: string, file: string): TrustError {
  return new TrustError('TRUST_MISSING', `there is no ${file}`, {
    detail: { role },
    fix: 'Ask the operator of the repository; until it is back, nothing changes on this device.',
  });
}
