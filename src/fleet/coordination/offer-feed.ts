/** Offers that wait for connected devices, for protocols that push: each node takes those of the devices it has on its line. */

export interface WaitingOffer {
  readonly tenant: string;
  readonly deviceId: string;
  readonly component: string;
  readonly attemptId: string;
  readonly rolloutId: string;
  readonly releaseId: string;
}

/** `withdrawn`: its rollout was halted before; `full`: MAX_WAITING_OFFERS wait, and the device will ask anew when it connects. */
export type PutOutcome = 'waiting' | 'withdrawn' | 'full';

/**
 * A feed hands each offer out at most once. What is lost with a node that took it is no loss: the attempt is in the store, and the
 * offer is put again when the device connects or its deadline comes. Whether a rollout still runs is for the store to say at the last
 * moment (REL-30); a feed only keeps what is known to be over from taking room and time.
 */
export interface OfferFeed {
  /** Replaces an older offer for the same component of the device. */
  put(offer: WaitingOffer): Promise<PutOutcome>;
  /** Takes up to `limit` offers for devices whose session this node owns now, the longest waiting first for each device. */
  take(node: string, limit: number): Promise<readonly WaitingOffer[]>;
  /** Removes all offers of a rollout, and refuses later ones. @returns how many were removed */
  withdraw(tenant: string, rolloutId: string): Promise<number>;
}
