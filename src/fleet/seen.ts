/** Last-seen times on their way to the store: one write for many contacts (design section 5 rule 1). */
import { MAX_SEEN_BUFFER } from './limits.ts';
import type { Device } from './model.ts';
import type { Store } from './ports.ts';

type Seen = Parameters<Store['recordSeen']>[0][number];

export class SeenBuffer {
  readonly #store: Pick<Store, 'recordSeen'>;
  #waiting = new Map<string, Seen>();

  constructor(store: Pick<Store, 'recordSeen'>) {
    this.#store = store;
  }

  /** @returns whether the buffer is full and wants a flush */
  add({ tenant, id: deviceId }: Device, atMs: number): boolean {
    this.#waiting.set(deviceId, { tenant, deviceId, atMs });
    return this.#waiting.size >= MAX_SEEN_BUFFER;
  }

  /** What a failed write held is kept, unless something newer came in. */
  async flush(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const batch = this.#waiting;
    this.#waiting = new Map();
    try {
      await this.#store.recordSeen([...batch.values()]);
    } catch (error) {
      for (const [id, seen] of batch) if (!this.#waiting.has(id)) this.#waiting.set(id, seen);
      throw error;
    }
  }
}
