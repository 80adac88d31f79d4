import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chunksOf, FakeClock, seededRandom, temporaryDir } from '../../test/support/ports.ts';
import { FileBlobs } from '../adapters/files/blobs.ts';
import { openSqliteStore } from '../adapters/sqlite/store.ts';
import { generateSigner, type Signer } from '../trust/keys.ts';
import { generatePayloadSigner, sha256Hex } from '../trust/payload.ts';
import { signTargets, type Target } from '../trust/targets.ts';
import type { ReleaseRequest } from './admit.ts';
import type { FleetEvent } from './events.ts';
import { Fleet } from './fleet.ts';
import type { Contact, Phase } from './model.ts';
import type { ProtocolTraits, Store } from './ports.ts';

const traits: ProtocolTraits = { name: 'test', objection: () => undefined };
const image = Buffer.from('image of 1.1.0');
const signer = generateSigner('ed25519').signer;
const ALL: readonly Phase[] = [{ name: 'all', kind: 'share', share: 1 }];

/** Counts what goes to the store, by name. */
function counted(store: Store): { store: Store; calls: string[] } {
  const calls: string[] = [];
  const proxy = new Proxy(store, {
    get(target, name: keyof Store) {
      const method = target[name] as (...parameters: unknown[]) => unknown;
      return (...parameters: unknown[]) => {
        calls.push(name);
        return method(...parameters);
      };
    },
  });
  return { store: proxy, calls };
}

async function fleetOf(dir = temporaryDir()) {
  const path = join(dir, 'sealift.db');
  const { store, calls } = counted(await openSqliteStore({ path }));
  onTestFinished(() => store.close());
  const blobs = await FileBlobs.open(join(dir, 'blobs'));
  const clock = new FakeClock();
  const ports = {
    store,
    blobs,
    clock,
    random: seededRandom(dir),
    protocols: [traits],
    trust: { keys: [signer.publicKey], threshold: 1 },
  };
  const fleet = await Fleet.open(ports);
  const events: FleetEvent[] = [];
  fleet.onEvent((event) => events.push(event));
  return { dir, store, calls, blobs, clock, ports, fleet, events };
}
type Parts = Awaited<ReturnType<typeof fleetOf>>;

interface Signing {
  readonly version?: string;
  readonly targetsVersion?: number;
  readonly by?: readonly Signer[];
  readonly target?: Partial<Target>;
}

async function signed(
  { clock, blobs }: Parts,
  { version = '1.1.0', targetsVersion = 1, by = [signer], target = {} }: Signing = {},
): Promise<ReleaseRequest> {
  await blobs.put(sha256Hex(image), image.length, chunksOf(image));
  const entry: Target = {
    lengthBytes: image.length,
    sha256: sha256Hex(image),
    hardwareIds: ['hw'],
    component: 'firmware',
    version,
    ...target,
  };
  const content = {
    version: targetsVersion,
    expiresAtMs: clock.nowMs() + 86_400_000,
    targets: new Map([['firmware', entry]]),
  };
  return {
    ...{ tenant: 't', component: 'firmware', version, targets: await signTargets(content, by) },
    artifacts: [{ hardware: 'hw', targetPath: 'firmware', payloadSignatures: [] }],
  };
}

const contact = (version: string | null = '1.0.0', identity = 'one'): Contact => ({
  ...{
    tenant: 't',
    protocol: 'test',
    identity,
    assurance: 'proven',
    installed: new Map([['firmware', version]]),
    facts: [],
  },
});

/** One device, one rollout of 1.1.0 to all. */
async function running() {
  const parts = await fleetOf();
  const device = await parts.fleet.registerDevice({
    tenant: 't',
    protocol: 'test',
    identity: 'one',
    hardware: 'hw',
    groups: [],
  });
  const release = await parts.fleet.admitRelease(await signed(parts));
  const rollout = await parts.fleet.startRollout({ tenant: 't', releaseId: release.id, phases: ALL });
  return { ...parts, device, release, rollout };
}

