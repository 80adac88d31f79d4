/** The outside world as parameters: nothing below `adapters/` reads a clock or draws randomness by itself. */

export interface Clock {
  /** Wall clock: milliseconds since 1970-01-01T00:00:00Z. May jump; for time stamps and expiry only. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start, never backwards. For intervals and deadlines (REL-11). */
  monotonicMs(): number;
  /** Resolves after `ms` >= 0 of monotonic time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** `length` bytes fit for keys. */
  bytes(length: number): Uint8Array;
}

/** One object per outcome: a stable `code` and ids, never secrets or bodies. */
export interface LogEntry {
  readonly code: string;
  readonly [field: string]: unknown;
}

export interface Log {
  info(entry: LogEntry): void;
  warn(entry: LogEntry): void;
  error(entry: LogEntry): void;
}
