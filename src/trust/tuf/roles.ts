/**
 * The four roles as values, read from what was signed (spec/uptane.md section 3.4).
 *
 * Shapes only: whether somebody we trust has signed it is decided in accept.ts, before these functions are called on it.
 */
import { asArray, asInteger, asObject, asString, type JsonObject, type JsonValue } from '../../core/json.ts';
import { TrustError } from '../errors.ts';
import { parsePublicKey } from '../keys.ts';
import {
  MAX_DELEGATION_PATHS,
  MAX_DELEGATIONS,
  MAX_HARDWARE_IDS,
  MAX_KEYS,
  MAX_NAME_CHARACTERS,
  MAX_PATTERN_CHARACTERS,
  MAX_PATTERNS,
  MAX_SUCCINCT_BITS,
} from '../limits.ts';
import type { Dialect } from './dialect.ts';
import { normalPath } from './paths.ts';
import { inRole, malformed, readFlag, readHashes, readName, readNames, readTime, readVersion } from './shape.ts';
import { type KeyTable, type RoleKeys, requirePossible } from './threshold.ts';

export const TOP_ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export type TopRole = (typeof TOP_ROLES)[number];

export function isTopRole(name: string): name is TopRole {
  return TOP_ROLES.some((role) => role === name);
}

export interface Common {
  readonly version: number;
  readonly expiresAtMs: number;
}

export interface Root extends Common {
  readonly keys: KeyTable;
  readonly roles: Readonly<Record<TopRole, RoleKeys>>;
  readonly consistentSnapshot: boolean;
}

/** What one file says of another. Length and hashes where it says them. */
export interface FileFacts {
  readonly version: number;
  readonly lengthBytes: number | undefined;
  readonly hashes: ReadonlyMap<string, string> | undefined;
}

export interface Timestamp extends Common {
  readonly snapshot: FileFacts;
  /** When it was signed, where its signer says so: no honest clock is earlier. Ours always says. */
  readonly signedAtMs: number | undefined;
}

export interface Snapshot extends Common {
  /** By role name: `targets`, and every delegated role. */
  readonly files: ReadonlyMap<string, FileFacts>;
}

export interface Target {
  readonly lengthBytes: number;
  /** Lower-case hex by algorithm. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Hardware the image is for; empty when the signer named none. */
  readonly hardwareIds: readonly string[];
  /** What the image is, where the signer said so. */
  readonly component: string | undefined;
  readonly version: string | undefined;
  /** All that is custom, as it was signed. */
  readonly custom: JsonObject;
}

export interface Targets extends Common {
  /** By normal path (paths.ts). */
  readonly targets: ReadonlyMap<string, Target>;
  readonly delegations: Delegations | undefined;
}

export interface Delegations {
  readonly keys: KeyTable;
  /** In order of priority. */
  readonly roles: readonly Delegation[];
  readonly succinct: SuccinctRoles | undefined;
}

export interface Delegation extends RoleKeys {
  readonly name: string;
  readonly terminating: boolean;
  /** Exactly one of both. */
  readonly paths: readonly string[] | undefined;
  readonly hashPrefixes: readonly string[] | undefined;
  /** `undefined`: any hardware. */
  readonly hardwareIds: readonly string[] | undefined;
}

export interface SuccinctRoles extends RoleKeys {
  readonly bits: number;
  readonly namePrefix: string;
}

const SPEC_VERSION_FORM = /^1\.[0-9]{1,4}(?:\.[0-9]{1,4})?$/;
const PREFIX_FORM = /^[0-9a-f]{1,64}$/;
const FILE_ENDING = '.json';
const NO_CUSTOM: JsonObject = new Map();

/** @throws {TrustError} TRUST_MALFORMED another type, TRUST_UNSUPPORTED another major version of the specification */
export function requireType(signed: JsonObject, role: TopRole, dialect: Dialect): void {
  const type = asString(signed.get('_type'), '/signed/_type');
  if (type !== dialect.types[role])
    throw malformed('/signed/_type', `is "${type.slice(0, 32)}", not "${dialect.types[role]}"`);
  if (!dialect.hasSpecVersion) return;
  const spec = asString(signed.get('spec_version'), '/signed/spec_version');
  if (!SPEC_VERSION_FORM.test(spec))
    throw new TrustError('TRUST_UNSUPPORTED', `spec version ${spec.slice(0, 32)}, not 1.x`);
}

/** Spec 9.2 step 8. A threshold that cannot be met is reported under the role that has it. */
export function readRoot(signed: JsonObject, dialect: Dialect): Root {
  const keys = readKeys(signed.get('keys'), '/signed/keys', dialect);
  const roles = asObject(signed.get('roles'), '/signed/roles');
  const role = (name: TopRole): RoleKeys =>
    inRole(name, () => readRoleKeys(asObject(roles.get(name), `/signed/roles/${name}`), `/signed/roles/${name}`, keys));
  return {
    ...readCommon(signed),
    keys,
    roles: { root: role('root'), timestamp: role('timestamp'), snapshot: role('snapshot'), targets: role('targets') },
    consistentSnapshot: readFlag(signed, 'consistent_snapshot', '/signed'),
  };
}