describe('DESIGN-2 the flow', () => {
  it('DESIGN-2 offered, downloaded, confirmed by the next contact, then nothing', async () => {
    const { fleet, store, events } = await running();
    const offered = await fleet.checkIn(contact());
    const [attempt] = offered?.attempts ?? [];
    expect(offered?.decision.offers).toMatchObject([{ version: '1.1.0', artifact: { sha256: sha256Hex(image) } }]);
    await fleet.report({ tenant: 't', attemptId: attempt?.id ?? '', state: 'downloaded' });
    const again = await fleet.checkIn(contact());
    expect(again?.attempts).toMatchObject([{ id: attempt?.id, state: 'downloaded' }]);
    const done = await fleet.checkIn(contact('1.1.0'));
    expect(done?.decision.offers).toEqual([]);
    expect(await store.attempts('t', {}, { after: undefined, limit: 9 })).toMatchObject([{ state: 'confirmed' }]);
    const moves = events.flatMap((event) => (event.type === 'attemptMoved' ? [event.attempt.state] : []));
    expect(moves).toEqual(['offered', 'downloaded', 'confirmed']);
  });

  it('DESIGN-2 an unknown device gets no answer and leaves no trace but an event', async () => {
    const { fleet, calls, events } = await running();
    calls.length = 0;
    expect(await fleet.checkIn(contact('1.0.0', 'stranger'))).toBeUndefined();
    expect(calls).toEqual(['deviceByIdentity']);
    expect(events.at(-1)).toEqual({ type: 'unknownDevice', tenant: 't', protocol: 'test', identity: 'stranger' });
  });

  it('DESIGN-2 why tells the same as the decision', async () => {
    const { fleet, device } = await running();
    const checkIn = await fleet.checkIn(contact());
    expect(await fleet.why('t', device.id)).toEqual(checkIn?.decision);
    await expect(fleet.why('u', device.id)).rejects.toMatchObject({ code: 'DEVICE_UNKNOWN' });
  });

  it('DESIGN-2 a newer release takes over from an attempt that is still open', async () => {
    const parts = await running();
    await parts.fleet.checkIn(contact());
    const release = await parts.fleet.admitRelease(await signed(parts, { version: '1.2.0', targetsVersion: 2 }));
    await parts.fleet.startRollout({ tenant: 't', releaseId: release.id, phases: ALL });
    const checkIn = await parts.fleet.checkIn(contact());
    expect(checkIn?.attempts).toMatchObject([{ toVersion: '1.2.0', state: 'offered' }]);
    const states = (await parts.store.attempts('t', {}, { after: undefined, limit: 9 })).map(({ state }) => state);
    expect(states).toEqual(['cancelled', 'offered']);
  });
});

describe('DESIGN-5 what a poll costs', () => {
  it('DESIGN-5 one that changes nothing writes nothing and reads at most once', async () => {
    const { fleet, calls } = await running();
    await fleet.checkIn(contact('1.1.0'));
    calls.length = 0;
    for (let poll = 0; poll < 20; poll += 1) await fleet.checkIn(contact('1.1.0'));
    expect(calls).toEqual([]);
    await fleet.flushSeen();
    await fleet.flushSeen();
    expect(calls).toEqual(['recordSeen']);
  });

  it('DESIGN-5 not even when an offer stands already', async () => {
    const { fleet, calls } = await running();
    await fleet.checkIn(contact());
    calls.length = 0;
    await Promise.all(Array.from({ length: 10 }, () => fleet.checkIn(contact())));
    expect(calls).toEqual([]);
  });

  it('REL-9 fifty at once open one attempt', async () => {
    const { fleet, store } = await running();
    const checkIns = await Promise.all(Array.from({ length: 50 }, () => fleet.checkIn(contact())));
    expect(new Set(checkIns.map((checkIn) => checkIn?.attempts[0]?.id)).size).toBe(1);
    expect(await store.attempts('t', {}, { after: undefined, limit: 9 })).toHaveLength(1);
  });

  it('DESIGN-5 last-seen times reach the store with the flush, and with the end', async () => {
    const { fleet, store, clock, device } = await running();
    await fleet.checkIn(contact('1.1.0'));
    clock.advance(5_000);
    await fleet.checkIn(contact('1.1.0'));
    await fleet.close();
    expect((await store.device('t', device.id))?.lastSeenAtMs).toBe(clock.nowMs());
  });
});

