/** The changes to a repository that people can be asked to sign, each turned into the files it takes. */
import { fromHex } from '../core/bytes.ts';
import { isVersion } from '../core/version.ts';
import { isPayloadKey } from '../trust/payload.ts';
import type { DelegationContent, RoleContent, RootContent, TargetContent } from '../trust/repository/documents.ts';
import {
  BINS,
  type DraftFile,
  delegationFiles,
  firstFiles,
  isOwnRole,
  type Published,
  renewedFiles,
  roleOf,
  rolesOf,
  rootFiles,
  targetFiles,
} from '../trust/repository/draft.ts';
import { SigningError } from '../trust/repository/errors.ts';
import type { PayloadToSign } from '../trust/repository/request.ts';
import { delegationsFor } from '../trust/tuf/delegations.ts';
import { TUF1 } from '../trust/tuf/dialect.ts';
import { requirePath } from '../trust/tuf/roles.ts';
import { writeTime } from '../trust/tuf/shape.ts';
import type { Vault } from '../trust/vault.ts';
import { FleetError } from './errors.ts';
import type { ReleaseDraft } from './model.ts';
import type { Blobs, Store } from './ports.ts';
import type { ImageRepository } from './repository.ts';

export type Change =
  /** The first root, or the next one; roles that are left out stay as they are. */
  | {
      readonly kind: 'root';
      readonly root?: RoleContent;
      readonly targets?: RoleContent;
      /** New online keys in the vault; the old ones are dead with the new root. */
      readonly rotateOnline: boolean;
      /** With the first root only: 2^bits hashed bins instead of one targets file. */
      readonly bits?: number;
      readonly expiresAtMs: number;
      readonly targetsExpiresAtMs: number;
    }
  | {
      readonly kind: 'release';
      readonly component: string;
      readonly version: string;
      readonly artifacts: readonly { readonly hardware: string; readonly sha256: string; readonly path?: string }[];
      /** Raw P-256 keys, hex, that devices check the image with; each has to sign. */
      readonly payloadKeys: readonly string[];
      /** The supplier who signs it; without one, the repository's own signers. */
      readonly supplier?: string;
      readonly expiresAtMs: number;
    }
  | {
      readonly kind: 'remove';
      readonly paths: readonly string[];
      readonly supplier?: string;
      readonly expiresAtMs: number;
    }
  | { readonly kind: 'delegate'; readonly delegation: DelegationContent; readonly expiresAtMs: number }
  | { readonly kind: 'undelegate'; readonly supplier: string; readonly expiresAtMs: number }
  /** The same content with a later expiry; without roles, every file of our own but the root. */
  | {
      readonly kind: 'renew';
      readonly roles: readonly string[];
      readonly expiresAtMs: number;
      /** Of the root, where the roles name it; like the others without. */
      readonly rootExpiresAtMs?: number;
    };

export interface Drafted {
  readonly files: readonly DraftFile[];
  readonly payloads: readonly PayloadToSign[];
  readonly release: ReleaseDraft | null;
}

export interface ChangePorts {
  readonly tenant: string;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly vault: Pick<Vault, 'generate'>;
  readonly repository: ImageRepository;
  readonly nextId: () => string;
}

type Of<K extends Change['kind']> = Extract<Change, { kind: K }>;

/** @throws {SigningError} SIGNING_CHANGE it makes no sense; {FleetError} RELEASE_NOT_ADMITTED, REPOSITORY_MISSING */
export async function draftChange(change: Change, ports: ChangePorts): Promise<Drafted> {
  switch (change.kind) {
    case 'root':
      return filesOnly(await draftRoot(change, ports));
    case 'release':
      return draftRelease(change, ports);
    case 'remove':
      return filesOnly(await draftRemoval(change, ports));
    case 'delegate': {
      const published = await read(ports, [change.delegation.name]);
      return filesOnly(delegationFiles(published, { set: change.delegation }, change.expiresAtMs));
    }
    case 'undelegate': {
      const published = await read(ports, []);
      return filesOnly(delegationFiles(published, { remove: change.supplier }, change.expiresAtMs));
    }
    case 'renew':
      return filesOnly(await draftRenewal(change, ports));
  }
}

function filesOnly(files: readonly DraftFile[]): Drafted {
  // An event that asks for nobody's signature would be complete at once.
  if (files.length === 0)
    throw new SigningError('SIGNING_CHANGE', 'nothing would change', { fix: 'Name at least one thing to change.' });
  return { files, payloads: [], release: null };
}

