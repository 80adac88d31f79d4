import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyJson } from '../../test/support/json.ts';
import { countedSteps } from '../../test/support/steps.ts';
import { utf8Encode } from './bytes.ts';
import { canonicalJson } from './canonical-json.ts';
import { asArray, asInteger, asObject, asString, JsonError, type JsonValue, parseJson } from './json.ts';

const parse = (text: string, options = {}) => parseJson(utf8Encode(text), options);

/** Node hides it behind a flag, which can be set while it runs. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** JSON text in all the spellings JSON.stringify does not choose. */
function write(value: JsonValue): string {
  if (value instanceof Map) {
    return `{ ${[...(value as ReadonlyMap<string, JsonValue>)].map(([name, member]) => `${JSON.stringify(name)} :\t${write(member)}`).join('\n,')} }`;
  }
  if (Array.isArray(value)) return `[${(value as JsonValue[]).map(write).join(' , ')}]`;
  return JSON.stringify(value);
}

describe('SEC-10 strict JSON', () => {
  it('SEC-10 reads what JSON.stringify and others write', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(parse(write(value))).toEqual(value);
      }),
    );
  });

  it('SEC-9 gives a value or a JsonError for any bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string().map(utf8Encode),
          anyJson.map((value) => utf8Encode(write(value))),
        ),
        fc.nat(),
        (bytes, at) => {
          const mutated = bytes.slice();
          if (mutated.length > 0) mutated[at % mutated.length] = at % 256;
          try {
            parseJson(mutated);
          } catch (error) {
            expect(error).toBeInstanceOf(JsonError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('SEC-9 what is empty costs nothing: all of it is the same, and cannot be told from a fresh one', () => {
    const items = asArray(parse('[{},{},[],[ ],{ }]'), '');
    expect(new Set(items).size).toBe(2);
    expect(items).toEqual([new Map(), new Map(), [], [], new Map()]);
    expect(items[2]).toBe(parse('[]'));
    expect(items[0]).toBe(parse('{}'));
    expect(Object.isFrozen(items[2])).toBe(true);
  });

  it.each(['{}', '[]', '[0]', '[[]]', '[[[0]]]', '{"":0}', '""', '"a"', '[1,1]', '[{"":[0]}]'])(
    'SEC-9 a document full of %s takes at most 64 bytes of memory for each of its own',
    (unit) => {
      const text = `[${`${unit},`.repeat(Math.ceil(2 ** 21 / (unit.length + 1)))}0]`;
      const bytes = utf8Encode(text);
      const collect = garbageCollector();
      collect();
      const before = process.memoryUsage().heapUsed;
      const value = parseJson(bytes);
      collect();
      const grown = process.memoryUsage().heapUsed - before;
      expect(asArray(value, '').length).toBeGreaterThan(1_000);
      expect(grown / bytes.length).toBeLessThan(64);
    },
  );

  it('SEC-9 refuses every proper prefix of an object', () => {
    fc.assert(
      fc.property(anyJson, fc.nat(), (value, cut) => {
        const text = write(new Map([['a', value]]));
        expect(() => parse(text.slice(0, cut % text.length))).toThrow(JsonError);
      }),
    );
  });

  it.each([
    ['', 'JSON_SYNTAX'],
    ['nul', 'JSON_SYNTAX'],
    ['{"a":1,"a":2}', 'JSON_DUPLICATE'],
    ['{"a":1,"\\u0061":2}', 'JSON_DUPLICATE'],
    ['{"__proto__":1,"__proto__":2}', 'JSON_DUPLICATE'],
    ['1.0', 'JSON_NUMBER'],
    ['1e3', 'JSON_NUMBER'],
    ['-0', 'JSON_NUMBER'],
    ['01', 'JSON_NUMBER'],
    ['9007199254740992', 'JSON_NUMBER'],
    ['-9007199254740992', 'JSON_NUMBER'],
    ['"\\ud800"', 'JSON_SURROGATE'],
    ['"\\udc00\\ud800"', 'JSON_SURROGATE'],
    ['{"\\ud800":1}', 'JSON_SURROGATE'],
    ['"\u0001"', 'JSON_SYNTAX'],
    ['"tab\there"', 'JSON_SYNTAX'],
    ['"\\x41"', 'JSON_SYNTAX'],
    ['"\\u00g0"', 'JSON_SYNTAX'],
    ['"open', 'JSON_SYNTAX'],
    ['[1,]', 'JSON_SYNTAX'],
    ['{"a":1,}', 'JSON_SYNTAX'],
    ["{'a':1}", 'JSON_SYNTAX'],
    ['{a:1}', 'JSON_SYNTAX'],
    ['[1] x', 'JSON_SYNTAX'],
    ['[1]\u00a0', 'JSON_SYNTAX'],
    ['\ufeff{}', 'JSON_SYNTAX'],
    ['// no\n{}', 'JSON_SYNTAX'],
    ['NaN', 'JSON_SYNTAX'],
    ['+1', 'JSON_SYNTAX'],
    ['-', 'JSON_SYNTAX'],
  ])('SEC-10 refuses %j as %s', (text, code) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code }));
  });

  it('SEC-10 refuses ill-formed UTF-8, too much depth, too many bytes', () => {
    expect(() => parseJson(new Uint8Array([0x22, 0xc3, 0x22]))).toThrow(expect.objectContaining({ code: 'JSON_UTF8' }));
    expect(() => parse('['.repeat(100_000))).toThrow(expect.objectContaining({ code: 'JSON_DEPTH' }));
    expect(parse(`${'['.repeat(64)}${']'.repeat(64)}`)).toHaveLength(1);
    expect(() => parse(`${'['.repeat(65)}${']'.repeat(65)}`)).toThrow(expect.objectContaining({ code: 'JSON_DEPTH' }));
    expect(() => parse('[1,2,3]', { maxBytes: 6 })).toThrow(expect.objectContaining({ code: 'JSON_SIZE' }));
  });

  it('SEC-10 lets fractions through only when asked to', () => {
    expect(parse('[1.5,-0,2e3,0.1]', { fractions: true })).toEqual([1.5, -0, 2_000, 0.1]);
    expect(() => parse('1e999', { fractions: true })).toThrow(expect.objectContaining({ code: 'JSON_NUMBER' }));
  });

  it('SEC-10 visits each character a bounded number of times: four times the size, four times the steps', () => {
    const hostile = [
      (n: number) => `"${'\\u0041'.repeat(n)}"`,
      (n: number) => `[${'1,'.repeat(n)}1]`,
      (n: number) => ' '.repeat(n),
    ];
    for (const build of hostile) {
      const [small, large] = [build(1_000), build(4_000)].map((text) => countedSteps(() => parse(text)));
      expect((large ?? 0) / (small ?? 0)).toBeLessThan(4.2);
    }
  });

  it('SEC-10 names say where a value has the wrong shape', () => {
    const object = asObject(parse('{"n":-1,"s":"x","a":[]}'), '');
    expect(asString(object.get('s'), '/s')).toBe('x');
    expect(asArray(object.get('a'), '/a')).toEqual([]);
    expect(() => asInteger(object.get('n'), '/n')).toThrow(
      expect.objectContaining({ code: 'JSON_SHAPE', detail: { pointer: '/n' } }),
    );
    expect(() => asObject(object.get('missing'), '/missing')).toThrow('/missing is not an object');
  });
});

