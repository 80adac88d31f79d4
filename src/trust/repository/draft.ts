/**
 * New versions of the files people sign, made from what is published. Nothing is signed here.
 *
 * A repository lists its targets in the top file, or in hashed bins below it: `targets` names its suppliers, then `bins`, which
 * speaks for every path and splits them by hash. All of these are signed by the root's targets role, so adding one target
 * rewrites one bin, whatever the number of targets.
 */
import type { CanonicalInput } from '../../core/canonical-json.ts';
import type { PublicKey } from '../keys.ts';
import { binIndex, binSuffix, normalPath } from '../tuf/paths.ts';
import { type Delegations, type Root, requirePath, type Targets, type TopRole } from '../tuf/roles.ts';
import type { RoleKeys } from '../tuf/threshold.ts';
import {
  type DelegationContent,
  type NamedKey,
  type RoleContent,
  type RootContent,
  rootDocument,
  type SuccinctContent,
  type TargetContent,
  type TargetsContent,
  targetsDocument,
} from './documents.ts';
import { SigningError } from './errors.ts';

/** A file that waits to be signed. */
export interface DraftFile {
  readonly role: string;
  readonly version: number;
  readonly signed: CanonicalInput;
}

/** What is published, as far as a draft looks at it. */
export interface Published {
  readonly root: Root;
  /** Key id to the name of who holds it. */
  readonly names: ReadonlyMap<string, string>;
  /** Targets files by role, as far as they were read. */
  readonly files: ReadonlyMap<string, Targets>;
  /** Every targets role there ever was, with its newest version. */
  readonly versions: ReadonlyMap<string, number>;
}

export const BINS = 'bins';
const TOP_ROLES: readonly string[] = ['root', 'timestamp', 'snapshot'];
/** Every path's digest begins with one of these: `bins` speaks for what no supplier took. */
const ALL_PREFIXES: readonly string[] = [...'0123456789abcdef'];

/** Roles signed by the root's targets role: the top file and the bins. Any other is a supplier's. */
export function isOwnRole(role: string): boolean {
  return role === 'targets' || role === BINS || role.startsWith(`${BINS}-`);
}

/** The file that lists `path`: the top one, or its bin. */
export function roleOf(path: string, bits: number | undefined): string {
  return bits === undefined ? 'targets' : `${BINS}-${binIndex(requirePath(path), bits)}`;
}

/** @param bits bins to split targets into (2^bits), `undefined` for one file */
export function firstFiles(root: RootContent, bits: number | undefined, expiresAtMs: number): readonly DraftFile[] {
  const top = ownContent(root.roles.targets);
  const empty = { version: 1, expiresAtMs, targets: new Map() };
  const bins =
    bits === undefined ? [] : Array.from({ length: 2 ** bits }, (_, index) => `${BINS}-${binSuffix(index, bits)}`);
  return [
    { role: 'root', version: root.version, signed: rootDocument(root) },
    targetsFile('targets', bits === undefined ? empty : { ...empty, delegations: [binsDelegation(top)] }),
    ...(bits === undefined ? [] : [targetsFile(BINS, { ...empty, delegations: succinct(top, bits) })]),
    ...bins.map((role) => targetsFile(role, empty)),
  ];
}

/** The next root; when its targets role changes, every file that role signs comes with it. */
export function rootFiles(
  published: Published,
  roles: RootContent['roles'],
  expiresAtMs: number,
  targetsExpiresAtMs: number,
): readonly DraftFile[] {
  const version = published.root.version + 1;
  const root: DraftFile = { role: 'root', version, signed: rootDocument({ version, expiresAtMs, roles }) };
  if (sameRole(published.root, 'targets', roles.targets)) return [root];
  const own = ownContent(roles.targets);
  const files = [...published.files].filter(([role]) => isOwnRole(role));
  return [
    root,
    ...files.map(([role, file]) =>
      targetsFile(role, { ...nextContent(file), ...withOwnKeys(file, own), expiresAtMs: targetsExpiresAtMs }),
    ),
  ];
}

