import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SkippingClock, seededRandom, temporaryDir } from '../../../test/support/ports.ts';
import { describeTimers } from '../../fleet/coordination/scheduler.contract.ts';
import { openSqliteStore } from './store.ts';

/** Whoever sleeps on it sleeps until he is called off. */
class StandingClock extends SkippingClock {
  override sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((_resolve, reject) => {
      if (signal?.aborted) reject(signal.reason as Error);
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }
}

describeTimers(
  'SQLite timers',
  async () => {
    const path = join(temporaryDir(), 'sealift.db');
    const open = async () => {
      const store = await openSqliteStore({ path });
      onTestFinished(() => store.close());
      return store;
    };
    return { timers: await open(), reopen: open };
  },
  () => new StandingClock(),
  seededRandom('timers'),
);
