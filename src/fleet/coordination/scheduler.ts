/**
 * Durable timers: something is done at a time, at least once, also after a restart.
 *
 * Time is a clock of the scheduler's own (REL-11). While the process runs, it goes on with the monotonic clock, whatever somebody sets
 * the wall clock to; over a restart it goes on by what the wall clock says has passed, never backwards and by MAX_OUTAGE_MS at most.
 * When a timer is set, its date becomes a delay on that clock. Of several nodes one runs it, under a lease.
 */
import type { Clock, Random } from '../../core/ports.ts';
import { drawShare } from '../../core/random.ts';
import {
  CLOCK_TOLERANCE_MS,
  HEARTBEAT_MS,
  MAX_OUTAGE_MS,
  MAX_TIMER_BACKOFF_MS,
  MAX_TIMER_NAME,
  MAX_TIMER_PAYLOAD,
  MAX_TIMER_RUNS,
  TIMER_BACKOFF_MS,
  TIMER_BATCH,
  TIMER_CLAIM_MS,
  TIMER_LOOK_MS,
  TIMER_WORK_MS,
} from './limits.ts';

/** What a timer is known by: setting the same again moves it. */
export interface TimerKey {
  readonly tenant: string;
  /** Kind of work, e.g. `attemptDeadline`. */
  readonly name: string;
  /** Which one, e.g. the id of an attempt. */
  readonly key: string;
}

export interface Timer extends TimerKey {
  /** For the work: ids, no documents. */
  readonly payload: string;
}

/** Times here are the scheduler's own. */
export interface DueTimer extends Timer {
  readonly dueMs: number;
  /** Runs that were begun since it was set, this one included. */
  readonly runs: number;
  /** Changes whenever the timer is set, begun or put off: what an older run says of it no longer counts. */
  readonly revision: number;
}

export interface SchedulerTime {
  /** On the scheduler's clock. */
  readonly timeMs: number;
  /** What the wall clock said at that moment. */
  readonly wallMs: number;
}

/** What an adapter gives. Each call is one transaction, durable on return. */
export interface Timers {
  /** Replaces one of the same key, whether it waits, runs or was set aside, and counts its runs anew. */
  setTimer(timer: Timer, dueMs: number): Promise<void>;
  /** @returns whether there was one */
  cancelTimer(key: TimerKey): Promise<boolean>;
  /** Whether something is due: a read, so that a look at nothing writes nothing. */
  hasDueTimer(nowMs: number): Promise<boolean>;
  /** Begins up to `limit` runs of what is due, the longest due first: each counts a run and is due again at `againMs`. */
  beginTimers(nowMs: number, againMs: number, limit: number): Promise<readonly DueTimer[]>;
  /** Removes it unless its revision has changed. @returns whether it did */
  endTimer(key: TimerKey, revision: number): Promise<boolean>;
  /** Makes it due at another time, or, with `undefined`, sets it aside, unless its revision has changed. */
  delayTimer(key: TimerKey, revision: number, dueMs: number | undefined): Promise<boolean>;
  /** What was set aside, in order of tenant, name, key. */
  failedTimers(tenant: string, limit: number): Promise<readonly DueTimer[]>;
  schedulerTime(): Promise<SchedulerTime | undefined>;
  noteSchedulerTime(time: SchedulerTime): Promise<void>;
}

export type TimerWork = (timer: Timer, signal: AbortSignal) => Promise<void>;

export type SchedulerTrouble =
  /** It is run again, unless it was set aside. */
  | { readonly kind: 'failed'; readonly timer: DueTimer; readonly isSetAside: boolean; readonly error: unknown }
  /** The wall clock does not go along with the monotonic one, or with the one before the restart. */
  | { readonly kind: 'clock'; readonly partedMs: number }
  /** The store does not answer; the next look may find it back. */
  | { readonly kind: 'store'; readonly error: unknown };

export interface SchedulerPorts {
  readonly timers: Timers;
  readonly clock: Clock;
  readonly random: Random;
  readonly onTrouble: (trouble: SchedulerTrouble) => void;
}

export class Scheduler {
  readonly #ports: SchedulerPorts;
  readonly #works = new Map<string, TimerWork>();
  /** Scheduler's time at monotonic zero. */
  readonly #originMs: number;
  #noted: SchedulerTime & { readonly monotonicMs: number };

  private constructor(ports: SchedulerPorts, start: SchedulerTime) {
    const monotonicMs = ports.clock.monotonicMs();
    this.#ports = ports;
    this.#originMs = start.timeMs - monotonicMs;
    this.#noted = { ...start, monotonicMs };
  }

  static async open(ports: SchedulerPorts): Promise<Scheduler> {
    const { timers, clock, onTrouble } = ports;
    const wallMs = clock.nowMs();
    const last = await timers.schedulerTime();
    const passedMs = last ? wallMs - last.wallMs : 0;
    const countedMs = Math.min(Math.max(0, passedMs), MAX_OUTAGE_MS);
    const partedMs = passedMs - countedMs;
    if (Math.abs(partedMs) > CLOCK_TOLERANCE_MS) onTrouble({ kind: 'clock', partedMs });
    const start = { timeMs: last ? last.timeMs + countedMs : Math.max(0, wallMs), wallMs };
    await timers.noteSchedulerTime(start);
    return new Scheduler(ports, start);
  }

