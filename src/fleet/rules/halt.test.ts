import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counters, NO_COUNTERS } from './counters.ts';
import { RulesError } from './errors.ts';
import { defaultCanaryDevices, gateState } from './gates.ts';
import { DEFAULT_HALT_RULES, type HaltRule, haltVerdict, parseHaltRules } from './halt.ts';

const counters = (known: Partial<Counters>): Counters => ({ ...NO_COUNTERS, ...known });
const proven = (known: Partial<Counters>) => ({ proven: counters(known), unproven: NO_COUNTERS });
const FAILED_3: HaltRule = { watch: 'failed', share: 0.03, minSample: 100 };
const SILENT_3: HaltRule = { watch: 'silent', share: 0.03, minSample: 100 };

const anyCounters = fc
  .record({
    ...{
      confirmed: fc.nat(2000),
      failed: fc.nat(30),
      rolledBack: fc.nat(30),
      refused: fc.nat(30),
      timedOut: fc.nat(30),
    },
    ...{ cancelled: fc.nat(300), moving: fc.nat(300) },
  })
  .map((parts): Counters => ({ ...parts, attempted: Object.values(parts).reduce((sum, part) => sum + part, 0) }));
const anyWatch = fc.constantFrom('failed' as const, 'silent' as const);
const anyRule: fc.Arbitrary<HaltRule> = fc.oneof(
  fc.record({
    watch: anyWatch,
    share: fc.oneof(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 500 })).map((parts) => parts / 10_000),
    minSample: fc.integer({ min: 1, max: 3000 }),
  }),
  fc.record({ watch: anyWatch, count: fc.integer({ min: 1, max: 200 }) }),
);

/** One more device that fails as `rule` watches it: one of those that are moving, or one that was not attempted before. */
function oneMore(rule: HaltRule, before: Counters): Counters {
  const kind = rule.watch === 'silent' ? 'timedOut' : 'failed';
  const after = { ...before, [kind]: before[kind] + 1 };
  return before.moving > 0 ? { ...after, moving: before.moving - 1 } : { ...after, attempted: before.attempted + 1 };
}

