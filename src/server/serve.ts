/** The composition root: configuration in, running listeners out. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { FileBlobs } from '../adapters/files/blobs.ts';
import { openSqliteStore } from '../adapters/sqlite/store.ts';
import { unreachable } from '../core/errors.ts';
import type { Clock, Log, LogEntry, Random } from '../core/ports.ts';
import type { FleetEvent } from '../fleet/events.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { Proofs } from '../fleet/ports.ts';
import { CupsServer, cupsTraits, mountCups } from '../protocols/cups/index.ts';
import type { Config } from './config.ts';
import { ConfigError, ServerError } from './errors.ts';
import { DRAIN_MS, SEEN_FLUSH_MS } from './limits.ts';
import { createListener, isLoopback, listen } from './listeners.ts';
import { mountManagement } from './management.ts';
import { Metrics } from './metrics.ts';
import { loadCupsTls, readPem } from './pki.ts';
import { createBearerCheck, loadAdminToken } from './token.ts';
import { loadTargetsKeys } from './trust.ts';

export interface ServePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
}

export interface RunningServer {
  /** http(s)://host:port of the REST API. */
  readonly managementUrl: string;
  /** https://host:port of the CUPS listener, `undefined` when it is off. */
  readonly cupsUrl: string | undefined;
  readonly dataDir: string;
  /** Stops listening, lets requests in hand finish (30 s at most), then closes the store. */
  close(): Promise<void>;
}

/** Until the image repository is built: gateways that ask for a proof are told that there is none. */
const NO_PROOFS: Proofs = { proof: async () => undefined };

/** @throws {ConfigError}, {ServerError}, {StoreError}, {TrustError}: nothing is left running */
export async function startServer(config: Config, ports: ServePorts): Promise<RunningServer> {
  const { clock, random, log, version } = ports;
  refuseUnsafe(config);
  const dataDir = resolve(config.dataDir);
  makeDataDir(dataDir);
  const metrics = new Metrics(version);

  // Closed in reverse: listeners drain first, the store goes last. A start that fails half-way undoes what it began.
  await using cleanup = new AsyncDisposableStack();
  const store = await openSqliteStore({ path: join(dataDir, 'sealift.db') });
  cleanup.defer(() => store.close());
  const blobs = await FileBlobs.open(join(dataDir, 'blobs'));
  const trust = { keys: loadTargetsKeys(config.trust.targetsKeyFiles), threshold: config.trust.threshold };
  const fleet = await Fleet.open({ store, blobs, clock, random, protocols: [cupsTraits], trust });
  cleanup.defer(() => fleet.close());
  fleet.onEvent((event) => {
    metrics.onFleetEvent(event);
    log.info(logEntry(event));
  });
  cleanup.defer(flushSeenPeriodically(fleet, log));

  const cupsTls = config.cups.enabled ? await loadCupsTls(config.cups.tls, dataDir, ports) : undefined;
  const management = createListener({ name: 'management', ...managementTls(config), metrics, clock, random });
  cleanup.defer(() => drain(management, clock));
  await mountManagement(management, {
    ...{ tenant: config.tenant, fleet, store, blobs, clock, log, metrics, version },
    issuer: cupsTls?.issuer,
    isAuthorized: createBearerCheck(loadAdminToken(dataDir, random)),
    checkReady: async () => {
      await store.targetsVersion(config.tenant);
    },
  });

  let cupsUrl: string | undefined;
  if (cupsTls) {
    const cups = createListener({ name: 'cups', tls: cupsTls, metrics, clock, random });
    cleanup.defer(() => drain(cups, clock));
    mountCups(cups, new CupsServer({ fleet, blobs, proofs: NO_PROOFS, log, tenant: config.tenant }), log);
    cupsUrl = await listen(cups, config.cups.host, config.cups.port, 'cups');
  }
  const managementUrl = await listen(management, config.management.host, config.management.port, 'management');
  log.info({ code: 'SERVER_STARTED', managementUrl, cupsUrl: cupsUrl ?? 'off', dataDir });

  const running = cleanup.move();
  return { managementUrl, cupsUrl, dataDir, close: () => running.disposeAsync() };
}

function refuseUnsafe({ management }: Config): void {
  const { host, tls, allowInsecurePublic } = management;
  if ((tls.certFile === '') !== (tls.keyFile === '')) {
    throw new ConfigError('CONFIG_VALUE', 'management.tls needs certFile and keyFile together');
  }
  if (tls.certFile === '' && !isLoopback(host) && !allowInsecurePublic) {
    throw new ConfigError('CONFIG_UNSAFE', `the API would be served without TLS on ${host}`, {
      fix: 'Set management.tls, or management.host to 127.0.0.1, or management.allowInsecurePublic behind a proxy that does TLS.',
    });
  }
}

function managementTls({ management: { tls } }: Config) {
  if (tls.certFile === '') return {};
  const cert = readPem(tls.certFile, 'management.tls.certFile');
  return { tls: { cert, key: readPem(tls.keyFile, 'management.tls.keyFile') } };
}

function makeDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ServerError('SERVER_DATA_DIR', `${dataDir} cannot be made`, {
      cause,
      fix: 'Set dataDir to a folder that the user of this process may write.',
    });
  }
}

/** Writes last-seen times in batches; returns what ends it. The last batch is written by `Fleet.close`. */
function flushSeenPeriodically(fleet: Fleet, log: Log): () => void {
  const timer = setInterval(() => {
    fleet.flushSeen().catch((error: unknown) => log.warn({ code: 'SEEN_FLUSH_FAILED', error: String(error) }));
  }, SEEN_FLUSH_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function drain(app: FastifyInstance, clock: Clock): Promise<void> {
  const closed = new AbortController();
  const deadline = clock.sleep(DRAIN_MS, closed.signal).then(
    () => app.server.closeAllConnections(),
    () => undefined,
  );
  await app.close();
  closed.abort();
  await deadline;
}

/** Ids and states; no payloads. */
function logEntry(event: FleetEvent): LogEntry {
  const { type, protocol } = { protocol: undefined, ...event };
  switch (event.type) {
    case 'attemptMoved': {
      const { id: attemptId, deviceId, rolloutId, state } = event.attempt;
      return { code: type, protocol, attemptId, deviceId, rolloutId, state };
    }
    case 'unknownDevice':
      return { code: type, protocol, identity: event.identity };
    case 'deviceRegistered':
      return { code: type, deviceId: event.device.id, protocol: event.device.protocol };
    case 'releaseAdmitted':
      return { code: type, releaseId: event.release.id, version: event.release.version };
    case 'rolloutChanged':
      return {
        code: type,
        rolloutId: event.rollout.id,
        state: event.rollout.state,
        openPhases: event.rollout.openPhases,
      };
    default:
      return unreachable(event);
  }
}