const SNAPSHOT_FILE = 'snapshot.json';
const SNAPSHOT_AT = '/signed/meta/snapshot.json';

export function readTimestamp(signed: JsonObject, { needsSnapshotHash }: Dialect): Timestamp {
  const meta = asObject(signed.get('meta'), '/signed/meta');
  const common = readCommon(signed);
  const snapshot = readFileFacts(meta.get(SNAPSHOT_FILE), SNAPSHOT_AT);
  if (meta.size > 1) throw malformed('/signed/meta', `lists more than ${SNAPSHOT_FILE}`);
  if (needsSnapshotHash && !snapshot.hashes) throw malformed(SNAPSHOT_AT, 'lists no hash');
  return { ...common, snapshot, signedAtMs: readSignedAt(signed.get('signed_at'), common) };
}

function readSignedAt(json: JsonValue | undefined, { expiresAtMs }: Common): number | undefined {
  if (json === undefined) return undefined;
  const signedAtMs = readTime(json, '/signed/signed_at');
  if (signedAtMs < expiresAtMs) return signedAtMs;
  throw malformed('/signed/signed_at', 'is not before its own expiry');
}

export function readSnapshot(signed: JsonObject): Snapshot {
  const files = new Map<string, FileFacts>();
  for (const [name, json] of asObject(signed.get('meta'), '/signed/meta')) {
    if (!name.endsWith(FILE_ENDING)) throw malformed('/signed/meta', `names "${name.slice(0, 64)}", which is no .json`);
    files.set(name.slice(0, -FILE_ENDING.length), readFileFacts(json, `/signed/meta/${name}`));
  }
  return { ...readCommon(signed), files };
}

export function readTargets(signed: JsonObject, dialect: Dialect): Targets {
  const targets = new Map<string, Target>();
  for (const [path, json] of asObject(signed.get('targets'), '/signed/targets')) {
    const normal = requirePath(path);
    if (targets.has(normal)) throw malformed('/signed/targets', `spells "${path.slice(0, 64)}" in two ways`);
    targets.set(normal, readTarget(json, `/signed/targets/${path}`));
  }
  const delegations = signed.get('delegations');
  return {
    ...readCommon(signed),
    targets,
    delegations: delegations === undefined ? undefined : readDelegations(asObject(delegations, AT), dialect),
  };
}

function readCommon(signed: JsonObject): Common {
  return { version: readVersion(signed, '/signed'), expiresAtMs: readTime(signed.get('expires'), '/signed/expires') };
}

/** A key of a kind we do not know is kept by name: it may belong to a role that others sign as well. */
function readKeys(json: JsonValue | undefined, path: string, dialect: Dialect): KeyTable {
  const table = asObject(json, path);
  if (table.size > MAX_KEYS) throw malformed(path, `has ${table.size} keys, at most ${MAX_KEYS} are allowed`);
  return new Map([...table].map(([keyId, key]) => [readName(keyId, path), readKey(key, dialect)]));
}

function readKey(json: JsonValue, dialect: Dialect) {
  try {
    return parsePublicKey(json, dialect.name);
  } catch (error) {
    if (error instanceof TrustError && error.code === 'TRUST_UNSUPPORTED') return undefined;
    throw error;
  }
}

function readRoleKeys(object: JsonObject, path: string, keys: KeyTable): RoleKeys {
  const keyIds = readNames(object.get('keyids'), `${path}/keyids`, MAX_KEYS);
  const unknown = keyIds.find((keyId) => !keys.has(keyId));
  if (unknown !== undefined)
    throw malformed(`${path}/keyids`, `names the key ${unknown.slice(0, 64)}, which is not there`);
  const threshold = object.get('threshold');
  if (typeof threshold !== 'number') throw malformed(`${path}/threshold`, 'is no number');
  const role = { keyIds, threshold };
  requirePossible(role, keys);
  return role;
}

function readFileFacts(json: JsonValue | undefined, path: string): FileFacts {
  const object = asObject(json, path);
  const length = object.get('length');
  const hashes = object.get('hashes');
  return {
    version: readVersion(object, path),
    lengthBytes: length === undefined ? undefined : asInteger(length, `${path}/length`, 1),
    hashes: hashes === undefined ? undefined : readHashes(hashes, `${path}/hashes`),
  };
}

/** A segment of one or two dots; control characters. */
const CLIMBS = /(?:^|\/)\.{1,2}(?:\/|$)/;
const HIDES = /\p{Cc}/u;

