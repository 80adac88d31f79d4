/**
 * Owning the server is not owning the fleet (SEC-22): the attacker has its machine, its database, its TLS keys, all online keys, and
 * the payload key that foreign gateways go by. What he lacks are the keys of the people who sign offline.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../src/core/time.ts';
import { makePeople, type Person } from '../src/lab/people.ts';
import { stationClient } from '../src/lab/station.ts';
import { firmwareImage } from '../src/lab/world.ts';
import type { ClientOptions } from '../src/protocols/cups/client.ts';
import { MAX_PROOF_PATHS } from '../src/trust/limits.ts';
import { generatePayloadSigner, sha256Hex } from '../src/trust/payload.ts';
import { fileName } from '../src/trust/repository/published.ts';
import { writeProof } from '../src/trust/tuf/proof.ts';
import { cupsSite } from './support/cups-server.ts';
import { QUICK } from './support/direct-store.ts';
import { partsWithRoot } from './support/fleet.ts';
import { FakeClock, recordingLog } from './support/ports.ts';
import { type Metadata, proofFor, type Released, releaseKeys, rootFile, TODAY_MS } from './support/releases.ts';
import { delegate, type Listing, listAs } from './support/suppliers.ts';

const HARDWARE = 'gateway-1';
const site = await cupsSite();
const payloadSigner = generatePayloadSigner().signer;
const keys = releaseKeys();
const root = await rootFile(keys);
const online = [...keys.snapshot, ...keys.timestamp];
const attackersOwn = releaseKeys();
const [ACME, RIVAL] = makePeople(2) as [Person, Person];

type Firmware = Released & { readonly version: string };

function firmware(version: string, changes: Partial<Released> = {}): Firmware {
  return { content: firmwareImage(version), version, hardwareId: HARDWARE, component: 'firmware', ...changes };
}

const older = firmware('1.0.0');
const running = firmware('1.1.0');
/** Its makers took it back after the break-in. */
const withdrawn = firmware('1.1.5');
const forOthers = firmware('1.2.0', { hardwareId: 'gateway-2' });
const modem = firmware('1.3.0', { component: 'modem' });
const evil = firmware('6.6.6');
const repaired = firmware('7.0.0');
/** What the people have signed by the day of the break-in, and after it. */
const BEFORE: Metadata = { images: [older, running, withdrawn, forOthers, modem], version: 5 };
const AFTER: Metadata = { images: [repaired], version: 6, expiresAtMs: TODAY_MS + 100 * DAY_MS };

const genuine = ({ content }: Firmware) => proofFor(content, keys, BEFORE);
const forged = (changes: Partial<Metadata>) => proofFor(evil.content, keys, { images: [evil], version: 6, ...changes });
const forgedBySecondRoot = async () => {
  const next = await rootFile(attackersOwn, 2, [...attackersOwn.root, ...online]);
  return proofFor(evil.content, attackersOwn, { images: [evil], version: 6, files: new Map([['2.root.json', next]]) });
};

type Proof = () => Promise<Uint8Array | undefined>;

interface Attack {
  readonly name: string;
  readonly image: Firmware;
  readonly proof: Proof;
  /** The check that stops it, and in which file. */
  readonly code: string;
  readonly role?: string;
  /** Days after the break-in. */
  readonly days?: number;
}