describe('REL-26 halt rules', () => {
  it.each([
    [
      { attempted: 1000, confirmed: 979, failed: 21 },
      '2.1 % of 3.0 % failed (21 of 1,000 attempted devices); 10 more in a row would halt it.',
    ],
    [
      { attempted: 1000, confirmed: 79, failed: 21, moving: 900 },
      '2.1 % of 3.0 % failed (21 of 1,000 attempted devices); 9 more in a row would halt it.',
    ],
    [
      { attempted: 1000, confirmed: 971, failed: 29 },
      '2.9 % of 3.0 % failed (29 of 1,000 attempted devices); 2 more in a row would halt it.',
    ],
    [
      { attempted: 999, confirmed: 970, failed: 29 },
      '2.9 % of 3.0 % failed (29 of 999 attempted devices); 1 more would halt it.',
    ],
    [
      { attempted: 1000, confirmed: 970, failed: 30 },
      '3.0 % of 3.0 % failed (30 of 1,000 attempted devices); this halts it.',
    ],
    [
      { attempted: 1000, confirmed: 970, failed: 10, rolledBack: 10, refused: 5, timedOut: 5 },
      '3.0 % of 3.0 % failed (30 of 1,000 attempted devices); this halts it.',
    ],
    [
      { attempted: 1500, confirmed: 970, failed: 30, cancelled: 500 },
      '3.0 % of 3.0 % failed (30 of 1,000 attempted devices); this halts it.',
    ],
    [
      { attempted: 99, failed: 99 },
      '99 of 99 attempted devices failed, too few to judge: the rule is 3.0 % of at least 100; 1 more would halt it.',
    ],
    [
      {},
      '0 of 0 attempted devices failed, too few to judge: the rule is 3.0 % of at least 100; 100 more in a row would halt it.',
    ],
  ])('REL-26 %j', (known, text) => {
    const verdict = haltVerdict([FAILED_3], proven(known));
    expect(verdict).toMatchObject({ halt: text.includes('this halts it'), rule: FAILED_3, text });
  });

  it('REL-26 the share is of attempted devices, and 26 more in a row are 26', () => {
    const verdict = haltVerdict([FAILED_3], proven({ attempted: 2800, confirmed: 2742, failed: 59 }));
    expect(verdict.text).toBe('2.1 % of 3.0 % failed (59 of 2,801 attempted devices); 26 more in a row would halt it.');
  });

  it('REL-26 a number of devices', () => {
    const rule: HaltRule = { watch: 'silent', count: 1000 };
    expect(haltVerdict([rule], proven({ attempted: 5000, timedOut: 3 })).text).toBe(
      '3 of 1,000 devices fell silent; 997 more in a row would halt it.',
    );
    expect(haltVerdict([rule], proven({ attempted: 5000, timedOut: 1000 }))).toMatchObject({ halt: true, rule });
    expect(haltVerdict([rule], proven({ attempted: 5000, failed: 5000 })).halt).toBe(false);
  });

  it('REL-26 says how far each rule is; the verdict is that of the first that halts, else of the nearest', () => {
    const rules: HaltRule[] = [{ watch: 'failed', count: 500 }, FAILED_3, { watch: 'failed', count: 30 }];
    const before = haltVerdict(rules, proven({ attempted: 1000, confirmed: 980, failed: 20 }));
    expect(before.standings.map(({ rule, moreToHalt }) => [rule, moreToHalt])).toEqual([
      ...[[rules[0], 480] as const, [rules[1], 11] as const, [rules[2], 10] as const],
    ]);
    expect([before.halt, before.rule]).toEqual([false, rules[2]]);
    const after = haltVerdict(rules, proven({ attempted: 1000, confirmed: 970, failed: 30 }));
    expect([after.halt, after.rule]).toEqual([true, rules[1]]);
  });

  it('REL-26 so many more halt, and one less does not', () => {
    fc.assert(
      fc.property(anyRule, anyCounters, (rule, start) => {
        const [standing] = haltVerdict([rule], { proven: start, unproven: NO_COUNTERS }).standings;
        let now = start;
        let needed = 0;
        while (!haltVerdict([rule], { proven: now, unproven: NO_COUNTERS }).halt && needed < 3000) {
          now = oneMore(rule, now);
          needed += 1;
        }
        if (needed < 3000) expect(standing?.moreToHalt).toBe(needed);
        else expect(standing?.moreToHalt).toBeGreaterThanOrEqual(3000);
      }),
      { numRuns: 300 },
    );
  });

  it('REL-26 halts when in doubt: no rules, or counters that cannot be', () => {
    expect(haltVerdict([], proven({}))).toMatchObject({ halt: true, rule: null, text: 'It has no halt rule.' });
    for (const wrong of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY]) {
      for (const one of [proven({ moving: wrong }), { proven: NO_COUNTERS, unproven: counters({ failed: wrong }) }])
        expect(haltVerdict([FAILED_3], one)).toMatchObject({ halt: true, text: 'Its counters make no sense.' });
    }
  });

  it('REL-26 counters that do not add up are taken at their larger number', () => {
    expect(haltVerdict([FAILED_3], proven({ attempted: 0, confirmed: 971, failed: 29 })).standings[0]?.attempted).toBe(
      1000,
    );
  });
});

describe('REL-27 silence', () => {
  it('REL-27 counts as failed, and for rules of its own', () => {
    const silent = proven({ attempted: 1000, confirmed: 970, timedOut: 30 });
    expect(haltVerdict([FAILED_3], silent).halt).toBe(true);
    expect(haltVerdict([SILENT_3], silent)).toMatchObject({
      halt: true,
      text: '3.0 % of 3.0 % fell silent (30 of 1,000 attempted devices); this halts it.',
    });
    const failed = proven({ attempted: 1000, confirmed: 970, failed: 10, rolledBack: 10, refused: 10 });
    expect(haltVerdict([SILENT_3], failed).halt).toBe(false);
  });
});

