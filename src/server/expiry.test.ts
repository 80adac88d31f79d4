/** A simulated year: outages, people who sign when they are warned, a device that asks every day. */

import { describe, expect, it } from 'vitest';
import { QUICK } from '../../test/support/direct-store.ts';
import { type Parts, partsWithRoot, publishRelease, rootChange, signedByAll } from '../../test/support/fleet.ts';
import { Follower } from '../../test/support/follower.ts';
import { recordingLog, seededRandom } from '../../test/support/ports.ts';
import { DAY_MS } from '../core/time.ts';
import type { Change } from '../fleet/changes.ts';
import { createCa } from '../trust/x509.ts';
import { ExpiryWatch } from './expiry.ts';
import { Metrics } from './metrics.ts';

const STEP_MS = DAY_MS / 4;
/** A release waits for more of them. */
const SEEDS = Array.from(
  { length: (process.env.SEALIFT_RELEASE ?? '') === '' ? 1 : 20 },
  (_, index) => `year ${index}`,
);
/** Half of what snapshot and timestamp live. */
const OUTAGE_MS = 3.5 * DAY_MS;

interface Warning {
  readonly what: string;
  readonly version: number | null;
  readonly expiresAt: string;
  readonly warning: string;
  readonly renewedBy: string;
}

async function watched(parts: Parts, certificates: ReadonlyMap<string, string> = new Map()) {
  const log = recordingLog();
  const { repository, lifetimes } = parts;
  const watch = new ExpiryWatch({ repository, lifetimes, certificates, log, metrics: new Metrics('1.0.0') });
  await watch.check();
  const warnings = () => log.entries.filter(({ code }) => code === 'TRUST_EXPIRES') as unknown as readonly Warning[];
  return { watch, warnings, log };
}

/** What people do about a warning of something they have signed. */
async function renewByPeople(parts: Parts, what: string): Promise<void> {
  const { expiresAtMs, targetsExpiresAtMs } = rootChange(parts, parts.people, 2);
  const renewal: Change = { kind: 'renew', roles: [], expiresAtMs: targetsExpiresAtMs };
  const root: Change = { kind: 'root', rotateOnline: false, expiresAtMs, targetsExpiresAtMs };
  await signedByAll(parts, await parts.signing.start(what === 'root' ? root : renewal, `${what} expires`));
}

