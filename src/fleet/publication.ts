/** What has to hold of a publication before it counts, and how it is written down. */
import { TrustError } from '../trust/errors.ts';
import type { Signer } from '../trust/keys.ts';
import type { Reading } from '../trust/repository/published.ts';
import { requireUnexpired, type Verified } from '../trust/tuf/accept.ts';
import type { Common, Target } from '../trust/tuf/roles.ts';
import type { RepositoryHead, TargetEntry } from './model.ts';
import type { OnlineRole } from './online-keys.ts';
import type { Publication } from './ports.ts';

/** What is stored has to be what the head names: an older file under the name of a newer one holds, too. */
export function requireHead({ versions }: RepositoryHead, { trusted, published }: Reading): void {
  const { root, snapshot, timestamp } = trusted;
  const read = new Map([...published.versions, ...Object.entries({ root, snapshot, timestamp }).map(versionOf)]);
  for (const role of new Set([...versions.keys(), ...read.keys()])) {
    const [stored, named] = [read.get(role), versions.get(role)];
    if (stored === named) continue;
    throw new TrustError(
      'TRUST_MIX_AND_MATCH',
      `${role} ${stored ?? 'of no version'} is stored, ${named} is published`,
      {
        detail: { role, stored, published: named },
        fix: 'The database was damaged or altered: restore a backup.',
      },
    );
  }
}

function versionOf([role, { value }]: [string, Verified<Common>]): [string, number] {
  return [role, value.version];
}

/** Clients refuse all when root or targets have expired; a file that expires before anybody could read it is a mistake of whoever signed it. */
export function requireCurrent(
  { trusted, published }: Reading,
  files: ReadonlyMap<string, unknown>,
  nowMs: number,
): void {
  for (const role of new Set(['root', 'targets', ...files.keys()])) {
    const file = role === 'root' ? trusted.root.value : published.files.get(role);
    if (file) requireUnexpired(role, file, { nowMs });
  }
}

/** @param versions of all roles @param reading after the publication */
export function fileRow(
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

/** `snapshot 4 by 1f3a…; timestamp 9 by 77b0…` */
export function intentWords(
  versions: ReadonlyMap<string, number>,
  signers: Readonly<Record<OnlineRole, readonly Signer[]>>,
  withSnapshot: boolean,
): string {
  const words = (role: OnlineRole) =>
    `${role} ${versions.get(role)} by ${signers[role].map(({ publicKey }) => publicKey.keyId).join(', ')}`;
  return [...(withSnapshot ? [words('snapshot')] : []), words('timestamp')].join('; ');
}
