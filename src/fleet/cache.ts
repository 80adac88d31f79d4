/** Bounded memory: the least recently used is forgotten first. */
import type { DeviceView } from './model.ts';

export class Lru<V> {
  readonly #limit: number;
  readonly #values = new Map<string, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.#touch(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#touch(key, value);
    if (this.#values.size <= this.#limit) return;
    const [oldest] = this.#values.keys();
    if (oldest !== undefined) this.#values.delete(oldest);
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }

  /** A Map keeps the order of insertion: last in is last used. */
  #touch(key: string, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
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
