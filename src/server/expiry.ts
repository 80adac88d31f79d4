/** What expires, when, who has to renew it, and whether the server can: nothing expires by surprise (SEC-24). */
import { X509Certificate } from 'node:crypto';
import type { Log } from '../core/ports.ts';
import { DAY_MS } from '../core/time.ts';
import type { Lifetimes } from '../fleet/online-keys.ts';
import type { ImageRepository } from '../fleet/repository.ts';
import { EXPIRY_WARNING_DAYS } from './limits.ts';
import type { Metrics } from './metrics.ts';

export interface Expiry {
  readonly what: string;
  readonly version: number | null;
  readonly expiresAtMs: number;
  readonly renewedBy: 'server' | 'signers' | 'operator';
  readonly warning: string | null;
}

export interface ExpiryPorts {
  readonly repository: ImageRepository;
  readonly lifetimes: Lifetimes;
  /** PEM certificates by what they are for. */
  readonly certificates: ReadonlyMap<string, string>;
  readonly log: Log;
  readonly metrics: Metrics;
}

export class ExpiryWatch {
  readonly #ports: ExpiryPorts;
  /** Warnings that were logged, so that each is said once per threshold. */
  readonly #said = new Set<string>();
  #saidOfKeys: string | undefined;

  constructor(ports: ExpiryPorts) {
    this.#ports = ports;
  }

  /** Everything that expires, the first to expire first. */
  all(): readonly Expiry[] {
    const { repository, certificates } = this.#ports;
    const nowMs = repository.nowMs();
    const roles = repository.expiries().map(({ role, version, expiresAtMs, isOnline }) => ({
      ...{ what: role, version, expiresAtMs },
      renewedBy: isOnline ? ('server' as const) : ('signers' as const),
      warning: isOnline ? this.#onlineWarning(role, expiresAtMs, nowMs) : warningOf(expiresAtMs, nowMs),
    }));
    const issued = [...certificates].map(([what, pem]) => {
      const expiresAtMs = Date.parse(new X509Certificate(pem).validTo);
      return {
        ...{ what, version: null, expiresAtMs, warning: warningOf(expiresAtMs, nowMs) },
        renewedBy: 'operator' as const,
      };
    });
    return [...roles, ...issued].toSorted((left, right) => left.expiresAtMs - right.expiresAtMs);
  }

  /** Logs what is due, each threshold once, and renews the gauges; and once that keys are missing, or back. */
  async check(): Promise<void> {
    const { repository, log, metrics } = this.#ports;
    const nowMs = repository.nowMs();
    for (const { what, version, expiresAtMs, renewedBy, warning } of this.all()) {
      metrics.expiresIn(what, (expiresAtMs - nowMs) / 1_000);
      // Of several bins, which share a name here, each has its own expiry.
      const said = `${what} ${version} ${expiresAtMs} ${warning}`;
      if (warning === null || this.#said.has(said)) continue;
      this.#said.add(said);
      log.warn({
        code: 'TRUST_EXPIRES',
        what,
        version,
        expiresAt: new Date(expiresAtMs).toISOString(),
        renewedBy,
        warning,
      });
    }
    await this.#checkKeys();
  }

  /** A vault that lost its keys, or never had them, would be noticed when it is too late (SEC-24). */
  async #checkKeys(): Promise<void> {
    const { repository, log } = this.#ports;
    const { code, message, fix } = (await repository.keysProblem()) ?? {};
    if (message === this.#saidOfKeys) return;
    this.#saidOfKeys = message;
    if (code === undefined) log.info({ code: 'ONLINE_KEYS_BACK' });
    else log.error({ code, what: 'online keys', error: message, fix });
  }

  /** The server signs anew at half life; when a quarter is left, it has failed to for a long time. */
  #onlineWarning(role: string, expiresAtMs: number, nowMs: number): string | null {
    const { snapshotMs, timestampMs } = this.#ports.lifetimes;
    const lifeMs = role === 'snapshot' ? snapshotMs : timestampMs;
    if (expiresAtMs <= nowMs) return 'has expired';
    return expiresAtMs - nowMs < lifeMs / 4 ? 'was not renewed: is the vault open?' : null;
  }
}

function warningOf(expiresAtMs: number, nowMs: number): string | null {
  if (expiresAtMs <= nowMs) return 'has expired';
  const days = EXPIRY_WARNING_DAYS.toReversed().find((limit) => expiresAtMs - nowMs <= limit * DAY_MS);
  return days === undefined ? null : `expires within ${days} days`;
}
