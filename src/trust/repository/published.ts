/** Reads a repository the way its clients do, from the files that are at hand: nothing in it is believed unverified. */
import { asObject, asString, type JsonObject, parseSigned } from '../../core/json.ts';
import { TrustError } from '../errors.ts';
import { acceptTargets, type Delegator, requireFile, type Verified } from '../tuf/accept.ts';
import { TUF1 } from '../tuf/dialect.ts';
import { drive } from '../tuf/drive.ts';
import { refresh, type Trusted } from '../tuf/refresh.ts';
import { type Root, readRoot, type Targets } from '../tuf/roles.ts';
import { BINS, type Published } from './draft.ts';

export interface Reading {
  readonly trusted: Trusted;
  readonly published: Published;
}

/** Name of a role's file, as a repository with consistent snapshots serves it. */
export function fileName(role: string, version: number): string {
  return role === 'timestamp' ? 'timestamp.json' : `${version}.${encodeURIComponent(role)}.json`;
}

/**
 * @param root bytes of the root to begin from @param file published bytes by name
 * @param roles targets roles to read beside the top one; each with those above it
 * @throws {TrustError} as for any client
 */
export function readPublished(
  root: Uint8Array,
  file: (name: string) => Uint8Array | undefined,
  roles: readonly string[],
): Reading {
  // Expiry does not matter here: what has expired is what people come to sign anew.
  const context = { dialect: TUF1, nowMs: undefined };
  // However long the chain of roots has become: all of it is at hand.
  const trusted = drive(refresh(new Map([['root', root]]), context, Number.POSITIVE_INFINITY), file);
  const files = new Map<string, Verified<Targets>>([['targets', trusted.targets]]);
  for (const role of roles) read(role, trusted, files, file);
  const values = new Map([...files].map(([role, { value }]) => [role, value]));
  const versions = new Map([...trusted.snapshot.value.files].map(([role, { version }]) => [role, version]));
  return {
    trusted,
    published: { root: trusted.root.value, names: holderNames(trusted.root.bytes), files: values, versions },
  };
}

export interface RootFile {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** Roots among the files of a repository, by their names, the oldest first. That their names are true is for a reader to verify. */
export function rootsIn(files: ReadonlyMap<string, Uint8Array>): readonly RootFile[] {
  return [...files]
    .flatMap(([name, bytes]) => {
      const [, version] = /^([1-9][0-9]*)\.root\.json$/.exec(name) ?? [];
      return version === undefined ? [] : [{ version: Number(version), bytes }];
    })
    .toSorted((one, other) => one.version - other.version);
}

/** A root that is about to be published. */
export function rootOf(bytes: Uint8Array): Root {
  return readRoot(parseSigned(bytes).signed, TUF1);
}

/** The roles whose files have to be read to read `role`, itself included. */
export function withParents(role: string): readonly string[] {
  return role.startsWith(`${BINS}-`) ? [BINS, role] : [role];
}

/** Who holds which key, as the signed root says. */
export function holderNames(root: Uint8Array): ReadonlyMap<string, string> {
  return namesIn(parseSigned(root).signed);
}

/** The same from the `signed` part. */
export function namesIn(signed: JsonObject): ReadonlyMap<string, string> {
  const names = signed.get('names');
  if (names === undefined) return new Map();
  return new Map(
    [...asObject(names, '/signed/names')].map(([keyId, name]) => [keyId, asString(name, '/signed/names')]),
  );
}

function read(
  role: string,
  trusted: Trusted,
  files: Map<string, Verified<Targets>>,
  file: (name: string) => Uint8Array | undefined,
): Verified<Targets> {
  const held = files.get(role);
  if (held) return held;
  const parent = role.startsWith(`${BINS}-`) ? read(BINS, trusted, files, file) : trusted.targets;
  const delegator = delegatorOf(role, parent.value);
  const name = fileName(role, requireFile(trusted.snapshot.value, role).version);
  const bytes = file(name);
  if (!bytes || !delegator) throw new TrustError('TRUST_MISSING', `there is no ${name}`, { detail: { role } });
  const verified = acceptTargets(role, delegator, trusted.snapshot, bytes, trusted.context);
  files.set(role, verified);
  return verified;
}

/** Who may sign a role's file, as the file above it says. */
export function delegatorOf(role: string, { delegations }: Targets): Delegator | undefined {
  if (!delegations) return undefined;
  const { keys, roles, succinct } = delegations;
  if (succinct) return role.startsWith(`${succinct.namePrefix}-`) ? { keys, role: succinct } : undefined;
  const delegation = roles.find(({ name }) => name === role);
  return delegation && { keys, role: delegation };
}