/** Paths are names, never files of ours; still, one that climbs or hides characters has no honest use (SEC-11). */
export function requirePath(path: string): string {
  const normal = normalPath(path);
  if (normal !== '' && normal.length <= MAX_NAME_CHARACTERS && !CLIMBS.test(normal) && !HIDES.test(normal))
    return normal;
  throw malformed('/signed/targets', `names "${path.slice(0, 64)}", which is no target path`);
}

function readTarget(json: JsonValue, path: string): Target {
  const object = asObject(json, path);
  const custom = object.get('custom') === undefined ? NO_CUSTOM : asObject(object.get('custom'), `${path}/custom`);
  const hardware = custom.get('hardwareIds');
  return {
    lengthBytes: asInteger(object.get('length'), `${path}/length`),
    hashes: readHashes(object.get('hashes'), `${path}/hashes`),
    hardwareIds: hardware === undefined ? [] : readNames(hardware, `${path}/custom/hardwareIds`, MAX_HARDWARE_IDS),
    component: optionalText(custom, 'component', path),
    version: optionalText(custom, 'version', path),
    custom,
  };
}

function optionalText(custom: JsonObject, name: string, path: string): string | undefined {
  return custom.has(name) ? asString(custom.get(name), `${path}/custom/${name}`) : undefined;
}

const AT = '/signed/delegations';

function readDelegations(object: JsonObject, dialect: Dialect): Delegations {
  const keys = readKeys(object.get('keys'), `${AT}/keys`, dialect);
  const succinct = object.get('succinct_roles');
  if (succinct !== undefined && object.has('roles'))
    throw malformed(AT, 'has roles and succinct_roles, one is allowed');
  const roles = asArray(succinct === undefined ? object.get('roles') : [], `${AT}/roles`);
  if (roles.length > MAX_DELEGATIONS)
    throw malformed(`${AT}/roles`, `has ${roles.length} entries, at most ${MAX_DELEGATIONS} are allowed`);
  const delegations = roles.map((json, index) => readDelegation(asObject(json, AT), `${AT}/roles/${index}`, keys));
  if (new Set(delegations.map(({ name }) => name)).size !== delegations.length)
    throw malformed(`${AT}/roles`, 'names a role twice');
  const patterns = delegations.flatMap(({ paths = [] }) => paths).length;
  if (patterns > MAX_PATTERNS)
    throw malformed(`${AT}/roles`, `have ${patterns} patterns, at most ${MAX_PATTERNS} are allowed`);
  return {
    keys,
    roles: delegations,
    succinct: succinct === undefined ? undefined : readSuccinct(asObject(succinct, `${AT}/succinct_roles`), keys),
  };
}

function readDelegation(object: JsonObject, path: string, keys: KeyTable): Delegation {
  const name = readRoleName(object.get('name'), `${path}/name`);
  const paths = object.get('paths');
  const prefixes = object.get('path_hash_prefixes');
  if ((paths === undefined) === (prefixes === undefined))
    throw malformed(path, 'needs exactly one of paths and path_hash_prefixes');
  const hardware = object.get('hardwareIds');
  return {
    ...inRole(name, () => readRoleKeys(object, path, keys)),
    name,
    terminating: readFlag(object, 'terminating', path),
    paths: paths === undefined ? undefined : readPatterns(paths, `${path}/paths`),
    hashPrefixes: prefixes === undefined ? undefined : readPrefixes(prefixes, `${path}/path_hash_prefixes`),
    hardwareIds: hardware === undefined ? undefined : readNames(hardware, `${path}/hardwareIds`, MAX_HARDWARE_IDS),
  };
}

function readPatterns(json: JsonValue, path: string): readonly string[] {
  const patterns = readNames(json, path, MAX_DELEGATION_PATHS).map(normalPath);
  const long = patterns.findIndex((pattern) => pattern.length > MAX_PATTERN_CHARACTERS);
  if (long < 0) return patterns;
  throw malformed(`${path}/${long}`, `has more than the ${MAX_PATTERN_CHARACTERS} characters that a pattern may have`);
}

function readPrefixes(json: JsonValue, path: string): readonly string[] {
  const prefixes = readNames(json, path, MAX_DELEGATION_PATHS);
  if (prefixes.every((prefix) => PREFIX_FORM.test(prefix))) return prefixes;
  throw malformed(path, 'has an entry that is no lower-case hex');
}

/** A delegated role that called itself `root` would take the place of the real one wherever files go by name. */
function readRoleName(json: JsonValue | undefined, path: string): string {
  const name = readName(json, path);
  if (!isTopRole(name)) return name;
  throw malformed(path, `is "${name}", which is a role of its own`);
}

function readSuccinct(object: JsonObject, keys: KeyTable): SuccinctRoles {
  const path = `${AT}/succinct_roles`;
  return {
    ...readRoleKeys(object, path, keys),
    bits: asInteger(object.get('bit_length'), `${path}/bit_length`, 1, MAX_SUCCINCT_BITS),
    namePrefix: readName(object.get('name_prefix'), `${path}/name_prefix`),
  };
}
