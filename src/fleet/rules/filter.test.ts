import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyFacts, anyFilter, facts } from '../../../test/support/filters.ts';
import { type DeviceFacts, type Filter, fieldsOf, matches, parseFilter, printField, printFilter } from './filter.ts';

const NOW_MS = Date.UTC(2027, 0, 10, 12);
const HOUR_MS = 3_600_000;
const test = (text: string, known: Partial<DeviceFacts> = {}) => matches(parseFilter(text), facts(known), NOW_MS);
const firmware = (version: string | null) => ({ versions: new Map([['firmware', version]]) });

describe('DESIGN-3 filters', () => {
  it('DESIGN-3 the example of the design', () => {
    const filter =
      'protocol == uptane and version(firmware) < 2.1.0 and tag.site == "eu" and not group in (canary, lab)';
    const device = { protocol: 'uptane', tags: new Map([['site', 'eu']]), ...firmware('2.0.9') };
    expect(test(filter, device)).toBe(true);
    expect(test(filter, { ...device, groups: ['lab'] })).toBe(false);
    expect(test(filter, { ...device, ...firmware('2.1') })).toBe(false);
    expect(test(filter, { ...device, tags: new Map([['site', 'us']]) })).toBe(false);
    expect(test(filter, { ...device, protocol: 'omaha' })).toBe(false);
  });

  it.each([
    ['version == 1.2', '1.2.0', true],
    ['version == 1.2', '1.2+build', true],
    ['version < 1.10', '1.9', true],
    ['version < 1.2', '1.2-rc.1', true],
    ['version <= 1.2', '1.2.0', true],
    ['version > 1.2', '1.2.0', false],
    ['version >= 1.2', '1.2.0', true],
    ['version != 1.2', '1.2.0', false],
    ['version in (1.1, 1.2)', '1.2.0', true],
    ['version like 1.2.*', '1.2.0', true],
    ['version like 1.2', '1.2.0', false],
  ])('DESIGN-3 %s, with %s: %s', (filter, version, expected) => {
    expect(test(filter, firmware(version))).toBe(expected);
  });

  it.each([[new Map()], [new Map([['firmware', null]])], [new Map([['firmware', 'build 12']])]])(
    'DESIGN-3 a version that is missing, unknown or none: %s',
    (versions: ReadonlyMap<string, string | null>) => {
      for (const operator of ['==', '<', '<=', '>', '>='])
        expect(test(`version ${operator} 1`, { versions })).toBe(false);
      expect(test('version != 1', { versions })).toBe(true);
      expect(test('version in (1, 2)', { versions })).toBe(false);
      expect(test('version like *', { versions })).toBe(false);
    },
  );

  it('DESIGN-3 version alone is the main component, or the only one', () => {
    const two = new Map([
      ['boot', '1'],
      ['app', '2'],
    ]);
    for (const version of [1, 2]) expect(test(`version == ${version}`, { versions: two })).toBe(false);
    expect(test('version == 2', { versions: two, mainComponent: 'app' })).toBe(true);
    expect(test('version == 2', { versions: two, mainComponent: 'radio' })).toBe(false);
    expect(test('version == 7', firmware('7'))).toBe(true);
  });

  it('DESIGN-3 a group is any of the groups of a device', () => {
    const device = { groups: ['lab', 'canary-1'] };
    expect(test('group == lab', device)).toBe(true);
    expect(test('group != lab', device)).toBe(false);
    expect(test('group != eu', device)).toBe(true);
    expect(test('group like canary-*', device)).toBe(true);
    expect(test('group == lab and group == canary-1', device)).toBe(true);
    expect(test('group != lab')).toBe(true);
  });

  it.each([
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a**a', 'aba', true],
    ['*b*', 'abc', true],
    ['*ab*ab*', 'abab', true],
    ['*ab*ab*', 'abxa', false],
    ['a*', 'ba', false],
    ['*a', 'ab', false],
    ['.', 'a', false],
    ['*aab', 'aaaab', true],
  ])('DESIGN-3 like "%s" of "%s": %s', (pattern, text, expected) => {
    expect(test(`tag.x like "${pattern}"`, { tags: new Map([['x', text]]) })).toBe(expected);
  });

  it('REL-19 like takes no longer than text times pattern', () => {
    const pattern = `${'*a'.repeat(100)}${'a'.repeat(55)}b`;
    const tags = new Map([['x', 'a'.repeat(200_000)]]);
    const startedAtMs = performance.now();
    expect(test(`tag.x like ${pattern}`, { tags })).toBe(false);
    expect(performance.now() - startedAtMs).toBeLessThan(2000);
  });

  it('REL-11 last seen: within is inclusive; never is within nothing, and the future within everything', () => {
    const seen = (agoMs: number) => ({ lastSeenAtMs: NOW_MS - agoMs });
    expect(test('lastSeen within 2h', seen(2 * HOUR_MS))).toBe(true);
    expect(test('lastSeen within 2h', seen(2 * HOUR_MS + 1))).toBe(false);
    expect(test('lastSeen within 2h', seen(-HOUR_MS))).toBe(true);
    expect(test('lastSeen within 3650d')).toBe(false);
    expect(test('not lastSeen within 3650d')).toBe(true);
  });

  it('DESIGN-3 fields, each once', () => {
    const filter = parseFilter(
      'group == a and (tag.site == eu or not tag.site == us) and version(x) < 1 and version < 1 and lastSeen within 1h',
    );
    expect(fieldsOf(filter).map(printField)).toEqual(['group', 'tag.site', 'version(x)', 'version', 'lastSeen']);
  });
});

