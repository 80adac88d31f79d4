/** What every adapter of the Store port must do. */
import { describe, expect, it } from 'vitest';
import { MAX_TOKENS } from './limits.ts';
import type { ApiToken, Attempt, Device, Release, Rollout, SigningEvent } from './model.ts';
import type { ImageQuery, Publication, Store } from './ports.ts';

const id = (prefix: string, number: number) => `01${prefix}${String(number).padStart(24 - prefix.length, '0')}`;
const page = { after: undefined, limit: 100 };

export const device = (number = 1, tenant = 't'): Device => ({
  ...{ tenant, id: id('D', number), protocol: 'cups', identity: `eui${number}`, hardware: 'hw' },
  ...{ groups: ['canary'], createdAtMs: 1_000 },
});
export const release = (version = '1.1.0', number = 1, tenant = 't'): Release => ({
  ...{
    tenant,
    id: id('R', number),
    component: 'firmware',
    version,
    signingEventId: id('E', number),
    signedBy: ['key'],
    createdAtMs: 1,
  },
  artifacts: [
    {
      ...{ hardware: 'hw', sha256: 'ab'.repeat(32), lengthBytes: 5, targetPath: 'firmware/1.1.0/hw' },
      payloadSignatures: [{ scheme: 'cups-p256-sha512', key: new Uint8Array([1, 2]), signature: new Uint8Array([3]) }],
    },
  ],
});
export const rollout = (number = 1, tenant = 't', releaseId = id('R', 1)): Rollout => ({
  ...{ tenant, id: id('P', number), releaseId, phases: [{ name: 'all', kind: 'share', share: 1 }] },
  ...{ openPhases: 1, state: 'running', revision: 1, createdAtMs: 1 },
});
export const attempt = (number = 1, changes: Partial<Attempt> = {}): Attempt => ({
  ...{ tenant: 't', id: id('A', number), deviceId: id('D', 1), rolloutId: id('P', 1), releaseId: id('R', 1) },
  ...{ component: 'firmware', fromVersion: '1.0.0', toVersion: '1.1.0', state: 'offered' },
  ...{ offeredAtMs: 5, updatedAtMs: 5, ...changes },
});

export const signingEvent = (number = 1, changes: Partial<SigningEvent> = {}): SigningEvent => ({
  ...{ tenant: 't', id: id('E', number), state: 'open', reason: 'because', request: new Uint8Array([1, number]) },
  ...{
    digest: 'ef'.repeat(32),
    release: null,
    releaseId: null,
    revision: 1,
    createdAtMs: 1,
    updatedAtMs: 1,
    ...changes,
  },
});

export const token = (number = 1, changes: Partial<ApiToken> = {}): ApiToken => ({
  ...{ tenant: 't', id: id('T', number), name: `token ${number}`, role: 'operator' },
  ...{ digest: String(number).padStart(64, '0'), createdAtMs: 1, expiresAtMs: 5, revokedAtMs: null, ...changes },
});

/** The `revision`th publication: a targets file and a timestamp of that version. */
export const publication = (revision = 1, changes: Partial<Publication> = {}): Publication => ({
  head: {
    tenant: 't',
    revision,
    versions: new Map([
      ['targets', revision],
      ['timestamp', revision],
    ]),
  },
  files: [
    {
      role: 'targets',
      version: revision,
      bytes: new Uint8Array([revision]),
      targets: [{ path: `path/${revision}`, sha256: 'ab'.repeat(32), hardwareIds: ['hw'] }],
    },
    { role: 'timestamp', version: revision, bytes: new Uint8Array([0, revision]) },
  ],
  ...{ intentId: id('N', revision), atMs: revision, ...changes },
});

const IMAGE: ImageQuery = { sha256: 'ab'.repeat(32), hardware: undefined, limit: 9 };

async function filled(make: () => Promise<Store>): Promise<Store> {
  const store = await make();
  await store.createDevice(device());
  await store.publish(publication(1, { release: release() }));
  await store.createRollout(rollout());
  return store;
}

