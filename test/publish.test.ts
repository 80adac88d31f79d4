/** Publishing is atomic: for clients that are at it (REL-8), and for a process that is killed in the middle (REL-3, SEC-26). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import Fastify from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openForReading } from '../src/adapters/sqlite/connection.ts';
import { isOtaError } from '../src/core/errors.ts';
import type { Store } from '../src/fleet/ports.ts';
import { mountDevices } from '../src/server/devices.ts';
import { sha256Hex } from '../src/trust/payload.ts';
import { verifyProof } from '../src/trust/tuf/proof.ts';
import { callsIn, runWithFault, traceOf } from './support/calls.ts';
import { Follower } from './support/follower.ts';
import { recordingLog, seededRandom, temporaryDir } from './support/ports.ts';
import { isSkipped } from './support/programs.ts';
import { hardware, imageOf, openPublisher, type Publisher, pathOf, publishNext } from './support/publisher.ts';

const isRelease = (process.env.SEALIFT_RELEASE ?? '') !== '';
const SIZES = isRelease
  ? { publications: 1_000, clients: 50, refreshes: 10_000, kills: 200 }
  : { publications: 60, clients: 8, refreshes: 1_000, kills: 4 };
/** Publications while proofs are asked for. */
const PROOFS = 6;
const MINUTES_MS = 60_000;
const nowMs = () => Date.now();

async function opened(wrap?: (store: Store) => Store): Promise<Publisher> {
  const publisher = await openPublisher(temporaryDir(), wrap);
  onTestFinished(() => publisher.close());
  return publisher;
}

const rootOf = async ({ repository }: Publisher) => (await repository.file('1.root.json')) ?? new Uint8Array();

