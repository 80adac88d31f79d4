/**
 * The story of a rollout on three virtual gateways, told step by step.
 *
 * The evidence of each step is looked up from outside of it: bytes on disk, rows read by a second connection, the peer of a TLS
 * connection. A step whose evidence is not what it must be throws.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { connect } from 'node:tls';
import { isOtaError } from '../core/errors.ts';
import { makePeople, type SigningEventView, signAs } from './people.ts';
import { firmwareImage, type Gateway, HARDWARE, type World } from './world.ts';

export interface DemoStep {
  readonly name: string;
  /** @returns the evidence, one sentence with values @throws when it is not as it must be */
  run(): Promise<string>;
}

const EUIS = ['00000000000000a1', '00000000000000a2', '00000000000000a3'];
const OLD = '1.0.0';
const NEW = '1.1.0';

/** Steps share what the ones before have made; run them in order. */
export function demoSteps(world: World): readonly DemoStep[] {
  const { api } = world;
  const image = firmwareImage(NEW);
  const gateways: Gateway[] = [];
  let event: SigningEventView | undefined;
  const [alice, bob] = world.people;
  let releaseId = '';
  let rolloutId = '';
  return [
    {
      name: 'The server answers gateways over mutual TLS',
      run: async () =>
        `the CUPS listener presents a certificate for ${await peerName(world)}, issued by "${await issuerName(world)}"`,
    },
    {
      name: `Three gateways run ${OLD}`,
      async run() {
        for (const [index, eui] of EUIS.entries()) {
          const gateway = await world.addGateway({ eui, groups: index === 0 ? ['canary'] : [], version: OLD });
          const { kind } = await (await gateway.client()).check();
          requireSame(`answer to ${eui}`, kind, 'unchanged');
          gateways.push(gateway);
        }
        return versions(gateways, [OLD, OLD, OLD]);
      },
    },
    {
      name: `Release ${NEW} is drafted, and a stranger cannot sign it`,
      async run() {
        event = await world.draft(NEW, image);
        const [stranger] = makePeople(1);
        if (!stranger) throw new Error('there is no stranger');
        const refusal = await signAs(api, event.id, stranger).catch((error: unknown) => error);
        requireSame('what became of it', isOtaError(refusal) && refusal.code, 'SIGNING_KEY');
        requireSame('releases in the database', count(world, 'SELECT count(*) AS n FROM release'), 0);
        return 'its keys were refused (SIGNING_KEY), and the database holds 0 releases';
      },
    },
    {
      name: 'One of two signatures is not enough',
      async run() {
        if (!event || !alice) throw new Error('nothing was drafted');
        const { state, files } = await signAs(api, event.id, alice, [image]);
        requireSame('state of the signing event', state, 'open');
        requireSame('releases in the database', count(world, 'SELECT count(*) AS n FROM release'), 0);
        const missing = files.flatMap((file) => file.missing.map(({ name }) => name));
        return `${alice.name} has signed, ${missing.join(', ')} has not; the database holds 0 releases`;
      },
    },
    {
      name: `With the second, ${NEW} is published`,
      async run() {
        if (!event || !bob) throw new Error('nothing was drafted');
        releaseId = (await signAs(api, event.id, bob)).releaseId ?? '';
        const sha256 = createHash('sha256').update(image).digest('hex');
        const stored = readFileSync(join(world.server.dataDir, 'blobs', sha256.slice(0, 2), sha256));
        requireSame('digest of the stored file', createHash('sha256').update(stored).digest('hex'), sha256);
        const proof = await fetch(`${world.server.httpUrl}/proofs/${sha256}`);
        requireSame('status of the release proof', proof.status, 200);
        return `the stored file hashes to ${sha256}, and a proof of ${(await proof.arrayBuffer()).byteLength} bytes shows who signed that`;
      },
    },
    {
      name: 'The canary phase reaches one gateway and no other',
      async run() {
        const phases = [
          { name: 'canary', group: 'canary' },
          { name: 'all', share: 1 },
        ];
        rolloutId = (await api.post<{ id: string }>('/rollouts', { releaseId, phases })).id;
        requireSame('outcome per gateway', (await checkAll(gateways)).join(' '), 'installed unchanged unchanged');
        return versions(gateways, [NEW, OLD, OLD]);
      },
    },
    {
      name: 'The canary confirms by its next request',
      async run() {
        await checkAll(gateways);
        const confirmed = count(world, "SELECT count(*) AS n FROM attempt WHERE state = 'confirmed'");
        requireSame('confirmed attempts', confirmed, 1);
        return 'a second database connection reads 1 attempt, state confirmed';
      },
    },
    {
      name: 'Opened to all, the release reaches every gateway',
      async run() {
        await api.post(`/rollouts/${rolloutId}:advance`);
        requireSame('outcome per gateway', (await checkAll(gateways)).join(' '), 'unchanged installed installed');
        return versions(gateways, [NEW, NEW, NEW]);
      },
    },
    {
      name: 'All three have confirmed, nothing more is offered',
      async run() {
        requireSame('outcome per gateway', (await checkAll(gateways)).join(' '), 'unchanged unchanged unchanged');
        requireSame(
          'confirmed attempts',
          count(world, "SELECT count(*) AS n FROM attempt WHERE state = 'confirmed'"),
          3,
        );
        requireSame('attempts', count(world, 'SELECT count(*) AS n FROM attempt'), 3);
        for (const { home } of gateways)
          requireSame('image that runs', activeDigest(home), createHash('sha256').update(image).digest('hex'));
        return 'a second database connection reads 3 attempts, all confirmed; the active slot of each gateway holds the signed bytes';
      },
    },
    {
      name: 'Why is this device not updating?',
      async run() {
        const path = `/devices/${gateways[0]?.deviceId}/decision`;
        const { trace } = await api.get<{ trace: { code: string; passed: boolean; text: string }[] }>(path);
        const last = trace.at(-1);
        requireSame('last rule', last?.code, 'version.differs');
        return `${last?.code} said no: ${last?.text}`;
      },
    },
  ];
}