describe('DESIGN-3 properties of filters', () => {
  it('DESIGN-3 are read as they are printed', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        expect(parseFilter(printFilter(filter))).toEqual(filter);
      }),
      { numRuns: 1000 },
    );
  });

  it('DESIGN-3 print in one spelling, whatever spaces, quotes and parentheses were written', () => {
    const spellings = ['protocol==cups', ' protocol  ==\t"cups"\n', "((protocol == 'cups'))"];
    expect(new Set(spellings.map((text) => printFilter(parseFilter(text))))).toEqual(new Set(['protocol == cups']));
  });

  it('DESIGN-3 answer for any facts and never throw; of a test and its opposite one is true', () => {
    fc.assert(
      fc.property(anyFilter, anyFacts, fc.oneof(fc.integer(), fc.double()), (filter, device, nowMs) => {
        const answer = matches(filter, device, nowMs);
        expect(answer).toBeTypeOf('boolean');
        expect(matches({ kind: 'not', filter }, device, nowMs)).toBe(!answer);
      }),
      { numRuns: 1000 },
    );
  });

  it('DESIGN-3 follow De Morgan, and != is not ==', () => {
    const not = (filter: Filter): Filter => ({ kind: 'not', filter });
    fc.assert(
      fc.property(anyFilter, anyFilter, anyFacts, (left, right, device) => {
        const same = (one: Filter, other: Filter) =>
          expect(matches(one, device, NOW_MS)).toBe(matches(other, device, NOW_MS));
        same(not({ kind: 'and', filters: [left, right] }), { kind: 'or', filters: [not(left), not(right)] });
        same(not({ kind: 'or', filters: [left, right] }), { kind: 'and', filters: [not(left), not(right)] });
        if (left.kind === 'compare' && left.operator === '!=') same(left, not({ ...left, operator: '==' }));
        if (left.kind === 'in') {
          const [first, ...others] = left.values.map(
            (value): Filter => ({ kind: 'compare', field: left.field, operator: '==', value }),
          );
          const [second, ...more] = others;
          if (first && second) same(left, { kind: 'or', filters: [first, second, ...more] });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('SEC-13 names like __proto__ are names like others', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
      expect(test(`tag.${name} like *`)).toBe(false);
      expect(test(`version(${name}) like *`)).toBe(false);
      expect(test(`tag.${name} == ${name}`, { tags: new Map([[name, name]]) })).toBe(true);
      expect(test(`version(${name}) == 1`, { versions: new Map([[name, '1']]) })).toBe(true);
      expect(() => parseFilter(`${name} == 1`)).toThrow(expect.objectContaining({ code: 'FILTER_FIELD' }));
      expect(() => parseFilter(`protocol ${name} 1`)).toThrow(expect.objectContaining({ code: 'FILTER_SYNTAX' }));
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
