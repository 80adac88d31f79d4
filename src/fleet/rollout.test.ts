import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUICK } from '../../test/support/direct-store.ts';
import { partsWithRoot, publishRelease } from '../../test/support/fleet.ts';
import { isOtaError } from '../core/errors.ts';
import { ROLLOUT_STATES, type Rollout, type RolloutState } from './model.ts';
import { commanded, isOver, type RolloutCommand } from './rollout.ts';

const COMMANDS: readonly RolloutCommand[] = ['advance', 'pause', 'resume', 'halt', 'cancel'];
const INTERLEAVINGS = 10_000;

const rollout = (state: RolloutState = 'running', openPhases = 1): Rollout => ({
  ...{ tenant: 't', id: 'R', releaseId: 'r', state, openPhases, revision: 1, createdAtMs: 0 },
  phases: [
    { name: 'canary', kind: 'group', group: 'canary' },
    { name: 'all', kind: 'share', share: 1 },
  ],
});

describe('REL-30 what may be done to a rollout', () => {
  it.each<[RolloutCommand, readonly (RolloutState | undefined)[]]>([
    // Before: running, paused, halted, cancelled.
    ['advance', ['running', undefined, undefined, undefined]],
    ['pause', ['paused', 'paused', undefined, undefined]],
    ['resume', ['running', 'running', undefined, undefined]],
    ['halt', ['halted', 'halted', 'halted', undefined]],
    ['cancel', ['cancelled', 'cancelled', 'cancelled', 'cancelled']],
  ])('REL-30 %s', (command, after) => {
    for (const [index, state] of ROLLOUT_STATES.entries()) {
      const run = () => commanded(rollout(state), command);
      const expected = after[index];
      if (expected === undefined) {
        const words = {
          code: 'ROLLOUT_STATE',
          detail: { state, command },
          fix: expect.stringMatching(/\.$/) as string,
        };
        expect(run).toThrow(expect.objectContaining(words));
      } else {
        expect(run()).toMatchObject({ state: expected, openPhases: command === 'advance' ? 2 : 1 });
      }
    }
  });

  it('REL-30 what changes nothing gives the very same rollout; nothing leads out of a halt but giving up', () => {
    const halted = rollout('halted');
    expect(commanded(halted, 'halt')).toBe(halted);
    const from = (state: RolloutState) => COMMANDS.flatMap((command) => reached(state, command));
    expect(new Set(from('halted'))).toEqual(new Set(['halted', 'cancelled']));
    expect(new Set(from('cancelled'))).toEqual(new Set(['cancelled']));
    expect(ROLLOUT_STATES.filter((state) => isOver(rollout(state)))).toEqual(['cancelled']);
  });

  it('REL-30 there is an end to phases', () => {
    expect(() => commanded(rollout('running', 2), 'advance')).toThrow(
      expect.objectContaining({ code: 'ROLLOUT_ALL_OPEN' }),
    );
  });
});

function reached(state: RolloutState, command: RolloutCommand): readonly RolloutState[] {
  try {
    return [commanded(rollout(state), command).state];
  } catch {
    return [];
  }
}

describe('REL-30 interleavings', () => {
  it(`REL-30 ${INTERLEAVINGS} of commands and contacts: whatever races, no offer leaves after a halt, a pause or a cancellation`, async () => {
    const parts = await partsWithRoot(QUICK);
    const { fleet, store } = parts;
    const releaseId = await publishRelease(parts);
    let devices = 0;
    const seen = { offers: 0, stopped: 0, refused: 0 };
    const contactOf = (identity: string) => ({
      ...({ tenant: 't', protocol: 'test', identity, assurance: 'proven', facts: [] } as const),
      installed: new Map([['firmware', '1.0.0']]),
    });
    /** A device that was never seen before. @returns how many offers it got */
    const poll = async () => {
      devices += 1;
      const identity = `device ${devices}`;
      await fleet.registerDevice({ tenant: 't', protocol: 'test', identity, hardware: 'hw', groups: ['canary'] });
      const offers = (await fleet.checkIn(contactOf(identity)))?.decision.offers.length ?? 0;
      seen.offers += offers;
      return offers;
    };
    const step = fc.constantFrom(...COMMANDS, 'poll' as const);
    const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(batches, async (all) => {
        const { id } = await fleet.startRollout({ tenant: 't', releaseId, phases: rollout().phases });
        for (const batch of all) {
          // All of a batch race with each other.
          await Promise.all(
            batch.map((one) =>
              one === 'poll'
                ? poll()
                : fleet.command('t', id, one).catch((error: unknown) => {
                    if (!isOtaError(error)) throw error;
                    seen.refused += 1;
                  }),
            ),
          );
          const { state } = (await store.rollout('t', id)) ?? {};
          const attempts = async () => (await store.attemptCounts('t', id)).get('offered') ?? 0;
          const before = await attempts();
          const offers = await poll();
          expect(offers).toBe(state === 'running' ? 1 : 0);
          expect((await attempts()) - before).toBe(offers);
          if (state !== 'running') seen.stopped += 1;
        }
        await fleet.command('t', id, 'cancel');
      }),
      { numRuns: INTERLEAVINGS },
    );
    expect(seen.offers).toBeGreaterThan(INTERLEAVINGS / 2);
    expect(seen.stopped).toBeGreaterThan(INTERLEAVINGS / 2);
    expect(seen.refused).toBeGreaterThan(INTERLEAVINGS / 4);
  });
});
