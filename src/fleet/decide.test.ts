import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { moves } from './attempt.ts';
import { decide } from './decide.ts';
import {
  ATTEMPT_STATES,
  type DeviceView,
  OPEN_STATES,
  type Phase,
  type Release,
  type Rollout,
  TERMINAL_STATES,
} from './model.ts';
import { bucketOf, isInPhase } from './phase.ts';
import { type Candidate, Plan } from './plan.ts';
import type { ProtocolTraits } from './ports.ts';

const traits: ProtocolTraits = {
  name: 'test',
  objection: (facts) => (facts.includes('cannot') ? { code: 'test.cannot', text: 'it cannot' } : undefined),
};

const view = (changes: Partial<DeviceView> = {}): DeviceView => ({
  ...{ tenant: 't', id: 'D1', protocol: 'test', identity: 'one', hardware: 'hw', groups: ['canary'] },
  ...{ installed: new Map([['firmware', '1.0.0']]), facts: [], openAttempts: [], createdAtMs: 0, lastSeenAtMs: null },
  ...changes,
});

function candidate(number: number, version: string, rollout: Partial<Rollout> = {}, hardware = ['hw']): Candidate {
  const release: Release = {
    ...{
      tenant: 't',
      id: `R${number}`,
      component: 'firmware',
      version,
      signingEventId: `E${number}`,
      signedBy: [],
      createdAtMs: 0,
    },
    artifacts: hardware.map((one) => ({
      hardware: one,
      sha256: 'ab'.repeat(32),
      lengthBytes: 1,
      targetPath: version,
      payloadSignatures: [],
    })),
  };
  const all: Phase = { name: 'all', kind: 'share', share: 1 };
  return {
    release,
    rollout: {
      tenant: 't',
      id: `P${number}`,
      releaseId: release.id,
      phases: [all],
      openPhases: 1,
      state: 'running',
      revision: 1,
      createdAtMs: 0,
      ...rollout,
    },
  };
}

const NOW = 1_000_000;

/** Every image of these releases is signed, until just after now. */
function planOf(candidates: readonly Candidate[]): Plan {
  const plan = new Plan(candidates);
  for (const { release } of candidates)
    for (const artifact of release.artifacts)
      plan.endorse(release.tenant, artifact, { ...artifact, expiresAtMs: NOW + 1 });
  return plan;
}

function verdict(device: DeviceView, ...candidates: Candidate[]) {
  const { offers, trace } = decide(device, planOf(candidates), traits, NOW);
  return { offers: offers.map(({ version }) => version), last: trace.at(-1)?.code };
}

describe('DESIGN-2 decide, rule by rule', () => {
  it.each<[string, DeviceView, Candidate[], string[], string]>([
    ['an offer', view(), [candidate(1, '1.1.0')], ['1.1.0'], 'payload.fits'],
    ['no rollout', view(), [], [], 'rollout.exists'],
    ['a halted rollout', view(), [candidate(1, '1.1.0', { state: 'halted' })], [], 'rollout.running'],
    ['other hardware', view({ hardware: 'other' }), [candidate(1, '1.1.0')], [], 'hardware.matches'],
    ['what it runs already', view(), [candidate(1, '1.0.0')], [], 'version.differs'],
    ['something older', view(), [candidate(1, '0.9.0')], [], 'version.no-downgrade'],
    ['a closed phase', view(), [candidate(1, '1.1.0', { openPhases: 0 })], [], 'phase.open'],
    [
      'no phase of it',
      view({ groups: [] }),
      [candidate(1, '1.1.0', { phases: [{ name: 'c', kind: 'group', group: 'canary' }] })],
      [],
      'phase.open',
    ],
    ['a payload it cannot take', view({ facts: ['cannot'] }), [candidate(1, '1.1.0')], [], 'test.cannot'],
    [
      'an unknown version installed',
      view({ installed: new Map([['firmware', null]]) }),
      [candidate(1, '1.1.0')],
      ['1.1.0'],
      'payload.fits',
    ],
    ['the newest of two', view(), [candidate(1, '1.1.0'), candidate(2, '1.2.0')], ['1.2.0'], 'payload.fits'],
    [
      'the next when the newest is halted',
      view(),
      [candidate(1, '1.1.0'), candidate(2, '1.2.0', { state: 'halted' })],
      ['1.1.0'],
      'payload.fits',
    ],
    ['another tenant', view({ tenant: 'u' }), [candidate(1, '1.1.0')], [], 'rollout.exists'],
  ])('DESIGN-2 %s', (_what, device, candidates, offers, last) => {
    expect(verdict(device, ...candidates)).toEqual({ offers, last });
  });

  it('DESIGN-2 names both values in each rule', () => {
    const { trace } = decide(view({ hardware: 'other' }), planOf([candidate(1, '1.1.0')]), traits, NOW);
    expect(trace.at(-1)?.text).toBe('the device is other, the release is made for hw');
  });
});

