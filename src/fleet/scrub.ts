/** Looks for bit rot: every blob is hashed anew once per period, slowly, and a bad one is set aside and told of (REL-5). */
import { isOtaError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { SCRUB_BYTES_PER_SECOND, SCRUB_LOOK_MS, SCRUB_PAGE, SCRUB_PAUSE_MS } from './limits.ts';
import type { BlobEntry, Blobs } from './ports.ts';

export interface BadBlob {
  readonly sha256: string;
  readonly lengthBytes: number;
  /** `changed`: other bytes than were stored; `unreadable`: the disk does not give them. */
  readonly reason: 'changed' | 'unreadable';
  /** Whether it was moved aside, and is missing from now on. */
  readonly isAside: boolean;
  /** What its bytes hash to, or what the disk says. */
  readonly found: string;
}

export interface ScrubPorts {
  readonly blobs: Pick<Blobs, 'list' | 'check'>;
  readonly clock: Clock;
  /** Milliseconds after which a blob is due again. */
  readonly periodMs: number;
  readonly onBad: (bad: BadBlob) => void;
  /** A round that broke off: the folder could not be read. The next one begins anew. */
  readonly onError: (error: unknown) => void;
}

export class Scrub {
  readonly #ports: ScrubPorts;

  constructor(ports: ScrubPorts) {
    this.#ports = ports;
  }

  /** Rounds for ever; resolves once the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.round(signal);
        await this.#ports.clock.sleep(SCRUB_LOOK_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#ports.onError(error);
        await this.#ports.clock.sleep(SCRUB_LOOK_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Checks every blob that is due, at no more than SCRUB_BYTES_PER_SECOND. @returns how many were checked */
  async round(signal?: AbortSignal): Promise<number> {
    const pace = this.#pace(signal);
    let checked = 0;
    for (let after: string | undefined; ; ) {
      const page = await this.#ports.blobs.list({ after, limit: SCRUB_PAGE });
      for (const entry of page.filter((one) => this.#isDue(one))) {
        await this.#check(entry, pace);
        checked += 1;
      }
      after = page.at(-1)?.sha256;
      if (page.length < SCRUB_PAGE) return checked;
    }
  }

  /** A time that lies ahead is a wrong reading of some clock, then or now: looking costs little, trusting it might cost ten years. */
  #isDue({ checkedAtMs }: BlobEntry): boolean {
    const ageMs = this.#ports.clock.nowMs() - checkedAtMs;
    return ageMs < 0 || ageMs >= this.#ports.periodMs;
  }

  async #check({ sha256, lengthBytes }: BlobEntry, pace: (bytes: number) => Promise<void>): Promise<void> {
    const { blobs, onBad } = this.#ports;
    try {
      const check = await blobs.check(sha256, pace);
      if (check.state !== 'bad') return;
      const { isAside, actualSha256 } = check;
      onBad({ sha256, lengthBytes, reason: 'changed', isAside, found: actualSha256 });
    } catch (error) {
      if (!isOtaError(error) || error.code !== 'BLOB_READ') throw error;
      onBad({ sha256, lengthBytes, reason: 'unreadable', isAside: false, found: error.message });
    }
  }

  #pace(signal?: AbortSignal): (bytes: number) => Promise<void> {
    let dueMs = 0;
    return async (bytes) => {
      signal?.throwIfAborted();
      dueMs += (bytes * 1_000) / SCRUB_BYTES_PER_SECOND;
      if (dueMs < SCRUB_PAUSE_MS) return;
      const pauseMs = dueMs;
      dueMs = 0;
      await this.#ports.clock.sleep(pauseMs, signal);
    };
  }
}