/** @param changes paths to add (or replace) with their entries, and paths to remove; all belong to files of `published` */
export function targetFiles(
  published: Published,
  changes: { readonly add: ReadonlyMap<string, TargetContent>; readonly remove: readonly string[] },
  where: { readonly role?: string; readonly bits: number | undefined },
  expiresAtMs: number,
): readonly DraftFile[] {
  const files = new Map<string, Map<string, TargetContent>>();
  const targetsAt = (path: string) => {
    const role = where.role ?? roleOf(path, where.bits);
    const targets = files.get(role) ?? new Map<string, TargetContent>(published.files.get(role)?.targets);
    files.set(role, targets);
    return targets;
  };
  for (const path of changes.remove) {
    if (!targetsAt(path).delete(path))
      throw new SigningError('SIGNING_CHANGE', `there is no target "${path}" to remove`, {
        fix: 'Name a path that is published; where a supplier lists it, name the supplier, too.',
      });
  }
  for (const [path, target] of changes.add) targetsAt(path).set(requirePath(path), target);
  return [...files].map(([role, targets]) => {
    const before = published.files.get(role)?.delegations;
    const version = (published.versions.get(role) ?? 0) + 1;
    const delegations = before && delegationsOf(before);
    return targetsFile(role, { version, expiresAtMs, targets, ...(delegations ? { delegations } : {}) });
  });
}

/**
 * Adds, replaces or removes one supplier; the bins stay last. A supplier that is new, or signs with other keys, signs its own file
 * in the same request, so that no client ever finds a delegation without a file that holds.
 */
export function delegationFiles(
  published: Published,
  change: { readonly set: DelegationContent } | { readonly remove: string },
  expiresAtMs: number,
): readonly DraftFile[] {
  const file = published.files.get('targets');
  const all = file?.delegations ? delegationsOf(file.delegations) : [];
  if (!file || 'bits' in all)
    throw new SigningError('SIGNING_CHANGE', 'the top file cannot take suppliers', {
      fix: 'It was written by another program, split into bins by itself: begin a repository of Sealift.',
    });
  const name = 'set' in change ? change.set.name : change.remove;
  if (isOwnRole(name) || TOP_ROLES.includes(name))
    throw new SigningError('SIGNING_CHANGE', `"${name}" cannot be the name of a supplier`, {
      fix: 'Choose another name: this one belongs to the repository itself.',
    });
  // Clients that hold roles as members of an object sort such names before all others, and find the signature wrong (ADR 0008).
  if ('set' in change && /^[0-9]+$/.test(name))
    throw new SigningError('SIGNING_CHANGE', `the name of a supplier cannot be a number alone, like "${name}"`, {
      fix: 'Choose a name with a letter in it.',
    });
  const before = all.find((one) => one.name === name);
  if ('remove' in change && !before) throw noSupplier(name, all);
  if ('set' in change) for (const path of change.set.paths ?? []) requirePattern(path);
  const delegations = 'set' in change ? withSupplier(all, change.set) : all.filter((one) => one !== before);
  const top = targetsFile('targets', { ...nextContent(file), expiresAtMs, delegations });
  const hasSameKeys = 'set' in change && before !== undefined && signersOf(before) === signersOf(change.set);
  if ('remove' in change || hasSameKeys) return [top];
  const targets = published.files.get(name)?.targets ?? new Map<string, TargetContent>();
  const version = (published.versions.get(name) ?? 0) + 1;
  return [top, targetsFile(name, { version, expiresAtMs, targets })];
}

function noSupplier(name: string, all: readonly DelegationContent[]): SigningError {
  const names = all.map((one) => one.name).filter((one) => one !== BINS);
  return new SigningError('SIGNING_CHANGE', `there is no supplier "${name}"`, {
    fix: names.length === 0 ? 'There are no suppliers yet.' : `Name one of ${names.join(', ')}.`,
  });
}

/** No path that it could match may be published. */
function requirePattern(pattern: string): void {
  try {
    requirePath(pattern);
  } catch {
    throw new SigningError('SIGNING_CHANGE', `no target path can match "${pattern.slice(0, 64)}"`, {
      fix: 'Use up to 1,024 characters, no control characters, and no segment that is "." or "..".',
    });
  }
}

/** In the place it had; a new one is the last of suppliers. Paths as readers understand them, so that what is signed is what they read. */
function withSupplier(all: readonly DelegationContent[], set: DelegationContent): readonly DelegationContent[] {
  const supplier = set.paths ? { ...set, paths: set.paths.map(normalPath) } : set;
  const replaced = all.map((one) => (one.name === supplier.name ? supplier : one));
  if (replaced.includes(supplier)) return replaced;
  return [...all.filter(({ name }) => name !== BINS), supplier, ...all.filter(({ name }) => name === BINS)];
}

