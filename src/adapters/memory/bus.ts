/** A bus within one process. */
import {
  type Bus,
  type BusEvent,
  type BusHandler,
  checkEvent,
  type Subscription,
} from '../../fleet/coordination/bus.ts';
import { CoordinationError } from '../../fleet/coordination/errors.ts';
import { MAX_BUS_EVENT, MAX_BUS_QUEUE, MAX_SUBSCRIBERS } from '../../fleet/coordination/limits.ts';

export class MemoryBus implements Bus {
  readonly #topics = new Map<string, Set<Subscriber>>();
  readonly #onError: (topic: string, error: unknown) => void;
  #count = 0;

  /** @param onError what a handler threw */
  constructor(onError: (topic: string, error: unknown) => void) {
    this.#onError = onError;
  }

  async publish(topic: string, event: BusEvent): Promise<void> {
    checkEvent(topic, event, MAX_BUS_EVENT);
    for (const subscriber of this.#topics.get(topic) ?? []) subscriber.add({ ...event });
  }

  async subscribe(topic: string, handler: BusHandler): Promise<Subscription> {
    if (this.#count >= MAX_SUBSCRIBERS) {
      throw new CoordinationError('COORDINATION_FULL', `${MAX_SUBSCRIBERS} subscribers are there`, {
        detail: { what: 'subscribers' },
      });
    }
    const subscribers = this.#topics.get(topic) ?? new Set<Subscriber>();
    const subscriber = new Subscriber(handler, (error) => this.#onError(topic, error));
    this.#topics.set(topic, subscribers.add(subscriber));
    this.#count += 1;
    return {
      unsubscribe: () => {
        if (!subscribers.delete(subscriber)) return;
        subscriber.stop();
        this.#count -= 1;
        if (subscribers.size === 0) this.#topics.delete(topic);
      },
      get dropped() {
        return subscriber.dropped;
      },
    };
  }
}

class Subscriber {
  readonly #handler: BusHandler;
  readonly #onError: (error: unknown) => void;
  /** Newest last; a ring would be faster only when handlers are slow, and then nothing is fast. */
  #waiting: BusEvent[] = [];
  #missed = 0;
  #isRunning = false;
  dropped = 0;

  constructor(handler: BusHandler, onError: (error: unknown) => void) {
    this.#handler = handler;
    this.#onError = onError;
  }

  add(event: BusEvent): void {
    if (this.#waiting.length >= MAX_BUS_QUEUE) {
      this.#waiting.shift();
      this.#missed += 1;
      this.dropped += 1;
    }
    this.#waiting.push(event);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // In a turn of its own: whoever publishes goes on first.
    queueMicrotask(() => void this.#drain());
  }

  stop(): void {
    this.#waiting = [];
  }

  async #drain(): Promise<void> {
    for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) {
      const missed = this.#missed;
      this.#missed = 0;
      try {
        await this.#handler(event, missed);
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#isRunning = false;
  }
}