async function draftRoot(change: Of<'root'>, ports: ChangePorts): Promise<readonly DraftFile[]> {
  const { root, targets, rotateOnline, bits, expiresAtMs, targetsExpiresAtMs } = change;
  const { repository } = ports;
  if (!repository.head) {
    if (!root || !targets)
      throw new SigningError('SIGNING_CHANGE', 'the first root names the keys of root and targets', {
        fix: 'Name who signs: sealift trust ceremony --signer FILE --out REQUEST',
      });
    const roles = { root, targets, ...(await onlineRoles(ports)) };
    return firstFiles({ version: 1, expiresAtMs, roles }, bits, targetsExpiresAtMs);
  }
  if (bits !== undefined)
    throw new SigningError('SIGNING_CHANGE', 'bins are chosen with the first root', {
      fix: 'Leave the number of bins out: it stays as it is.',
    });
  const before = repository.reading.published;
  const changesTargets = targets !== undefined;
  const published = changesTargets ? await read(ports, ownRoles(ports)) : before;
  const roles: RootContent['roles'] = {
    ...rolesOf(before),
    ...(root ? { root } : {}),
    ...(targets ? { targets } : {}),
    ...(rotateOnline ? await onlineRoles(ports) : {}),
  };
  return rootFiles(published, roles, expiresAtMs, targetsExpiresAtMs);
}

async function draftRenewal(
  { roles, expiresAtMs, rootExpiresAtMs = expiresAtMs }: Of<'renew'>,
  ports: ChangePorts,
): Promise<readonly DraftFile[]> {
  const named = roles.length > 0 ? [...new Set(roles)] : ownRoles(ports);
  const published = await read(ports, named);
  const others = named.filter((role) => role !== 'root');
  for (const role of others) requireLater(role, published.files.get(role), expiresAtMs);
  const files = renewedFiles(published, others, expiresAtMs);
  if (others.length === named.length) return files;
  requireLater('root', published.root, rootExpiresAtMs);
  return [...rootFiles(published, rolesOf(published), rootExpiresAtMs, expiresAtMs), ...files];
}

/** Whoever renews means to lengthen. What is written is cut to whole seconds. */
function requireLater(role: string, file: { readonly expiresAtMs: number } | undefined, expiresAtMs: number): void {
  if (!file || Math.floor(expiresAtMs / 1_000) * 1_000 > file.expiresAtMs) return;
  const now = writeTime(file.expiresAtMs);
  throw new SigningError(
    'SIGNING_CHANGE',
    `${role} would be valid no longer than it is: until ${writeTime(expiresAtMs)}`,
    {
      detail: { role },
      fix: `Name more days: ${role} is valid until ${now}. Or renew other roles without it.`,
    },
  );
}

/** Fresh keys for snapshot and timestamp. */
async function onlineRoles({
  vault,
  nextId,
}: ChangePorts): Promise<Pick<RootContent['roles'], 'snapshot' | 'timestamp'>> {
  const make = async (role: string): Promise<RoleContent> => ({
    keys: [{ name: `online ${role}`, key: await vault.generate(`${role}-${nextId().toLowerCase()}`, 'ed25519') }],
    threshold: 1,
  });
  return { snapshot: await make('snapshot'), timestamp: await make('timestamp') };
}

async function draftRelease(change: Of<'release'>, ports: ChangePorts): Promise<Drafted> {
  const { component, version, artifacts, payloadKeys, supplier, expiresAtMs } = change;
  const unusable = payloadKeys.find((key) => !isPayloadKey(fromHex(key) ?? new Uint8Array()));
  if (unusable !== undefined)
    throw new SigningError(
      'SIGNING_CHANGE',
      `${unusable.slice(0, 16)} is no P-256 key, so nothing could ever be signed with it`,
      { fix: 'Give the raw public key that devices hold: X || Y of a point on the curve, 128 hex digits.' },
    );
  // First of all: without a repository there is nothing to add to.
  const where = await placeOf(supplier, ports);
  if (!isVersion(version))
    throw notAdmitted(`"${version}" is no version`, 'Use 1 to 64 printable characters without spaces and slashes.');
  requireDistinct(
    artifacts.map(({ hardware }) => hardware),
    'a release needs exactly one artifact per hardware',
    'Name each hardware id once.',
  );
  const release: ReleaseDraft = {
    component,
    version,
    artifacts: await Promise.all(artifacts.map((one) => artifactOf(one, change, ports))),
  };
  requireDistinct(
    release.artifacts.map(({ targetPath }) => targetPath),
    'two artifacts have one target path',
    'Give each a path of its own; one image for several kinds of hardware is listed under several paths.',
  );
  const lists = release.artifacts.map((artifact) => listsFor(artifact, where, ports));
  const published = await read(ports, lists.flat());
  release.artifacts.forEach((artifact, index) => {
    requirePlace(artifact, where, lists[index] ?? [], published);
  });
  const add = new Map(release.artifacts.map((artifact) => [artifact.targetPath, targetOf(artifact, change)]));
  return {
    files: targetFiles(published, { add, remove: [] }, where, expiresAtMs),
    payloads: payloadKeys.length === 0 ? [] : release.artifacts.map((artifact) => payloadOf(artifact, payloadKeys)),
    release,
  };
}

