/** A fleet with a real store, real blobs and a repository, on a clock that moves when told to; and people who sign for it. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { FileBlobs } from '../../src/adapters/files/blobs.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { toHex } from '../../src/core/bytes.ts';
import type { Log } from '../../src/core/ports.ts';
import { DAY_MS } from '../../src/core/time.ts';
import { createUlids } from '../../src/core/ulid.ts';
import type { Change } from '../../src/fleet/changes.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import type { ProtocolTraits, Store } from '../../src/fleet/ports.ts';
import { ImageRepository } from '../../src/fleet/repository.ts';
import { SigningEvents, type SigningStatus } from '../../src/fleet/signing.ts';
import { makePeople, type Person } from '../../src/lab/people.ts';
import { sha256Hex } from '../../src/trust/payload.ts';
import { answerRequest } from '../../src/trust/repository/answer.ts';
import { readRequest, writeRequest } from '../../src/trust/repository/request.ts';
import { reviewRequest } from '../../src/trust/repository/review.ts';
import { type AtEnd, chunksOf, FakeClock, seededRandom, temporaryDir } from './ports.ts';
import { MemoryVault } from './vault.ts';

/** In the folder of the parts. */
export const DATABASE = 'sealift.db';
const TRAITS: ProtocolTraits = { name: 'test', objection: () => undefined };

export interface FleetOptions {
  readonly dir?: string;
  readonly clock?: FakeClock;
  readonly vault?: MemoryVault;
  readonly people?: readonly Person[];
  readonly traits?: ProtocolTraits;
  readonly atEnd?: AtEnd;
  readonly log?: Log;
  /** Stands between the fleet and its store. */
  readonly wrap?: (store: Store) => Store;
  /** How the store is opened; by default with its threads. */
  readonly openStore?: (options: { readonly path: string }) => Promise<Store>;
}

/** Opened anew on the same folder, it goes on where it was. */
export async function openParts(options: FleetOptions = {}) {
  const {
    atEnd = onTestFinished,
    clock = new FakeClock(),
    vault = new MemoryVault(),
    people = makePeople(3),
  } = options;
  const { dir = temporaryDir(atEnd), traits = TRAITS, wrap = (store) => store } = options;
  const { openStore = openSqliteStore, log } = options;
  const opened = await openStore({ path: join(dir, DATABASE) });
  atEnd(() => opened.close());
  const store = wrap(opened);
  const random = seededRandom(`${dir}${clock.nowMs()}`);
  const blobs = await FileBlobs.open(join(dir, 'blobs'), { clock, random });
  const nextId = createUlids({ clock, random });
  const lifetimes = { snapshotMs: 7 * DAY_MS, timestampMs: 7 * DAY_MS };
  const shared = { tenant: 't', store, vault, clock, nextId, ...(log ? { log } : {}) };
  const repository = await ImageRepository.open({ ...shared, lifetimes });
  const signing = new SigningEvents({ ...shared, blobs, repository });
  const ports = { store, clock, random, protocols: [traits], repositories: [{ tenant: 't', repository }] };
  const fleet = await Fleet.open(ports);
  return { dir, store, blobs, clock, random, vault, people, lifetimes, repository, signing, fleet, ports };
}
export type Parts = Awaited<ReturnType<typeof openParts>>;

/** Everybody signs, one after the other, until it is published. */
export async function signedByAll(
  { signing, people }: Parts,
  draft: SigningStatus,
  contents: readonly Uint8Array[] = [],
) {
  let status = draft;
  for (const person of people) {
    if (status.event.state === 'open') status = await signedBy(signing, status, person, contents);
  }
  return status;
}

export async function signedBy(
  signing: SigningEvents,
  { event }: SigningStatus,
  { root, targets, payload }: Person,
  contents: readonly Uint8Array[] = [],
): Promise<SigningStatus> {
  const { event: current } = await signing.status(event.id);
  const review = reviewRequest(readRequest(current.request));
  const { request } = await answerRequest(review, [root, targets], payload ? [payload] : [], contents);
  return signing.import(event.id, writeRequest(request));
}

/** `threshold` of these people sign the root and all targets from now on. */
export function rootChange(
  { clock }: Parts,
  people: readonly Person[],
  threshold: number,
  more: { readonly bits?: number; readonly rotateOnline?: boolean } = {},
): Extract<Change, { kind: 'root' }> {
  const role = (key: 'root' | 'targets') => ({
    threshold,
    keys: people.map((person) => ({ name: person.name, key: person[key].publicKey })),
  });
  return {
    ...{ kind: 'root', root: role('root'), targets: role('targets'), rotateOnline: false, ...more },
    ...{ expiresAtMs: clock.nowMs() + 365 * DAY_MS, targetsExpiresAtMs: clock.nowMs() + 90 * DAY_MS },
  };
}

/** Parts with a first root that two of three people must sign. */
export async function partsWithRoot(options: FleetOptions & { readonly bits?: number } = {}): Promise<Parts> {
  const parts = await openParts(options);
  const { bits } = options;
  const change = rootChange(parts, parts.people, 2, bits === undefined ? {} : { bits });
  await signedByAll(parts, await parts.signing.start(change, 'the first root'));
  return parts;
}

/** The artifact is stored, its release drafted. */
export async function draftRelease(
  parts: Parts,
  { version = '1.1.0', content = Buffer.from(`image of ${version}`), supplier }: ReleaseOptions = {},
): Promise<SigningStatus> {
  const sha256 = sha256Hex(content);
  await parts.blobs.put(sha256, content.length, chunksOf(content));
  const payloadKeys = parts.people.flatMap(({ payload }) => (payload ? [toHex(payload.key)] : []));
  const change = {
    kind: 'release' as const,
    ...{ component: 'firmware', version, artifacts: [{ hardware: 'hw', sha256 }] },
    ...{ payloadKeys, expiresAtMs: parts.clock.nowMs() + 90 * DAY_MS },
  };
  return parts.signing.start(supplier === undefined ? change : { ...change, supplier }, `release ${version}`);
}

export interface ReleaseOptions {
  readonly version?: string;
  readonly content?: Uint8Array;
  readonly supplier?: string;
}

/** @returns the id of the release, published */
export async function publishRelease(parts: Parts, options: ReleaseOptions = {}): Promise<string> {
  const { version = '1.1.0', content = Buffer.from(`image of ${version}`) } = options;
  const status = await signedByAll(parts, await draftRelease(parts, options), [content]);
  if (status.event.releaseId === null) throw new Error(`release ${version} was not published`);
  return status.event.releaseId;
}