describe('REL-30 halt', () => {
  it('REL-30 no offer after it has returned, whatever raced with it', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { fleet, rollout, store } = await running();
      const racing = Array.from({ length: 5 }, () => fleet.checkIn(contact()));
      const halted = fleet.halt('t', rollout.id);
      const racingToo = Array.from({ length: 5 }, () => fleet.checkIn(contact()));
      await halted;
      const before = (await store.attempts('t', {}, { after: undefined, limit: 9 })).length;
      expect((await fleet.checkIn(contact()))?.decision.offers).toEqual([]);
      await Promise.all([...racing, ...racingToo]);
      expect(await store.attempts('t', {}, { after: undefined, limit: 9 })).toHaveLength(before);
    }
  });

  it('REL-30 holds over a restart', async () => {
    const { fleet, rollout, ports } = await running();
    await fleet.halt('t', rollout.id);
    const restarted = await Fleet.open(ports);
    expect((await restarted.checkIn(contact()))?.decision.trace.at(-1)).toMatchObject({
      code: 'rollout.running',
      passed: false,
    });
  });

  it('REL-30 a halted rollout does not advance; one whose phases are all open neither', async () => {
    const { fleet, rollout } = await running();
    await expect(fleet.advance('t', rollout.id)).rejects.toMatchObject({ code: 'ROLLOUT_ALL_OPEN' });
    await fleet.halt('t', rollout.id);
    await expect(fleet.advance('t', rollout.id)).rejects.toMatchObject({ code: 'ROLLOUT_HALTED' });
    await expect(fleet.halt('u', rollout.id)).rejects.toMatchObject({ code: 'ROLLOUT_UNKNOWN' });
  });
});