describe('REL-26 reports that nobody has proven', () => {
  const good = counters({ attempted: 100_000, confirmed: 100_000 });
  const bad = counters({ attempted: 100, failed: 100 });

  it('REL-26 may halt, alone or together with the others', () => {
    expect(haltVerdict([FAILED_3], { proven: NO_COUNTERS, unproven: bad }).halt).toBe(true);
    const diluted = { proven: counters({ attempted: 9000, confirmed: 9000 }), unproven: bad };
    const verdict = haltVerdict([FAILED_3], diluted);
    expect([verdict.halt, verdict.text]).toEqual([
      true,
      '100.0 % of 3.0 % failed (100 of 100 attempted devices), counting only devices that do not prove who they are; this halts it.',
    ]);
    const few = counters({ attempted: 60, failed: 60 });
    expect(haltVerdict([FAILED_3], { proven: few, unproven: few })).toMatchObject({
      standings: [{ population: 'all' }],
      halt: true,
    });
  });

  it('REL-26 hide nothing: claimed success cannot keep a rollout going that proven failures halt', () => {
    const verdict = haltVerdict([FAILED_3], { proven: bad, unproven: good });
    expect([verdict.halt, verdict.text]).toEqual([
      true,
      '100.0 % of 3.0 % failed (100 of 100 attempted devices), counting only devices that prove who they are; this halts it.',
    ]);
    fc.assert(
      fc.property(fc.array(anyRule, { minLength: 1 }), anyCounters, anyCounters, (rules, sure, claimed) => {
        const alone = haltVerdict(rules, { proven: sure, unproven: NO_COUNTERS });
        const together = haltVerdict(rules, { proven: sure, unproven: claimed });
        if (alone.halt) expect(together.halt).toBe(true);
      }),
    );
  });
});

describe('REL-26 a rule that is missing or cannot be understood refuses to start', () => {
  it.each<readonly [unknown, string, string, string]>([
    [undefined, 'HALT_RULE_MISSING', '', 'no rule halts at a share of failed devices'],
    [null, 'HALT_RULE_MISSING', '', 'no rule halts at a share of failed devices'],
    [[], 'HALT_RULE_MISSING', '', 'no rule halts at a share of failed devices'],
    [[{ watch: 'failed', count: 3 }, SILENT_3], 'HALT_RULE_MISSING', '', 'no rule halts at a share of failed devices'],
    [[FAILED_3], 'HALT_RULE_MISSING', '', 'no rule halts when devices fall silent'],
    [FAILED_3, 'HALT_RULE_INVALID', '', 'found an object, expected a list'],
    [JSON.stringify([FAILED_3, SILENT_3]), 'HALT_RULE_INVALID', '', 'found "[{'],
    [Array.from({ length: 17 }, () => SILENT_3), 'HALT_RULE_INVALID', '', '17 where at most 16 are allowed'],
    [[FAILED_3, 'silent'], 'HALT_RULE_INVALID', '/1', 'found "silent", expected an object'],
    [[FAILED_3, null], 'HALT_RULE_INVALID', '/1', 'found null, expected an object'],
    [
      [{ ...FAILED_3, watch: 'faild' }],
      'HALT_RULE_INVALID',
      '/0/watch',
      'found "faild", expected "failed" or "silent"',
    ],
    [[{ ...FAILED_3, watch: undefined }], 'HALT_RULE_INVALID', '/0/watch', 'found nothing'],
    [[{ ...FAILED_3, Share: 1 }], 'HALT_RULE_INVALID', '/0/Share', 'there is no such member'],
    [[{ ...FAILED_3, count: 3 }], 'HALT_RULE_INVALID', '/0', 'expected share and minSample, or count'],
    [[{ watch: 'failed' }], 'HALT_RULE_INVALID', '/0', 'expected share and minSample, or count'],
    [[{ watch: 'failed', share: 0.1 }], 'HALT_RULE_INVALID', '/0/minSample', 'found nothing, expected a whole number'],
    [[{ watch: 'failed', minSample: 1 }], 'HALT_RULE_INVALID', '/0/share', 'found nothing'],
    ...[0, 1, 3, -0.1, 0.00005, '3 %', Number.NaN, Number.POSITIVE_INFINITY, true].map(
      (share) => [[{ ...FAILED_3, share }], 'HALT_RULE_INVALID', '/0/share', 'found '] as const,
    ),
    ...[0, 1.5, -1, 1e9, '7'].map(
      (minSample) => [[{ ...FAILED_3, minSample }], 'HALT_RULE_INVALID', '/0/minSample', 'found '] as const,
    ),
    [[{ watch: 'silent', count: 0 }], 'HALT_RULE_INVALID', '/0/count', 'found 0, expected a whole number from 1'],
    [
      JSON.parse('[{"__proto__":{"watch":"failed","count":1}}]') as unknown,
      'HALT_RULE_INVALID',
      '/0/__proto__',
      'there is',
    ],
  ])('REL-26 %j', (json, code, pointer, message) => {
    try {
      parseHaltRules(json);
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      expect([error.code, error.detail.pointer]).toEqual([code, pointer]);
      expect(error.message.startsWith(`${pointer || 'the document'}: ${message}`), error.message).toBe(true);
      return;
    }
    expect.unreachable();
  });

  it('REL-26 what is taken is what was written', () => {
    const rules = [
      FAILED_3,
      SILENT_3,
      { watch: 'silent', count: 20 },
      { watch: 'failed', share: 0.0001, minSample: 1 },
    ];
    expect(parseHaltRules(JSON.parse(JSON.stringify(rules)))).toEqual(rules);
    expect(parseHaltRules(DEFAULT_HALT_RULES)).toEqual(DEFAULT_HALT_RULES);
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 10 }), (more) => {
        expect(parseHaltRules([FAILED_3, SILENT_3, ...more])).toEqual([FAILED_3, SILENT_3, ...more]);
      }),
    );
  });

  it('REL-26 any JSON is a list of rules or a named error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(fc.object())), (json) => {
        expect(() => parseHaltRules(json)).toThrow(RulesError);
      }),
    );
  });
});