describe('SEC-22 nothing is offered that is not signed now', () => {
  const one = candidate(1, '1.1.0');
  const [artifact] = one.release.artifacts;
  if (!artifact) throw new Error('a release without an artifact');
  const good = { sha256: artifact.sha256, lengthBytes: artifact.lengthBytes, expiresAtMs: NOW + 1 };

  it.each([
    ['is signed', good, '1.1.0'],
    ['was never signed, or is no longer', undefined, undefined],
    ['is another than was signed', { ...good, sha256: 'cd'.repeat(32) }, undefined],
    ['has another length than was signed', { ...good, lengthBytes: 2 }, undefined],
    ['was signed by metadata that expires this very moment', { ...good, expiresAtMs: NOW }, undefined],
  ])('SEC-22 an image that %s', (_what, endorsement, offered) => {
    const plan = new Plan([one]);
    plan.endorse('t', artifact, endorsement);
    const { offers, trace } = decide(view(), plan, traits, NOW);
    expect(offers[0]?.version).toBe(offered);
    if (offered === undefined) expect(trace.at(-1)?.code).toBe('image.signed');
  });

  it('SEC-22 a signature for other hardware, or of another tenant, is none', () => {
    const plan = new Plan([one]);
    plan.endorse('u', artifact, good);
    plan.endorse('t', { ...artifact, hardware: 'other' }, good);
    expect(decide(view(), plan, traits, NOW).offers).toEqual([]);
  });
});

const anyVersion = fc.constantFrom('0.9.0', '1.0.0', '1.0.1', '1.1.0', '2.0.0-rc1', '2.0.0');
const anyPhases = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 });
const anyCandidate = fc
  .record({
    version: anyVersion,
    shares: anyPhases,
    open: fc.nat(4),
    halted: fc.boolean(),
    hardware: fc.subarray(['hw', 'other'], { minLength: 1 }),
    number: fc.nat(50),
  })
  .map(({ version, shares, open, halted, hardware, number }) =>
    candidate(
      number,
      version,
      {
        phases: shares.map((share, index) => ({ name: String(index), kind: 'share', share })),
        openPhases: Math.min(open, shares.length),
        state: halted ? 'halted' : 'running',
      },
      hardware,
    ),
  );
const anyView = fc
  .record({ id: fc.uuid(), version: anyVersion, hardware: fc.constantFrom('hw', 'other', 'third') })
  .map(({ id, version, hardware }) => view({ id, hardware, installed: new Map([['firmware', version]]) }));
const anyPlan = fc.uniqueArray(anyCandidate, { maxLength: 5, selector: ({ rollout }) => rollout.id });

describe('REL-28 whatever the plan', () => {
  it('REL-28 an offer is newer than what runs, for its hardware, of a running rollout, in an open phase; and always the same', () => {
    fc.assert(
      fc.property(anyView, anyPlan, (device, candidates) => {
        const decision = decide(device, planOf(candidates), traits, NOW);
        expect(decide(device, planOf(candidates.toReversed()), traits, NOW)).toEqual(decision);
        for (const offer of decision.offers) {
          const { rollout } = candidates.find((one) => one.rollout.id === offer.rolloutId) ?? candidate(0, '');
          expect(rollout.state).toBe('running');
          expect(offer.artifact.hardware).toBe(device.hardware);
          expect(['0.9.0', '1.0.0', '1.0.1', '1.1.0', '2.0.0-rc1', '2.0.0'].indexOf(offer.version)).toBeGreaterThan(
            ['0.9.0', '1.0.0', '1.0.1', '1.1.0', '2.0.0-rc1', '2.0.0'].indexOf(device.installed.get('firmware') ?? ''),
          );
          expect(
            rollout.phases.slice(0, rollout.openPhases).some((phase) => isInPhase(phase, rollout.id, device)),
          ).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('REL-26 a larger share takes nobody out', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.uuid(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rolloutId, id, a, b) => {
          const [small, large] = [Math.min(a, b), Math.max(a, b)];
          const inside = (share: number) =>
            isInPhase({ name: 'p', kind: 'share', share }, rolloutId, { id, groups: [] });
          if (inside(small)) expect(inside(large)).toBe(true);
        },
      ),
    );
  });

  it('REL-26 a share of all devices is near its share', () => {
    const inside = Array.from({ length: 20_000 }, (_, number) => bucketOf('P1', `D${number}`)).filter(
      (bucket) => bucket < 1_000,
    ).length;
    expect(inside).toBeGreaterThan(1_800);
    expect(inside).toBeLessThan(2_200);
  });
});

describe('REL-9 attempt states', () => {
  it('REL-9 every cell of the grid', () => {
    const order: readonly string[] = OPEN_STATES;
    for (const from of ATTEMPT_STATES) {
      for (const to of ATTEMPT_STATES) {
        const fromOrder = order.indexOf(from);
        const toOrder = order.indexOf(to);
        const isEnd = TERMINAL_STATES.some((state: string) => state === to);
        expect(moves(from, to), `${from} -> ${to}`).toBe(fromOrder >= 0 && (isEnd || toOrder > fromOrder));
      }
    }
  });
});
