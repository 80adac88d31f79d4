/** What every adapter of the Store port must do. */
import { describe, expect, it } from 'vitest';
import type { Attempt, Device, Release, Rollout } from './model.ts';
import type { Store } from './ports.ts';

const id = (prefix: string, number: number) => `01${prefix}${String(number).padStart(24 - prefix.length, '0')}`;
const page = { after: undefined, limit: 100 };

export const device = (number = 1, tenant = 't'): Device => ({
  ...{ tenant, id: id('D', number), protocol: 'cups', identity: `eui${number}`, hardware: 'hw' },
  ...{ groups: ['canary'], createdAtMs: 1_000 },
});
export const release = (version = '1.1.0', targetsVersion = 1, tenant = 't'): Release => ({
  ...{
    tenant,
    id: id('R', targetsVersion),
    component: 'firmware',
    version,
    targetsVersion,
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

async function filled(make: () => Promise<Store>): Promise<Store> {
  const store = await make();
  await store.createDevice(device());
  await store.createRelease(release());
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
      expect(await store.targetsVersion('u')).toBe(0);
    });

    it('REL-9 refuses what exists already, and what comes too late', async () => {
      const store = await filled(make);
      await expect(store.createDevice({ ...device(2), identity: 'eui1' })).rejects.toMatchObject({
        code: 'STORE_DUPLICATE',
      });
      await expect(store.createRelease({ ...release(), id: id('R', 9) })).rejects.toMatchObject({
        code: 'STORE_DUPLICATE',
      });
      await store.createRelease(release('1.3.0', 3));
      await expect(store.createRelease(release('1.2.0', 2))).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
      expect(await store.targetsVersion('t')).toBe(3);
      await store.updateRollout({ ...rollout(), state: 'halted', revision: 2 });
      await expect(store.updateRollout({ ...rollout(), revision: 2 })).rejects.toMatchObject({
        code: 'STORE_CONFLICT',
      });
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
      await store.createRelease(release('1.2.0', 2));
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
  });
}