describe('REL-28 admission', () => {
  it.each<[string, Signing, Partial<ReleaseRequest>, string]>([
    ['nobody has signed', { by: [] }, {}, 'TRUST_SIGNATURES'],
    ['a stranger has signed', { by: [generateSigner('ed25519').signer] }, {}, 'TRUST_SIGNATURES'],
    ['the version is another', {}, { version: '1.1.1' }, 'version of "firmware" is 1.1.1 in the request, 1.1.0'],
    [
      'the component is another',
      {},
      { component: 'bootloader' },
      'component of "firmware" is bootloader in the request, firmware',
    ],
    [
      'the hardware is another',
      {},
      { artifacts: [{ hardware: 'other', targetPath: 'firmware', payloadSignatures: [] }] },
      'hardware of "firmware" is other',
    ],
    [
      'the target is not named',
      {},
      { artifacts: [{ hardware: 'hw', targetPath: 'else', payloadSignatures: [] }] },
      'names no target "else"',
    ],
    ['no artifact is named', {}, { artifacts: [] }, 'exactly one artifact per hardware'],
    ['the file is not there', { target: { sha256: 'cd'.repeat(32) } }, {}, 'none is stored'],
    ['the file has another length', { target: { lengthBytes: 3 } }, {}, `the stored one has ${image.length}`],
    ['the version is none', {}, { version: 'a b' }, '"a b" is no version'],
    ['the metadata is no JSON', {}, { targets: Buffer.from('{') }, 'JSON_SYNTAX'],
  ])('REL-28 is refused when %s', async (_what, signing, changes, why) => {
    const parts = await fleetOf();
    const refusal: unknown = await parts.fleet
      .admitRelease({ ...(await signed(parts, signing)), ...changes })
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'RELEASE_NOT_ADMITTED', fix: expect.any(String) as string });
    const { message, cause } = refusal as { message: string; cause?: { code: string } };
    expect(`${message} ${cause?.code}`).toContain(why);
    expect(await parts.store.releases('t', { after: undefined, limit: 9 })).toEqual([]);
    expect(await parts.store.targetsVersion('t')).toBe(0);
  });

  it('SEC-3 metadata never goes back, and a released version never changes', async () => {
    const parts = await fleetOf();
    await parts.fleet.admitRelease(await signed(parts, { targetsVersion: 5 }));
    await expect(
      parts.fleet.admitRelease(await signed(parts, { version: '1.2.0', targetsVersion: 4 })),
    ).rejects.toMatchObject({ cause: { code: 'TRUST_ROLLBACK' } });
    await expect(parts.fleet.admitRelease(await signed(parts, { targetsVersion: 6 }))).rejects.toMatchObject({
      code: 'STORE_DUPLICATE',
    });
  });

  it('CUPS-8 a payload signature that a device would refuse is refused at once', async () => {
    const parts = await fleetOf();
    const request = await signed(parts);
    const payload = generatePayloadSigner().signer;
    const withSignature = (signature: Uint8Array) => ({
      ...request,
      artifacts: [
        {
          hardware: 'hw',
          targetPath: 'firmware',
          payloadSignatures: [{ scheme: payload.scheme, key: payload.key, signature }],
        },
      ],
    });
    await expect(parts.fleet.admitRelease(withSignature(payload.sign(Buffer.from('else'))))).rejects.toMatchObject({
      code: 'RELEASE_NOT_ADMITTED',
    });
    expect(
      (await parts.fleet.admitRelease(withSignature(payload.sign(image)))).artifacts[0]?.payloadSignatures,
    ).toHaveLength(1);
  });
});

describe('DESIGN-2 commands that cannot be', () => {
  it.each<[string, readonly Phase[]]>([
    ['no phase', []],
    [
      'two of one name',
      [
        { name: 'a', kind: 'group', group: 'x' },
        { name: 'a', kind: 'group', group: 'y' },
      ],
    ],
    ['a share of nothing', [{ name: 'a', kind: 'share', share: 0 }]],
    ['more than everybody', [{ name: 'a', kind: 'share', share: 1.1 }]],
    ['no number', [{ name: 'a', kind: 'share', share: Number.NaN }]],
    [
      'a share that shrinks',
      [
        { name: 'a', kind: 'share', share: 0.5 },
        { name: 'b', kind: 'share', share: 0.5 },
      ],
    ],
    [
      'too many',
      Array.from({ length: 33 }, (_, index) => ({ name: String(index), kind: 'group', group: 'g' }) as const),
    ],
  ])('DESIGN-2 a rollout with %s', async (_what, phases) => {
    const { fleet, release } = await running();
    await expect(fleet.startRollout({ tenant: 't', releaseId: release.id, phases })).rejects.toMatchObject({
      code: 'ROLLOUT_INVALID',
    });
  });

  it('DESIGN-2 a rollout of nothing, a device of no protocol, a device twice', async () => {
    const { fleet } = await running();
    await expect(fleet.startRollout({ tenant: 't', releaseId: 'x', phases: ALL })).rejects.toMatchObject({
      code: 'RELEASE_UNKNOWN',
    });
    const device = { tenant: 't', protocol: 'test', identity: 'one', hardware: 'hw', groups: [] };
    await expect(fleet.registerDevice({ ...device, protocol: 'telepathy' })).rejects.toMatchObject({
      code: 'DEVICE_INVALID',
    });
    await expect(fleet.registerDevice(device)).rejects.toMatchObject({ code: 'STORE_DUPLICATE' });
  });
});
