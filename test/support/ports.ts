/** Ports for tests: a clock that moves when told to, randomness with a seed, folders that go away. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock, Log, LogEntry, Random } from '../../src/core/ports.ts';

export class FakeClock implements Clock {
  #nowMs: number;

  constructor(nowMs = Date.UTC(2026, 10, 24)) {
    this.#nowMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  sleep(): Promise<void> {
    return Promise.reject(new Error('a test with a fake clock does not sleep'));
  }
}

/** A clock on which waiting takes no time: who sleeps finds that it has passed. Wall and monotonic time are apart. */
export class SkippingClock implements Clock {
  readonly #startMs: number;
  #wallMs: number;
  #monotonicMs = 5_000;

  constructor(nowMs = Date.UTC(2026, 10, 24)) {
    this.#wallMs = nowMs;
    this.#startMs = this.#monotonicMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Milliseconds since the test began, by the clock that never jumps. */
  elapsedMs(): number {
    return this.#monotonicMs - this.#startMs;
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.advance(ms);
  }
}

/** The same bytes for the same seed. */
export function seededRandom(seed: string): Random {
  let count = 0;
  return {
    bytes(length) {
      const chunks: Buffer[] = [];
      for (let have = 0; have < length; have += 32) {
        count += 1;
        chunks.push(createHash('sha256').update(`${seed}:${count}`).digest());
      }
      return new Uint8Array(Buffer.concat(chunks).subarray(0, length));
    },
  };
}

/** Keeps what is logged. */
export function recordingLog(): Log & { readonly entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const keep = (entry: LogEntry) => {
    entries.push(entry);
  };
  return { entries, info: keep, warn: keep, error: keep };
}

/** What runs at the end; `onTestFinished`, or the list of a suite that shares something. */
export type AtEnd = (cleanup: () => void | Promise<void>) => void;

/** A folder that is removed when the test ends. */
export function temporaryDir(atEnd: AtEnd = onTestFinished): string {
  const dir = mkdtempSync(join(tmpdir(), 'sealift-test-'));
  atEnd(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export async function* chunksOf(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
