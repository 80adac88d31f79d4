/** The composition root: configuration in, running listeners out. */
import { mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { FileBlobs } from '../adapters/files/blobs.ts';
import { openSqliteStore } from '../adapters/sqlite/store.ts';
import { isOtaError, unreachable } from '../core/errors.ts';
import type { Clock, Log, LogEntry, Random } from '../core/ports.ts';
import { DAY_MS } from '../core/time.ts';
import { createUlids } from '../core/ulid.ts';
import type { FleetEvent } from '../fleet/events.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { SigningEvent } from '../fleet/model.ts';
import type { Blobs, Proofs } from '../fleet/ports.ts';
import { ImageRepository } from '../fleet/repository.ts';
import { type BadBlob, Scrub } from '../fleet/scrub.ts';
import { SigningEvents } from '../fleet/signing.ts';
import { CupsServer, cupsTraits, mountCups } from '../protocols/cups/index.ts';
import type { Vault } from '../trust/vault.ts';
import { createAccess } from './access.ts';
import type { Config } from './config.ts';
import { mountDevices } from './devices.ts';
import { ConfigError, ServerError } from './errors.ts';
import { ExpiryWatch } from './expiry.ts';
import { DRAIN_MS, SEEN_FLUSH_MS, TRUST_CHECK_MS, UPLOAD_CHECK_MS } from './limits.ts';
import { createListener, isLoopback, listen } from './listeners.ts';
import { mountManagement } from './management.ts';
import { Metrics } from './metrics.ts';
import { loadCupsTls, readPem } from './pki.ts';
import { createBearerCheck, loadAdminToken } from './token.ts';
import { closedVault, refuseKeyUnderMat } from './vault.ts';

const OTHERS_READ_OR_WRITE = 0o066;

export interface ServePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  /** Keys for snapshot and timestamp; without it the server serves what is published and signs nothing. */
  readonly vault?: Vault;
}

export interface RunningServer {
  /** http(s)://host:port of the REST API. */
  readonly managementUrl: string;
  /** https://host:port of the CUPS listener, `undefined` when it is off. */
  readonly cupsUrl: string | undefined;
  /** http(s)://host:port of repository, images and proofs, `undefined` when it is off. */
  readonly httpUrl: string | undefined;
  readonly dataDir: string;
  /** Stops listening, lets requests in hand finish (30 s at most), then closes the store. */
  close(): Promise<void>;
}

/** @throws {ConfigError}, {ServerError}, {StoreError}, {TrustError}: nothing is left running */
export async function startServer(config: Config, ports: ServePorts): Promise<RunningServer> {
  const { clock, random, log, version } = ports;
  refuseUnsafe(config);
  const dataDir = resolve(config.dataDir);
  makeDataDir(dataDir, log);
  const metrics = new Metrics(version);

  // Closed in reverse: listeners drain first, the store goes last. A start that fails half-way undoes what it began.
  await using cleanup = new AsyncDisposableStack();
  const store = await openSqliteStore({ path: join(dataDir, 'sealift.db') });
  cleanup.defer(() => store.close());
  const blobs = await FileBlobs.open(join(dataDir, 'blobs'), { clock, random });
  cleanup.defer(scrubPeriodically({ blobs, clock, log, metrics }, config.blobs.scrubDays));
  cleanup.defer(expireUploadsPeriodically(blobs, log));
  const { tenant } = config;
  const vault = ports.vault ?? closedVault;
  const nextId = createUlids({ clock, random });
  const lifetimes = {
    snapshotMs: config.trust.snapshotDays * DAY_MS,
    timestampMs: config.trust.timestampDays * DAY_MS,
  };
  const repository = await ImageRepository.open({ tenant, store, vault, clock, nextId, lifetimes, log });
  const onChange = ({ id: signingEventId, state, digest, releaseId }: SigningEvent) =>
    log.info({ code: 'signingEvent', signingEventId, state, digest, releaseId });
  const signing = new SigningEvents({ tenant, store, blobs, vault, clock, nextId, repository, onChange, log });
  const repositories = [{ tenant, repository }];
  const fleet = await Fleet.open({ store, clock, random, protocols: [cupsTraits], repositories });
  cleanup.defer(() => fleet.close());
  fleet.onEvent((event) => {
    metrics.onFleetEvent(event);
    log.info(logEntry(event));
  });
  cleanup.defer(flushSeenPeriodically(fleet, log));

  const cupsTls = config.cups.enabled ? await loadCupsTls(config.cups.tls, dataDir, ports) : undefined;
  const certificates = new Map(
    cupsTls
      ? [
          ['CUPS server certificate', cupsTls.cert],
          ['CUPS gateway CA', cupsTls.clientCa],
        ]
      : [],
  );
  const watch = new ExpiryWatch({ repository, lifetimes, certificates, log, metrics });
  cleanup.defer(await keepFresh(repository, watch, log));
  const management = createListener({
    name: 'management',
    ...tlsOf(config.management.tls, 'management.tls'),
    metrics,
    clock,
    random,
  });
  cleanup.defer(() => drain(management, clock));
  await mountManagement(management, {
    ...{ tenant, fleet, store, blobs, clock, log, metrics, version, repository, signing },
    expiries: () => watch.all(),
    keysProblem: async () => (await repository.keysProblem())?.message ?? null,
    issuer: cupsTls?.issuer,
    ...{ random, nextId },
    authenticate: createAccess({
      tenant,
      store,
      clock,
      isAdminToken: createBearerCheck(loadAdminToken(dataDir, random)),
    }),
    checkReady: async () => {
      await store.repository(tenant);
    },
  });

  let cupsUrl: string | undefined;
  if (cupsTls) {
    const cups = createListener({ name: 'cups', tls: cupsTls, metrics, clock, random });
    cleanup.defer(() => drain(cups, clock));
    const proofs: Proofs = {
      proof: async (of, sha256, hardware) => (of === tenant ? repository.proof(sha256, hardware) : undefined),
    };
    mountCups(cups, new CupsServer({ fleet, blobs, proofs, log, tenant }), log);
    cupsUrl = await listen(cups, config.cups.host, config.cups.port, 'cups');
  }
  let httpUrl: string | undefined;
  if (config.http.enabled) {
    const http = createListener({ name: 'http', ...tlsOf(config.http.tls, 'http.tls'), metrics, clock, random });
    cleanup.defer(() => drain(http, clock));
    mountDevices(http, { repository, blobs, log });
    httpUrl = await listen(http, config.http.host, config.http.port, 'http');
  }
  const managementUrl = await listen(management, config.management.host, config.management.port, 'management');
  log.info({ code: 'SERVER_STARTED', managementUrl, cupsUrl: cupsUrl ?? 'off', httpUrl: httpUrl ?? 'off', dataDir });

  const running = cleanup.move();
  return { managementUrl, cupsUrl, httpUrl, dataDir, close: () => running.disposeAsync() };
}

