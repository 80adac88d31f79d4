/**
 * A whole Sealift in a folder of its own: server, throw-away signing keys, gateways. For the demo, the labs and the tests.
 *
 * Everything is real: sockets, TLS, files, database. Only the keys are worth nothing, and are named DEMO for it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSecretFile } from '../adapters/files/secret.ts';
import { FileVault } from '../adapters/files/vault.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import type { Log } from '../core/ports.ts';
import type { ClientOptions, CupsClient } from '../protocols/cups/client.ts';
import { loadConfig } from '../server/config.ts';
import { type RunningServer, startServer } from '../server/serve.ts';
import { tokenFile } from '../server/token.ts';
import { packageVersion } from '../server/version.ts';
import { MIN_SCRYPT_N } from '../trust/limits.ts';
import type { PayloadSigner } from '../trust/payload.ts';
import { LabApi } from './api.ts';
import { draftFirstRoot, draftRelease, makePeople, type Person, type SigningEventView, signAll } from './people.ts';
import { stationClient } from './station.ts';

export const HARDWARE = 'demo-gateway';

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
  /** Two of them must sign: alice, who also holds the payload key, and bob. */
  readonly people: readonly Person[];
  /** Gateways check firmware with its public half. */
  readonly payload: PayloadSigner;
  /** Uploads an artifact and drafts its release. */
  draft(version: string, content: Uint8Array): Promise<SigningEventView>;
  /** Draft, signatures of all people, publication. @returns the id of the release */
  release(version: string, content: Uint8Array): Promise<string>;
  addGateway(request: {
    readonly eui: string;
    readonly groups: readonly string[];
    readonly version: string;
  }): Promise<Gateway>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Sign the first root at once; default true. */
  readonly withRepository?: boolean;
}

/** @param dir an empty folder */
export async function createWorld(dir: string, log: Log, { withRepository = true }: WorldOptions = {}): Promise<World> {
  const ports = { clock: systemClock, random: systemRandom };
  const people = makePeople(2);
  const payload = people[0]?.payload;
  if (!payload) throw new Error('somebody has to hold the payload key');
  const { config } = loadConfig({
    SEALIFT_DATA_DIR: join(dir, 'server'),
    SEALIFT_MANAGEMENT_PORT: '0',
    SEALIFT_CUPS_PORT: '0',
    SEALIFT_HTTP_PORT: '0',
  });
  mkdirSync(config.dataDir, { mode: 0o700 });
  // Throw-away keys under a throw-away passphrase: the cheapest scrypt there may be is enough.
  const vault = await FileVault.create(join(config.dataDir, 'vault.json'), 'DEMO passphrase', ports, MIN_SCRYPT_N);
  const server = await startServer(config, { ...ports, log, version: packageVersion(), vault });
  const api = new LabApi(server.managementUrl, readFileSync(tokenFile(server.dataDir), 'utf8').trim());
  const { cupsUrl = '' } = server;
  const world: World = {
    ...{ dir, server, api, people, payload },
    draft: (version, content) => draftRelease(api, { version, content, hardware: HARDWARE }, people),
    async release(version, content) {
      const { releaseId } = await signAll(api, await world.draft(version, content), people, [content]);
      if (releaseId === null) throw new Error(`release ${version} was not admitted`);
      return releaseId;
    },
    addGateway: (request) =>
      addGateway({ ...request, home: join(dir, request.eui), api, cupsUrl, log, payloadKey: payload.key }),
    async close() {
      await server.close();
      await vault.close();
    },
  };
  if (withRepository) await signAll(api, await draftFirstRoot(api, people, people.length), people);
  return world;
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
  writeFileSync(join(home, 'hardware.txt'), `${HARDWARE}\n`);
  writeFileSync(join(home, 'release-root.json'), (await api.get<{ root: string }>('/trust/root')).root);
  return {
    ...{ eui, home, deviceId: device.id },
    client: (options) => stationClient({ home, eui, log, ...(options ? { options } : {}) }),
  };
}

/** Firmware of a virtual gateway: a program that writes its version where a Station's updates write it. */
export function firmwareImage(version: string): Uint8Array {
  return Buffer.from(`#!/bin/sh\nprintf '%s\\n' '${version}' > version.txt\n`);
}
