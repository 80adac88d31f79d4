/** Release metadata in memory: two people sign offline, two online keys sign freshness. Every part of it can be made wrong. */
import type { JsonValue } from '../../src/core/json.ts';
import { DAY_MS } from '../../src/core/time.ts';
import { generateSigner, type Signer } from '../../src/trust/keys.ts';
import { sha256Hex } from '../../src/trust/payload.ts';
import {
  rootDocument,
  snapshotDocument,
  type TargetContent,
  targetsDocument,
  timestampDocument,
} from '../../src/trust/repository/documents.ts';
import { metadataFile, signWith } from '../../src/trust/repository/sign.ts';
import { writeProof } from '../../src/trust/tuf/proof.ts';

/** The day on which a `FakeClock` stands; everything is signed on it. */
export const TODAY_MS = Date.UTC(2026, 10, 24);

export interface ReleaseKeys {
  /** All of them have to sign: two people for root and targets, one machine for the others. */
  readonly root: readonly Signer[];
  readonly targets: readonly Signer[];
  readonly snapshot: readonly Signer[];
  readonly timestamp: readonly Signer[];
}

export interface Released {
  readonly content: Uint8Array;
  readonly hardwareId: string;
  readonly version?: string;
  readonly component?: string;
  /** Beside SHA-256. */
  readonly hashes?: Readonly<Record<string, string>>;
}

export interface Metadata {
  /** All that is released. */
  readonly images: readonly Released[];
  /** Of snapshot and timestamp, and of targets where nothing else is said; default 1. */
  readonly version?: number;
  readonly targetsVersion?: number;
  /** Likewise; default thirty days on. */
  readonly expiresAtMs?: number;
  readonly targetsExpireAtMs?: number;
  readonly signedAtMs?: number;
  /** Who really signs; default: who should. */
  readonly signers?: Partial<ReleaseKeys>;
  /** More files, such as `2.root.json`. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

export function releaseKeys(): ReleaseKeys {
  const make = (count: number) => Array.from({ length: count }, () => generateSigner('ed25519').signer);
  return { root: make(2), targets: make(2), snapshot: make(1), timestamp: make(1) };
}

/** As a proof names them: in order. */
export function keyIdsOf(signers: readonly Signer[]): readonly string[] {
  return signers.map(({ publicKey }) => publicKey.keyId).toSorted();
}

/** @param signers default: those it names itself */
export async function rootFile(
  keys: ReleaseKeys,
  version = 1,
  signers: readonly Signer[] = keys.root,
): Promise<Uint8Array> {
  const role = (holders: readonly Signer[]) => ({
    keys: holders.map(({ publicKey }, index) => ({ name: `holder ${index}`, key: publicKey })),
    threshold: holders.length,
  });
  const { root, targets, snapshot, timestamp } = keys;
  const roles = { root: role(root), targets: role(targets), snapshot: role(snapshot), timestamp: role(timestamp) };
  return signed(rootDocument({ version, expiresAtMs: TODAY_MS + 3_650 * DAY_MS, roles }), signers);
}

/** What a server hands out for one image, released or not. */
export async function proofFor(content: Uint8Array, keys: ReleaseKeys, metadata: Metadata): Promise<Uint8Array> {
  const { images, version = 1, expiresAtMs = TODAY_MS + 30 * DAY_MS, signedAtMs = TODAY_MS } = metadata;
  const by = { ...keys, ...metadata.signers };
  const about = { version, expiresAtMs };
  const { targetsVersion = version, targetsExpireAtMs = expiresAtMs } = metadata;
  const aboutTargets = { version: targetsVersion, expiresAtMs: targetsExpireAtMs };
  const targets = new Map(images.map((image) => [pathOf(image), targetOf(image)]));
  const snapshot = await signed(snapshotDocument(about, new Map([['targets', targetsVersion]])), by.snapshot);
  const listed = { version, lengthBytes: snapshot.length, sha256: sha256Hex(snapshot) };
  const files = new Map([
    ['timestamp.json', await signed(timestampDocument({ ...about, signedAtMs }, listed), by.timestamp)],
    [`${version}.snapshot.json`, snapshot],
    [`${targetsVersion}.targets.json`, await signed(targetsDocument({ ...aboutTargets, targets }), by.targets)],
    ...(metadata.files ?? []),
  ]);
  const paths = images.filter((image) => Buffer.compare(image.content, content) === 0).map(pathOf);
  return writeProof(paths, files);
}

async function signed(document: Parameters<typeof signWith>[0], signers: readonly Signer[]): Promise<Uint8Array> {
  return metadataFile(document, await signWith(document, signers));
}

function pathOf({ component = 'any', version = 'none', hardwareId }: Released): string {
  return `${component}/${version}/${hardwareId}`;
}

function targetOf({ content, hardwareId, version, component, hashes = {} }: Released): TargetContent {
  const custom = new Map<string, JsonValue>([['hardwareIds', [hardwareId]]]);
  if (version !== undefined) custom.set('version', version);
  if (component !== undefined) custom.set('component', component);
  return {
    lengthBytes: content.length,
    hashes: new Map(Object.entries({ sha256: sha256Hex(content), ...hashes })),
    custom,
  };
}
