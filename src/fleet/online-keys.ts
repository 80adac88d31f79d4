/** The keys that sign without people: snapshot and timestamp, which say that what people signed is still so. */
import type { CanonicalInput } from '../core/canonical-json.ts';
import type { Signer } from '../trust/keys.ts';
import { sha256Hex } from '../trust/payload.ts';
import { snapshotDocument, timestampDocument } from '../trust/repository/documents.ts';
import { metadataFile, signWith } from '../trust/repository/sign.ts';
import type { Root } from '../trust/tuf/roles.ts';
import type { Vault } from '../trust/vault.ts';
import { FleetError } from './errors.ts';

export const ONLINE = ['snapshot', 'timestamp'] as const;
export type OnlineRole = (typeof ONLINE)[number];

/** Roles that are no targets files. */
export const NOT_TARGETS: readonly string[] = ['root', ...ONLINE];

/** Milliseconds that what the server signs by itself is valid. It is signed anew at half of that. */
export interface Lifetimes {
  readonly snapshotMs: number;
  readonly timestampMs: number;
}

/** @param versions of all roles after the publication */
export function signSnapshot(
  versions: ReadonlyMap<string, number>,
  signers: readonly Signer[],
  { snapshotMs }: Lifetimes,
  nowMs: number,
): Promise<Uint8Array> {
  const listed = new Map([...versions].filter(([role]) => !NOT_TARGETS.includes(role)));
  const expiresAtMs = nowMs + snapshotMs;
  const content = { version: versions.get('snapshot') ?? 0, expiresAtMs };
  return signedFile(snapshotDocument(content, listed), signers);
}

export function signTimestamp(
  versions: ReadonlyMap<string, number>,
  snapshot: Uint8Array,
  signers: readonly Signer[],
  { timestampMs }: Lifetimes,
  nowMs: number,
): Promise<Uint8Array> {
  const expiresAtMs = nowMs + timestampMs;
  const content = { version: versions.get('timestamp') ?? 0, expiresAtMs, signedAtMs: nowMs };
  const facts = { version: versions.get('snapshot') ?? 0, lengthBytes: snapshot.length, sha256: sha256Hex(snapshot) };
  return signedFile(timestampDocument(content, facts), signers);
}

/** @throws {FleetError} REPOSITORY_KEYS; {VaultError} */
export async function onlineSigners(vault: Vault, root: Root, role: OnlineRole): Promise<readonly Signer[]> {
  const labels = await onlineLabels(vault, root, role);
  return Promise.all(labels.map((label) => vault.signer(label)));
}

/** As many of a role's keys as must sign. @throws {FleetError} REPOSITORY_KEYS the vault has fewer */
export async function onlineLabels(vault: Vault, root: Root, role: OnlineRole): Promise<readonly string[]> {
  const { keyIds, threshold } = root.roles[role];
  const wanted = new Set(keyIds.map((keyId) => root.keys.get(keyId)?.fingerprint));
  const held = (await vault.keys()).filter(({ publicKey }) => wanted.has(publicKey.fingerprint));
  if (held.length >= threshold) return held.slice(0, threshold).map(({ label }) => label);
  throw new FleetError(
    'REPOSITORY_KEYS',
    `the vault holds ${held.length} of the ${threshold} keys that ${role} needs`,
    {
      detail: { role, held: held.length, threshold },
      fix: 'Look at trust.vault.file and its passphrase, restore the vault, or rotate the online keys: sealift trust ceremony --rotate-online --out REQUEST; then do again what failed',
    },
  );
}

async function signedFile(signed: CanonicalInput, signers: readonly Signer[]): Promise<Uint8Array> {
  return metadataFile(signed, await signWith(signed, signers));
}
