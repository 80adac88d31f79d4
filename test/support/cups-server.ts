/** CUPS servers put together by hand, with whatever is wanted in their database; and gateways that trust their certificate. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { FileBlobs } from '../../src/adapters/files/blobs.ts';
import { systemClock, systemRandom } from '../../src/adapters/node/ports.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { createUlids } from '../../src/core/ulid.ts';
import { type Endorser, Fleet } from '../../src/fleet/fleet.ts';
import type { Proofs } from '../../src/fleet/ports.ts';
import { CupsServer, cupsTraits, FIRMWARE, mountCups } from '../../src/protocols/cups/index.ts';
import { createListener, listen } from '../../src/server/listeners.ts';
import { Metrics } from '../../src/server/metrics.ts';
import { type PayloadSigner, sha256Hex } from '../../src/trust/payload.ts';
import { createCa, generateTlsKey, issueCertificate } from '../../src/trust/x509.ts';
import { chunksOf, recordingLog, temporaryDir } from './ports.ts';

const EUI = '00000000000000a1';
const ports = { clock: systemClock, random: systemRandom };

export interface Offered {
  readonly image: Uint8Array;
  /** What the database says of it, true or not. */
  readonly version: string;
  readonly hardware: string;
  readonly payloadSigner: PayloadSigner;
  readonly proofs: Proofs;
}

export interface CupsSite {
  /**
   * A server that offers one release to the gateway, until the test ends. Its rows are written past the gate that admits releases, as
   * root on the machine can.
   * @returns https://localhost:port
   */
  serve(offered: Offered): Promise<string>;
  /** The home folder of the gateway, as a Station has it, with `files` added to it. */
  writeHome(files: Readonly<Record<string, string | Uint8Array>>): { readonly home: string; readonly eui: string };
}

/** For a file of tests: opening a database takes longer than a test. Each server has a tenant of its own in it. */
export async function cupsSite(): Promise<CupsSite> {
  const dir = temporaryDir(afterAll);
  const store = await openSqliteStore({ path: join(dir, 'sealift.db') });
  afterAll(() => store.close());
  const blobs = await FileBlobs.open(join(dir, 'blobs'), ports);
  const tls = await makeTls();
  const metrics = new Metrics('test');
  const nextId = createUlids(ports);

  const writeRows = async (tenant: string, { image, version, hardware, payloadSigner }: Offered) => {
    const sha256 = sha256Hex(image);
    await blobs.put(sha256, image.length, chunksOf(image, 4_096));
    const { scheme, key } = payloadSigner;
    const payloadSignatures = [{ scheme, key, signature: await payloadSigner.sign(image) }];
    const artifact = { hardware, sha256, lengthBytes: image.length, targetPath: 'any', payloadSignatures };
    const row = () => ({ tenant, id: nextId(), createdAtMs: 1 });
    const release = {
      ...row(),
      component: FIRMWARE,
      version,
      artifacts: [artifact],
      signingEventId: nextId(),
      signedBy: [],
    };
    await store.createDevice({ ...row(), protocol: 'cups', identity: EUI, hardware, groups: [] });
    const head = { tenant, revision: 1, versions: new Map<string, number>() };
    await store.publish({ head, files: [], intentId: nextId(), release, atMs: 1 });
    await store.createRollout({
      ...{ ...row(), releaseId: release.id, phases: [{ name: 'all', kind: 'share', share: 1 }] },
      ...{ openPhases: 1, state: 'running', revision: 1 },
    });
  };

  return {
    async serve(offered) {
      const tenant = nextId();
      await writeRows(tenant, offered);
      const repositories = [{ tenant, repository: willing(offered.image) }];
      const fleet = await Fleet.open({ store, ...ports, protocols: [cupsTraits], repositories });
      onTestFinished(() => fleet.close());
      const app = createListener({ name: 'cups', tls: { ...tls.server, clientCa: tls.ca }, metrics, ...ports });
      onTestFinished(() => app.close());
      const log = recordingLog();
      mountCups(app, new CupsServer({ fleet, blobs, proofs: offered.proofs, log, tenant }), log);
      return listen(app, '127.0.0.1', 0, 'cups');
    },
    writeHome(files) {
      const home = join(temporaryDir(), 'home');
      mkdirSync(home, { mode: 0o700 });
      const own = { 'cups.trust': tls.ca, 'cups.crt': tls.gateway.cert, 'cups.key': tls.gateway.key };
      for (const [name, content] of Object.entries({ ...own, ...files })) writeFileSync(join(home, name), content);
      return { home, eui: EUI };
    },
  };
}

/** The gate inside the server stands open, as for whoever can change its program. */
function willing(image: Uint8Array): Endorser {
  const endorsement = { sha256: sha256Hex(image), lengthBytes: image.length, expiresAtMs: Date.UTC(9999, 0) };
  return { endorsement: async () => endorsement, onPublished: () => undefined };
}

/** Certificates for both ends. */
async function makeTls() {
  const ca = await createCa({ commonName: 'test CA', days: 1, ...ports });
  const issue = async (commonName: string, purpose: 'client' | 'server', dnsNames: readonly string[]) => {
    const { publicKey, privateKey: key } = await generateTlsKey();
    return { cert: await issueCertificate(ca, { publicKey, commonName, purpose, dnsNames, days: 1, ...ports }), key };
  };
  const server = await issue('localhost', 'server', ['localhost']);
  return { ca: ca.certificate, server, gateway: await issue(EUI, 'client', []) };
}