describe('SEC-10 canonical JSON', () => {
  it('SEC-10 is one spelling per value, whatever the order of members', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.tuple(
            fc.string({ unit: 'binary' }).map((t) => t.toWellFormed()),
            fc.maxSafeInteger(),
          ),
          { selector: ([n]) => n },
        ),
        (members) => {
          const forward = canonicalJson(new Map(members));
          const backward = canonicalJson(new Map(members.toReversed()));
          expect(forward).toEqual(backward);
        },
      ),
    );
  });

  it('SEC-10 reads back as the value it was made from, where JSON can say it', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = Buffer.from(canonicalJson(value)).toString();
        fc.pre(!/\p{Cc}/u.test(text));
        expect(parse(text)).toEqual(value);
      }),
    );
  });

  it('SEC-10 sorts by code point, which is not how JavaScript compares', () => {
    const [high, astral] = ['\ue000', '\u{10000}'];
    expect(Buffer.from(canonicalJson({ [astral]: 1, [high]: 2 })).toString()).toBe(`{"${high}":2,"${astral}":1}`);
  });

  it.each([[1.5], [Number.NaN], [2 ** 53], ['\ud800'], [undefined], [() => 1]])(
    'SEC-10 has no form for %s',
    (value) => {
      expect(() => canonicalJson({ value: value as string })).toThrow(JsonError);
    },
  );

  it('SEC-10 takes plain objects of our own, Maps and arrays alike', () => {
    expect(Buffer.from(canonicalJson({ b: [new Map([['x', null]])], a: true, z: -0 })).toString()).toBe(
      '{"a":true,"b":[{"x":null}],"z":0}',
    );
  });
});
