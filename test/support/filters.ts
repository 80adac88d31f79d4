/** Random filters and random devices for them; small worlds, so that they meet. */
import fc from 'fast-check';
import type { Comparison, DeviceFacts, Field, Filter, Operator } from '../../src/fleet/rules/filter-model.ts';
import { OPERATORS_OF } from '../../src/fleet/rules/filter-model.ts';

/** Names that a careless object would already have, words of the language, and what needs quotes. */
const NAMES = [
  'eu',
  'a.b',
  '__proto__',
  'constructor',
  'toString',
  'and',
  'not',
  '',
  ' ',
  '"',
  '\\',
  'a*b',
  'é',
  '😀',
  "'",
];
const VERSIONS = ['1', '1.2', '1.2.0', '1.2.0-rc.1', '1.10', '2.0+b', '0', '-', '+', '*', '"', '(1)', '__proto__'];
const TAGS = ['site', '__proto__', 'constructor', 'a.b', 'and', '-'];
const COMPARISONS: readonly Comparison[] = ['==', '!=', '<', '<=', '>', '>='];
const DAYS = 86_400_000;

const anyName = fc.oneof(fc.constantFrom(...NAMES), fc.stringMatching(/^[a-c*" \\]{0,6}$/));
const anyVersion = fc.oneof(fc.constantFrom(...VERSIONS), fc.stringMatching(/^[0-2][.+-]?[0-2a]{0,3}$/));

const anyField: fc.Arbitrary<Field> = fc.oneof(
  fc.constantFrom('protocol', 'identity', 'hardware', 'group', 'channel', 'assurance', 'lastSeen').map((name) => ({
    name: name as 'protocol',
  })),
  fc.constantFrom(...TAGS).map((tag) => ({ name: 'tag' as const, tag })),
  fc.option(anyName).map((component) => ({ name: 'version' as const, component })),
);

const anyTest: fc.Arbitrary<Filter> = anyField.chain((field): fc.Arbitrary<Filter> => {
  if (field.name === 'lastSeen')
    return fc.integer({ min: 1, max: 315_360_000 }).map((s) => ({ kind: 'within', field, durationMs: s * 1000 }));
  const anyValue =
    field.name === 'version'
      ? anyVersion
      : field.name === 'assurance'
        ? fc.constantFrom('proven', 'bearer', 'claimed', 'anonymous')
        : anyName;
  const taken: readonly Operator[] = OPERATORS_OF[field.name];
  const comparisons = COMPARISONS.filter((operator) => taken.includes(operator));
  const compare = fc.record({ operator: fc.constantFrom(...comparisons), value: anyValue });
  const values = fc.array(anyValue, { minLength: 1, maxLength: 3 }).map((list) => list as [string, ...string[]]);
  return fc.oneof(
    compare.map((one) => ({ kind: 'compare' as const, field, ...one })),
    values.map((list) => ({ kind: 'in' as const, field, values: list })),
    ...(field.name === 'assurance' ? [] : [anyName.map((pattern) => ({ kind: 'like' as const, field, pattern }))]),
  );
});

/** As the parser could have made them. */
export const anyFilter: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    anyTest,
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('filter'), { minLength: 2, maxLength: 3 }))
      .map(([kind, filters]) => ({ kind, filters: filters as unknown as [Filter, Filter] })),
    tie('filter').map((filter) => ({ kind: 'not' as const, filter })),
  ),
})).filter;

const anyText = fc.oneof(anyName, anyVersion, fc.string({ unit: 'binary', maxLength: 8 }));

/** Whatever a device, a database or a program in between might come up with. */
export const anyFacts: fc.Arbitrary<DeviceFacts> = fc.record({
  protocol: anyText,
  identity: anyText,
  hardware: anyText,
  groups: fc.array(anyText, { maxLength: 3 }),
  channel: fc.option(anyText),
  tags: fc.array(fc.tuple(fc.constantFrom(...TAGS), anyText), { maxLength: 3 }).map((list) => new Map(list)),
  versions: fc.array(fc.tuple(anyName, fc.option(anyText)), { maxLength: 3 }).map((list) => new Map(list)),
  mainComponent: fc.option(anyName),
  lastSeenAtMs: fc.option(
    fc.oneof(fc.integer({ min: -20_000 * DAYS, max: 40_000 * DAYS }), fc.constantFrom(Number.NaN, -0, 1e300)),
  ),
  assurance: fc.option(fc.constantFrom('proven', 'bearer', 'claimed', 'anonymous')),
});

/** A device of which nothing is known but what is given. */
export function facts(known: Partial<DeviceFacts> = {}): DeviceFacts {
  return {
    ...{ protocol: 'cups', identity: '0000000000000001', hardware: 'corecell', groups: [], channel: null },
    ...{ tags: new Map(), versions: new Map(), mainComponent: null, lastSeenAtMs: null, assurance: null },
    ...known,
  };
}
