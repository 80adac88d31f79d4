import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counters, NO_COUNTERS } from './counters.ts';
import { RulesError } from './errors.ts';
import { type Gate, type GateFacts, gateState, isDone, parseGate } from './gates.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2027, 0, 10);

function phase(
  known: Partial<GateFacts> = {},
  sure: Partial<Counters> = {},
  claimed: Partial<Counters> = {},
): GateFacts {
  return {
    ...{ devices: 100, isOpenedByHand: false, openedAtMs: NOW_MS - 10 * HOUR_MS, doneAtMs: null },
    counters: { proven: { ...NO_COUNTERS, ...sure }, unproven: { ...NO_COUNTERS, ...claimed } },
    ...known,
  };
}

const state = (gate: Gate, facts: GateFacts) => {
  const { open, text } = gateState(gate, facts, NOW_MS);
  return `${open ? 'open' : 'closed'}: ${text}`;
};

describe('DESIGN-2 gates between phases', () => {
  it('DESIGN-2 by hand', () => {
    expect(state({ byHand: true }, phase())).toBe('closed: waits for somebody to open it');
    expect(state({ byHand: true }, phase({ isOpenedByHand: true }))).toBe('open: opened by hand');
    expect(state({ soakMs: HOUR_MS }, phase({ isOpenedByHand: false }))).toBe('open: 1 h have passed');
  });

  it('DESIGN-2 done are devices that confirmed, of all of the phase', () => {
    expect(state({ doneShare: 0.95 }, phase({}, { attempted: 60, confirmed: 59 }))).toBe('closed: 59 % of 95 % done');
    expect(state({ doneShare: 0.95 }, phase({}, { confirmed: 95 }))).toBe('open: 95 % of 95 % done');
    expect(state({ doneShare: 0.955 }, phase({ devices: 1000 }, { confirmed: 954 }))).toBe(
      'closed: 95.4 % of 95.5 % done',
    );
    expect(state({ doneShare: 0.95 }, phase({ devices: 10_000 }, { confirmed: 9499 }))).toBe(
      'closed: 94 % of 95 % done',
    );
    expect(state({ doneShare: 1 }, phase({ devices: 3 }, { confirmed: 3 }))).toBe('open: 100 % of 100 % done');
  });

  it('REL-26 a canary that fails opens nothing, however small it is', () => {
    const failed = { attempted: 1, failed: 1 };
    expect(state({ doneShare: 0.5 }, phase({ devices: 1 }, failed))).toBe('closed: 0 % of 50 % done');
    expect(state({ doneShare: 0.5 }, phase({ devices: 1 }, { attempted: 1, timedOut: 1 }))).toBe(
      'closed: 0 % of 50 % done',
    );
  });

  it('DESIGN-2 soak time, in words', () => {
    const opened = (agoMs: number) => phase({ openedAtMs: NOW_MS - agoMs });
    expect(state({ soakMs: 4 * HOUR_MS }, opened(40 * 60_000))).toBe('closed: opens in 3 h 20 min');
    expect(state({ soakMs: 4 * HOUR_MS }, opened(4 * HOUR_MS - 1))).toBe('closed: opens in 1 min');
    expect(state({ soakMs: 90_000 }, opened(0))).toBe('closed: opens in 2 min');
    expect(state({ soakMs: 4 * HOUR_MS }, opened(4 * HOUR_MS))).toBe('open: 4 h have passed');
    expect(state({ soakMs: 50 * HOUR_MS }, opened(0))).toBe('closed: opens in 2 d 2 h');
    expect(state({ soakMs: 48 * HOUR_MS + 60_000 }, opened(0))).toBe('closed: opens in 2 d');
  });

  it('DESIGN-2 all conditions hold together; soak begins when the share is reached', () => {
    const gate: Gate = { doneShare: 0.95, soakMs: 4 * HOUR_MS, byHand: true };
    expect(gateState(gate, phase({}, { confirmed: 59 }), NOW_MS)).toEqual({
      ...{ open: false, text: '59 % of 95 % done; then 4 h of soak; waits for somebody to open it' },
      missing: ['59 % of 95 % done', 'then 4 h of soak', 'waits for somebody to open it'],
    });
    const done = { confirmed: 96 };
    const soaking = phase({ doneAtMs: NOW_MS - HOUR_MS, isOpenedByHand: true }, done);
    expect(state(gate, phase({}, done))).toBe('closed: opens in 4 h; waits for somebody to open it');
    expect(state(gate, soaking)).toBe('closed: opens in 3 h');
    expect(state(gate, { ...soaking, doneAtMs: NOW_MS - 5 * HOUR_MS })).toBe(
      'open: 96 % of 95 % done; 4 h have passed; opened by hand',
    );
    // The share was reached once, and more devices came into the phase since.
    expect(state(gate, { ...soaking, devices: 200, doneAtMs: NOW_MS - 5 * HOUR_MS })).toBe('closed: 48 % of 95 % done');
  });

  it('DESIGN-2 the phase before must be open', () => {
    expect(state({ soakMs: 1 }, phase({ openedAtMs: null }))).toBe('closed: the phase before is closed');
    expect(state({ byHand: true }, phase({ openedAtMs: null, isOpenedByHand: true }))).toBe(
      'closed: the phase before is closed',
    );
  });

  it('REL-26 reports that nobody has proven advance nothing', () => {
    const claimed = { attempted: 1_000_000, confirmed: 1_000_000 };
    expect(state({ doneShare: 0.95 }, phase({}, { confirmed: 59 }, claimed))).toBe('closed: 59 % of 95 % done');
    fc.assert(
      fc.property(anyGate, anyPhase, anyCounters, (gate, facts, unproven) => {
        const without = gateState(gate, facts, NOW_MS);
        expect(gateState(gate, { ...facts, counters: { ...facts.counters, unproven } }, NOW_MS)).toEqual(without);
      }),
    );
  });

  it('REL-26 a phase in which nobody proves anything opens by time or by hand only', () => {
    const anonymous = phase({ devices: 0 }, {}, { attempted: 500, confirmed: 500 });
    expect(state({ doneShare: 0.95 }, anonymous)).toBe(
      'closed: no device of the phase before proves who it is: it opens by hand only',
    );
    expect(state({ doneShare: 0.95, soakMs: 4 * HOUR_MS }, anonymous)).toBe('open: 4 h have passed');
    expect(state({ doneShare: 0.95, soakMs: 11 * HOUR_MS }, anonymous)).toBe('closed: opens in 1 h');
    expect(state({ doneShare: 0.95, byHand: true }, anonymous)).toBe('closed: waits for somebody to open it');
    expect(isDone({ doneShare: 0.95 }, anonymous)).toBe(false);
  });

  it('REL-11 a clock that was set back makes no wait longer than the soak, and no time opens by being none', () => {
    expect(state({ soakMs: HOUR_MS }, phase({ openedAtMs: NOW_MS + 1e12 }))).toBe('closed: opens in 1 h');
    expect(gateState({ soakMs: HOUR_MS }, phase(), Number.NaN).open).toBe(false);
    expect(gateState({ soakMs: HOUR_MS, doneShare: 0.5 }, phase({ devices: Number.NaN }), NOW_MS).open).toBe(false);
  });

  it('DESIGN-2 open if and only if nothing is missing, and closed stays closed with a further condition', () => {
    fc.assert(
      fc.property(anyGate, anyGate, anyPhase, (gate, other, facts) => {
        const { open, missing, text } = gateState(gate, facts, NOW_MS);
        expect(missing.length === 0).toBe(open);
        expect(text).not.toBe('');
        const both = gateState({ ...other, ...gate }, facts, NOW_MS);
        // With a share, soak begins later; without devices that count, a share says nothing.
        if (!open && facts.devices > 0) expect(both.open).toBe(false);
      }),
    );
  });
});