/** mulberry32: the same numbers for the same seed, everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const BAD = ['failed', 'rolledBack', 'refused', 'timedOut'] as const;
const SAMPLES = new Set(DEFAULT_HALT_RULES.flatMap((rule) => ('minSample' in rule ? [rule.minSample] : [])));

interface Phase {
  readonly devices: number;
  /** Of a device: how it ends. */
  readonly end: (random: () => number) => keyof Counters;
  /** Devices that are under way at once. */
  readonly atOnce: number;
}

/** One device after the other ends; a verdict after each report that can matter. @returns the counters at the halt, or at the end */
function runPhase({ devices, end, atOnce }: Phase, random: () => number) {
  const now: { -readonly [K in keyof Counters]: number } = { ...NO_COUNTERS };
  for (let ended = 1; ended <= devices; ended += 1) {
    now.attempted = Math.min(devices, ended - 1 + atOnce);
    now.moving = now.attempted - ended;
    const kind = end(random);
    now[kind] += 1;
    // A success makes no share larger; but it can complete a sample.
    if (kind === 'confirmed' && !SAMPLES.has(now.attempted)) continue;
    if (haltVerdict(DEFAULT_HALT_RULES, proven(now)).halt) return { halted: true, now };
  }
  return { halted: false, now };
}

/** Canary, a tenth, half, the rest. */
function phasesOf(devices: number): readonly number[] {
  const canary = defaultCanaryDevices(devices);
  return [canary, devices / 10, devices / 2, devices * 0.4 - canary].map(Math.floor).filter((size) => size > 0);
}

