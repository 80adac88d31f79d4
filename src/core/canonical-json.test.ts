import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyJson } from '../../test/support/json.ts';
import { countedSteps } from '../../test/support/steps.ts';
import { canonicalJson, wireJson } from './canonical-json.ts';
import { type JsonValue, parseJson } from './json.ts';

const canonical = (value: JsonValue) => Buffer.from(canonicalJson(value)).toString();

/** Names that begin alike, with units below, inside and above the surrogates. */
const anyName = fc
  .array(fc.constantFrom('a', '\u00e9', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'), { maxLength: 4 })
  .map((characters) => characters.join(''));

describe('SEC-10 canonical JSON, order and speed', () => {
  it('SEC-10 sorts names as their UTF-8 sorts, whatever they hold', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyName), (names) => {
        const inOrder = names.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
        const expected = `{${inOrder.map((name) => `"${name}":0`).join(',')}}`;
        expect(canonical(new Map(names.map((name) => [name, 0])))).toBe(expected);
        expect(canonical(new Map(inOrder.map((name) => [name, 0])))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('SEC-10 a Map and the plain object it stands for have the same bytes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1 }), (names) => {
        const members = names.map((name, index) => [name, index] as const);
        expect(canonicalJson(Object.fromEntries(members))).toEqual(canonicalJson(new Map(members)));
      }),
    );
  });

  it.each(['\ud800', '\udc00', 'x\udbffx', '\udc00\ud800'])(
    'SEC-10 has no form for the lone surrogate in %j',
    (text) => {
      for (const value of [text, [text], new Map([[text, 1]]), new Map([['a', text]])])
        expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'JSON_SURROGATE' }));
      expect(canonical(['\ud83d', '\ude00'].join(''))).toBe('"\u{1f600}"');
      expect(() => canonicalJson(['\ud83d', '\ude00'])).toThrow(expect.objectContaining({ code: 'JSON_SURROGATE' }));
    },
  );

  it('SEC-10 nests 64 levels deep and no deeper, and has no holes', () => {
    const nested = (levels: number): JsonValue => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(canonical(nested(64))).toBe(`${'['.repeat(64)}1${']'.repeat(64)}`);
    expect(() => canonicalJson(nested(65))).toThrow(expect.objectContaining({ code: 'JSON_DEPTH' }));
    expect(() => canonicalJson(Array<JsonValue>(1))).toThrow(expect.objectContaining({ code: 'JSON_SHAPE' }));
  });

  it('SEC-10 sorting names with surrogates costs steps in n log n, not more', () => {
    const document = (count: number) =>
      new Map(Array.from({ length: count }, (_, index) => [`\u{1f600}${(index * 7_919) % 100_003}`, 1]));
    const [small, large] = [document(1_000), document(4_000)].map((value) => countedSteps(() => canonicalJson(value)));
    expect(small).toBeGreaterThan(1_000);
    expect((large ?? 0) / (small ?? 0)).toBeLessThan(6);
  });
});

describe('SEC-10 wire JSON', () => {
  it('SEC-10 is JSON for every value, reads back as it, and is written the same again', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const wire = wireJson(value);
        const again = parseJson(wire);
        expect(again).toEqual(value);
        expect(wireJson(again)).toEqual(wire);
        expect(canonicalJson(again)).toEqual(canonicalJson(value));
        expect(JSON.parse(Buffer.from(wire).toString()) as unknown).toBeDefined();
      }),
    );
  });

  it('SEC-10 is the canonical form wherever no string holds a control character', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const bytes = canonicalJson(value);
        const holdsControl = bytes.some((byte) => byte < 0x20);
        expect(Buffer.compare(wireJson(value), bytes) === 0).toBe(!holdsControl);
      }),
    );
  });

  it('SEC-10 escapes exactly what JSON demands, in its short forms', () => {
    const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).join('');
    const text = Buffer.from(wireJson(new Map([[`${controls}"\\/\u007f\u0080\u2028`, controls]]))).toString();
    const escaped =
      '\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f' +
      '\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f';
    expect(text).toBe(`{"${escaped}\\"\\\\/\u007f\u0080\u2028":"${escaped}"}`);
  });
});
