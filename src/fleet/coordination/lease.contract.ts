/** What every adapter of LeaseTable must do, and what Lease makes of it. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../core/ports.ts';
import { type Held, Lease, type LeaseTable } from './lease.ts';
import { MAX_LEASES } from './limits.ts';

const TTL_MS = 9_000;

/** Two nodes on one table. */
export interface LeaseWorld {
  readonly tables: readonly [LeaseTable, LeaseTable];
  readonly clocks: readonly [FreezableClock, FreezableClock];
  /** Lets time pass: sleepers whose time has come go on, in order. */
  pass(ms: number): Promise<void>;
}

/** While it is frozen nobody who sleeps on it wakes up, as in a process that is stopped. */
export interface FreezableClock extends Clock {
  isFrozen: boolean;
  jump(ms: number): void;
}

export function describeLease(name: string, make: () => Promise<LeaseWorld>): void {
  async function world() {
    const { tables, clocks, pass } = await make();
    const leases = tables.map((table, node) => new Lease(table, clocks[node] as Clock)) as [Lease, Lease];
    return { tables, clocks, leases, pass };
  }

  /** Holds until `end` is called, or its signal is aborted. */
  function holding(lease: Lease, leaseName = 'sequencer', signal?: AbortSignal) {
    const end = Promise.withResolvers<string>();
    let held: Held | undefined;
    const work = async (given: Held) => {
      held = given;
      given.signal.addEventListener('abort', () => end.reject(given.signal.reason as Error));
      return end.promise;
    };
    const outcome = lease.hold(leaseName, TTL_MS, work, signal).catch((error: unknown) => error);
    return { outcome, end: () => end.resolve('done'), held: () => held };
  }

  describe(`DESIGN-5 ${name}: work that one node does at a time`, () => {
    it('DESIGN-5 is held by one, renewed while it works, and free when it ends', async () => {
      const { leases, pass } = await world();
      const first = holding(leases[0]);
      await pass(5 * TTL_MS);
      expect(await leases[1].hold('sequencer', TTL_MS, async () => 'two')).toEqual({ isHeld: false });
      expect(await leases[0].hold('sequencer', TTL_MS, async () => 'myself')).toEqual({ isHeld: false });
      expect(await leases[1].hold('other', TTL_MS, async () => 'free')).toEqual({ isHeld: true, value: 'free' });
      first.end();
      expect(await first.outcome).toEqual({ isHeld: true, value: 'done' });
      expect(await leases[1].hold('sequencer', TTL_MS, async () => 'two')).toEqual({ isHeld: true, value: 'two' });
    });

    it('DESIGN-5 is free when the work fails, and the failure is told', async () => {
      const { leases } = await world();
      const failing = () => Promise.reject(new Error('disk full'));
      await expect(leases[0].hold('sequencer', TTL_MS, failing)).rejects.toThrow('disk full');
      expect(await leases[1].hold('sequencer', TTL_MS, async () => 1)).toEqual({ isHeld: true, value: 1 });
    });

    it('DESIGN-5 of many that ask at once, one gets it', async () => {
      const { leases } = await world();
      let running = 0;
      const work = async () => {
        running += 1;
        expect(running).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      };
      const asked = Array.from({ length: 40 }, (_, index) => leases[index % 2 === 0 ? 0 : 1].hold('one', TTL_MS, work));
      expect((await Promise.all(asked)).filter(({ isHeld }) => isHeld)).toHaveLength(1);
    });

    it('DESIGN-5 a frozen holder loses it, learns so when it thaws, and its token is the lower one', async () => {
      const { leases, clocks, pass } = await world();
      const first = holding(leases[0]);
      await pass(TTL_MS / 2);
      clocks[0].isFrozen = true;
      await pass(TTL_MS);
      const second = holding(leases[1]);
      await pass(1);
      expect(second.held()?.token).toBeGreaterThan(first.held()?.token ?? 0);
      clocks[0].isFrozen = false;
      await pass(1);
      expect(first.held()?.signal.aborted).toBe(true);
      expect(await first.outcome).toMatchObject({ code: 'LEASE_LOST', detail: { name: 'sequencer' } });
      // What the first one gave back was no longer its own.
      expect(await leases[0].hold('sequencer', TTL_MS, async () => 1)).toEqual({ isHeld: false });
      second.end();
      expect(await second.outcome).toMatchObject({ isHeld: true });
    });

    it('DESIGN-5 work that ended well after the lease was lost is not told as done', async () => {
      const { leases, clocks, pass } = await world();
      const end = Promise.withResolvers<string>();
      const outcome = leases[0].hold('one', TTL_MS, () => end.promise).catch((error: unknown) => error);
      await pass(1);
      clocks[0].isFrozen = true;
      await pass(2 * TTL_MS);
      clocks[0].isFrozen = false;
      await pass(1);
      end.resolve('done');
      expect(await outcome).toMatchObject({ code: 'LEASE_LOST' });
    });

    it('DESIGN-5 tokens grow with each holder', async () => {
      const { leases } = await world();
      const tokens: number[] = [];
      for (const lease of [leases[0], leases[1], leases[0], leases[1]])
        await lease.hold('one', TTL_MS, async ({ token }) => tokens.push(token));
      expect(tokens).toEqual([...new Set(tokens)].toSorted((one, other) => one - other));
      expect(tokens).toHaveLength(4);
    });

    it('REL-25 a table that hangs or fails costs the lease when it would have ended, not before', async () => {
      const { tables, clocks, pass } = await world();
      let answer = () => Promise.reject<boolean>(new Error('no connection'));
      const table: LeaseTable = {
        acquire: (one, ttlMs) => tables[0].acquire(one, ttlMs),
        renew: () => answer(),
        release: (one, token) => tables[0].release(one, token),
      };
      const failing = holding(new Lease(table, clocks[0]));
      await pass(TTL_MS - 1);
      expect(failing.held()?.signal.aborted).toBe(false);
      await pass(1);
      expect(await failing.outcome).toMatchObject({ code: 'LEASE_LOST' });
      answer = () => new Promise(() => undefined);
      const hanging = holding(new Lease(table, clocks[0]));
      await pass(TTL_MS - 1);
      expect(hanging.held()?.signal.aborted).toBe(false);
      await pass(1);
      expect(await hanging.outcome).toMatchObject({ code: 'LEASE_LOST' });
    });

    it('REL-25 ends with the signal of its caller', async () => {
      const { leases, pass } = await world();
      const stop = new AbortController();
      const stopped = holding(leases[0], 'one', stop.signal);
      await pass(1);
      stop.abort(new Error('shutting down'));
      expect(await stopped.outcome).toMatchObject({ message: 'shutting down' });
      expect(await leases[1].hold('one', TTL_MS, async () => 1)).toMatchObject({ isHeld: true });
      await expect(leases[0].hold('one', TTL_MS, async () => 1, stop.signal)).rejects.toThrow('shutting down');
    });

    it('REL-11 wall clocks that jump by ten years, one after the other, change nothing', async () => {
      const { leases, clocks, pass } = await world();
      const first = holding(leases[0]);
      for (const years of [10, -10, -10, 10]) {
        for (const clock of clocks) clock.jump(years * 365 * 86_400_000);
        await pass(TTL_MS);
        expect(await leases[1].hold('sequencer', TTL_MS, async () => 1)).toEqual({ isHeld: false });
      }
      first.end();
      expect(await first.outcome).toMatchObject({ isHeld: true });
    });

    it('REL-19 holds so many at once and no more, and forgets those that ended', async () => {
      const { tables, pass } = await world();
      for (let index = 0; index < MAX_LEASES; index += 1) await tables[0].acquire(`lease ${index}`, TTL_MS);
      await expect(tables[0].acquire('one more', TTL_MS)).rejects.toMatchObject({ code: 'COORDINATION_FULL' });
      await pass(TTL_MS);
      expect(await tables[1].acquire('one more', TTL_MS)).toBeTypeOf('number');
    });

    it.each([0, -1, 999, Number.NaN, 1e12])('DESIGN-5 there is no lease of %d ms', async (ttlMs) => {
      const { leases } = await world();
      await expect(leases[0].hold('one', ttlMs, async () => 1)).rejects.toThrow('no lease of');
    });
  });
}
