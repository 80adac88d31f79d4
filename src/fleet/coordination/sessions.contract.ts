/** What every adapter of Sessions and of OfferFeed must do. */
import { describe, expect, it } from 'vitest';
import { MAX_SESSIONS, MAX_WAITING_OFFERS } from './limits.ts';
import type { OfferFeed, WaitingOffer } from './offer-feed.ts';
import type { Sessions } from './sessions.ts';

const TTL_MS = 60_000;

export interface SessionsWorld {
  readonly sessions: Sessions;
  readonly feed: OfferFeed;
  readonly clock: { advance(ms: number): void; jump(ms: number): void };
}

export function describeSessions(name: string, make: () => Promise<SessionsWorld>): void {
  describe(`DESIGN-5 ${name}: which node has a device`, () => {
    it('DESIGN-5 the one that claimed it last, until it lets go', async () => {
      const { sessions } = await make();
      expect(await sessions.owner('t', 'd')).toBeUndefined();
      const first = await sessions.claim('t', 'd', 'node a', TTL_MS);
      expect(await sessions.owner('t', 'd')).toEqual(first);
      const second = await sessions.claim('t', 'd', 'node b', TTL_MS);
      expect(second.token).toBeGreaterThan(first.token);
      expect(await sessions.owner('t', 'd')).toEqual(second);
      expect([await sessions.release(first), await sessions.release(second), await sessions.release(second)]).toEqual([
        false,
        true,
        false,
      ]);
      expect(await sessions.owner('t', 'd')).toBeUndefined();
    });

    it('DESIGN-5 a newer claim by the same node supersedes, too, and whoever was superseded learns so', async () => {
      const { sessions } = await make();
      const old = await sessions.claim('t', 'd', 'node a', TTL_MS);
      const others = [
        await sessions.claim('t', 'e', 'node a', TTL_MS),
        await sessions.claim('t', 'd', 'node a', TTL_MS),
      ];
      expect(await sessions.renew([old, ...others], TTL_MS)).toEqual([old]);
    });

    it('DESIGN-5 goes with the node that no longer renews; a jump of the wall clock takes nothing', async () => {
      const { sessions, clock } = await make();
      const kept = await sessions.claim('t', 'kept', 'node a', TTL_MS);
      const lost = await sessions.claim('t', 'lost', 'node a', TTL_MS);
      clock.jump(10 * 365 * 86_400_000);
      clock.advance(TTL_MS - 1);
      expect(await sessions.renew([kept], TTL_MS)).toEqual([]);
      expect(await sessions.owner('t', 'lost')).toEqual(lost);
      clock.advance(1);
      expect([await sessions.owner('t', 'lost'), await sessions.owner('t', 'kept')]).toEqual([undefined, kept]);
      expect(await sessions.renew([lost], TTL_MS)).toEqual([lost]);
    });

    it('SEC-18 of another tenant is another device', async () => {
      const { sessions } = await make();
      await sessions.claim('t', 'd', 'node a', TTL_MS);
      expect(await sessions.owner('u', 'd')).toBeUndefined();
    });

    it('REL-19 as many as there may be; those that ended make room', async () => {
      const { sessions, clock } = await make();
      for (let index = 0; index < MAX_SESSIONS; index += 1) await sessions.claim('t', `d${index}`, 'node a', TTL_MS);
      await expect(sessions.claim('t', 'one more', 'node a', TTL_MS)).rejects.toMatchObject({
        code: 'COORDINATION_FULL',
      });
      await sessions.claim('t', 'd1', 'node b', TTL_MS);
      clock.advance(TTL_MS);
      await sessions.claim('t', 'one more', 'node a', TTL_MS);
    });
  });

  const offer = (deviceId: string, changes: Partial<WaitingOffer> = {}): WaitingOffer => ({
    ...{ tenant: 't', deviceId, component: 'firmware', attemptId: `attempt of ${deviceId}` },
    ...{ rolloutId: 'r1', releaseId: 'release 1', ...changes },
  });

  describe(`DESIGN-2 ${name}: offers that wait for connected devices`, () => {
    it('DESIGN-2 are taken once, by the node that has the device', async () => {
      const { sessions, feed } = await make();
      await sessions.claim('t', 'd1', 'node a', TTL_MS);
      await sessions.claim('t', 'd2', 'node b', TTL_MS);
      for (const device of ['d1', 'd2', 'offline']) expect(await feed.put(offer(device))).toBe('waiting');
      expect(await feed.take('node a', 10)).toEqual([offer('d1')]);
      expect(await feed.take('node a', 10)).toEqual([]);
      expect(await feed.take('node b', 10)).toEqual([offer('d2')]);
      await sessions.claim('t', 'offline', 'node b', TTL_MS);
      expect(await feed.take('node b', 10)).toEqual([offer('offline')]);
    });

    it('DESIGN-2 are not for a node whose session was superseded, or has ended', async () => {
      const { sessions, feed, clock } = await make();
      await sessions.claim('t', 'd', 'node a', TTL_MS);
      await sessions.claim('t', 'd', 'node b', TTL_MS);
      await feed.put(offer('d'));
      expect(await feed.take('node a', 10)).toEqual([]);
      clock.advance(TTL_MS);
      expect(await feed.take('node b', 10)).toEqual([]);
      await sessions.claim('t', 'd', 'node a', TTL_MS);
      expect(await feed.take('node a', 10)).toEqual([offer('d')]);
    });

    it('DESIGN-2 replace the older one for the same component, and no other', async () => {
      const { sessions, feed } = await make();
      await sessions.claim('t', 'd', 'node a', TTL_MS);
      await sessions.claim('u', 'd', 'node a', TTL_MS);
      const modem = offer('d', { component: 'modem' });
      const newer = offer('d', { rolloutId: 'r2', releaseId: 'release 2' });
      for (const one of [offer('d'), modem, offer('d', { tenant: 'u' }), newer]) await feed.put(one);
      const taken = await feed.take('node a', 10);
      expect(taken).toHaveLength(3);
      expect(taken).toEqual(expect.arrayContaining([modem, newer, offer('d', { tenant: 'u' })]));
    });

    it('REL-30 go with a rollout that is halted, and come too late when they were under way', async () => {
      const { sessions, feed } = await make();
      for (const device of ['d1', 'd2', 'd3']) await sessions.claim('t', device, 'node a', TTL_MS);
      const other = offer('d3', { rolloutId: 'r2' });
      for (const one of [offer('d1'), offer('d2'), other]) await feed.put(one);
      expect([await feed.withdraw('t', 'r1'), await feed.withdraw('t', 'r1'), await feed.withdraw('u', 'r2')]).toEqual([
        2, 0, 0,
      ]);
      expect(await feed.put(offer('d1'))).toBe('withdrawn');
      expect(await feed.take('node a', 10)).toEqual([other]);
    });

    it('REL-19 are taken in bounded batches until none is left, and are so many at most', async () => {
      const { sessions, feed } = await make();
      await sessions.claim('t', 'last', 'node a', TTL_MS);
      for (let index = 0; index < 250; index += 1) await sessions.claim('t', `d${index}`, 'node a', TTL_MS);
      for (let index = 0; index < MAX_WAITING_OFFERS; index += 1) await feed.put(offer(`d${index}`));
      expect(await feed.put(offer('last'))).toBe('full');
      expect(await feed.put(offer('d7', { releaseId: 'release 2' }))).toBe('waiting');
      const sizes = [];
      for (let batch = 0; batch < 4; batch += 1) sizes.push((await feed.take('node a', 100)).length);
      expect(sizes).toEqual([100, 100, 50, 0]);
      expect(await feed.put(offer('last'))).toBe('waiting');
    });
  });
}