const ATTACKS: readonly Attack[] = [
  { name: 'a forged release without a proof', image: evil, proof: async () => undefined, code: 'CUPS_NO_PROOF' },
  {
    name: 'a forged release with the proof of a genuine one',
    image: evil,
    proof: () => genuine(running),
    code: 'TRUST_TARGET_UNKNOWN',
  },
  {
    name: 'forged targets that the online keys have signed',
    image: evil,
    proof: () => forged({ signers: { targets: online } }),
    ...{ code: 'TRUST_SIGNATURES', role: 'targets' },
  },
  {
    name: 'forged targets that the online keys and one of two people have signed',
    image: evil,
    proof: () => forged({ signers: { targets: [...online, ...keys.targets.slice(1)] } }),
    ...{ code: 'TRUST_SIGNATURES', role: 'targets' },
  },
  {
    name: 'a second root with keys of the attacker, signed by them and by the online keys',
    image: evil,
    proof: forgedBySecondRoot,
    ...{ code: 'TRUST_SIGNATURES', role: 'root' },
  },
  {
    name: 'a fast-forward: the highest version there is, over forged targets',
    image: evil,
    proof: () => forged({ version: Number.MAX_SAFE_INTEGER, signers: { targets: online } }),
    ...{ code: 'TRUST_SIGNATURES', role: 'targets' },
  },
  {
    name: 'a replay of an older release that is still listed',
    image: older,
    proof: () => genuine(older),
    code: 'IMAGE_DOWNGRADE',
  },
  {
    name: 'a replay of an older release with the metadata of its day',
    image: older,
    proof: () => proofFor(older.content, keys, { images: [older], version: 4 }),
    ...{ code: 'TRUST_ROLLBACK', role: 'timestamp' },
  },
  {
    name: 'the targets of an older day under a new snapshot',
    image: older,
    proof: () => proofFor(older.content, keys, { images: [older], version: 6, targetsVersion: 4 }),
    ...{ code: 'TRUST_ROLLBACK', role: 'snapshot' },
  },
  {
    name: 'a genuine image for other hardware',
    image: forOthers,
    proof: () => genuine(forOthers),
    code: 'TRUST_TARGET_UNKNOWN',
  },
  { name: 'a genuine image for another component', image: modem, proof: () => genuine(modem), code: 'IMAGE_COMPONENT' },
  {
    name: 'a freeze: the metadata of the day of the break-in, sixty days later',
    image: withdrawn,
    proof: () => genuine(withdrawn),
    ...{ code: 'TRUST_EXPIRED', role: 'timestamp', days: 60 },
  },
  {
    name: 'a freeze with the online roles renewed, sixty days later',
    image: withdrawn,
    proof: () => {
      const renewed = { version: 6, expiresAtMs: TODAY_MS + 90 * DAY_MS };
      const kept = { targetsVersion: 5, targetsExpireAtMs: TODAY_MS + 30 * DAY_MS };
      return proofFor(withdrawn.content, keys, { ...BEFORE, ...renewed, ...kept });
    },
    ...{ code: 'TRUST_EXPIRED', role: 'targets', days: 60 },
  },
];

/** A gateway that runs the people's 1.1.0, installed by its release proof and confirmed. */
async function gateway(pinned = root, first: Proof = () => genuine(running), clock = new FakeClock(TODAY_MS)) {
  const { home, eui } = site.writeHome({
    ...{ 'sig-0.key': payloadSigner.key, 'version.txt': '1.0.0\n' },
    ...{ 'release-root.json': pinned, 'hardware.txt': HARDWARE },
  });
  /** Asks a server that says of `image` that it is `version`, of this hardware, and hands out `proof`. */
  const ask = async (image: Firmware, proof: Uint8Array | undefined, version: string, options?: ClientOptions) => {
    const offered = { image: image.content, version, hardware: HARDWARE, payloadSigner };
    writeFileSync(join(home, 'cups.uri'), await site.serve({ ...offered, proofs: { proof: async () => proof } }));
    const log = recordingLog();
    return (await stationClient({ home, eui, log, clock, ...(options ? { options } : {}) })).check();
  };
  const honest = async (image: Firmware, proof: Uint8Array) => {
    expect(await ask(image, proof, image.version)).toMatchObject({ kind: 'installed' });
    expect(await ask(image, proof, image.version)).toEqual({ kind: 'unchanged' });
  };
  await honest(running, (await first()) ?? new Uint8Array());
  return {
    clock,
    honest,
    /** The version is a lie that no rule of the server objects to. */
    hostile: (image: Firmware, proof: Uint8Array | undefined, options?: ClientOptions) =>
      ask(image, proof, '99.0.0', options),
    version: () => readFileSync(join(home, 'version.txt'), 'utf8').trim(),
    /** Everything the gateway has on its disk, but the address of the server, which these tests write. */
    disk: () => new Map(filesBelow(home).filter(([name]) => name !== 'cups.uri')),
  };
}

