/** A foreign client, tuf-js, reads our repository over our own listener; ours is asked the same, and both must agree. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify from 'fastify';
import { Updater } from 'tuf-js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isOtaError } from '../src/core/errors.ts';
import { DAY_MS } from '../src/core/time.ts';
import type { Change } from '../src/fleet/changes.ts';
import { makePeople, type Person } from '../src/lab/people.ts';
import { mountDevices } from '../src/server/devices.ts';
import { generateSigner } from '../src/trust/keys.ts';
import { TUF1 } from '../src/trust/tuf/dialect.ts';
import { type Conversation, findTarget, refresh } from '../src/trust/tuf/refresh.ts';
import {
  type FleetOptions,
  type Parts,
  partsWithRoot,
  publishRelease,
  rootChange,
  signedByAll,
} from './support/fleet.ts';
import { FakeClock, recordingLog, temporaryDir } from './support/ports.ts';

const START_MS = Date.UTC(2026, 10, 24);
const FIRMWARE = 'firmware/1.1.0/hw';

// tuf-js has no clock of its own to set.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: START_MS }));
afterEach(() => void vi.useRealTimers());

/** A published release, the listener that serves it, and two devices that were provisioned with the first root. */
async function site(options: FleetOptions & { readonly bits?: number } = {}) {
  const parts = await partsWithRoot({ clock: new FakeClock(START_MS), ...options });
  await publishRelease(parts);
  const app = Fastify();
  /** What somebody on the way hands out instead. */
  const replayed = new Map<string, Uint8Array>();
  app.addHook('onRequest', async (request, reply) => {
    const bytes = replayed.get(request.url);
    if (bytes) await reply.type('application/json').send(Buffer.from(bytes));
  });
  mountDevices(app, { repository: parts.repository, blobs: parts.blobs, log: recordingLog() });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const root = parts.repository.reading.trusted.root.bytes;
  return {
    parts,
    replayed,
    advance: (days: number) => pass(parts, days),
    theirs: theirs(url, root),
    ours: ours(url, root),
  };
}

function pass({ clock }: Parts, days: number): void {
  clock.advance(days * DAY_MS);
  vi.setSystemTime(clock.nowMs());
}

function theirs(url: string, root: Uint8Array) {
  const dir = temporaryDir();
  writeFileSync(join(dir, 'root.json'), root);
  const updater = async () => {
    const config = {
      metadataDir: dir,
      metadataBaseUrl: `${url}/repo`,
      targetDir: temporaryDir(),
      targetBaseUrl: `${url}/repo/targets`,
    };
    const one = new Updater(config);
    await one.refresh();
    return one;
  };
  return {
    find: async (path: string) => (await (await updater()).getTargetInfo(path)) !== undefined,
    async download(path: string) {
      const one = await updater();
      const target = await one.getTargetInfo(path);
      if (!target) throw new Error(`tuf-js does not find ${path}`);
      return readFileSync(await one.downloadTarget(target, join(temporaryDir(), 'image')));
    },
    rootVersion: () =>
      (JSON.parse(readFileSync(join(dir, 'root.json'), 'utf8')) as { signed: { version: number } }).signed.version,
  };
}

function ours(url: string, root: Uint8Array) {
  const stored = new Map([['root', root]]);
  const answer = async <T>(conversation: Conversation<T>): Promise<T> => {
    let turn = conversation.next();
    while (!turn.done) {
      const step = turn.value;
      if (step.do === 'keep') stored.set(step.role, step.bytes);
      if (step.do === 'drop') stored.delete(step.role);
      const reply = step.do === 'fetch' ? await fetch(`${url}/repo/${step.file}`) : undefined;
      turn = conversation.next(reply?.ok ? new Uint8Array(await reply.arrayBuffer()) : undefined);
    }
    return turn.value;
  };
  return {
    async find(path: string) {
      const trusted = await answer(refresh(new Map(stored), { dialect: TUF1, nowMs: Date.now() }));
      return (await answer(findTarget(trusted, { path, hardwareId: 'hw' }, new Map(stored)))) !== undefined;
    },
  };
}

type Site = Awaited<ReturnType<typeof site>>;

