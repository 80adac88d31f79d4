/** Time that passes when a test says so, seen by several clocks: a frozen one wakes nobody, as the clock of a stopped process. */
import type { Clock } from '../../src/core/ports.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Turns of the event loop that woken work gets before time goes on; in-process work needs one or two. */
const TURNS = 4;

export class TimelineClock implements Clock {
  readonly #timeline: Timeline;
  readonly sleepers = new Set<Sleeper>();
  #jumpedMs = 0;
  isFrozen = false;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  nowMs(): number {
    return this.#timeline.startMs + this.#timeline.elapsedMs + this.#jumpedMs;
  }

  monotonicMs(): number {
    return this.#timeline.elapsedMs;
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => this.sleepers.delete(sleeper);
      const stop = () => {
        end();
        reject(signal?.reason as Error);
      };
      const wake = () => {
        end();
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const sleeper = { dueMs: this.#timeline.elapsedMs + ms, wake };
      if (signal?.aborted) return stop();
      signal?.addEventListener('abort', stop, { once: true });
      this.sleepers.add(sleeper);
    });
  }
}

export class Timeline {
  readonly startMs = Date.UTC(2026, 10, 24);
  readonly #clocks: TimelineClock[] = [];
  elapsedMs = 0;

  clock(): TimelineClock {
    const clock = new TimelineClock(this);
    this.#clocks.push(clock);
    return clock;
  }

  /** Wakes everybody who is due, in order, and lets them do what they wake up for. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.elapsedMs + ms;
    await turns();
    for (;;) {
      const next = this.#clocks
        .filter(({ isFrozen }) => !isFrozen)
        .flatMap(({ sleepers }) => [...sleepers])
        .toSorted((one, other) => one.dueMs - other.dueMs)
        .find(({ dueMs }) => dueMs <= untilMs);
      if (!next) break;
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      next.wake();
      await turns();
    }
    this.elapsedMs = untilMs;
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