function signersOf({ keys, threshold }: DelegationContent): string {
  return JSON.stringify([threshold, ...keys.map(({ fingerprint }) => fingerprint).toSorted()]);
}

/** The same content with a later expiry. */
export function renewedFiles(
  published: Published,
  roles: readonly string[],
  expiresAtMs: number,
): readonly DraftFile[] {
  return roles.map((role) => {
    const file = published.files.get(role);
    if (!file)
      throw new SigningError('SIGNING_CHANGE', `there is no role "${role}" to renew`, {
        fix: 'Name root, targets, a bin or a supplier; the server renews snapshot and timestamp by itself.',
      });
    return targetsFile(role, { ...nextContent(file), expiresAtMs });
  });
}

/** The roles of the root as they are published, to change some and keep the others. */
export function rolesOf({ root, names }: Pick<Published, 'root' | 'names'>): RootContent['roles'] {
  const role = (name: TopRole): RoleContent => ({
    keys: root.roles[name].keyIds.map(
      (keyId): NamedKey => ({
        name: names.get(keyId) ?? '',
        key: readable(root.keys.get(keyId), keyId),
      }),
    ),
    threshold: root.roles[name].threshold,
  });
  return { root: role('root'), timestamp: role('timestamp'), snapshot: role('snapshot'), targets: role('targets') };
}

function targetsFile(role: string, content: TargetsContent): DraftFile {
  return { role, version: content.version, signed: targetsDocument(content) };
}

/** What a file says, to be said again. @throws {SigningError} SIGNING_CHANGE it names a kind of key that we do not know */
export function contentOf({ version, expiresAtMs, targets, delegations }: Targets): TargetsContent {
  return { version, expiresAtMs, targets, ...(delegations ? { delegations: delegationsOf(delegations) } : {}) };
}

function nextContent(file: Targets): TargetsContent {
  return { ...contentOf(file), version: file.version + 1 };
}

interface OwnKeys {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

function ownContent({ keys, threshold }: RoleContent): OwnKeys {
  return { keys: keys.map(({ key }) => key), threshold };
}

function binsDelegation(own: OwnKeys): DelegationContent {
  return { name: BINS, ...own, terminating: true, hashPrefixes: ALL_PREFIXES };
}

function succinct(own: OwnKeys, bits: number): SuccinctContent {
  return { ...own, bits, namePrefix: BINS };
}

/** Delegations to our own bins take the new keys; those to suppliers stay. */
function withOwnKeys({ delegations }: Targets, own: OwnKeys): Pick<TargetsContent, 'delegations'> {
  if (!delegations) return {};
  const content = delegationsOf(delegations);
  if ('bits' in content) return { delegations: { ...content, ...own } };
  return { delegations: content.map((one) => (one.name === BINS ? { ...one, ...own } : one)) };
}

function delegationsOf({ keys, roles, succinct: bins }: Delegations): readonly DelegationContent[] | SuccinctContent {
  const keysOf = ({ keyIds }: RoleKeys) => keyIds.map((keyId) => readable(keys.get(keyId), keyId));
  if (bins) return { keys: keysOf(bins), threshold: bins.threshold, bits: bins.bits, namePrefix: bins.namePrefix };
  return roles.map((role) => ({
    ...{ name: role.name, keys: keysOf(role), threshold: role.threshold, terminating: role.terminating },
    ...(role.paths ? { paths: role.paths } : {}),
    ...(role.hashPrefixes ? { hashPrefixes: role.hashPrefixes } : {}),
    ...(role.hardwareIds ? { hardwareIds: role.hardwareIds } : {}),
  }));
}

function readable(key: PublicKey | undefined, keyId: string): PublicKey {
  if (key) return key;
  throw new SigningError('SIGNING_CHANGE', `key ${keyId} is of a kind this version does not know`, {
    fix: 'Update sealift before you change a file that names it.',
  });
}

/** Whether the same keys sign, by the same threshold. */
export function sameRole({ keys, roles }: Root, role: TopRole, content: RoleContent): boolean {
  const before = roles[role].keyIds.map((keyId) => keys.get(keyId)?.fingerprint ?? keyId).toSorted();
  const after = content.keys.map(({ key }) => key.fingerprint).toSorted();
  return roles[role].threshold === content.threshold && JSON.stringify(before) === JSON.stringify(after);
}