describe('SEC-24 nothing expires by surprise', () => {
  it.each(SEEDS)(
    'SEC-24 a year with outages of half the shortest life, seed %s: no device ever has expired metadata',
    async (seed) => {
      const parts = await partsWithRoot({ ...QUICK, bits: 1 });
      await publishRelease(parts);
      const { repository, clock } = parts;
      const { watch, warnings } = await watched(parts);
      const random = seededRandom(seed);
      const root = (await repository.file('1.root.json')) ?? new Uint8Array();
      const device = new Follower(
        root,
        () => clock.nowMs(),
        (name) => repository.file(name),
      );
      const endMs = clock.nowMs() + 400 * DAY_MS;
      let downUntilMs = 0;
      let handled = 0;
      const count = { outages: 0, refreshes: 0, renewals: 0 };
      for (; clock.nowMs() < endMs; clock.advance(STEP_MS)) {
        // The signing server is away; what it has published stays where devices find it.
        const isDown = clock.nowMs() < downUntilMs;
        if (!isDown) {
          if (await repository.renew()) count.renewals += 1;
          await watch.check();
          for (const { what, warning } of warnings().slice(handled)) {
            if (warning === 'expires within 14 days' && what !== 'bins' && what !== 'bins-*')
              await renewByPeople(parts, what);
          }
          handled = warnings().length;
          const [chance = 0] = random.bytes(1);
          if (chance < 24) {
            downUntilMs = clock.nowMs() + OUTAGE_MS;
            count.outages += 1;
          }
        }
        if (clock.nowMs() % DAY_MS !== 0) continue;
        // At the worst moment of its day: just before something may be done.
        const trusted = await device.refresh();
        const found = await device.find(trusted, 'firmware/1.1.0/hw', 'hw');
        expect(found?.target.version).toBe('1.1.0');
        count.refreshes += 1;
      }
      expect(count.refreshes).toBe(400);
      expect(count.outages).toBeGreaterThan(20);
      expect(count.renewals).toBeGreaterThan(50);
      // What people sign was warned of at 30 and at 14 days, once each, and what the server signs never.
      const said = warnings().map(({ what, version, warning }) => `${what} ${version} ${warning}`);
      expect(new Set(said).size).toBe(said.length);
      const signed = [...new Set(warnings().map(({ what, version }) => `${what} ${version}`))];
      expect(signed).toEqual(expect.arrayContaining(['targets 1', 'targets 2', 'bins 1', 'bins-* 1', 'root 1']));
      for (const one of signed)
        expect(said.filter((words) => words.startsWith(`${one} `))).toEqual([
          `${one} expires within 30 days`,
          `${one} expires within 14 days`,
        ]);
    },
  );

  it('SEC-24 where nobody acts, it is said at 30, 14 and 3 days and at the end, once each, to the hour', async () => {
    const parts = await partsWithRoot(QUICK);
    const { clock, repository } = parts;
    const startMs = clock.nowMs();
    const { watch, warnings } = await watched(parts);
    const saidOn: [string, number][] = [];
    for (; clock.nowMs() <= startMs + 91 * DAY_MS; clock.advance(STEP_MS)) {
      const before = warnings().length;
      await repository.renew().catch(() => false);
      await watch.check();
      for (const { what, warning } of warnings().slice(before)) {
        if (what === 'targets') saidOn.push([warning, (clock.nowMs() - startMs) / DAY_MS]);
      }
    }
    expect(saidOn).toEqual([
      ['expires within 30 days', 60],
      ['expires within 14 days', 76],
      ['expires within 3 days', 87],
      ['has expired', 90],
    ]);
  });

  it('SEC-24 each bin that people leave behind is warned of, though bins are said as one', async () => {
    const parts = await partsWithRoot({ ...QUICK, bits: 1 });
    const { clock, signing } = parts;
    const { watch, warnings } = await watched(parts);
    clock.advance(61 * DAY_MS);
    await watch.check();
    for (const days of [1, 2]) {
      const change: Change = {
        kind: 'renew',
        roles: [`bins-${days - 1}`],
        expiresAtMs: clock.nowMs() + (29 + days / 3) * DAY_MS,
      };
      await signedByAll(parts, await signing.start(change, ''));
      await watch.check();
    }
    const bins = warnings()
      .filter(({ what }) => what === 'bins-*')
      .map(({ version, expiresAt }) => [version, expiresAt.slice(0, 13)]);
    expect(bins).toEqual([
      [1, '2027-02-22T00'],
      [2, '2027-02-22T08'],
    ]);
  });

  it('SEC-24 with the vault closed it is said that nobody renews, from the last quarter on', async () => {
    const parts = await partsWithRoot(QUICK);
    const { clock, repository, vault } = parts;
    const { watch, warnings } = await watched(parts);
    vault.signers.clear();
    const saidOn: [string, string, number][] = [];
    for (let days = 0; days <= 8; days += 0.25, clock.advance(DAY_MS / 4)) {
      const before = warnings().length;
      if (days < 3.5) expect(await repository.renew()).toBe(false);
      else await expect(repository.renew()).rejects.toMatchObject({ code: 'REPOSITORY_KEYS' });
      await watch.check();
      for (const { what, warning } of warnings().slice(before)) saidOn.push([what, warning, days]);
    }
    const words = 'was not renewed: is the vault open?';
    for (const role of ['snapshot', 'timestamp']) {
      expect(saidOn.filter(([what]) => what === role)).toEqual([
        [role, words, 5.5],
        [role, 'has expired', 7],
      ]);
    }
  });

  it('SEC-24 a vault without the online keys is said to be one, once each time they go', async () => {
    const parts = await partsWithRoot(QUICK);
    const { vault, repository } = parts;
    const { watch, log } = await watched(parts);
    const held = [...vault.signers];
    const said = () => log.entries.map(({ code }) => code);
    expect(said()).toEqual([]);
    for (const round of [1, 2]) {
      vault.signers.clear();
      for (let look = 0; look < 3; look += 1) await watch.check();
      expect(said().filter((code) => code === 'REPOSITORY_KEYS')).toHaveLength(round);
      for (const [label, signer] of held) vault.signers.set(label, signer);
      for (let look = 0; look < 3; look += 1) await watch.check();
      expect(said().filter((code) => code === 'ONLINE_KEYS_BACK')).toHaveLength(round);
    }
    expect(log.entries[0]).toMatchObject({
      error: 'the vault holds 0 of the 1 keys that snapshot needs',
      fix: expect.stringContaining('trust.vault.file') as string,
    });
    // One of the two is not enough either.
    vault.signers.delete(held.find(([label]) => label.startsWith('timestamp'))?.[0] ?? '');
    expect(await repository.keysProblem()).toMatchObject({ code: 'REPOSITORY_KEYS', detail: { role: 'timestamp' } });
  });

  it('SEC-24 compares with the time that renewal goes by: a clock that has fallen behind hides no expiry', async () => {
    const parts = await partsWithRoot(QUICK);
    const { clock, repository } = parts;
    clock.advance(80 * DAY_MS);
    await repository.renew();
    clock.advance(-365 * DAY_MS);
    const { warnings } = await watched(parts);
    expect(warnings()).toMatchObject([{ what: 'targets', warning: 'expires within 14 days' }]);
  });

  it('SEC-24 certificates are watched like everything else', async () => {
    const parts = await partsWithRoot(QUICK);
    const { clock, random } = parts;
    const { certificate } = await createCa({ commonName: 'CUPS gateway CA', days: 40, clock, random });
    const { watch, warnings } = await watched(parts, new Map([['CUPS gateway CA', certificate]]));
    for (let day = 0; day < 45; day += 1, clock.advance(DAY_MS)) await watch.check();
    const said = warnings().filter(({ what }) => what === 'CUPS gateway CA');
    expect(said.map(({ warning, renewedBy }) => [warning, renewedBy])).toEqual(
      ['expires within 30 days', 'expires within 14 days', 'expires within 3 days', 'has expired'].map((warning) => [
        warning,
        'operator',
      ]),
    );
  });
});