function filesBelow(dir: string): [string, string][] {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map(({ name, parentPath }) => [
    join(parentPath, name).slice(dir.length + 1),
    readFileSync(join(parentPath, name), 'hex'),
  ]);
}

describe('SEC-22 a server in the hands of an attacker', () => {
  it.each(ATTACKS)('SEC-22 $name: refused, nothing has changed', async ({ image, proof, code, role, days = 0 }) => {
    const { clock, hostile, honest, disk, version } = await gateway();
    clock.advance(days * DAY_MS);
    const before = disk();
    expect([...before.keys()]).toEqual(expect.arrayContaining(['slots/journal.json', 'slots/trust.json']));
    await expect(hostile(image, await proof())).rejects.toMatchObject({ code, ...(role ? { detail: { role } } : {}) });
    expect(disk()).toEqual(before);
    // Nor does anything keep the gateway from what the people sign next.
    await honest(repaired, await proofFor(repaired.content, keys, AFTER));
    expect(version()).toBe(repaired.version);
  });

  it.each(ATTACKS)('SEC-8 control: $name succeeds where no release proof is asked for', async (attack) => {
    const { clock, hostile, version } = await gateway();
    clock.advance((attack.days ?? 0) * DAY_MS);
    const outcome = await hostile(attack.image, await attack.proof(), { releaseProof: 'off' });
    expect(outcome).toMatchObject({ kind: 'installed', provenance: 'off' });
    expect(version()).toBe(attack.image.version);
  });

  it('SEC-8 control: with the keys of both people, the forged release runs', async () => {
    const { hostile, version } = await gateway();
    expect(await hostile(evil, await forged({}))).toMatchObject({ kind: 'installed' });
    expect(version()).toBe(evil.version);
  });
});

describe('SEC-22 what is left to him', () => {
  it('SEC-22 a release that was taken back can be offered until its metadata expires', async () => {
    const { clock, hostile } = await gateway();
    clock.advance(30 * DAY_MS - 1);
    expect(await hostile(withdrawn, await genuine(withdrawn))).toMatchObject({ kind: 'installed' });
  });

  it('SEC-22 with a genuine release, updates can be held up by high versions, until a new root takes his keys away', async () => {
    const { hostile, honest, version } = await gateway();
    const high = { ...BEFORE, version: Number.MAX_SAFE_INTEGER, targetsVersion: 5 };
    await hostile(withdrawn, await proofFor(withdrawn.content, keys, high));
    const next = await proofFor(repaired.content, keys, AFTER);
    await expect(honest(repaired, next)).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
    const { snapshot, timestamp } = attackersOwn;
    const rotated = { ...keys, snapshot, timestamp };
    const files = new Map([['2.root.json', await rootFile(rotated, 2)]]);
    await honest(repaired, await proofFor(repaired.content, rotated, { ...AFTER, files }));
    expect(version()).toBe(repaired.version);
  });
});