/** Whether both find it; `refused` when both refuse. */
async function both({ theirs: foreign, ours: own }: Site, path: string): Promise<boolean | 'refused'> {
  const [one, other] = await Promise.allSettled([foreign.find(path), own.find(path)]);
  expect(other.status).toBe(one.status);
  if (other.status === 'rejected') {
    expect(isOtaError(other.reason)).toBe(true);
    return 'refused';
  }
  expect(one).toEqual(other);
  return other.value;
}

async function publish(parts: Parts, change: Change, people: readonly Person[] = parts.people): Promise<void> {
  const { event } = await signedByAll({ ...parts, people }, await parts.signing.start(change, 'a test'));
  expect(event.state).toBe('published');
}

describe('REL-8 tuf-js reads our repository', () => {
  it.each([undefined, 4])('REL-8 finds and fetches an image (bins: %s)', async (bits) => {
    const all = await site(bits === undefined ? {} : { bits });
    expect(await both(all, FIRMWARE)).toBe(true);
    expect(await both(all, 'firmware/9.9.9/hw')).toBe(false);
    expect((await all.theirs.download(FIRMWARE)).toString()).toBe('image of 1.1.0');
    await publishRelease(all.parts, { version: '1.2.0' });
    expect(await both(all, 'firmware/1.2.0/hw')).toBe(true);
  });

  it('SEC-3 follows two root rotations, with keys of three kinds', async () => {
    const all = await site();
    const { parts } = all;
    const [alice, bob, carol] = parts.people as readonly [Person, Person, Person];
    const [dave, erin] = makePeople(2) as [Person, Person];
    const rsa: Person = {
      ...dave,
      root: generateSigner('rsassa-pss-sha256').signer,
      targets: generateSigner('ecdsa').signer,
    };
    await publish(parts, rootChange(parts, [alice, bob, rsa], 2), [alice, bob, rsa]);
    await publish(parts, rootChange(parts, [rsa, erin, bob], 2), [bob, rsa, erin]);
    expect(await both(all, FIRMWARE)).toBe(true);
    expect(all.theirs.rootVersion()).toBe(3);
    expect(carol.name).not.toBe(erin.name);
  });

  it.each([false, true])('SEC-4 follows a supplier (terminating: %s)', async (terminating) => {
    const all = await site({ bits: 4 });
    const { parts } = all;
    const [supplier] = makePeople(1) as [Person];
    const keys = [supplier.targets.publicKey];
    const expiresAtMs = parts.clock.nowMs() + 60 * DAY_MS;
    const delegation = { name: 'acme', keys, threshold: 1, terminating, paths: ['firmware/2.*/*'] };
    await publish(parts, { kind: 'delegate', delegation, expiresAtMs }, [...parts.people, supplier]);
    await publishRelease({ ...parts, people: [supplier] }, { version: '2.0.0', supplier: 'acme' });
    expect(await both(all, 'firmware/2.0.0/hw')).toBe(true);
    expect(await both(all, 'firmware/2.0.1/hw')).toBe(false);
    expect(await both(all, FIRMWARE)).toBe(true);
  });

  it('SEC-24 refuses what has expired, and goes on when it was renewed', async () => {
    const all = await site();
    all.advance(8);
    expect(await both(all, FIRMWARE)).toBe('refused');
    await all.parts.repository.renew();
    expect(await both(all, FIRMWARE)).toBe(true);
  });

  it('SEC-3 refuses a replayed timestamp, and forgets nothing', async () => {
    const all = await site();
    const old = await all.parts.repository.file('timestamp.json');
    await publishRelease(all.parts, { version: '1.2.0' });
    expect(await both(all, 'firmware/1.2.0/hw')).toBe(true);
    all.replayed.set('/repo/timestamp.json', old ?? new Uint8Array());
    expect(await both(all, FIRMWARE)).toBe('refused');
    all.replayed.clear();
    expect(await both(all, 'firmware/1.2.0/hw')).toBe(true);
  });

  it('SEC-7 refuses a file with one byte changed', async () => {
    const all = await site();
    const targets = Buffer.from((await all.parts.repository.file('targets.json')) ?? []);
    const altered = Buffer.from(targets.toString().replace('"length":14', '"length":15'));
    expect(altered).not.toEqual(targets);
    all.replayed.set('/repo/2.targets.json', altered);
    expect(await both(all, FIRMWARE)).toBe('refused');
  });
});
