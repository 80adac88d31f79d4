import { SkippingClock } from '../../../test/support/ports.ts';
import { Timeline } from '../../../test/support/timeline.ts';
import { describeBus } from '../../fleet/coordination/bus.contract.ts';
import { describeLease } from '../../fleet/coordination/lease.contract.ts';
import { describeSessions } from '../../fleet/coordination/sessions.contract.ts';
import { MemoryBus } from './bus.ts';
import { MemoryLeases } from './leases.ts';
import { MemoryOfferFeed } from './offer-feed.ts';
import { MemorySessions } from './sessions.ts';

describeLease('MemoryLeases', async () => {
  const timeline = new Timeline();
  const table = new MemoryLeases(timeline.clock());
  return {
    tables: [table, table],
    clocks: [timeline.clock(), timeline.clock()],
    pass: (ms) => timeline.pass(ms),
  };
});

describeBus('MemoryBus', async () => {
  const errors: { topic: string; error: unknown }[] = [];
  const bus = new MemoryBus((topic, error) => errors.push({ topic, error }));
  // Handing over takes microtasks alone.
  return { nodes: [bus, bus], errors, settle: () => new Promise((resolve) => void setImmediate(resolve)) };
});

describeSessions('MemorySessions and MemoryOfferFeed', async () => {
  const clock = new SkippingClock();
  const sessions = new MemorySessions(clock);
  return { sessions, clock, feed: new MemoryOfferFeed(sessions) };
});
