/** Sessions of one process: its nodes are its listeners. */
import type { Clock } from '../../core/ports.ts';
import { CoordinationError } from '../../fleet/coordination/errors.ts';
import { MAX_SESSIONS } from '../../fleet/coordination/limits.ts';
import type { Session, Sessions } from '../../fleet/coordination/sessions.ts';

interface Entry {
  readonly session: Session;
  readonly endsMs: number;
}

export class MemorySessions implements Sessions {
  readonly #clock: Clock;
  readonly #byDevice = new Map<string, Entry>();
  #lastToken = 0;
  #onClaim: (session: Session) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the one feed beside it. */
  whenClaimed(listener: (session: Session) => void): void {
    this.#onClaim = listener;
  }

  async claim(tenant: string, deviceId: string, node: string, ttlMs: number): Promise<Session> {
    const device = deviceKey(tenant, deviceId);
    if (!this.#byDevice.has(device) && this.#byDevice.size >= MAX_SESSIONS) this.#makeRoom();
    this.#lastToken += 1;
    const session = { tenant, deviceId, node, token: this.#lastToken };
    this.#byDevice.set(device, { session, endsMs: this.#clock.monotonicMs() + ttlMs });
    this.#onClaim(session);
    return session;
  }

  async renew(sessions: readonly Session[], ttlMs: number): Promise<readonly Session[]> {
    const endsMs = this.#clock.monotonicMs() + ttlMs;
    return sessions.filter((session) => {
      if (!this.#isNewest(session)) return true;
      this.#byDevice.set(deviceKey(session.tenant, session.deviceId), { session, endsMs });
      return false;
    });
  }

  async release(session: Session): Promise<boolean> {
    return this.#isNewest(session) && this.#byDevice.delete(deviceKey(session.tenant, session.deviceId));
  }

  async owner(tenant: string, deviceId: string): Promise<Session | undefined> {
    return this.find(tenant, deviceId);
  }

  /** For the feed beside it, without a turn in between. */
  find(tenant: string, deviceId: string): Session | undefined {
    const device = deviceKey(tenant, deviceId);
    const entry = this.#byDevice.get(device);
    if (entry && entry.endsMs > this.#clock.monotonicMs()) return entry.session;
    this.#byDevice.delete(device);
    return undefined;
  }

  #isNewest({ tenant, deviceId, token }: Session): boolean {
    return this.find(tenant, deviceId)?.token === token;
  }

  #makeRoom(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [device, { endsMs }] of this.#byDevice) if (endsMs <= nowMs) this.#byDevice.delete(device);
    if (this.#byDevice.size < MAX_SESSIONS) return;
    throw new CoordinationError('COORDINATION_FULL', `${MAX_SESSIONS} devices are connected`, {
      detail: { what: 'sessions' },
    });
  }
}

/** One text for both: the id is a ULID, so the last line break is ours. */
export function deviceKey(tenant: string, deviceId: string): string {
  return `${tenant}\n${deviceId}`;
}
