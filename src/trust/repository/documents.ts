/**
 * The `signed` parts that we write: TUF 1.0, in the one spelling we store and serve (spec/uptane.md section 3).
 *
 * What others wrote is never written again: files that come from a supplier are kept byte for byte.
 */
import type { CanonicalInput } from '../../core/canonical-json.ts';
import type { JsonObject } from '../../core/json.ts';
import type { PublicKey } from '../keys.ts';
import type { TopRole } from '../tuf/roles.ts';
import { writeTime } from '../tuf/shape.ts';

const SPEC_VERSION = '1.0.31';

/** A key and who holds it; the name is for people and stands in the signed root, so that nobody can swap two holders. */
export interface NamedKey {
  readonly name: string;
  readonly key: PublicKey;
}

export interface RoleContent {
  readonly keys: readonly NamedKey[];
  readonly threshold: number;
}

export interface RootContent {
  readonly version: number;
  readonly expiresAtMs: number;
  readonly roles: Readonly<Record<TopRole, RoleContent>>;
}

export interface TargetContent {
  readonly lengthBytes: number;
  /** Lower-case hex by algorithm. */
  readonly hashes: ReadonlyMap<string, string>;
  readonly custom: JsonObject;
}

export interface DelegationContent {
  readonly name: string;
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
  readonly terminating: boolean;
  readonly paths?: readonly string[];
  readonly hashPrefixes?: readonly string[];
  readonly hardwareIds?: readonly string[];
}

export interface SuccinctContent {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
  readonly bits: number;
  readonly namePrefix: string;
}

export interface TargetsContent {
  readonly version: number;
  readonly expiresAtMs: number;
  readonly targets: ReadonlyMap<string, TargetContent>;
  /** Roles in order of priority, or bins. */
  readonly delegations?: readonly DelegationContent[] | SuccinctContent;
}

export interface FreshnessContent {
  readonly version: number;
  readonly expiresAtMs: number;
}

export function rootDocument({ version, expiresAtMs, roles }: RootContent): CanonicalInput {
  const all = Object.values(roles).flatMap(({ keys }) => keys);
  return {
    ...common('root', { version, expiresAtMs }),
    consistent_snapshot: true,
    keys: keyTable(all.map(({ key }) => key)),
    names: new Map(all.map(({ name, key }) => [key.keyId, name])),
    roles: new Map(
      Object.entries(roles).map(([role, { keys, threshold }]) => [
        role,
        roleKeys(
          keys.map(({ key }) => key),
          threshold,
        ),
      ]),
    ),
  };
}

export function targetsDocument({ version, expiresAtMs, targets, delegations }: TargetsContent): CanonicalInput {
  return {
    ...common('targets', { version, expiresAtMs }),
    targets: new Map([...targets].map(([path, target]) => [path, targetEntry(target)])),
    ...(delegations === undefined ? {} : { delegations: delegationsEntry(delegations) }),
  };
}

/** @param versions of every targets role, delegated ones included */
export function snapshotDocument(content: FreshnessContent, versions: ReadonlyMap<string, number>): CanonicalInput {
  return {
    ...common('snapshot', content),
    meta: new Map([...versions].map(([role, version]) => [`${role}.json`, { version }])),
  };
}

/** `signedAtMs` gives clients whose clock is slow a time that it cannot be earlier than. */
export function timestampDocument(
  content: FreshnessContent & { readonly signedAtMs: number },
  snapshot: { readonly version: number; readonly lengthBytes: number; readonly sha256: string },
): CanonicalInput {
  const { version, lengthBytes, sha256 } = snapshot;
  return {
    ...common('timestamp', content),
    meta: { 'snapshot.json': { version, length: lengthBytes, hashes: { sha256 } } },
    signed_at: writeTime(content.signedAtMs),
  };
}

function common(type: TopRole, { version, expiresAtMs }: FreshnessContent) {
  return { _type: type, spec_version: SPEC_VERSION, version, expires: writeTime(expiresAtMs) };
}

function keyTable(keys: readonly PublicKey[]): CanonicalInput {
  return new Map(keys.map(({ keyId, json }) => [keyId, json]));
}

function roleKeys(keys: readonly PublicKey[], threshold: number) {
  return { keyids: keys.map(({ keyId }) => keyId), threshold };
}

function targetEntry({ lengthBytes, hashes, custom }: TargetContent): CanonicalInput {
  return { length: lengthBytes, hashes, ...(custom.size === 0 ? {} : { custom }) };
}

function delegationsEntry(content: readonly DelegationContent[] | SuccinctContent): CanonicalInput {
  if ('bits' in content) {
    const { keys, threshold, bits, namePrefix } = content;
    const succinct = { ...roleKeys(keys, threshold), bit_length: bits, name_prefix: namePrefix };
    return { keys: keyTable(keys), succinct_roles: succinct };
  }
  return {
    keys: keyTable(content.flatMap(({ keys }) => keys)),
    roles: content.map(({ name, keys, threshold, terminating, paths, hashPrefixes, hardwareIds }) => ({
      ...{ name, terminating, ...roleKeys(keys, threshold) },
      ...(paths === undefined ? {} : { paths }),
      ...(hashPrefixes === undefined ? {} : { path_hash_prefixes: hashPrefixes }),
      ...(hardwareIds === undefined ? {} : { hardwareIds }),
    })),
  };
}
