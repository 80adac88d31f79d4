import { describe, expect, it } from 'vitest';
import { type Parts, partsWithRoot, publishRelease, signedByAll } from '../../test/support/fleet.ts';
import { DAY_MS } from '../core/time.ts';
import { sha256Hex } from '../trust/payload.ts';
import type { FleetEvent } from './events.ts';
import { Fleet } from './fleet.ts';
import type { Contact, Phase } from './model.ts';
import type { Store } from './ports.ts';

const image = Buffer.from('image of 1.1.0');
const ALL: readonly Phase[] = [{ name: 'all', kind: 'share', share: 1 }];

/** Counts what goes to the store, by name. */
function counting(calls: string[]): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get(target, name: keyof Store) {
        const method = target[name] as (...parameters: unknown[]) => unknown;
        return (...parameters: unknown[]) => {
          calls.push(name);
          return method(...parameters);
        };
      },
    });
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
  const calls: string[] = [];
  const events: FleetEvent[] = [];
  const parts = await partsWithRoot({ wrap: counting(calls) });
  parts.fleet.onEvent((event) => events.push(event));
  const device = await parts.fleet.registerDevice({
    tenant: 't',
    protocol: 'test',
    identity: 'one',
    hardware: 'hw',
    groups: [],
  });
  const releaseId = await publishRelease(parts);
  const rollout = await parts.fleet.startRollout({ tenant: 't', releaseId, phases: ALL });
  return { ...parts, calls, events, device, releaseId, rollout };
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
    const releaseId = await publishRelease(parts, { version: '1.2.0' });
    await parts.fleet.startRollout({ tenant: 't', releaseId, phases: ALL });
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
      const halted = fleet.command('t', rollout.id, 'halt');
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
    await fleet.command('t', rollout.id, 'halt');
    const restarted = await Fleet.open(ports);
    expect((await restarted.checkIn(contact()))?.decision.trace.at(-1)).toMatchObject({
      code: 'rollout.running',
      passed: false,
    });
  });

  it('REL-30 a halted rollout does not advance; one whose phases are all open neither', async () => {
    const { fleet, rollout } = await running();
    await expect(fleet.command('t', rollout.id, 'advance')).rejects.toMatchObject({ code: 'ROLLOUT_ALL_OPEN' });
    await fleet.command('t', rollout.id, 'halt');
    await expect(fleet.command('t', rollout.id, 'advance')).rejects.toMatchObject({ code: 'ROLLOUT_STATE' });
    await expect(fleet.command('u', rollout.id, 'halt')).rejects.toMatchObject({ code: 'ROLLOUT_UNKNOWN' });
  });
});

describe('SEC-22 what the metadata says holds at every decision', () => {
  const lastRule = async ({ fleet }: Parts) => (await fleet.checkIn(contact()))?.decision.trace.at(-1)?.code;

  it('SEC-22 an image that is taken out of the metadata is offered no more', async () => {
    const parts = await running();
    expect(await lastRule(parts)).toBe('payload.fits');
    const change = { kind: 'remove', paths: ['firmware/1.1.0/hw'], expiresAtMs: parts.clock.nowMs() + DAY_MS } as const;
    await signedByAll(parts, await parts.signing.start(change, 'it was bad'));
    expect(await lastRule(parts)).toBe('image.signed');
  });

  it('SEC-22 nor once what was signed has expired, until it is signed anew', async () => {
    const parts = await running();
    parts.clock.advance(8 * DAY_MS);
    expect(await lastRule(parts)).toBe('image.signed');
    expect(await parts.repository.renew()).toBe(true);
    expect(await lastRule(parts)).toBe('payload.fits');
    parts.clock.advance(83 * DAY_MS);
    // Only people can help that; the server does not even sign snapshot and timestamp.
    await expect(parts.repository.renew()).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
    expect(await lastRule(parts)).toBe('image.signed');
  });

  it('SEC-22 nor after a restart with another artifact in the database', async () => {
    const parts = await running();
    const forged: Store = {
      ...parts.store,
      plan: async () =>
        (await parts.store.plan()).map(({ rollout, release }) => ({
          rollout,
          release: { ...release, artifacts: release.artifacts.map((one) => ({ ...one, sha256: 'cd'.repeat(32) })) },
        })),
    };
    const fleet = await Fleet.open({ ...parts.ports, store: forged });
    expect(await lastRule({ ...parts, fleet })).toBe('image.signed');
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
    const { fleet, releaseId } = await running();
    await expect(fleet.startRollout({ tenant: 't', releaseId, phases })).rejects.toMatchObject({
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