describe('REL-26 the default rules', () => {
  const inTwoHundred = (random: () => number) =>
    random() < 0.005 ? (BAD[Math.floor(random() * BAD.length)] ?? 'failed') : 'confirmed';

  it.each([100, 1000, 10_000])(
    'REL-26 no false stop in 1,000 rollouts to %i devices, where one of 200 fails by chance',
    (devices) => {
      let [halted, reports, bad] = [0, 0, 0];
      for (let seed = 1; seed <= 1000; seed += 1) {
        const random = randomOf(seed * 1_000_003 + devices);
        const atOnce = [1, 10, devices][seed % 3] ?? 1;
        for (const size of phasesOf(devices)) {
          const phase = runPhase({ devices: size, end: inTwoHundred, atOnce }, random);
          if (phase.halted) halted += 1;
          reports += phase.now.attempted;
          bad += phase.now.attempted - phase.now.confirmed;
        }
      }
      expect(halted).toBe(0);
      // The background was there.
      expect(reports).toBeGreaterThan(990 * devices);
      expect(bad / reports).toBeGreaterThan(0.0045);
      expect(bad / reports).toBeLessThan(0.0055);
    },
  );

  it('REL-26 computed instead of simulated: a phase halts by chance in 3 of a million', () => {
    expect(chanceOfHalt(10, 0.005)).toBeLessThan(2e-7);
    const phase = chanceOfHalt(5000, 0.005);
    expect(phase).toBeLessThan(3e-6);
    // Of 100 rollouts of 4 phases each, all go through with 99.8 %.
    expect((1 - phase) ** 400).toBeGreaterThan(0.998);
    // What the rules are there for: an image that fails on every tenth device does not go through.
    expect(chanceOfHalt(1000, 0.1)).toBeGreaterThan(0.99);
  });

  it.each(['failed', 'rolledBack', 'refused', 'timedOut'] as const)(
    'REL-26 an image that ends as %s everywhere reaches 8 devices of the canary, and those under way',
    (kind) => {
      for (const devices of [1000, 10_000, 1_000_000]) {
        const canary = defaultCanaryDevices(devices);
        expect(runPhase({ devices: canary, end: () => kind, atOnce: 1 }, randomOf(1)).now).toEqual(
          counters({ attempted: 8, [kind]: 8 }),
        );
        const { halted, now } = runPhase({ devices: canary, end: () => kind, atOnce: canary }, randomOf(1));
        expect([halted, now.attempted]).toEqual([true, canary]);
      }
    },
  );

  it.each([
    ['fails on every third device', 'rolledBack', 1 / 3],
    ['hangs on every fifth device', 'timedOut', 1 / 5],
  ] as const)('REL-26 an image that %s halts within a canary of 100, 100 times of 100', (_what, kind, share) => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const end = (random: () => number) => (random() < share ? kind : 'confirmed');
      for (const atOnce of [1, 10, 100])
        expect(runPhase({ devices: 100, end, atOnce }, randomOf(seed)).halted, `seed ${seed}`).toBe(true);
    }
  });

  it('REL-26 what a canary of 10 is too small to see keeps the gate closed', () => {
    for (let bad = 1; bad <= 3; bad += 1) {
      const now = proven({ attempted: 10, confirmed: 10 - bad, timedOut: bad });
      expect(haltVerdict(DEFAULT_HALT_RULES, now).halt).toBe(false);
      const facts = { devices: 10, counters: now, isOpenedByHand: false, openedAtMs: 0, doneAtMs: null };
      expect(gateState({ doneShare: 0.95 }, facts, 0)).toMatchObject({
        open: false,
        text: `${10 - bad}0 % of 95 % done`,
      });
    }
  });

  it('REL-26 the canary is 10 devices, or 1 % of more than 1,000', () => {
    expect([0, 3, 10, 11, 1000, 1099, 1100, 10_000, 9_999_999].map(defaultCanaryDevices)).toEqual([
      ...[0, 3, 10, 10, 10, 10, 11, 100, 99_999],
    ]);
  });
});

/**
 * The probability that a phase halts while its devices end one by one, each failing silently (which counts for every rule) with
 * probability `share`: exact, over the number of failures so far.
 */
function chanceOfHalt(devices: number, share: number): number {
  let alive = [1];
  let halted = 0;
  let limit = 1;
  for (let ended = 1; ended <= devices; ended += 1) {
    const next = Array.from(
      { length: alive.length + 1 },
      (_, bad) => (alive[bad] ?? 0) * (1 - share) + (alive[bad - 1] ?? 0) * share,
    );
    const halts = (bad: number) =>
      haltVerdict(DEFAULT_HALT_RULES, proven({ attempted: ended, confirmed: ended - bad, timedOut: bad })).halt;
    // How many bad ones halt changes by little from one device to the next, but falls where a rule begins.
    while (limit > 1 && halts(Math.min(limit - 1, ended))) limit -= 1;
    while (limit <= ended && !halts(limit)) limit += 1;
    for (const chance of next.slice(limit)) halted += chance;
    alive = next.slice(0, limit);
    while (alive.length > 1 && (alive.at(-1) ?? 0) < 1e-20) alive.pop();
  }
  return halted;
}
