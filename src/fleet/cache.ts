/** Bounded memory: the least recently used is forgotten first. Each value weighs one, unless it is said how much. */
import type { DeviceView } from './model.ts';

export class Lru<V> {
  readonly #limit: number;
  readonly #weightOf: (value: V) => number;
  readonly #values = new Map<string, V>();
  #weight = 0;

  constructor(limit: number, weightOf: (value: V) => number = () => 1) {
    this.#limit = limit;
    this.#weightOf = weightOf;
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    // A Map keeps the order of insertion: last in is last used.
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.delete(key);
    this.#values.set(key, value);
    this.#weight += this.#weightOf(value);
    for (const oldest of this.#values.keys()) {
      if (this.#weight <= this.#limit) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    this.#weight -= this.#weightOf(value);
  }

  clear(): void {
    this.#values.clear();
    this.#weight = 0;
  }
}

/** Under which a device's view is kept. */
export function identityKey({
  tenant,
  protocol,
  identity,
}: Pick<DeviceView, 'tenant' | 'protocol' | 'identity'>): string {
  return `${tenant}\0${protocol}\0${identity}`;
}
