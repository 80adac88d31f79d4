/**
 * Attacks on CUPS gateways and their server, over real sockets: each is expected to be stopped by one named check.
 *
 * The hostile server has what a break-in yields: a certificate the gateway trusts. It has no key that signs firmware.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import { concat, toHex } from '../core/bytes.ts';
import { isOtaError } from '../core/errors.ts';
import type { ClientOptions } from '../protocols/cups/client.ts';
import { encodeRequest, NOTHING, ResponseHead } from '../protocols/cups/codec.ts';
import { crcOf } from '../protocols/cups/crc.ts';
import { StationHome } from '../protocols/cups/home.ts';
import { CONNECTION_TIMEOUT_MS, DEFAULT_MAX_UPDATE_BYTES } from '../protocols/cups/limits.ts';
import { createExchange, readAll } from '../transport/http/exchange.ts';
import { generatePayloadSigner, type PayloadSigner } from '../trust/payload.ts';
import { generateTlsKey, issueCertificate } from '../trust/x509.ts';
import { firmwareImage, type Gateway, type World } from './world.ts';

export interface ScenarioResult {
  readonly name: string;
  readonly outcome: 'as-expected' | 'unexpected';
  readonly expected: string;
  readonly observed: string;
  /** The rule that stopped the attack, or lets an honest update through. */
  readonly check: string;
  /** Bytes on the wire, hex. */
  readonly transcript: readonly { readonly from: 'gateway' | 'server'; readonly hex: string }[];
}

/** For the tests that show each check to be the one that matters: the same attack with it switched off succeeds. */
export interface Seams {
  readonly client?: ClientOptions;
  /** The gateway trusts the attacker's key. */
  readonly trustAttacker?: boolean;
  /** The attacker holds the certificate of the router it asks for. */
  readonly ownCertificate?: boolean;
}

interface Scenario {
  readonly name: string;
  readonly expected: string;
  readonly check: string;
  run(lab: Lab, seams: Seams): Promise<Pick<ScenarioResult, 'observed' | 'transcript'>>;
}

interface Lab {
  readonly world: World;
  readonly gateway: Gateway;
  readonly other: Gateway;
  readonly attacker: PayloadSigner;
}

const OLD = '1.0.0';
const EVIL = '6.6.6';

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'unsigned-firmware',
    expected: 'CUPS_UNSIGNED',
    check: 'the gateway takes no update without a signature (CUPS-8)',
    run: (lab, seams) => hostile(lab, seams, NOTHING, firmwareImage(EVIL)),
  },
  {
    name: 'foreign-signature',
    expected: 'IMAGE_SIGNATURE',
    check: 'a key installed on the gateway must verify the image (CUPS-8)',
    run: async (lab, seams) =>
      hostile(lab, seams, await signedBy(lab.attacker, firmwareImage(EVIL)), firmwareImage(EVIL)),
  },
  {
    name: 'altered-image',
    expected: 'IMAGE_SIGNATURE',
    check: 'the signature covers every byte of the image (CUPS-8)',
    async run(lab, seams) {
      const { payload } = lab.world;
      const der = await payload.sign(firmwareImage('1.0.1'));
      const head = { ...NOTHING, signature: { keyCrc: crcOf(payload.key), der } };
      return hostile(lab, seams, head, firmwareImage(EVIL));
    },
  },
  {
    name: 'stolen-firmware-key',
    expected: 'CUPS_NO_PROOF',
    check: 'the gateway installs what a release proof leads to from its own root, whoever signed the image (SEC-22)',
    async run(lab, seams) {
      const image = firmwareImage(EVIL);
      return hostile(lab, seams, await signedBy(lab.world.payload, image), image, { releaseProof: 'required' });
    },
  },
  {
    name: 'router-asks-for-another',
    expected: '403',
    check: 'the certificate says who asks, the body may only agree (CUPS-11, SEC-19)',
    run: askForAnother,
  },
];

