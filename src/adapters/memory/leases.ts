/** Leases of one process: its nodes are its parts. */
import type { Clock } from '../../core/ports.ts';
import { CoordinationError } from '../../fleet/coordination/errors.ts';
import type { LeaseTable } from '../../fleet/coordination/lease.ts';
import { MAX_LEASES } from '../../fleet/coordination/limits.ts';

export class MemoryLeases implements LeaseTable {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly token: number; readonly endsMs: number }>();
  #lastToken: number;

  /**
   * Tokens go on from the wall clock: above those of an earlier process, unless the clock was set back between the two. One counter
   * for all names, so that nothing is kept of a lease that ended.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastToken = Math.max(0, Math.floor(clock.nowMs()));
  }

  async acquire(name: string, ttlMs: number): Promise<number | undefined> {
    const nowMs = this.#clock.monotonicMs();
    for (const [one, { endsMs }] of this.#held) if (endsMs <= nowMs) this.#held.delete(one);
    if (this.#held.has(name)) return undefined;
    if (this.#held.size >= MAX_LEASES) {
      throw new CoordinationError('COORDINATION_FULL', `${MAX_LEASES} leases are held`, { detail: { what: 'leases' } });
    }
    this.#lastToken += 1;
    this.#held.set(name, { token: this.#lastToken, endsMs: nowMs + ttlMs });
    return this.#lastToken;
  }

  async renew(name: string, token: number, ttlMs: number): Promise<boolean> {
    const held = this.#held.get(name);
    const nowMs = this.#clock.monotonicMs();
    if (!held || held.token !== token || held.endsMs <= nowMs) return false;
    this.#held.set(name, { token, endsMs: nowMs + ttlMs });
    return true;
  }

  async release(name: string, token: number): Promise<void> {
    if (this.#held.get(name)?.token === token) this.#held.delete(name);
  }
}