function refuseUnsafe(config: Config): void {
  refuseKeyUnderMat(config);
  const { host, tls, allowInsecurePublic } = config.management;
  if (tls.certFile === '' && !isLoopback(host) && !allowInsecurePublic) {
    throw new ConfigError('CONFIG_UNSAFE', `the API would be served without TLS on ${host}`, {
      fix: 'Set management.tls, or management.host to 127.0.0.1, or management.allowInsecurePublic behind a proxy that does TLS.',
    });
  }
}

/** @throws {ConfigError} CONFIG_VALUE one of the two files is not named, CONFIG_KEY_FILE */
function tlsOf({ certFile, keyFile }: Config['http']['tls'], setting: string) {
  if ((certFile === '') !== (keyFile === ''))
    throw new ConfigError('CONFIG_VALUE', `${setting} needs certFile and keyFile together`);
  if (certFile === '') return {};
  return { tls: { cert: readPem(certFile, `${setting}.certFile`), key: readPem(keyFile, `${setting}.keyFile`) } };
}

function makeDataDir(dataDir: string, log: Log): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // One that was there keeps its mode: who else may use it is not ours to decide.
    const { mode } = statSync(dataDir);
    if (process.platform !== 'win32' && (mode & OTHERS_READ_OR_WRITE) !== 0)
      log.warn({
        ...{ code: 'DATA_DIR_OPEN', dataDir, mode: (mode & 0o777).toString(8) },
        fix: `Others than its owner may read or change it: chmod 700 ${dataDir}`,
      });
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

/** @param days between two looks at one artifact; 0 looks at none. Returns what ends it. */
function scrubPeriodically(
  { blobs, clock, log, metrics }: { blobs: Blobs; clock: Clock; log: Log; metrics: Metrics },
  days: number,
): () => Promise<void> {
  if (days === 0) return async () => undefined;
  const onBad = (bad: BadBlob) => {
    metrics.badBlob(bad);
    log.error({ code: 'BLOB_BAD', ...bad, fix: 'Upload the artifact again, and look at the disk of the data folder.' });
  };
  const onError = (error: unknown) =>
    log.error({ code: isOtaError(error) ? error.code : 'INTERNAL', what: 'scrub', error: String(error) });
  const scrub = new Scrub({ blobs, clock, periodMs: days * DAY_MS, onBad, onError });
  const stop = new AbortController();
  const running = scrub.run(stop.signal);
  return async () => {
    stop.abort();
    await running;
  };
}

/** Frees the disk of uploads that nobody goes on with. Returns what ends it. */
function expireUploadsPeriodically({ uploads }: Blobs, log: Log): () => void {
  const timer = setInterval(() => {
    uploads.expire().catch((error: unknown) => log.warn({ code: 'UPLOAD_EXPIRY_FAILED', error: String(error) }));
  }, UPLOAD_CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Renews what the server signs, and says what expires: now, and every ten minutes. Returns what ends it. */
async function keepFresh(repository: ImageRepository, watch: ExpiryWatch, log: Log): Promise<() => void> {
  const look = async () => {
    try {
      await repository.renew();
    } catch (error) {
      log.error({ code: isOtaError(error) ? error.code : 'INTERNAL', what: 'renewal', error: String(error) });
    }
    await watch.check();
  };
  await look();
  const timer = setInterval(() => {
    look().catch((error: unknown) => log.error({ code: 'INTERNAL', what: 'expiry', error: String(error) }));
  }, TRUST_CHECK_MS);
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