/** The people's repository with two suppliers, and a gateway that follows it. */
async function supplied(rivalsHardware?: readonly string[]) {
  const parts = await partsWithRoot(QUICK);
  const { repository, clock } = parts;
  const rivals = rivalsHardware ? { hardwareIds: rivalsHardware } : {};
  await delegate(parts, 'aaa', RIVAL, rivals);
  await delegate(parts, 'acme', ACME);
  const listed = { count: 1, hardware: HARDWARE, component: 'firmware' };
  await listAs(parts, 'acme', ACME, { ...running, ...listed });
  const served = ({ content }: Firmware) => repository.proof(sha256Hex(content), HARDWARE);
  const pinned = (await repository.file('1.root.json')) ?? new Uint8Array();
  return {
    parts,
    served,
    gateway: await gateway(pinned, () => served(running), clock),
    /** What acme has really made next. */
    release: () => listAs(parts, 'acme', ACME, { ...repaired, ...listed }),
    /** The files of the repository, and whichever paths the attacker likes. */
    async forged(...paths: readonly string[]) {
      const names = [...(repository.head?.versions ?? [])].map(([role, version]) => fileName(role, version));
      const files = names.map(async (name) => [name, (await repository.file(name)) ?? new Uint8Array()] as const);
      return writeProof(paths, new Map((await Promise.all(files)).filter(([name]) => name !== '1.root.json')));
    },
  };
}
const RIVALS_PATHS = Array.from({ length: MAX_PROOF_PATHS }, (_, index) => `aaa/x/${index}`);

describe('SEC-22 a server and the key of one supplier in the hands of an attacker', () => {
  const lies = { count: 1, hardware: HARDWARE, component: 'firmware', version: '99.0.0' };

  it.each([
    ['a forged release', evil, ['aaa/x/0'], 'TRUST_TARGET_UNKNOWN'],
    ["an older release of another supplier's, under a new version", older, ['aaa/x/0', 'acme/x/0'], 'IMAGE_DOWNGRADE'],
  ] as const)(
    'SEC-22 %s for hardware that is not his: refused, nothing has changed',
    async (_what, image, paths, code) => {
      const { parts, gateway: victim, forged } = await supplied(['gateway-2']);
      await listAs(parts, 'acme', ACME, { ...older, count: 1, hardware: HARDWARE, component: 'firmware' });
      await listAs(parts, 'aaa', RIVAL, { ...image, ...lies });
      const before = victim.disk();
      await expect(victim.hostile(image, await forged(...paths))).rejects.toMatchObject({ code });
      expect(victim.disk()).toEqual(before);
      // Control: hardware is what holds him back, not the paths he was given.
      const open = await supplied([HARDWARE]);
      await listAs(open.parts, 'aaa', RIVAL, { ...image, ...lies });
      expect(await open.gateway.hostile(image, await open.forged('aaa/x/0'))).toMatchObject({ kind: 'installed' });
      expect(open.gateway.version()).toBe(image.version);
    },
  );
});

describe("SEC-22 a supplier's key in the hands of somebody who wants to hold up the updates of another", () => {
  it.each<[string, Omit<Listing, 'content'>, RegExp]>([
    ['for other hardware, as often as a proof names paths', {}, /^TRUST_TARGET_UNKNOWN$/],
    [
      'as another component, as often as a proof names paths',
      { hardware: HARDWARE, component: 'modem', version: '999.0.0' },
      /^IMAGE_COMPONENT$/,
    ],
    ['in a file that expires', { hardware: HARDWARE, component: 'firmware', days: 1 }, /^TRUST_EXPIRED$/],
  ])('SEC-22 he lists their image %s: it is installed all the same', async (_what, listing, code) => {
    const { parts, gateway: gatewayOfAll, served, forged, release } = await supplied();
    await release();
    await listAs(parts, 'aaa', RIVAL, { content: repaired.content, ...listing });
    parts.clock.advance(2 * DAY_MS);
    // Control: by his listings alone, it would not be.
    const before = gatewayOfAll.disk();
    await expect(gatewayOfAll.hostile(repaired, await forged(...RIVALS_PATHS))).rejects.toMatchObject({
      code: expect.stringMatching(code) as string,
    });
    expect(gatewayOfAll.disk()).toEqual(before);
    await gatewayOfAll.honest(repaired, (await served(repaired)) ?? new Uint8Array());
    expect(gatewayOfAll.version()).toBe(repaired.version);
  });
});
