/** Offers of one process that wait for connected devices. */
import { MAX_WAITING_OFFERS, MAX_WITHDRAWN } from '../../fleet/coordination/limits.ts';
import type { OfferFeed, PutOutcome, WaitingOffer } from '../../fleet/coordination/offer-feed.ts';
import { deviceKey, type MemorySessions } from './sessions.ts';

export class MemoryOfferFeed implements OfferFeed {
  readonly #sessions: MemorySessions;
  /** By device, then component. */
  readonly #waiting = new Map<string, Map<string, WaitingOffer>>();
  /** Devices with offers by the node that had them last: to take some does not mean to look at all that wait for who is offline. */
  readonly #ready = new Map<string, Set<string>>();
  /** Oldest first. */
  readonly #withdrawn = new Set<string>();
  #count = 0;

  constructor(sessions: MemorySessions) {
    this.#sessions = sessions;
    sessions.whenClaimed(({ tenant, deviceId, node }) => this.#makeReady(deviceKey(tenant, deviceId), node));
  }

  async put(offer: WaitingOffer): Promise<PutOutcome> {
    const { tenant, deviceId, component, rolloutId } = offer;
    if (this.#withdrawn.has(rolloutKey(tenant, rolloutId))) return 'withdrawn';
    const device = deviceKey(tenant, deviceId);
    const offers = this.#waiting.get(device) ?? new Map<string, WaitingOffer>();
    if (offers.delete(component)) this.#count -= 1;
    else if (this.#count >= MAX_WAITING_OFFERS) return 'full';
    this.#waiting.set(device, offers.set(component, offer));
    this.#count += 1;
    const session = this.#sessions.find(tenant, deviceId);
    if (session) this.#makeReady(device, session.node);
    return 'waiting';
  }

  async take(node: string, limit: number): Promise<readonly WaitingOffer[]> {
    const taken: WaitingOffer[] = [];
    const ready = this.#ready.get(node) ?? new Set<string>();
    for (const device of ready) {
      for (const offer of this.#waiting.get(device)?.values() ?? []) {
        if (taken.length >= limit) return taken;
        if (this.#sessions.find(offer.tenant, offer.deviceId)?.node !== node) break;
        this.#remove(offer);
        taken.push(offer);
      }
      // All are taken; or the device has gone, and is made ready when it comes back.
      ready.delete(device);
    }
    this.#ready.delete(node);
    return taken;
  }

  async withdraw(tenant: string, rolloutId: string): Promise<number> {
    this.#withdrawn.add(rolloutKey(tenant, rolloutId));
    for (const oldest of this.#withdrawn) {
      if (this.#withdrawn.size <= MAX_WITHDRAWN) break;
      this.#withdrawn.delete(oldest);
    }
    const before = this.#count;
    for (const offers of this.#waiting.values())
      for (const offer of offers.values())
        if (offer.tenant === tenant && offer.rolloutId === rolloutId) this.#remove(offer);
    return before - this.#count;
  }

  #makeReady(device: string, node: string): void {
    if (!this.#waiting.has(device)) return;
    const ready = this.#ready.get(node) ?? new Set<string>();
    this.#ready.set(node, ready.add(device));
  }

  #remove({ tenant, deviceId, component }: WaitingOffer): void {
    const device = deviceKey(tenant, deviceId);
    const offers = this.#waiting.get(device);
    if (offers?.delete(component)) this.#count -= 1;
    if (offers?.size === 0) this.#waiting.delete(device);
  }
}

function rolloutKey(tenant: string, rolloutId: string): string {
  return `${tenant}\n${rolloutId}`;
}