/** The repository over HTTP. @returns how a client asks for a file */
async function served({ repository, blobs }: Publisher) {
  const app = Fastify();
  mountDevices(app, { repository, blobs, log: recordingLog() });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  return async (name: string) => {
    const answer = await fetch(`${url}/repo/${name}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return answer.ok ? bytes : undefined;
  };
}

interface Load {
  readonly publications: number;
  readonly clients: number;
  readonly refreshes: number;
  /** One publication in so many brings new online keys. */
  readonly rotateEvery: number;
}

/**
 * Publishes while clients refresh, and look for the newest release that was acknowledged before they began.
 * @returns what they were refused, apart from refreshes that new online keys came into the middle of: those are counted
 */
async function publishUnder({ publications, clients, refreshes, rotateEvery }: Load) {
  // Clients start when it matters: when the keys are about to sign, and while the transaction is on its way to the disk.
  const share = refreshes / publications / 2;
  let allowed = 0;
  const wrap = (store: Store): Store => ({
    ...store,
    openIntent(intent) {
      allowed += share;
      return store.openIntent(intent);
    },
    publish(publication) {
      allowed += share;
      return store.publish(publication);
    },
  });
  const publisher = await opened(wrap);
  await publishNext(publisher);
  const root = await rootOf(publisher);
  const overHttp = await served(publisher);
  // Whatever may happen between two files shall.
  const direct = async (name: string) => {
    await setImmediate();
    return publisher.repository.file(name);
  };
  const newRootVersion = () => publisher.repository.head?.versions.get('root') ?? 0;
  const released: string[] = [];
  const failures: unknown[] = [];
  const count = { published: 0, refreshes: 0, changed: 0, straddled: 0 };

  const follow = async (index: number) => {
    const follower = new Follower(root, nowMs, index % 4 === 0 ? overHttp : direct);
    let seen = 0;
    while (count.published < publications || count.refreshes < refreshes) {
      await setImmediate();
      if (count.refreshes >= allowed) continue;
      count.refreshes += 1;
      const newest = released.at(-1);
      const before = newRootVersion();
      try {
        const trusted = await follower.refresh();
        const { version } = trusted.timestamp.value;
        if (version !== seen) count.changed += 1;
        seen = version;
        const found = newest === undefined ? undefined : await follower.find(trusted, pathOf(newest), hardware);
        if (newest !== undefined && found?.target.version !== newest) failures.push(`${newest} is not found`);
      } catch (error) {
        const isStraddled = newRootVersion() !== before && isOtaError(error) && error.code === 'TRUST_SIGNATURES';
        if (isStraddled) count.straddled += 1;
        else failures.push(error);
      }
    }
  };
  const publish = async () => {
    for (; count.published < publications; count.published += 1) {
      const what = await publishNext(publisher, rotateEvery);
      if (what !== 'root') released.push(what);
    }
  };
  await Promise.all([publish(), ...Array.from({ length: clients }, (_, index) => follow(index))]);
  return { failures, count };
}

describe('REL-8 clients that refresh while something is published', () => {
  it(`REL-8 see the set before or the set after: ${SIZES.publications} publications, ${SIZES.refreshes} refreshes, none refused`, {
    timeout: 20 * MINUTES_MS,
  }, async () => {
    const { failures, count } = await publishUnder({ ...SIZES, rotateEvery: Number.POSITIVE_INFINITY });
    expect(failures).toEqual([]);
    expect(count.straddled).toBe(0);
    expect(count.refreshes).toBeGreaterThanOrEqual(SIZES.refreshes);
    // They were really at it meanwhile.
    expect(count.changed).toBeGreaterThan(SIZES.publications);
  });

  /**
   * A client asks for the next root, finds none, and then gets a timestamp that new keys have signed: TUF gives it no way to tell
   * that from a forgery but to begin anew. Refused it is, fooled it is not.
   */
  it('REL-8 where the online keys change in the middle of a refresh, it is refused, and the next one is not', async () => {
    const { failures, count } = await publishUnder({ publications: 12, clients: 4, refreshes: 120, rotateEvery: 2 });
    expect(failures).toEqual([]);
    expect(count.refreshes).toBeGreaterThanOrEqual(120);
    expect(count.straddled).toBeLessThan(count.refreshes / 2);
  });

  it('REL-8 a release proof that is asked for meanwhile holds, root changes and all', async () => {
    const publisher = await opened();
    await publishNext(publisher);
    const root = await rootOf(publisher);
    const first = await publishNext(publisher);
    const image = { sha256: sha256Hex(imageOf(first)), lengthBytes: imageOf(first).length };
    let isDone = false;
    const versions = new Set<string>();
    const ask = async () => {
      let stored: ReadonlyMap<string, Uint8Array> = new Map([['root', root]]);
      while (!isDone) {
        await setImmediate();
        const proof = (await publisher.repository.proof(image.sha256)) ?? new Uint8Array();
        ({ stored } = verifyProof(proof, { stored, nowMs: nowMs(), image, hardwareId: hardware }));
        versions.add(sha256Hex(stored.get('timestamp') ?? proof));
      }
    };
    const publish = async () => {
      for (let done = 0; done < PROOFS; done += 1) await publishNext(publisher, 3);
      isDone = true;
    };
    await Promise.all([publish(), ask(), ask(), ask()]);
    expect(versions.size).toBeGreaterThan(PROOFS / 2);
  });
});

/** What must hold of a folder whenever somebody opens it, whatever happened before. @returns its publisher, opened */
async function requireWhole(dir: string): Promise<Publisher> {
  const publisher = await openPublisher(dir);
  const { repository, vault } = publisher;
  const db = openForReading(join(dir, 'sealift.db'));
  try {
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    const files = db
      .prepare('SELECT role, version FROM metadata')
      .all()
      .map(({ role, version }) => `${role} ${version}`);
    const intents = db.prepare('SELECT what, state FROM signing_intent').all() as { what: string; state: string }[];
    const done = intents.filter(({ state }) => state === 'done').flatMap(({ what }) => what.split('; '));
    // The head is whole, and every version below it is there.
    for (const [role, version] of repository.head?.versions ?? [])
      expect(files.filter((file) => file.startsWith(`${role} `))).toHaveLength(version);
    // No effect without an entry (SEC-26), no entry left open.
    const signed = files.filter((file) => /^(?:snapshot|timestamp) /.test(file));
    expect(done.map((what) => what.slice(0, what.indexOf(' by '))).toSorted()).toEqual(signed.toSorted());
    expect(intents.filter(({ state }) => state === 'open')).toEqual([]);
    expect(intents.filter(({ state }) => state === 'done')).toHaveLength(repository.head?.revision ?? 0);
  } finally {
    db.close();
  }
  if (repository.head) {
    const { keys, roles } = repository.reading.trusted.root.value;
    const held = (await vault.keys()).map(({ publicKey }) => publicKey.fingerprint);
    for (const keyId of [...roles.snapshot.keyIds, ...roles.timestamp.keyIds])
      expect(held).toContain(keys.get(keyId)?.fingerprint);
  }
  return publisher;
}

describe('REL-3 a server that is killed while it publishes', () => {
  it(`REL-3 REL-8 SEC-26 ${SIZES.kills} kills at any moment: what was acknowledged is there, what is there is whole`, {
    timeout: 30 * MINUTES_MS,
  }, async () => {
    const dir = temporaryDir();
    const first = await openPublisher(dir);
    const acknowledged = [await publishNext(first)];
    let { repository } = first;
    const follower = new Follower(await rootOf(first), nowMs, (name) => repository.file(name));
    await first.close();
    const random = seededRandom('kills');
    for (let round = 0; round < SIZES.kills; round += 1) {
      const [lines = 0, turns = 0] = random.bytes(2);
      acknowledged.push(...(await publishUntilKilled(dir, 1 + (lines % 5), turns)));
      const publisher = await requireWhole(dir);
      ({ repository } = publisher);
      const releases = (await publisher.store.releases('t', { after: undefined, limit: 10_000 })).map(
        ({ version }) => version,
      );
      expect(acknowledged.filter((what) => what !== 'root' && !releases.includes(what))).toEqual([]);
      const trusted = await follower.refresh();
      // All that are new, and some of the others: they stand in the same files.
      for (const version of [...releases.slice(0, 3), ...releases.slice(-12)])
        expect((await follower.find(trusted, pathOf(version), hardware))?.target.version).toBe(version);
      await publisher.close();
    }
    expect(acknowledged.length).toBeGreaterThan(SIZES.kills);
  });

  it.skipIf(isSkipped('strace'))(
    `REL-3 killed before ${isRelease ? 'each' : 'some'} of its calls, a publication is there as a whole or not at all`,
    { timeout: 30 * MINUTES_MS },
    async () => {
      const prepared = temporaryDir();
      const publisher = await openPublisher(prepared);
      for (let done = 0; done < 2; done += 1) await publishNext(publisher);
      await publisher.close();
      const script = join(import.meta.dirname, 'support/publisher.ts');
      const copy = () => {
        const dir = temporaryDir();
        cpSync(prepared, dir, { recursive: true });
        const paths = ['sealift.db', 'sealift.db-wal'].map((name) => join(dir, name));
        return { dir, traced: { script, args: [dir, '1'], paths } };
      };
      const all = callsIn(await traceOf(copy().traced, temporaryDir()));
      expect(all.length).toBeGreaterThan(10);
      const calls = isRelease ? all : all.filter((_call, index) => index % Math.ceil(all.length / 3) === 3);
      const revisions = new Set<number | undefined>();
      for (const call of calls) {
        const { dir, traced } = copy();
        const { stdout } = await runWithFault(traced, call, 'signal=KILL');
        const after = await requireWhole(dir);
        const { revision } = after.repository.head ?? {};
        if (stdout.length > 0) expect(revision).toBe(3);
        revisions.add(revision);
        await after.close();
      }
      expect([...revisions].every((revision) => revision === 2 || revision === 3)).toBe(true);
      if (isRelease) expect(revisions.size).toBe(2);
    },
  );
});

/** @returns what it acknowledged, until it had printed so many lines and so many turns had passed */
async function publishUntilKilled(dir: string, lines: number, turns: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'support/publisher.ts'), dir, '-1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const enough = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split('\n').length > lines) enough.resolve();
  });
  child.once('close', () => enough.resolve());
  await enough.promise;
  for (let turn = 0; turn < turns * 40; turn += 1) await setImmediate();
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  expect(child.signalCode).toBe('SIGKILL');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' ')[0] ?? '');
}
