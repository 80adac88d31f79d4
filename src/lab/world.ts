/**
 * A whole Sealift in a folder of its own: server, throw-away signing keys, gateways. For the demo, the labs and the tests.
 *
 * Everything is real: sockets, TLS, files, database. Only the keys are worth nothing, and are named DEMO for it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSecretFile } from '../adapters/files/secret.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import type { Log } from '../core/ports.ts';
import type { ClientOptions, CupsClient } from '../protocols/cups/client.ts';
import { loadConfig } from '../server/config.ts';
import { type RunningServer, startServer } from '../server/serve.ts';
import { tokenFile } from '../server/token.ts';
import { packageVersion } from '../server/version.ts';
import { generateSigner, type Signer } from '../trust/keys.ts';
import { generatePayloadSigner, type PayloadSigner } from '../trust/payload.ts';
import { type ReleaseBundle, signRelease } from '../trust/release-bundle.ts';
import { type VerifiedTargets, verifyTargets } from '../trust/targets.ts';
import { LabApi } from './api.ts';
import { stationClient } from './station.ts';

export const HARDWARE = 'demo-gateway';
const DAY_MS = 86_400_000;

export interface Gateway {
  readonly eui: string;
  /** Home folder in the layout of a Station. */
  readonly home: string;
  readonly deviceId: string;
  client(options?: ClientOptions): Promise<CupsClient>;
}

export interface World {
  readonly dir: string;
  readonly server: RunningServer;
  readonly api: LabApi;
  /** 64 bytes X || Y: the key gateways check firmware with. */
  readonly payloadKey: Uint8Array;
  /** Signs a version offline; nothing is uploaded. */
  sign(version: string, content: Uint8Array): Promise<ReleaseBundle>;
  addGateway(request: {
    readonly eui: string;
    readonly groups: readonly string[];
    readonly version: string;
  }): Promise<Gateway>;
  close(): Promise<void>;
}

/** @param dir an empty folder */
export async function createWorld(dir: string, log: Log): Promise<World> {
  const targets = generateSigner('ed25519').signer;
  const payload = generatePayloadSigner().signer;
  const keyFile = join(dir, 'DEMO-targets.pub.json');
  writeFileSync(keyFile, JSON.stringify(targets.publicKey.json));
  const { config } = loadConfig({
    SEALIFT_DATA_DIR: join(dir, 'server'),
    SEALIFT_MANAGEMENT_PORT: '0',
    SEALIFT_CUPS_PORT: '0',
    SEALIFT_TRUST_TARGETS_KEY_FILES: keyFile,
  });
  const server = await startServer(config, {
    clock: systemClock,
    random: systemRandom,
    log,
    version: packageVersion(),
  });
  const api = new LabApi(server.managementUrl, readFileSync(tokenFile(server.dataDir), 'utf8').trim());
  const { cupsUrl = '' } = server;
  return {
    ...{ dir, server, api, payloadKey: payload.key },
    sign: releaseSigner(targets, payload),
    addGateway: (request) =>
      addGateway({ ...request, home: join(dir, request.eui), api, cupsUrl, log, payloadKey: payload.key }),
    close: () => server.close(),
  };
}

/** Remembers what was signed last, as a signer's folder does. */
function releaseSigner(signer: Signer, payloadSigner: PayloadSigner): World['sign'] {
  let previous: VerifiedTargets | undefined;
  return async (version, content) => {
    const nowMs = systemClock.nowMs();
    const bundle = await signRelease({
      ...{ previous, component: 'firmware', version, artifacts: [{ hardware: HARDWARE, content }] },
      ...{ expiresAtMs: nowMs + DAY_MS, signers: [signer], payloadSigners: [payloadSigner] },
    });
    const trust = { keys: [signer.publicKey], threshold: 1, nowMs, minVersion: previous?.version ?? 0 };
    previous = verifyTargets(Buffer.from(bundle.targets), trust);
    return bundle;
  };
}

async function addGateway(request: {
  readonly eui: string;
  readonly groups: readonly string[];
  readonly version: string;
  readonly home: string;
  readonly api: LabApi;
  readonly cupsUrl: string;
  readonly payloadKey: Uint8Array;
  readonly log: Log;
}): Promise<Gateway> {
  const { eui, groups, version, home, api, cupsUrl, payloadKey, log } = request;
  const device = await api.post<{ id: string }>('/devices', {
    protocol: 'cups',
    identity: eui,
    hardware: HARDWARE,
    groups,
  });
  const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'pem' });
  const issued = await api.post<{ certificate: string; trust: string }>(`/devices/${device.id}/certificates`, {
    publicKey,
  });
  mkdirSync(home, { mode: 0o700 });
  writeSecretFile(join(home, 'cups.key'), keys.privateKey.export({ type: 'sec1', format: 'pem' }).toString());
  writeFileSync(join(home, 'cups.crt'), issued.certificate);
  writeFileSync(join(home, 'cups.trust'), issued.trust);
  writeFileSync(join(home, 'cups.uri'), cupsUrl);
  writeFileSync(join(home, 'sig-0.key'), payloadKey);
  writeFileSync(join(home, 'version.txt'), `${version}\n`);
  return {
    ...{ eui, home, deviceId: device.id },
    // Until this world has an image repository, its gateways go by the CUPS signature alone.
    client: (options) => stationClient({ home, eui, log, options: { releaseProof: 'off', ...options } }),
  };
}

/** Firmware of a virtual gateway: a program that writes its version where a Station's updates write it. */
export function firmwareImage(version: string): Uint8Array {
  return Buffer.from(`#!/bin/sh\nprintf '%s\\n' '${version}' > version.txt\n`);
}
