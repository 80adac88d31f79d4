import { Timeline } from '../../../test/support/timeline.ts';
import { describeLease } from '../../fleet/coordination/lease.contract.ts';
import { MemoryLeases } from './leases.ts';

describeLease('MemoryLeases', async () => {
  const timeline = new Timeline();
  const table = new MemoryLeases(timeline.clock());
  return {
    tables: [table, table],
    clocks: [timeline.clock(), timeline.clock()],
    pass: (ms) => timeline.pass(ms),
  };
});