describe('DESIGN-6 a gate that makes no sense is explained', () => {
  it.each([
    [undefined, '', 'found nothing, expected an object'],
    [[], '', 'found a list, expected an object'],
    [{}, '', 'no condition'],
    [{ byHand: null }, '', 'no condition'],
    [{ byHand: false }, '/byHand', 'found false, expected true'],
    [{ byhand: true }, '/byhand', 'there is no such member'],
    [{ doneShare: 95 }, '/doneShare', 'found 95, expected a multiple of 0.0001 from 0.0001 to 1'],
    [{ doneShare: 0 }, '/doneShare', 'found 0'],
    [{ soakMs: 0 }, '/soakMs', 'found 0, expected a whole number from 1 to'],
    [{ soakMs: 1.5 }, '/soakMs', 'found 1.5'],
    [{ soakMs: '4h' }, '/soakMs', 'found "4h"'],
    [{ soakMs: 1e12 }, '/soakMs', 'found 1000000000000'],
  ])('DESIGN-6 %j', (json, pointer, message) => {
    try {
      parseGate(json);
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      expect([error.code, error.detail.pointer]).toEqual(['GATE_INVALID', pointer]);
      expect(error.message.startsWith(`${pointer || 'the document'}: ${message}`), error.message).toBe(true);
      return;
    }
    expect.unreachable();
  });

  it('DESIGN-6 what is taken is what was written', () => {
    fc.assert(
      fc.property(anyGate, (gate) => {
        expect(parseGate(JSON.parse(JSON.stringify(gate)))).toEqual(gate);
      }),
    );
    expect(parseGate({ byHand: true, soakMs: null })).toEqual({ byHand: true });
  });
});

const anyCounters: fc.Arbitrary<Counters> = fc.record({
  ...{ attempted: fc.nat(200), confirmed: fc.nat(200), failed: fc.nat(9), rolledBack: fc.nat(9), refused: fc.nat(9) },
  ...{ timedOut: fc.nat(9), cancelled: fc.nat(9), moving: fc.nat(9) },
});

const anyGate: fc.Arbitrary<Gate> = fc
  .record(
    {
      byHand: fc.constant(true as const),
      doneShare: fc.integer({ min: 1, max: 10_000 }).map((parts) => parts / 10_000),
      soakMs: fc.integer({ min: 1, max: 48 * HOUR_MS }),
    },
    { requiredKeys: [] },
  )
  .filter((gate) => Object.keys(gate).length > 0);

const anyTime = fc.option(fc.integer({ min: 0, max: 60 * HOUR_MS }).map((agoMs) => NOW_MS - agoMs));
const anyPhase: fc.Arbitrary<GateFacts> = fc.record({
  ...{ devices: fc.nat(200), isOpenedByHand: fc.boolean(), openedAtMs: anyTime, doneAtMs: anyTime },
  counters: fc.record({ proven: anyCounters, unproven: anyCounters }),
});
