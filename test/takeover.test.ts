/**
 * Owning the server is not owning the fleet (SEC-22): the attacker has its machine, its database, its TLS keys, all online keys, and
 * the payload key that foreign gateways go by. What he lacks are the keys of the people who sign offline.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../src/core/time.ts';
import { stationClient } from '../src/lab/station.ts';
import { firmwareImage } from '../src/lab/world.ts';
import type { ClientOptions } from '../src/protocols/cups/client.ts';
import { generatePayloadSigner } from '../src/trust/payload.ts';
import { cupsSite } from './support/cups-server.ts';
import { FakeClock, recordingLog } from './support/ports.ts';
import { type Metadata, proofFor, type Released, releaseKeys, rootFile, TODAY_MS } from './support/releases.ts';

const HARDWARE = 'gateway-1';
const site = await cupsSite();
const payloadSigner = generatePayloadSigner().signer;
const keys = releaseKeys();
const root = await rootFile(keys);
const online = [...keys.snapshot, ...keys.timestamp];
const attackersOwn = releaseKeys();

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

interface Attack {
  readonly name: string;
  readonly image: Firmware;
  proof(): Promise<Uint8Array | undefined>;
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
async function gateway() {
  const { home, eui } = site.writeHome({
    ...{ 'sig-0.key': payloadSigner.key, 'version.txt': '1.0.0\n' },
    ...{ 'release-root.json': root, 'hardware.txt': HARDWARE },
  });
  const clock = new FakeClock(TODAY_MS);
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
  await honest(running, await genuine(running));
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
