/** What became of the attempts of a phase or a rollout, in numbers. */

/** Devices. `attempted` is all of them, those `moving` and `cancelled` included. */
export interface Counters {
  readonly attempted: number;
  readonly confirmed: number;
  readonly failed: number;
  readonly rolledBack: number;
  readonly refused: number;
  readonly timedOut: number;
  readonly cancelled: number;
  readonly moving: number;
}

/** Apart by who reports (design section 2): what nobody has proven may halt a rollout, and never advances it. */
export interface CountersByProof {
  /** Contacts that are proven or bearer. */
  readonly proven: Counters;
  /** Claimed and anonymous ones. */
  readonly unproven: Counters;
}

export const NO_COUNTERS: Counters = {
  ...{ attempted: 0, confirmed: 0, failed: 0, rolledBack: 0, refused: 0, timedOut: 0, cancelled: 0, moving: 0 },
};

export function sumOf(left: Counters, right: Counters): Counters {
  return {
    attempted: left.attempted + right.attempted,
    confirmed: left.confirmed + right.confirmed,
    failed: left.failed + right.failed,
    rolledBack: left.rolledBack + right.rolledBack,
    refused: left.refused + right.refused,
    timedOut: left.timedOut + right.timedOut,
    cancelled: left.cancelled + right.cancelled,
    moving: left.moving + right.moving,
  };
}

/** Whether they can be counts at all. */
export function areCounts(counters: Counters): boolean {
  return Object.values(counters).every((count: unknown) => Number.isSafeInteger(count) && (count as number) >= 0);
}
