/** Which node has a device on its line: whoever wants to push something to it asks here. */

export interface Session {
  readonly tenant: string;
  readonly deviceId: string;
  readonly node: string;
  /** Grows with each claim of a device: the newest connection is the true one, older ones are dead or another's. */
  readonly token: number;
}

/** On one clock of its own that no node's clock moves. */
export interface Sessions {
  /**
   * The device is connected to this node, as of now. Whoever had it before no longer has.
   * @param ttlMs for how long that holds unless it is renewed: a node that died gives its devices up
   * @throws {CoordinationError} COORDINATION_FULL MAX_SESSIONS are there
   */
  claim(tenant: string, deviceId: string, node: string, ttlMs: number): Promise<Session>;
  /** Renews those that still are the newest of their device. @returns those that are not: their connections are to be closed */
  renew(sessions: readonly Session[], ttlMs: number): Promise<readonly Session[]>;
  /** Ends it, unless it was superseded. @returns whether it ended */
  release(session: Session): Promise<boolean>;
  owner(tenant: string, deviceId: string): Promise<Session | undefined>;
}