  /** Who does the work of a kind; to be told before `run`. May be run twice for one timer: after a crash, or when it took too long. */
  on(name: string, work: TimerWork): void {
    if (this.#works.has(name)) throw new Error(`timers called ${name} have their work`);
    this.#works.set(name, work);
  }

  /** Durable on return. The same key again moves the timer, so that asking twice runs it once. @param dueAtMs wall clock */
  async set(timer: Timer, dueAtMs: number): Promise<void> {
    checkTimer(timer);
    await this.#ports.timers.setTimer(timer, this.#nowMs() + Math.max(0, dueAtMs - this.#ports.clock.nowMs()));
  }

  cancel({ tenant, name, key }: TimerKey): Promise<boolean> {
    return this.#ports.timers.cancelTimer({ tenant, name, key });
  }

  /** Looks for ever; resolves once the signal is aborted and what runs has ended. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let begun = 0;
      try {
        begun = await this.look(signal);
      } catch (error) {
        if (!signal.aborted) this.#ports.onTrouble({ kind: 'store', error });
      }
      if (begun < TIMER_BATCH) await this.#ports.clock.sleep(TIMER_LOOK_MS, signal).catch(() => undefined);
    }
  }

  /** Runs what is due, TIMER_BATCH at most. @returns how many were begun */
  async look(signal?: AbortSignal): Promise<number> {
    await this.#heartbeat();
    const { timers } = this.#ports;
    const nowMs = this.#nowMs();
    if (!(await timers.hasDueTimer(nowMs))) return 0;
    const due = await timers.beginTimers(nowMs, nowMs + TIMER_CLAIM_MS, TIMER_BATCH);
    const ends = await Promise.allSettled(due.map((timer) => this.#runOne(timer, signal)));
    // The store failed to take what has become of one: it is run again when its claim has ended.
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    return due.length;
  }

  async #runOne(timer: DueTimer, signal: AbortSignal | undefined): Promise<void> {
    const { timers, onTrouble } = this.#ports;
    try {
      // A run that takes the process with it counts, too: it is begun, never ended.
      if (timer.runs > MAX_TIMER_RUNS) throw new Error(`${MAX_TIMER_RUNS} runs were begun, none was ended`);
      await this.#work(timer, signal);
    } catch (error) {
      if (signal?.aborted) {
        await timers.delayTimer(timer, timer.revision, timer.dueMs);
        return;
      }
      const isSetAside = timer.runs >= MAX_TIMER_RUNS;
      onTrouble({ kind: 'failed', timer, isSetAside, error });
      await timers.delayTimer(timer, timer.revision, isSetAside ? undefined : this.#nowMs() + this.#waitMs(timer.runs));
      return;
    }
    await timers.endTimer(timer, timer.revision);
  }

  /** Rejects when the work fails, or has not ended in time. */
  async #work(timer: DueTimer, signal: AbortSignal | undefined): Promise<void> {
    const work = this.#works.get(timer.name);
    if (!work) throw new Error(`nobody does the work of ${timer.name}`);
    const late = new AbortController();
    const ended = new AbortController();
    const until = AbortSignal.any(signal ? [late.signal, signal] : [late.signal]);
    const { tenant, name, key, payload } = timer;
    try {
      await Promise.race([work({ tenant, name, key, payload }, until), this.#deadline(late, ended.signal)]);
    } finally {
      ended.abort();
    }
  }

  /** Rejects after TIMER_WORK_MS; resolves never. */
  #deadline(late: AbortController, ended: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
      this.#ports.clock.sleep(TIMER_WORK_MS, ended).then(
        () => {
          const error = new Error(`did not end within ${TIMER_WORK_MS} ms`);
          late.abort(error);
          reject(error);
        },
        () => undefined,
      );
    });
  }

  /** Half of a wait that doubles, and up to as much again: failures that came together do not stay together. */
  #waitMs(runs: number): number {
    const bound = Math.min(MAX_TIMER_BACKOFF_MS, TIMER_BACKOFF_MS * 2 ** (runs - 1));
    return Math.ceil((bound * (1 + drawShare(this.#ports.random))) / 2);
  }

  #nowMs(): number {
    return this.#originMs + this.#ports.clock.monotonicMs();
  }

  /** Notes the time for the next start, and tells when the two clocks went apart since the last note. */
  async #heartbeat(): Promise<void> {
    const { clock, timers, onTrouble } = this.#ports;
    const monotonicMs = clock.monotonicMs();
    const wallMs = clock.nowMs();
    const partedMs = wallMs - this.#noted.wallMs - (monotonicMs - this.#noted.monotonicMs);
    const hasParted = Math.abs(partedMs) > CLOCK_TOLERANCE_MS;
    if (!hasParted && monotonicMs - this.#noted.monotonicMs < HEARTBEAT_MS) return;
    const time = { timeMs: this.#nowMs(), wallMs };
    await timers.noteSchedulerTime(time);
    this.#noted = { ...time, monotonicMs };
    if (hasParted) onTrouble({ kind: 'clock', partedMs });
  }
}

/** Timers are set by our own code: what does not fit is our fault. */
function checkTimer({ name, key, payload }: Timer): void {
  if (name.length > MAX_TIMER_NAME || key.length > MAX_TIMER_NAME)
    throw new Error(`the name of timer ${name} is too long`);
  if (payload.length > MAX_TIMER_PAYLOAD)
    throw new Error(`timer ${name} carries more than ${MAX_TIMER_PAYLOAD} characters`);
}
