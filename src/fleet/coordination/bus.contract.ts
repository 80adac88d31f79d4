/** What every adapter of Bus must do. */
import { describe, expect, it } from 'vitest';
import type { Bus, BusEvent } from './bus.ts';
import { MAX_BUS_QUEUE, MAX_SUBSCRIBERS } from './limits.ts';

export interface BusWorld {
  /** Two nodes on one bus; the same one where there is but one process. */
  readonly nodes: readonly [Bus, Bus];
  /** Resolves when all that was published is handed over, except to those who hang. */
  settle(): Promise<void>;
  /** What handlers threw. */
  readonly errors: readonly { readonly topic: string; readonly error: unknown }[];
}

export function describeBus(name: string, make: () => Promise<BusWorld>): void {
  const numbers = (events: readonly BusEvent[]) => events.map(({ n }) => n);

  describe(`DESIGN-5 ${name}: events between parts and nodes`, () => {
    it('DESIGN-5 reach everybody who is subscribed to their topic, once, in order', async () => {
      const { nodes, settle } = await make();
      const [one, two, other]: BusEvent[][] = [[], [], []];
      await nodes[0].subscribe('rollouts', (event) => void one?.push(event));
      await nodes[1].subscribe('rollouts', async (event) => void two?.push(event));
      await nodes[1].subscribe('devices', (event) => void other?.push(event));
      for (let n = 0; n < 50; n += 1) await nodes[0].publish('rollouts', { n, id: 'r', halted: n === 7, phase: null });
      await settle();
      expect(numbers(one ?? [])).toEqual(Array.from({ length: 50 }, (_, n) => n));
      expect(two).toEqual(one);
      expect(one?.[7]).toEqual({ n: 7, id: 'r', halted: true, phase: null });
      expect(other).toEqual([]);
    });

    it('DESIGN-5 reach nobody who comes later, and nobody who has left, at any moment', async () => {
      const { nodes, settle } = await make();
      const seen: BusEvent[] = [];
      await nodes[0].publish('t', { n: 1 });
      const subscription = await nodes[0].subscribe('t', (event) => {
        seen.push(event);
        if (event.n === 3) subscription.unsubscribe();
      });
      for (const n of [2, 3, 4]) await nodes[0].publish('t', { n });
      await settle();
      await nodes[0].publish('t', { n: 5 });
      subscription.unsubscribe();
      await settle();
      expect(numbers(seen)).toEqual([2, 3]);
    });

    it('DESIGN-5 are copies: what one changes no other sees', async () => {
      const { nodes, settle } = await make();
      const seen: BusEvent[] = [];
      const event = { n: 1 };
      await nodes[0].subscribe('t', (given) => void Object.assign(given, { n: 2 }));
      await nodes[0].subscribe('t', (given) => void seen.push(given));
      await nodes[0].publish('t', event);
      event.n = 3;
      await settle();
      expect(seen).toEqual([{ n: 1 }]);
    });

    it('REL-25 an error or a hang of one subscriber reaches no other, and not the publisher', async () => {
      const { nodes, settle, errors } = await make();
      const seen: BusEvent[] = [];
      let thrown = 0;
      await nodes[0].subscribe('t', () => new Promise(() => undefined));
      await nodes[0].subscribe('t', () => {
        thrown += 1;
        throw new Error('broken');
      });
      await nodes[0].subscribe('t', () => Promise.reject(new Error('broken later')));
      await nodes[0].subscribe('t', (event) => void seen.push(event));
      for (const n of [1, 2]) await nodes[0].publish('t', { n });
      await settle();
      expect([numbers(seen), thrown, errors.length]).toEqual([[1, 2], 2, 4]);
      expect(new Set(errors.map(({ topic }) => topic))).toEqual(new Set(['t']));
    });

    it('REL-19 behind a slow subscriber so many wait; the oldest are dropped, counted, and told of', async () => {
      const { nodes, settle } = await make();
      const gate = Promise.withResolvers<void>();
      const seen: { n: unknown; missed: number }[] = [];
      const subscription = await nodes[0].subscribe('t', async ({ n }, missed) => {
        seen.push({ n, missed });
        await gate.promise;
      });
      await nodes[0].publish('t', { n: 0 });
      await settle();
      for (let n = 1; n <= MAX_BUS_QUEUE + 30; n += 1) await nodes[0].publish('t', { n });
      await settle();
      expect(subscription.dropped).toBe(30);
      gate.resolve();
      await settle();
      expect(seen).toHaveLength(MAX_BUS_QUEUE + 1);
      expect(seen.slice(0, 3)).toEqual([
        { n: 0, missed: 0 },
        { n: 31, missed: 30 },
        { n: 32, missed: 0 },
      ]);
    });

    it('REL-19 takes no more subscribers than there may be, and no large events', async () => {
      const { nodes } = await make();
      const subscriptions = [];
      for (let index = 0; index < MAX_SUBSCRIBERS; index += 1)
        subscriptions.push(await nodes[0].subscribe(`t${index}`, () => undefined));
      await expect(nodes[0].subscribe('t', () => undefined)).rejects.toMatchObject({ code: 'COORDINATION_FULL' });
      subscriptions[0]?.unsubscribe();
      subscriptions[0]?.unsubscribe();
      await nodes[0].subscribe('t', () => undefined);
      await expect(nodes[0].subscribe('t', () => undefined)).rejects.toMatchObject({ code: 'COORDINATION_FULL' });
      await expect(nodes[0].publish('t', { text: 'x'.repeat(9_000) })).rejects.toThrow('more than');
    });
  });
}
