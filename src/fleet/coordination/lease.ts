/** Work that at most one of all nodes does at a time. */
import type { Clock } from '../../core/ports.ts';
import { CoordinationError } from './errors.ts';
import { MAX_LEASE_MS, MIN_LEASE_MS, RENEWALS_PER_LEASE } from './limits.ts';

/** What an adapter gives: three atomic steps, on one clock of its own that no node's clock moves. */
export interface LeaseTable {
  /**
   * @returns a fencing token above all that were given for this name before, or `undefined` while somebody holds it
   * @throws {CoordinationError} COORDINATION_FULL
   */
  acquire(name: string, ttlMs: number): Promise<number | undefined>;
  /** From now on for `ttlMs`. False when it has ended or somebody else has it: what has ended is never revived. */
  renew(name: string, token: number, ttlMs: number): Promise<boolean>;
  /** Changes nothing unless this token holds it. */
  release(name: string, token: number): Promise<void>;
}

export interface Held {
  /** Aborted with LEASE_LOST once the lease may be somebody else's, or with the caller's own reason. */
  readonly signal: AbortSignal;
  /**
   * For stores that can refuse older ones: a process that was frozen may act before it learns that it lost the lease; what it writes
   * then carries a lower token than its successor's.
   */
  readonly token: number;
}

export type HoldOutcome<T> = { readonly isHeld: true; readonly value: T } | { readonly isHeld: false };

export class Lease {
  readonly #table: LeaseTable;
  readonly #clock: Clock;

  constructor(table: LeaseTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /**
   * Runs `work` if nobody holds the lease, and renews it as long as it runs. Does not wait for others.
   * @param ttlMs MIN_LEASE_MS to MAX_LEASE_MS: how long it stays taken after this process dies
   * @throws {CoordinationError} LEASE_LOST also when `work` ended well: nobody knows whether it was alone; COORDINATION_FULL
   */
  async hold<T>(
    name: string,
    ttlMs: number,
    work: (held: Held) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<HoldOutcome<T>> {
    if (!(ttlMs >= MIN_LEASE_MS && ttlMs <= MAX_LEASE_MS)) throw new Error(`no lease of ${ttlMs} ms`);
    signal?.throwIfAborted();
    // The end is counted from before the question: whatever the way takes, it is over here before it is over there.
    const endsMs = this.#clock.monotonicMs() + ttlMs;
    const token = await this.#table.acquire(name, ttlMs);
    if (token === undefined) return { isHeld: false };
    const lost = new AbortController();
    const done = new AbortController();
    const keeping = this.#keep(name, token, ttlMs, endsMs, lost, done.signal);
    try {
      const value = await work({ signal: signal ? AbortSignal.any([lost.signal, signal]) : lost.signal, token });
      lost.signal.throwIfAborted();
      return { isHeld: true, value };
    } catch (error) {
      lost.signal.throwIfAborted();
      throw error;
    } finally {
      done.abort();
      await keeping;
      // One that cannot be given back ends by itself.
      await this.#table.release(name, token).catch(() => undefined);
    }
  }

  /** Resolves when `done`, or when the lease is lost. */
  async #keep(
    name: string,
    token: number,
    ttlMs: number,
    endsAtFirstMs: number,
    lost: AbortController,
    done: AbortSignal,
  ): Promise<void> {
    let endsMs = endsAtFirstMs;
    const isDone = () => done.aborted;
    while (!isDone()) {
      const restMs = endsMs - this.#clock.monotonicMs();
      await this.#pause(Math.min(ttlMs / RENEWALS_PER_LEASE, restMs), done);
      if (isDone()) return;
      const nowMs = this.#clock.monotonicMs();
      const renewed = nowMs < endsMs ? await this.#renew(name, token, ttlMs, endsMs - nowMs, done) : false;
      if (isDone()) return;
      if (renewed === true) endsMs = nowMs + ttlMs;
      if (renewed === false) {
        lost.abort(new CoordinationError('LEASE_LOST', `lease ${name} was lost`, { detail: { name, token } }));
        return;
      }
    }
  }

  /** `undefined` when the table did not say: it failed, and there is time to ask again. One that hangs is a no at the end (REL-25). */
  async #renew(
    name: string,
    token: number,
    ttlMs: number,
    restMs: number,
    done: AbortSignal,
  ): Promise<boolean | undefined> {
    const answered = new AbortController();
    const stop = AbortSignal.any([answered.signal, done]);
    try {
      return await Promise.race([
        this.#table.renew(name, token, ttlMs).catch(() => undefined),
        this.#pause(restMs, stop).then(() => false),
      ]);
    } finally {
      answered.abort();
    }
  }

  /** Ends early, without an error, when the signal is aborted. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(Math.max(0, ms), signal).catch(() => undefined);
  }
}
