/**
 * TLS material of the CUPS listener: the operator's own, or a CA of ours in the data folder.
 *
 * Transport only: these keys admit no firmware (design section 4).
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeSecretFile } from '../adapters/files/secret.ts';
import type { Clock, Random } from '../core/ports.ts';
import { type CertificateAuthority, createCa, generateTlsKey, issueCertificate } from '../trust/x509.ts';
import type { Config } from './config.ts';
import { ConfigError } from './errors.ts';
import { CA_CERTIFICATE_DAYS, ROUTER_CERTIFICATE_DAYS, SERVER_CERTIFICATE_DAYS } from './limits.ts';

/** Signs client certificates of routers. */
export interface RouterIssuer {
  /** PEM a router needs as `cups.trust`. */
  readonly trust: string;
  /** @param eui 16 hex digits, the common name @param publicKey SPKI, PEM */
  issue(eui: string, publicKey: string): Promise<string>;
}

export interface CupsTls {
  readonly cert: string;
  readonly key: string;
  /** PEM of the CA that signs routers. */
  readonly clientCa: string;
  /** `undefined` when that CA is the operator's. */
  readonly issuer: RouterIssuer | undefined;
}

type TlsConfig = Config['cups']['tls'];
interface Ports {
  readonly clock: Clock;
  readonly random: Random;
}

/** @throws {ConfigError} CONFIG_VALUE only some of the three files are named; CONFIG_KEY_FILE one cannot be read */
export async function loadCupsTls(config: TlsConfig, dataDir: string, ports: Ports): Promise<CupsTls> {
  const files = [config.certFile, config.keyFile, config.clientCaFile];
  if (files.every((file) => file === '')) return selfMade(config, join(dataDir, 'pki'), ports);
  if (files.some((file) => file === '')) {
    throw new ConfigError('CONFIG_VALUE', 'cups.tls needs certFile, keyFile and clientCaFile together', {
      fix: 'Name all three, or none of them to use certificates issued by Sealift.',
    });
  }
  return {
    cert: readPem(config.certFile, 'cups.tls.certFile'),
    key: readPem(config.keyFile, 'cups.tls.keyFile'),
    clientCa: readPem(config.clientCaFile, 'cups.tls.clientCaFile'),
    issuer: undefined,
  };
}

/** @throws {ConfigError} CONFIG_KEY_FILE */
export function readPem(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('CONFIG_KEY_FILE', `${file} (${setting}) cannot be read`, {
      cause,
      fix: 'Check the path and that the user of this process may read it.',
    });
  }
}

async function selfMade(config: TlsConfig, dir: string, ports: Ports): Promise<CupsTls> {
  const ca = await ownCa(dir, ports);
  // The server's key pair is made anew at each start: nothing pins it, and an expired one cannot linger.
  const server = await generateTlsKey();
  const dnsNames = config.serverNames.split(',').map((name) => name.trim());
  const cert = await issueCertificate(ca, {
    publicKey: server.publicKey,
    commonName: dnsNames[0] ?? 'localhost',
    purpose: 'server',
    dnsNames,
    days: SERVER_CERTIFICATE_DAYS,
    ...ports,
  });
  return { cert, key: server.privateKey, clientCa: ca.certificate, issuer: issuerOf(ca, ports) };
}

function issuerOf(ca: CertificateAuthority, ports: Ports): RouterIssuer {
  return {
    trust: ca.certificate,
    issue: (commonName, publicKey) =>
      issueCertificate(ca, { publicKey, commonName, purpose: 'client', days: ROUTER_CERTIFICATE_DAYS, ...ports }),
  };
}

/** Reads the CA, or makes it once. Both files appear together by one rename, so a crash leaves none or both. */
async function ownCa(dir: string, ports: Ports): Promise<CertificateAuthority> {
  if (!existsSync(dir)) {
    const made = await createCa({ commonName: 'Sealift gateway CA', days: CA_CERTIFICATE_DAYS, ...ports });
    const draft = `${dir}.${randomUUID()}`;
    mkdirSync(draft, { mode: 0o700 });
    writeSecretFile(join(draft, 'ca.key.pem'), made.privateKey);
    writeSecretFile(join(draft, 'ca.crt.pem'), made.certificate);
    try {
      renameSync(draft, dir);
    } catch {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return {
    certificate: readPem(join(dir, 'ca.crt.pem'), 'CA of the data folder'),
    privateKey: readPem(join(dir, 'ca.key.pem'), 'CA of the data folder'),
  };
}
