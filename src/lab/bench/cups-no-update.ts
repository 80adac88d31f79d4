/**
 * `cups.noUpdate`: polls that change nothing, over kept-alive mutual TLS.
 *
 * Ours is the real `serve` with production settings: durable store, log to a file. The baseline is bare Fastify behind the same
 * TLS material, asked the same by the same load.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSecretFile } from '../../adapters/files/secret.ts';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import { encodeRequest } from '../../protocols/cups/codec.ts';
import { EMPTY_SET_CRC } from '../../protocols/cups/crc.ts';
import { tokenFile } from '../../server/token.ts';
import { createCa, generateTlsKey, issueCertificate } from '../../trust/x509.ts';
import { LabApi } from '../api.ts';
import { type Child, startProgram } from './child.ts';
import { DEFAULT_PLAN, measureRow, type RoundPlan, type Row } from './harness.ts';

const ROUTERS = 16;
const SERVER_CPU = 0;
const LOAD_CPU = 1;
const ports = { clock: systemClock, random: systemRandom };

export async function cupsNoUpdate(plan: RoundPlan = DEFAULT_PLAN): Promise<Row> {
  const dir = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
  const children: Child[] = [];
  const start = (file: string, args: readonly string[], cpu: number, env: Record<string, string> = {}) => {
    const child = startProgram(new URL(file, import.meta.url), args, { cpu, env });
    children.push(child);
    return child;
  };
  try {
    const euis = await prepare(dir);
    const limit = start('./cups-no-update.baseline.ts', [dir], SERVER_CPU);
    const { url } = (await limit.nextLine()) as { url: string };
    const ours = start('./serve-to-file.ts', [join(dir, 'server.log')], SERVER_CPU, serverEnv(dir));
    const { managementUrl, cupsUrl } = (await ours.nextLine()) as { managementUrl: string; cupsUrl: string };
    await register(managementUrl, join(dir, 'data'), euis);
    const loadOf = (target: string) => start('./cups-load.ts', [target, join(dir, 'routers')], LOAD_CPU);
    return await measureRow(
      'cups.noUpdate',
      { server: limit, load: loadOf(url) },
      { server: ours, load: loadOf(cupsUrl) },
      plan,
    );
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** CA, server certificate, and per router a certificate and the request it keeps sending. */
async function prepare(dir: string): Promise<string[]> {
  const ca = await createCa({ commonName: 'bench CA', days: 1, ...ports });
  const server = await generateTlsKey();
  const names = { commonName: 'localhost', dnsNames: ['localhost'], purpose: 'server' as const, days: 1 };
  writeFileSync(join(dir, 'ca.crt'), ca.certificate);
  writeFileSync(
    join(dir, 'server.crt'),
    await issueCertificate(ca, { publicKey: server.publicKey, ...names, ...ports }),
  );
  writeSecretFile(join(dir, 'server.key'), server.privateKey);
  const euis = Array.from({ length: ROUTERS }, (_, index) => (0xb000 + index).toString(16).padStart(16, '0'));
  for (const eui of euis) {
    const home = join(dir, 'routers', eui);
    mkdirSync(home, { recursive: true });
    const { publicKey, privateKey } = await generateTlsKey();
    const certificate = { publicKey, commonName: eui, purpose: 'client' as const, days: 1, ...ports };
    writeFileSync(join(home, 'cups.trust'), ca.certificate);
    writeFileSync(join(home, 'cups.crt'), await issueCertificate(ca, certificate));
    writeSecretFile(join(home, 'cups.key'), privateKey);
    writeFileSync(join(home, 'request.json'), requestOf(eui));
  }
  return euis;
}

function requestOf(router: string): Uint8Array {
  return encodeRequest({
    ...{ router, cupsUri: 'https://localhost:6040', tcUri: 'wss://localhost:6038' },
    ...{ cupsCredCrc: 1_393_718_284, tcCredCrc: EMPTY_SET_CRC, station: '2.0.6(linux/std) 2026-11-22 11:52:34' },
    ...{ model: 'linux', package: '1.0.0', keys: [3_069_337_930] },
  });
}

function serverEnv(dir: string): Record<string, string> {
  return {
    SEALIFT_DATA_DIR: join(dir, 'data'),
    SEALIFT_MANAGEMENT_PORT: '0',
    SEALIFT_CUPS_PORT: '0',
    SEALIFT_CUPS_TLS_CERT_FILE: join(dir, 'server.crt'),
    SEALIFT_CUPS_TLS_KEY_FILE: join(dir, 'server.key'),
    SEALIFT_CUPS_TLS_CLIENT_CA_FILE: join(dir, 'ca.crt'),
  };
}

async function register(managementUrl: string, dataDir: string, euis: readonly string[]): Promise<void> {
  const api = new LabApi(managementUrl, readFileSync(tokenFile(dataDir), 'utf8').trim());
  for (const identity of euis) await api.post('/devices', { protocol: 'cups', identity, hardware: 'bench' });
}