/** Runs every scenario against gateways of `world`, which must have none yet. */
export async function runCupsLab(
  world: World,
  seams: Seams = {},
  names?: readonly string[],
): Promise<ScenarioResult[]> {
  const gateway = await world.addGateway({ eui: '00000000000000b1', groups: [], version: OLD });
  const other = await world.addGateway({ eui: '00000000000000b2', groups: [], version: OLD });
  const lab = { world, gateway, other, attacker: generatePayloadSigner().signer };
  const results: ScenarioResult[] = [];
  for (const { name, expected, check, run } of SCENARIOS) {
    if (names && !names.includes(name)) continue;
    const { observed, transcript } = await run(lab, seams);
    const outcome = observed === expected ? 'as-expected' : 'unexpected';
    results.push({ name, outcome, expected, observed, check, transcript });
  }
  return results;
}

async function signedBy(signer: PayloadSigner, image: Uint8Array): Promise<ResponseHead> {
  return { ...NOTHING, signature: { keyCrc: crcOf(signer.key), der: await signer.sign(image) } };
}

/**
 * A server in the attacker's hands gives this answer to the gateway's next request. The gateway goes by what CUPS itself has, as a
 * foreign Station does, unless `protection` says otherwise.
 */
async function hostile(
  { world, gateway, attacker }: Lab,
  seams: Seams,
  head: ResponseHead,
  image: Uint8Array,
  protection: ClientOptions = {},
) {
  const answer = concat(ResponseHead.encode({ ...head, updateLength: image.length }), image);
  const server = await hostileServer(world, answer);
  const file = (name: string) => join(gateway.home, name);
  const before = { uri: readFileSync(file('cups.uri')), key: readFileSync(file('sig-0.key')) };
  try {
    writeFileSync(file('cups.uri'), server.url);
    if (seams.trustAttacker) writeFileSync(file('sig-0.key'), attacker.key);
    const options = { releaseProof: 'off' as const, ...protection, ...seams.client };
    const observed = await outcomeOf(async () => (await (await gateway.client(options)).check()).kind);
    const version = readFileSync(file('version.txt'), 'utf8').trim();
    return {
      observed: version === OLD || observed === 'installed' ? observed : `runs ${version}`,
      transcript: server.transcript,
    };
  } finally {
    writeFileSync(file('cups.uri'), before.uri);
    writeFileSync(file('sig-0.key'), before.key);
    await server.close();
  }
}

async function hostileServer(world: World, answer: Uint8Array) {
  const pki = (name: string) => readFileSync(join(world.server.dataDir, 'pki', name), 'utf8');
  const ca = { certificate: pki('ca.crt.pem'), privateKey: pki('ca.key.pem') };
  const key = await generateTlsKey();
  const request = {
    publicKey: key.publicKey,
    commonName: 'localhost',
    purpose: 'server',
    dnsNames: ['localhost'],
  } as const;
  const cert = await issueCertificate(ca, { ...request, days: 1, clock: systemClock, random: systemRandom });
  const transcript: ScenarioResult['transcript'][number][] = [];
  const server = createServer({ cert, key: key.privateKey }, (incoming, reply) => {
    // Whoever has no offline keys has no proof for what nobody released.
    if (incoming.method === 'GET') return void reply.writeHead(404).end();
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      transcript.push({ from: 'gateway', hex: toHex(Buffer.concat(chunks)) }, { from: 'server', hex: toHex(answer) });
      reply.writeHead(200, { 'content-length': answer.length }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `https://localhost:${port}`, transcript, close };
}

/** One gateway's certificate, another gateway's name in the body. */
async function askForAnother({ world, gateway, other }: Lab, seams: Seams) {
  const facts = await new StationHome(other.home).facts();
  const body = encodeRequest({ router: other.eui, ...facts, station: 'lab', model: 'lab' });
  const tls = await new StationHome((seams.ownCertificate ? other : gateway).home).tls();
  const exchange = createExchange({ ...(tls ? { tls } : {}), idleTimeoutMs: CONNECTION_TIMEOUT_MS });
  const uri = world.server.cupsUrl ?? '';
  const headers = [
    ['Host', new URL(uri).host],
    ['Content-Length', String(body.length)],
  ] as const;
  const answer = await exchange({ method: 'POST', uri, path: '/update-info', headers, body });
  const received = await readAll(answer.body, DEFAULT_MAX_UPDATE_BYTES);
  const transcript = [
    { from: 'gateway' as const, hex: toHex(body) },
    { from: 'server' as const, hex: toHex(received) },
  ];
  return { observed: String(answer.status), transcript };
}

async function outcomeOf(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (isOtaError(error)) return error.code;
    throw error;
  }
}
