/** Small events between the parts of the server, and between nodes: hints to look again, never the only copy of anything. */

/** Ids and states; MAX_BUS_EVENT characters as JSON at most. */
export type BusEvent = Readonly<Record<string, string | number | boolean | null>>;

/** @param missed events of this topic that were dropped before this one, since the handler was too slow: look at everything again */
export type BusHandler = (event: BusEvent, missed: number) => void | Promise<void>;

export interface Subscription {
  /** No handler is called after it; what runs then still ends. Twice does nothing. */
  unsubscribe(): void;
  /** Events dropped since the subscription began. */
  readonly dropped: number;
}

export interface Bus {
  /**
   * To everybody who is subscribed now, at most once, in the order of one publisher's calls. Waits for nobody's handler. Each gets a
   * copy of its own.
   */
  publish(topic: string, event: BusEvent): Promise<void>;
  /**
   * One event at a time. Behind a slow handler MAX_BUS_QUEUE events wait, then the oldest are dropped and counted. An error of a handler
   * reaches neither publisher nor other subscribers, and ends no subscription.
   * @throws {CoordinationError} COORDINATION_FULL MAX_SUBSCRIBERS are there
   */
  subscribe(topic: string, handler: BusHandler): Promise<Subscription>;
}

/** @throws {Error} an event of ours that is too large: our fault */
export function checkEvent(topic: string, event: BusEvent, maxCharacters: number): void {
  if (JSON.stringify(event).length > maxCharacters)
    throw new Error(`an event of ${topic} has more than ${maxCharacters} characters`);
}
