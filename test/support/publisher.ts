/**
 * A server that only publishes, in a process that a test may kill: `publisher.ts DIR COUNT`. Prints a line per publication once it
 * is acknowledged: what it was, the versions of root and timestamp. Everything is real: threads, files, an encrypted vault.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FileBlobs } from '../../src/adapters/files/blobs.ts';
import { FileVault } from '../../src/adapters/files/vault.ts';
import { systemClock as clock, systemRandom as random } from '../../src/adapters/node/ports.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { DAY_MS } from '../../src/core/time.ts';
import { createUlids } from '../../src/core/ulid.ts';
import type { Change } from '../../src/fleet/changes.ts';
import type { Store } from '../../src/fleet/ports.ts';
import { ImageRepository } from '../../src/fleet/repository.ts';
import { SigningEvents, type SigningStatus } from '../../src/fleet/signing.ts';
import { MIN_SCRYPT_N } from '../../src/trust/limits.ts';
import { sha256Hex } from '../../src/trust/payload.ts';
import { answerRequest } from '../../src/trust/repository/answer.ts';
import { readRequest, writeRequest } from '../../src/trust/repository/request.ts';
import { reviewRequest } from '../../src/trust/repository/review.ts';
import { ALL, roleBy, signersOf } from './paper.ts';

const PASSPHRASE = 'correct horse battery staple';
const BITS = 2;
/**
 * One publication in so many gives the online roles to new keys: that changes the vault, the root, and all that is below. Each one
 * makes the chain longer that every later publication is held against.
 */
const ROTATE_EVERY = 10;

export const hardware = 'hw';
export const imageOf = (version: string) => Buffer.from(`image of ${version}`);
export const pathOf = (version: string) => `firmware/${version}/${hardware}`;

/** Opened as after a restart. The parts are closed by `close`. @param wrap stands between the repository and its store */
export async function openPublisher(dir: string, wrap = (store: Store) => store) {
  const store = wrap(await openSqliteStore({ path: join(dir, 'sealift.db') }));
  const blobs = await FileBlobs.open(join(dir, 'blobs'), { clock, random });
  const vaultFile = join(dir, 'vault.json');
  const ports = { clock, random };
  const vault = existsSync(vaultFile)
    ? await FileVault.open(vaultFile, PASSPHRASE, ports)
    : await FileVault.create(vaultFile, PASSPHRASE, ports, MIN_SCRYPT_N);
  const shared = { tenant: 't', store, vault, clock, nextId: createUlids(ports) };
  const lifetimes = { snapshotMs: 7 * DAY_MS, timestampMs: 7 * DAY_MS };
  const repository = await ImageRepository.open({ ...shared, lifetimes });
  const signing = new SigningEvents({ ...shared, blobs, repository });
  const close = async () => {
    await store.close();
    await vault.close();
  };
  return { store, blobs, vault, repository, signing, close };
}
export type Publisher = Awaited<ReturnType<typeof openPublisher>>;

/** Two of three sign what was drafted, each an export of its own. */
export async function signAndImport(
  { signing }: Pick<Publisher, 'signing'>,
  draft: SigningStatus,
): Promise<SigningStatus> {
  let status = draft;
  for (const person of ALL.slice(0, 2)) {
    const review = reviewRequest(readRequest(status.event.request));
    const { request } = await answerRequest(review, signersOf(person));
    status = await signing.import(status.event.id, writeRequest(request));
  }
  return status;
}

/** The next publication: the first root, new online keys, or a release. @returns what it was */
export async function publishNext(publisher: Publisher, rotateEvery = ROTATE_EVERY): Promise<string> {
  const { repository, signing, blobs } = publisher;
  const revision = repository.head?.revision ?? 0;
  const until = { expiresAtMs: clock.nowMs() + 300 * DAY_MS, targetsExpiresAtMs: clock.nowMs() + 200 * DAY_MS };
  if (revision % rotateEvery === 0) {
    const first = { root: roleBy('root'), targets: roleBy('targets'), rotateOnline: false, bits: BITS };
    const change: Change = { kind: 'root', ...until, ...(revision === 0 ? first : { rotateOnline: true }) };
    await signAndImport(publisher, await signing.start(change, 'root'));
    return 'root';
  }
  const version = `1.${revision}`;
  const image = imageOf(version);
  const chunks = async function* () {
    yield image;
  };
  await blobs.put(sha256Hex(image), image.length, chunks());
  const artifacts = [{ hardware, sha256: sha256Hex(image) }];
  const release = { kind: 'release', component: 'firmware', version, artifacts, payloadKeys: [], ...until } as const;
  await signAndImport(publisher, await signing.start(release, version));
  return version;
}

if (import.meta.main) {
  const [dir = '', count = ''] = process.argv.slice(2);
  const publisher = await openPublisher(dir);
  for (let done = 0; done !== Number(count); done += 1) {
    const what = await publishNext(publisher);
    const { versions } = publisher.repository.head ?? { versions: new Map<string, number>() };
    process.stdout.write(`${what} ${versions.get('root')} ${versions.get('timestamp')}\n`);
  }
  await publisher.close();
}
