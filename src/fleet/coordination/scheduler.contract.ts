/** What every adapter of Timers must do, and what Scheduler makes of it. */
import { describe, expect, it } from 'vitest';
import type { Clock, Random } from '../../core/ports.ts';
import { MAX_OUTAGE_MS, MAX_TIMER_RUNS, TIMER_BATCH, TIMER_CLAIM_MS, TIMER_WORK_MS } from './limits.ts';
import { Scheduler, type SchedulerTrouble, type Timer, type Timers, type TimerWork } from './scheduler.ts';

const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 10 * 365 * 24 * HOUR_MS;

export interface TimersWorld {
  readonly timers: Timers;
  /** The same timers after the process was killed. */
  reopen(): Promise<Timers>;
}

export interface ManualClock extends Clock {
  /** Both clocks go on. */
  advance(ms: number): void;
  /** Somebody sets the wall clock. */
  jump(ms: number): void;
}

/** @param makeClock a clock whose sleepers never wake by themselves: nobody is late unless a test says so */
export function describeTimers(
  name: string,
  make: () => Promise<TimersWorld>,
  makeClock: () => ManualClock,
  random: Random,
): void {
  const timer = (key: string, changes: Partial<Timer> = {}): Timer => ({
    ...{ tenant: 't', name: 'deadline', key, payload: `payload of ${key}`, ...changes },
  });

  async function world() {
    const { timers, reopen } = await make();
    const clock = makeClock();
    const fired: string[] = [];
    const troubles: SchedulerTrouble[] = [];
    let work: TimerWork = async ({ key }) => void fired.push(key);
    const open = async (on: Timers) => {
      const scheduler = await Scheduler.open({ timers: on, clock, random, onTrouble: (one) => troubles.push(one) });
      scheduler.on('deadline', (one, signal) => work(one, signal));
      return scheduler;
    };
    return {
      ...{ timers, clock, fired, troubles, scheduler: await open(timers) },
      restart: async () => open(await reopen()),
      workIs: (next: TimerWork) => {
        work = next;
      },
      inMs: (ms: number) => clock.nowMs() + ms,
    };
  }

  describe(`REL-11 ${name}: durable timers`, () => {
    it('REL-11 fire when they are due, in order, once, with what they carry', async () => {
      const { scheduler, clock, fired, inMs, workIs } = await world();
      const seen: Timer[] = [];
      workIs(async (one) => {
        seen.push(one);
        fired.push(one.key);
      });
      await scheduler.set(timer('late'), inMs(2 * HOUR_MS));
      await scheduler.set(timer('early'), inMs(HOUR_MS));
      expect(await scheduler.look()).toBe(0);
      clock.advance(HOUR_MS - 1);
      expect(await scheduler.look()).toBe(0);
      clock.advance(1);
      expect([await scheduler.look(), await scheduler.look(), fired]).toEqual([1, 0, ['early']]);
      clock.advance(HOUR_MS);
      expect([await scheduler.look(), await scheduler.look(), fired]).toEqual([1, 0, ['early', 'late']]);
      expect(seen[0]).toEqual(timer('early'));
    });

    it('REL-11 a date that has passed is due now; the same key again moves a timer; one that is cancelled never fires', async () => {
      const { scheduler, clock, fired, inMs } = await world();
      await scheduler.set(timer('past'), inMs(-HOUR_MS));
      for (const hours of [1, 3, 2]) await scheduler.set(timer('moved'), inMs(hours * HOUR_MS));
      await scheduler.set(timer('cancelled'), inMs(HOUR_MS));
      expect([await scheduler.cancel(timer('cancelled')), await scheduler.cancel(timer('cancelled'))]).toEqual([
        true,
        false,
      ]);
      await scheduler.set(timer('moved', { tenant: 'other' }), inMs(HOUR_MS));
      clock.advance(1.5 * HOUR_MS);
      await scheduler.look();
      expect(fired.toSorted()).toEqual(['moved', 'past']);
      clock.advance(HOUR_MS);
      await scheduler.look();
      expect(fired.toSorted()).toEqual(['moved', 'moved', 'past']);
    });

    it('REL-1 what was set is there after a kill, and fires on time', async () => {
      const { scheduler, clock, fired, inMs, restart } = await world();
      await scheduler.set(timer('one'), inMs(2 * HOUR_MS));
      clock.advance(HOUR_MS);
      const again = await restart();
      expect(await again.look()).toBe(0);
      clock.advance(HOUR_MS);
      expect([await again.look(), fired]).toEqual([1, ['one']]);
    });

    it('REL-1 what was begun when the process died is begun again, not before its claim has ended', async () => {
      const { scheduler, clock, fired, inMs, restart, timers } = await world();
      await scheduler.set(timer('one'), inMs(0));
      const nowMs = (await timers.schedulerTime())?.timeMs ?? 0;
      expect(await timers.beginTimers(nowMs + 1, nowMs + TIMER_CLAIM_MS, 10)).toMatchObject([{ key: 'one', runs: 1 }]);
      const again = await restart();
      expect(await again.look()).toBe(0);
      clock.advance(TIMER_CLAIM_MS);
      expect([await again.look(), fired]).toEqual([1, ['one']]);
    });

    it('REL-11 jumps of the wall clock by ten years fire nothing early or twice, lose nothing, and are told', async () => {
      const { scheduler, clock, fired, inMs, troubles } = await world();
      await scheduler.set(timer('before'), inMs(2 * HOUR_MS));
      let parted = 0;
      for (let jump = 0; jump < 200; jump += 1) {
        const years = jump % 4 === 0 || jump % 4 === 3 ? TEN_YEARS_MS : -TEN_YEARS_MS;
        clock.jump(years);
        parted += 1;
        await scheduler.set(timer(`set after jump ${jump}`), inMs(2 * HOUR_MS));
        await scheduler.look();
      }
      expect(fired).toEqual([]);
      expect(troubles.filter(({ kind }) => kind === 'clock')).toHaveLength(parted);
      clock.advance(2 * HOUR_MS);
      while ((await scheduler.look()) > 0) clock.jump(TEN_YEARS_MS * (fired.length % 2 === 0 ? 1 : -1));
      expect(fired.toSorted()).toEqual(
        ['before', ...Array.from({ length: 200 }, (_, jump) => `set after jump ${jump}`)].toSorted(),
      );
    });

    it('REL-11 after a restart on a clock that is wrong by ten years time goes on by a week at most, never back', async () => {
      const { scheduler, clock, fired, inMs, restart, troubles } = await world();
      await scheduler.set(timer('soon'), inMs(HOUR_MS));
      await scheduler.set(timer('in a month'), inMs(30 * 24 * HOUR_MS));
      clock.jump(-TEN_YEARS_MS);
      const behind = await restart();
      expect([await behind.look(), fired]).toEqual([0, []]);
      clock.jump(2 * TEN_YEARS_MS);
      const ahead = await restart();
      expect([await ahead.look(), fired]).toEqual([1, ['soon']]);
      expect(troubles.map(({ kind }) => kind)).toEqual(['clock', 'clock']);
      clock.advance(30 * 24 * HOUR_MS - MAX_OUTAGE_MS - HOUR_MS);
      expect(await ahead.look()).toBe(0);
      clock.advance(HOUR_MS);
      expect([await ahead.look(), await ahead.look(), fired]).toEqual([1, 0, ['soon', 'in a month']]);
    });

    it('REL-25 work that fails is repeated, later each time, and set aside after so many runs; setting it again revives it', async () => {
      const { scheduler, clock, fired, inMs, troubles, timers, workIs } = await world();
      workIs(() => Promise.reject(new Error('no connection')));
      await scheduler.set(timer('one'), inMs(0));
      const runsAt: number[] = [];
      for (let minutes = 0; minutes < 40 * 60; minutes += 1) {
        if ((await scheduler.look()) > 0) runsAt.push(minutes);
        clock.advance(60_000);
      }
      expect(runsAt).toHaveLength(MAX_TIMER_RUNS);
      const waits = runsAt.slice(1).map((at, index) => at - (runsAt[index] ?? 0));
      expect(Math.max(...waits)).toBeLessThanOrEqual(61);
      expect((waits.at(-1) ?? 0) / (waits[7] ?? 1)).toBeGreaterThan(5);
      expect(troubles.filter((one) => one.kind === 'failed').map(({ isSetAside }) => isSetAside)).toEqual([
        ...Array.from({ length: MAX_TIMER_RUNS - 1 }, () => false),
        true,
      ]);
      expect(await timers.failedTimers('t', 10)).toMatchObject([{ key: 'one', runs: MAX_TIMER_RUNS }]);
      workIs(async ({ key }) => void fired.push(key));
      await scheduler.set(timer('one'), inMs(0));
      expect([await scheduler.look(), fired, await timers.failedTimers('t', 10)]).toEqual([1, ['one'], []]);
    });

    it('REL-25 runs that take the process with them count, too', async () => {
      const { scheduler, clock, fired, inMs, timers } = await world();
      await scheduler.set(timer('poison'), inMs(0));
      const { timeMs = 0 } = (await timers.schedulerTime()) ?? {};
      for (let run = 0; run < MAX_TIMER_RUNS; run += 1)
        await timers.beginTimers(timeMs + run + 1, timeMs + run + 1, 10);
      clock.advance(HOUR_MS);
      await scheduler.look();
      expect([fired, await timers.failedTimers('t', 10)]).toMatchObject([[], [{ key: 'poison' }]]);
    });

    it('REL-11 a timer that is set anew while it runs fires anew', async () => {
      const { scheduler, clock, fired, inMs, workIs } = await world();
      workIs(async ({ key }) => {
        fired.push(key);
        if (fired.length === 1) await scheduler.set(timer('one'), inMs(HOUR_MS));
      });
      await scheduler.set(timer('one'), inMs(0));
      expect([await scheduler.look(), await scheduler.look(), fired.length]).toEqual([1, 0, 1]);
      clock.advance(HOUR_MS);
      expect([await scheduler.look(), await scheduler.look(), fired.length]).toEqual([1, 0, 2]);
    });

    it('REL-19 come in batches, the longest due first, and one that fails holds up no other', async () => {
      const { scheduler, clock, fired, inMs, workIs } = await world();
      workIs(async ({ key }) => {
        fired.push(key);
        if (key.endsWith('7')) throw new Error('no connection');
      });
      const keys = Array.from({ length: TIMER_BATCH + 20 }, (_, index) => `k${String(index).padStart(4, '0')}`);
      await Promise.all(keys.map((key, index) => scheduler.set(timer(key), inMs(1 + index))));
      clock.advance(1_000);
      expect([await scheduler.look(), await scheduler.look(), await scheduler.look()]).toEqual([TIMER_BATCH, 20, 0]);
      expect(fired).toEqual(keys);
    });

    it('REL-24 a stop in the middle of work is no failure: it is done at the next start', async () => {
      const { scheduler, fired, inMs, restart, troubles, workIs } = await world();
      const stop = new AbortController();
      workIs(async (_one, signal) => {
        stop.abort(new Error('shutting down'));
        signal.throwIfAborted();
      });
      await scheduler.set(timer('one'), inMs(0));
      await scheduler.run(stop.signal);
      workIs(async ({ key }) => void fired.push(key));
      expect([await (await restart()).look(), fired, troubles]).toEqual([1, ['one'], []]);
    });

    it('REL-25 a timer nobody works on is told of, and kept', async () => {
      const { scheduler, inMs, troubles, clock } = await world();
      await scheduler.set(timer('one', { name: 'unknown' }), inMs(0));
      await scheduler.look();
      expect(troubles).toMatchObject([{ kind: 'failed', error: { message: 'nobody does the work of unknown' } }]);
      scheduler.on('unknown', async () => undefined);
      clock.advance(HOUR_MS);
      expect(await scheduler.look()).toBe(1);
      expect(() => scheduler.on('unknown', async () => undefined)).toThrow('have their work');
    });

    it('REL-19 takes no names and payloads without bound', async () => {
      const { scheduler, inMs } = await world();
      for (const one of [
        timer('k'.repeat(300)),
        timer('k', { name: 'n'.repeat(300) }),
        timer('k', { payload: 'p'.repeat(5_000) }),
      ])
        await expect(scheduler.set(one, inMs(0))).rejects.toThrow(/too long|more than/);
    });
  });

  describe(`REL-25 ${name}: the scheduler's loop`, () => {
    it('REL-25 stops the wait for work that hangs, tells it so, and goes on', async () => {
      const { timers } = await make();
      const base = makeClock();
      const sleeps: { ms: number; wake: () => void }[] = [];
      const sleep = (ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          sleeps.push({ ms, wake: resolve });
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
        });
      const clock: Clock = { nowMs: () => base.nowMs(), monotonicMs: () => base.monotonicMs(), sleep };
      const troubles: SchedulerTrouble[] = [];
      const scheduler = await Scheduler.open({ timers, clock, random, onTrouble: (one) => troubles.push(one) });
      const begun = Promise.withResolvers<AbortSignal>();
      scheduler.on('deadline', (_one, signal) => {
        begun.resolve(signal);
        return new Promise(() => undefined);
      });
      await scheduler.set(timer('one'), clock.nowMs());
      const looked = scheduler.look();
      const signal = await begun.promise;
      sleeps.find(({ ms }) => ms === TIMER_WORK_MS)?.wake();
      expect(await looked).toBe(1);
      expect(signal.aborted).toBe(true);
      expect(troubles).toMatchObject([{ kind: 'failed', isSetAside: false }]);
    });

    it('REL-25 a store that fails is told of and asked again; the loop ends with its signal', async () => {
      const { timers } = await make();
      const base = makeClock();
      const stop = new AbortController();
      let asked = 0;
      const failing: Timers = {
        ...timers,
        hasDueTimer: async () => {
          asked += 1;
          if (asked === 3) stop.abort();
          throw new Error('disk full');
        },
      };
      const clock = { nowMs: () => base.nowMs(), monotonicMs: () => base.monotonicMs(), sleep: async () => undefined };
      const troubles: SchedulerTrouble[] = [];
      const scheduler = await Scheduler.open({
        timers: failing,
        clock,
        random,
        onTrouble: (one) => troubles.push(one),
      });
      await scheduler.run(stop.signal);
      expect([asked, troubles.map(({ kind }) => kind)]).toEqual([3, ['store', 'store']]);
    });
  });
}