/** Each gateway asks once, in turn. */
export async function checkAll(gateways: readonly Gateway[]): Promise<string[]> {
  const kinds: string[] = [];
  for (const gateway of gateways) kinds.push((await (await gateway.client()).check()).kind);
  return kinds;
}

function versions(gateways: readonly Gateway[], expected: readonly string[]): string {
  const found = gateways.map(({ home }) => readFileSync(join(home, 'version.txt'), 'utf8').trim());
  requireSame('version.txt of the gateways', found.join(', '), expected.join(', '));
  return `version.txt of the three ${HARDWARE}s says ${found.join(', ')}`;
}

function activeDigest(home: string): string {
  const { active } = JSON.parse(readFileSync(join(home, 'slots', 'journal.json'), 'utf8')) as { active: string };
  return createHash('sha256')
    .update(readFileSync(join(home, 'slots', `slot-${active}`)))
    .digest('hex');
}

/** A connection of its own, read-only: what it sees is committed. */
function count({ server }: World, sql: string): number {
  const db = new DatabaseSync(join(server.dataDir, 'sealift.db'), { readOnly: true });
  try {
    return Number(db.prepare(sql).get()?.n);
  } finally {
    db.close();
  }
}

async function peerName(world: World): Promise<string> {
  const { subject } = await peerOf(world);
  const { hostname } = new URL(world.server.cupsUrl ?? '');
  requireSame('common name of the server certificate', subject.CN, hostname);
  return hostname;
}

async function issuerName(world: World): Promise<string> {
  return String((await peerOf(world)).issuer.CN);
}

function peerOf({ server, dir }: World): Promise<{ subject: { CN?: unknown }; issuer: { CN?: unknown } }> {
  const { hostname, port } = new URL(server.cupsUrl ?? '');
  const ca = readFileSync(join(dir, 'server', 'pki', 'ca.crt.pem'));
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, ca }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function requireSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)} where ${String(expected)} was expected`);
}