function requireDistinct(names: readonly string[], otherwise: string, fix: string): void {
  if (names.length === 0 || new Set(names).size !== names.length) throw notAdmitted(otherwise, fix);
}

type DraftArtifact = ReleaseDraft['artifacts'][number];

async function artifactOf(
  { hardware, sha256, path }: Of<'release'>['artifacts'][number],
  { component, version }: Of<'release'>,
  { blobs }: ChangePorts,
): Promise<DraftArtifact> {
  const lengthBytes = await blobs.lengthBytes(sha256);
  if (lengthBytes === undefined)
    throw notAdmitted(
      `no artifact with digest ${sha256} is stored`,
      'Upload the file first: sealift artifact upload FILE',
    );
  return { hardware, sha256, lengthBytes, targetPath: targetPathOf(path ?? `${component}/${version}/${hardware}`) };
}

/** @throws {SigningError} SIGNING_CHANGE */
function targetPathOf(path: string): string {
  try {
    return requirePath(path);
  } catch {
    // Its words would say the same again.
    throw new SigningError('SIGNING_CHANGE', `"${path.slice(0, 64)}" is no target path`, {
      fix: 'Use up to 1,024 characters, no control characters, and no segment that is "." or "..".',
    });
  }
}

/** Where targets are listed: a supplier's file, or those of the repository itself. */
interface Place {
  readonly role?: string;
  readonly bits: number | undefined;
}

async function placeOf(supplier: string | undefined, ports: ChangePorts): Promise<Place> {
  const bits = await bitsOf(ports);
  if (supplier === undefined) return { bits };
  if (isOwnRole(supplier))
    throw new SigningError('SIGNING_CHANGE', `"${supplier}" is no supplier`, {
      fix: 'Leave the supplier out: what is ours is signed by our own signers.',
    });
  return { role: supplier, bits };
}

/** Every file in which a client looks for the artifact, in this order. */
function listsFor({ targetPath, hardware }: DraftArtifact, { bits }: Place, { repository }: ChangePorts): string[] {
  const { delegations } = repository.reading.trusted.targets.value;
  const { next } = delegationsFor(delegations, targetPath, hardware, TUF1);
  return ['targets', ...next.map(({ name }) => (name === BINS ? roleOf(targetPath, bits) : name))];
}

/** A client that looks for the path has to come to the file that will list it, and must not find another image there. */
function requirePlace(
  { targetPath, hardware }: DraftArtifact,
  { role, bits }: Place,
  lists: readonly string[],
  { files }: Published,
): void {
  if (!lists.includes(role ?? roleOf(targetPath, bits))) {
    throw new SigningError(
      'SIGNING_CHANGE',
      `${role ?? 'the repository'} may not speak for "${targetPath}" on ${hardware}`,
      {
        fix: 'Name a path that the delegation covers, or change the delegation.',
      },
    );
  }
  const taken = lists.find((list) => files.get(list)?.targets.has(targetPath));
  if (taken !== undefined)
    throw notAdmitted(
      `"${targetPath}" is published already, by ${taken}`,
      'Give the release a version of its own: what was approved never changes.',
    );
}

function targetOf(
  { lengthBytes, sha256, hardware }: DraftArtifact,
  { component, version }: Of<'release'>,
): TargetContent {
  return {
    lengthBytes,
    hashes: new Map([['sha256', sha256]]),
    custom: new Map<string, string | string[]>([
      ['component', component],
      ['hardwareIds', [hardware]],
      ['version', version],
    ]),
  };
}

function payloadOf({ targetPath, sha256, lengthBytes }: DraftArtifact, keys: readonly string[]): PayloadToSign {
  return { path: targetPath, sha256, lengthBytes, scheme: 'cups-p256-sha512', keys };
}

async function draftRemoval(
  { paths, supplier, expiresAtMs }: Of<'remove'>,
  ports: ChangePorts,
): Promise<readonly DraftFile[]> {
  const where = await placeOf(supplier, ports);
  const remove = paths.map(targetPathOf);
  const published = await read(
    ports,
    remove.map((path) => supplier ?? roleOf(path, where.bits)),
  );
  return targetFiles(published, { add: new Map(), remove }, where, expiresAtMs);
}

async function bitsOf(ports: ChangePorts): Promise<number | undefined> {
  if (!ports.repository.reading.published.versions.has(BINS)) return undefined;
  return (await read(ports, [BINS])).files.get(BINS)?.delegations?.succinct?.bits;
}

/** What is published, with the files of those roles that have one. */
async function read({ repository }: ChangePorts, roles: readonly string[]): Promise<Published> {
  return (await repository.readWith(roles)).published;
}

function ownRoles({ repository }: ChangePorts): readonly string[] {
  return [...repository.reading.published.versions.keys()].filter(isOwnRole);
}

function notAdmitted(reason: string, fix: string): FleetError {
  return new FleetError('RELEASE_NOT_ADMITTED', `the release is not admitted: ${reason}`, { fix });
}
