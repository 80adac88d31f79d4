/** Device views in memory, the least recently used forgotten first. */
import type { DeviceView } from './model.ts';

export function identityKey({
  tenant,
  protocol,
  identity,
}: Pick<DeviceView, 'tenant' | 'protocol' | 'identity'>): string {
  return `${tenant}\0${protocol}\0${identity}`;
}

export class DeviceCache {
  readonly #limit: number;
  readonly #views = new Map<string, DeviceView>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): DeviceView | undefined {
    const view = this.#views.get(key);
    if (view) this.#touch(key, view);
    return view;
  }

  set(view: DeviceView): void {
    this.#touch(identityKey(view), view);
    if (this.#views.size <= this.#limit) return;
    const [oldest] = this.#views.keys();
    if (oldest !== undefined) this.#views.delete(oldest);
  }

  /** A Map keeps the order of insertion: last in is last used. */
  #touch(key: string, view: DeviceView): void {
    this.#views.delete(key);
    this.#views.set(key, view);
  }
}