/** @param make gives a fresh, empty store that is closed when the test ends */
export function describeStore(name: string, make: () => Promise<Store>): void {
  describe(`REL-9 ${name}`, () => {
    it('SEC-18 gives back what was stored, to its own tenant only', async () => {
      const store = await filled(make);
      const view = { ...device(), installed: new Map(), facts: [], openAttempts: [], lastSeenAtMs: null };
      expect(await store.device('t', device().id)).toEqual(view);
      expect(await store.deviceByIdentity('t', 'cups', 'eui1')).toEqual(view);
      expect(await store.release('t', release().id)).toEqual(release());
      expect(await store.rollout('t', rollout().id)).toEqual(rollout());
      expect(await store.plan()).toEqual([{ rollout: rollout(), release: release() }]);
      const foreign = [
        store.device('u', device().id),
        store.deviceByIdentity('u', 'cups', 'eui1'),
        store.release('u', release().id),
        store.rollout('u', rollout().id),
      ];
      expect(await Promise.all(foreign)).toEqual([undefined, undefined, undefined, undefined]);
      expect(await store.devices('u', page)).toEqual([]);
      expect(await store.attemptCounts('u', rollout().id)).toEqual(new Map());
      expect(await store.repository('u')).toBeUndefined();
      expect(await store.metadata('u', 'targets', 1)).toBeUndefined();
      expect(await store.targetsOf('u', IMAGE)).toEqual([]);
    });

    it('REL-9 refuses what exists already, and what comes too late', async () => {
      const store = await filled(make);
      await expect(store.createDevice({ ...device(2), identity: 'eui1' })).rejects.toMatchObject({
        code: 'STORE_DUPLICATE',
      });
      const again = publication(2, { release: { ...release(), id: id('R', 9) } });
      await expect(store.publish(again)).rejects.toMatchObject({ code: 'STORE_DUPLICATE' });
      expect((await store.repository('t'))?.revision).toBe(1);
      expect(await store.metadata('t', 'targets', 2)).toBeUndefined();
      await store.updateRollout({ ...rollout(), state: 'halted', revision: 2 });
      await expect(store.updateRollout({ ...rollout(), revision: 2 })).rejects.toMatchObject({
        code: 'STORE_CONFLICT',
      });
    });

    it('REL-8 a publication is there as a whole, or not at all', async () => {
      const store = await make();
      expect(await store.repository('t')).toBeUndefined();
      await store.publish(publication(1));
      await store.publish(publication(2));
      expect(await store.repository('t')).toEqual(publication(2).head);
      for (const late of [publication(2), publication(4), publication(1)])
        await expect(store.publish(late)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
      // A version that was published never changes, even under a new head.
      const rewritten = publication(3, { files: publication(2).files });
      await expect(store.publish(rewritten)).rejects.toMatchObject({
        code: 'STORE_CONFLICT',
        fix: expect.stringContaining('draft the change anew') as string,
      });
      expect(await store.repository('t')).toEqual(publication(2).head);
      expect(await store.metadata('t', 'targets', 1)).toEqual(new Uint8Array([1]));
      expect(await store.metadata('t', 'targets', 2)).toEqual(new Uint8Array([2]));
      expect(await store.metadata('t', 'targets', 3)).toBeUndefined();
      expect(await store.targetsOf('t', IMAGE)).toEqual([
        { role: 'targets', path: 'path/2', sha256: 'ab'.repeat(32), hardwareIds: ['hw'] },
      ]);
    });

    it('SEC-22 finds the targets of an image in each role by itself, those that list the hardware, no more than are asked for', async () => {
      const store = await make();
      const { sha256 } = IMAGE;
      const listing = (role: string, ...targets: readonly (readonly [path: string, ...hardwareIds: string[]])[]) => ({
        ...{ role, version: 1, bytes: new Uint8Array([1]) },
        targets: targets.map(([path, ...hardwareIds]) => ({ path, sha256, hardwareIds })),
      });
      const files = [
        listing('targets', ['z/1', 'hw', 'hw2'], ['z/2', 'hw2']),
        listing(
          'acme',
          ['a/\u{10000}', 'hw'],
          ['a/\ue000', 'hw'],
          ['a/2', 'hw2'],
          ['a/1', 'hw3', 'hw'],
          ['a/0', "h'w"],
        ),
        { ...listing('other'), targets: [{ path: 'b', sha256: 'cd'.repeat(32), hardwareIds: ['hw'] }] },
      ];
      await store.publish(publication(1, { files }));
      const found = async (hardware: string | undefined, limit: number) =>
        (await store.targetsOf('t', { sha256, hardware, limit })).map(({ role, path }) => `${role} ${path}`);
      expect(await found('hw', 2)).toEqual(['acme a/1', 'acme a/\ue000', 'targets z/1']);
      expect(await found('hw', 9)).toEqual(['acme a/1', 'acme a/\ue000', 'acme a/\u{10000}', 'targets z/1']);
      expect(await found('hw2', 1)).toEqual(['acme a/2', 'targets z/1']);
      expect(await found(undefined, 2)).toEqual(['acme a/0', 'acme a/1', 'targets z/1', 'targets z/2']);
      expect(await Promise.all(["h'w", 'h', 'hw3"', ''].map((id) => found(id, 9)))).toEqual([['acme a/0'], [], [], []]);
    });

    it('SEC-3 says which version is free, below those that somebody jumped to', async () => {
      const store = await make();
      expect(await store.freeVersion('t', 'targets')).toBe(1);
      await store.publish(publication(1));
      await store.publish(publication(2));
      const bytes = new Uint8Array([9]);
      const jumps = [5, 6, 2 ** 53 - 2, 2 ** 53 - 1].map((version) => ({ role: 'targets', version, bytes }));
      await store.publish(publication(3, { files: jumps }));
      expect(await store.freeVersion('t', 'targets')).toBe(3);
      expect(await store.freeVersion('t', 'nobody')).toBe(1);
      expect(await store.freeVersion('u', 'targets')).toBe(1);
    });

    it('SEC-26 an intent is done with its publication, and abandoned when a crash came between', async () => {
      const store = await make();
      const intent = (number: number) => ({
        tenant: 't',
        id: id('N', number),
        what: `snapshot ${number}`,
        atMs: number,
      });
      await store.openIntent(intent(1));
      await store.openIntent(intent(2));
      await store.publish(publication(1));
      expect(await store.abandonIntents('u', 9)).toBe(0);
      expect(await store.abandonIntents('t', 9)).toBe(1);
      expect((await store.intents('t', page)).map(({ state }) => state)).toEqual(['done', 'abandoned']);
      expect(await store.intents('u', page)).toEqual([]);
    });

    it('SEC-26 one intent is abandoned by itself, and what is done stays done', async () => {
      const store = await make();
      for (const number of [1, 2, 3])
        await store.openIntent({ tenant: 't', id: id('N', number), what: `snapshot ${number}`, atMs: number });
      await store.publish(publication(1));
      for (const [tenant, number] of [
        ['t', 1],
        ['t', 2],
        ['t', 9],
        ['u', 3],
      ] as const)
        await store.abandonIntent(tenant, id('N', number), 9);
      expect((await store.intents('t', page)).map(({ state }) => state)).toEqual(['done', 'abandoned', 'open']);
    });

    it('REL-9 a signing event changes by revision, and together with what it publishes', async () => {
      const store = await make();
      await store.createSigningEvent(signingEvent(1));
      await store.createSigningEvent(signingEvent(2, { release: { component: 'c', version: '1', artifacts: [] } }));
      expect(await store.signingEvent('t', id('E', 1))).toEqual(signingEvent(1));
      expect((await store.signingEvents('t', page)).map((one) => one.release?.component)).toEqual([undefined, 'c']);
      expect(await store.signingEvent('u', id('E', 1))).toBeUndefined();
      const signed = signingEvent(1, { request: new Uint8Array([7]), revision: 2, updatedAtMs: 5 });
      await store.updateSigningEvent(signed);
      await expect(store.updateSigningEvent(signed)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
      const late = publication(1, { event: signed, release: release() });
      await expect(store.publish(late)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
      expect(await store.release('t', release().id)).toBeUndefined();
      const published = { ...signed, state: 'published' as const, releaseId: release().id, revision: 3 };
      expect((await store.openSigningEvents('t')).map((one) => one.id)).toEqual([id('E', 1), id('E', 2)]);
      await store.publish(publication(1, { event: published, release: release() }));
      expect(await store.signingEvent('t', id('E', 1))).toEqual(published);
      expect((await store.openSigningEvents('t')).map((one) => one.id)).toEqual([id('E', 2)]);
      expect(await store.openSigningEvents('u')).toEqual([]);
      expect(await store.release('t', release().id)).toEqual(release());
    });

    it('DESIGN-5 pages by key, without gaps or repeats', async () => {
      const store = await make();
      for (let number = 1; number <= 7; number += 1) await store.createDevice(device(number));
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const items = await store.devices('t', { after, limit: 3 });
        seen.push(...items.map((one) => one.id));
        after = items.at(-1)?.id;
        if (items.length < 3) break;
      }
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => id('D', number)));
    });

    it('REL-9 opens one attempt per device and component, however many ask at once', async () => {
      const store = await filled(make);
      const opened = await Promise.all(Array.from({ length: 100 }, (_, number) => store.openAttempt(attempt(number))));
      expect(new Set(opened.map((result) => result?.attempt.id)).size).toBe(1);
      expect(await store.attempts('t', { deviceId: id('D', 1) }, page)).toHaveLength(1);
      expect(await store.attemptCounts('t', id('P', 1))).toEqual(new Map([['offered', 1]]));
    });

    it('REL-9 cancels an open attempt in favour of another release', async () => {
      const store = await filled(make);
      await store.publish(publication(2, { release: release('1.2.0', 2) }));
      await store.createRollout(rollout(2, 't', id('R', 2)));
      await store.openAttempt(attempt(1));
      const result = await store.openAttempt(
        attempt(2, { releaseId: id('R', 2), rolloutId: id('P', 2), offeredAtMs: 9 }),
      );
      expect(result?.cancelled).toMatchObject({ id: id('A', 1), state: 'cancelled', updatedAtMs: 9 });
      expect((await store.device('t', id('D', 1)))?.openAttempts.map((one) => one.id)).toEqual([id('A', 2)]);
      expect(await store.attemptCounts('t', id('P', 1))).toEqual(new Map([['cancelled', 1]]));
    });

    it('REL-30 opens none once a halt is stored', async () => {
      const store = await filled(make);
      await store.updateRollout({ ...rollout(), state: 'halted', revision: 2 });
      expect(await store.openAttempt(attempt())).toBeUndefined();
    });

    it('REL-9 moves attempts forward only, and an ended one never', async () => {
      const store = await filled(make);
      await store.openAttempt(attempt());
      const move = async (to: Attempt['state']) => (await store.moveAttempt('t', id('A', 1), to, 7))?.attempt.state;
      expect([await move('downloaded'), await move('downloading'), await move('downloaded')]).toEqual([
        'downloaded',
        'downloaded',
        'downloaded',
      ]);
      expect([await move('failed'), await move('confirmed'), await move('offered')]).toEqual([
        'failed',
        'failed',
        'failed',
      ]);
      expect(await store.attemptCounts('t', id('P', 1))).toEqual(new Map([['failed', 1]]));
      expect(await store.moveAttempt('t', id('A', 5), 'failed', 7)).toBeUndefined();
      expect(await store.moveAttempt('u', id('A', 1), 'failed', 7)).toBeUndefined();
    });

    it('REL-9 a contact with the new version confirms, in the same step', async () => {
      const store = await filled(make);
      await store.openAttempt(attempt());
      const older = await store.recordContact(
        device(),
        { installed: new Map([['firmware', '1.0.0']]), facts: ['f'] },
        8,
      );
      expect(older).toMatchObject({ facts: ['f'], lastSeenAtMs: 8, openAttempts: [{ state: 'offered' }] });
      const newer = await store.recordContact(
        device(),
        { installed: new Map([['firmware', '1.1.0']]), facts: ['f'] },
        9,
      );
      expect(newer.openAttempts).toEqual([]);
      expect(newer.installed).toEqual(new Map([['firmware', '1.1.0']]));
      expect((await store.attempts('t', { rolloutId: id('P', 1) }, page)).map(({ state }) => state)).toEqual([
        'confirmed',
      ]);
    });

    it('DESIGN-5 last-seen times never go back, and strangers are ignored', async () => {
      const store = await filled(make);
      const seen = (atMs: number, deviceId = id('D', 1)) => ({ tenant: 't', deviceId, atMs });
      await store.recordSeen([seen(50), seen(70, id('D', 9))]);
      await store.recordSeen([seen(40)]);
      expect((await store.device('t', id('D', 1)))?.lastSeenAtMs).toBe(50);
    });

    it('SEC-18 an API token is found by its digest, listed to its own tenant, and revoked once', async () => {
      const store = await make();
      const other = token(2, { tenant: 'u', name: 'ci' });
      await store.createToken(token());
      await store.createToken(other);
      expect(await store.tokenByDigest(other.digest)).toEqual(other);
      expect(await store.tokenByDigest('00'.repeat(32))).toBeUndefined();
      expect(await store.tokens('t', page)).toEqual([token()]);
      expect(await store.revokeToken('t', other.id, 9)).toBeUndefined();
      expect(await store.revokeToken('t', token().id, 9)).toEqual(token(1, { revokedAtMs: 9 }));
      expect(await store.revokeToken('t', token().id, 10)).toEqual(token(1, { revokedAtMs: 9 }));
      expect(await store.tokenByDigest(token().digest)).toEqual(token(1, { revokedAtMs: 9 }));
      expect(await store.tokens('u', page)).toEqual([other]);
    });

    it('SEC-16 two tokens of one name are one too many, until the first is revoked; and there is an end to them', async () => {
      const store = await make();
      await store.createToken(token());
      await expect(store.createToken(token(2, { name: token().name }))).rejects.toMatchObject({
        code: 'STORE_DUPLICATE',
      });
      await store.revokeToken('t', token().id, 9);
      await store.createToken(token(2, { name: token().name }));
      const more = Array.from({ length: MAX_TOKENS - 1 }, (_, index) => token(index + 3));
      await Promise.all(more.map((one) => store.createToken(one)));
      await expect(store.createToken(token(MAX_TOKENS + 2))).rejects.toMatchObject({ code: 'STORE_FULL' });
      await store.createToken(token(MAX_TOKENS + 3, { tenant: 'u' }));
    });
  });
}
