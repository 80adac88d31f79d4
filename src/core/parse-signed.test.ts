import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyJson, anyJsonObject } from '../../test/support/json.ts';
import { countedSteps } from '../../test/support/steps.ts';
import { compareUtf8, utf8Encode } from './bytes.ts';
import { canonicalJson, wireJson } from './canonical-json.ts';
import { JsonError, type JsonObject, type JsonValue, parseJson, parseSigned } from './json.ts';

/** Decisions of a spelling, one after the other: 0 is the canonical one. */
type Choose = (options: number) => number;

const SPACES = ['', ' ', '\n', '\t\r '];

/** JSON text of `value` in any spelling there is: order of names, white space, escapes. */
function spell(value: JsonValue, choose: Choose): string {
  const space = () => SPACES[choose(SPACES.length)] ?? '';
  if (value instanceof Map) {
    const members = [...(value as JsonObject)].toSorted(([left], [right]) => compareUtf8(left, right));
    if (choose(4) > 0) members.reverse();
    const inner = members.map(
      ([name, member]) => `${space()}${spell(name, choose)}${space()}:${space()}${spell(member, choose)}${space()}`,
    );
    return `{${inner.join(',') || space()}}`;
  }
  if (Array.isArray(value)) {
    const items = value as readonly JsonValue[];
    return `[${items.map((item) => `${space()}${spell(item, choose)}${space()}`).join(',') || space()}]`;
  }
  if (typeof value !== 'string') return String(value);
  return `"${[...value].map((character) => spellCharacter(character, choose)).join('')}"`;
}

function spellCharacter(character: string, choose: Choose): string {
  const byUnits = [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
  const usual = JSON.stringify(character).slice(1, -1);
  return (
    [usual, byUnits, byUnits.toUpperCase().replaceAll('\\U', '\\u'), character === '/' ? '\\/' : usual][choose(4)] ??
    usual
  );
}

/** Mostly canonical choices, so that a single deviation somewhere is what is tried most. */
const anyChoices = fc.array(fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat() }), {
  minLength: 1,
  maxLength: 80,
});

function chooser(choices: readonly number[]): Choose {
  let at = 0;
  return (options) => {
    at += 1;
    return (choices[at % choices.length] ?? 0) % options;
  };
}

const NO_CONTROL = /^[^\p{Cc}]*$/u;

describe('SEC-10 signed JSON', () => {
  it('SEC-10 gives exactly the canonical bytes of what is signed, however it is spelled', () => {
    fc.assert(
      fc.property(anyJsonObject, anyJson, fc.nat(2), anyChoices, (signed, other, at, choices) => {
        const members: [string, JsonValue][] = [
          ['signatures', [new Map([['signed', other]])]],
          ['t\u00e9\u{1f600}', other],
        ];
        members.splice(at, 0, ['signed', signed]);
        const choose = chooser(choices);
        const inner = members.map(([name, member]) => `${spell(name, choose)}:${spell(member, choose)}`);
        const bytes = utf8Encode(`{${inner.join(',')}}`);
        const read = parseSigned(bytes);
        expect(read.document).toEqual(parseJson(bytes));
        expect(read.signed).toEqual(signed);
        expect(read.canonical).toEqual(canonicalJson(signed));
      }),
      { numRuns: 3_000 },
    );
  });

  it('SEC-10 takes them from the source where they stand in it, whatever stands around them', () => {
    fc.assert(
      fc.property(anyJsonObject, anyJson, fc.boolean(), (signed, other, first) => {
        fc.pre(NO_CONTROL.test(Buffer.from(canonicalJson(signed)).toString()));
        const around = ` { "\u00e9\u{1f600}" : ${Buffer.from(wireJson(other)).toString()} `;
        const member = `"\\u0073igned" :\n${Buffer.from(canonicalJson(signed)).toString()} `;
        const text = first ? `{${member},${around.slice(2)}}` : `${around},${member}}`;
        const bytes = utf8Encode(text);
        const { canonical } = parseSigned(bytes);
        expect(canonical).toEqual(canonicalJson(signed));
        expect(canonical.buffer).toBe(bytes.buffer);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    '{"a" :1}',
    '{"a":[1 ]}',
    '{ }',
    '{"a":[ ]}',
    '{"b":1,"a":1}',
    '{"a":{"b":1,"a":1}}',
    '{"\u{10000}":1,"\ue000":1}',
    '{"a":"\\n"}',
    '{"a":"\\/"}',
    '{"a":"\\u0041"}',
    '{"\\u0061":1}',
  ])('SEC-10 writes anew what is spelled as %s', (text) => {
    const bytes = utf8Encode(`{"signed":${text}}`);
    const { canonical } = parseSigned(bytes);
    expect(canonical).toEqual(canonicalJson(parseJson(utf8Encode(text))));
    expect(canonical.buffer).not.toBe(bytes.buffer);
  });

  it('SEC-9 any altered document gives its own canonical bytes or a JsonError', () => {
    fc.assert(
      fc.property(anyJsonObject, fc.nat(), fc.nat(255), (signed, at, byte) => {
        const bytes = wireJson(
          new Map<string, JsonValue>([
            ['signatures', []],
            ['signed', signed],
          ]),
        );
        bytes[at % bytes.length] = byte;
        try {
          const read = parseSigned(bytes);
          expect(read.canonical).toEqual(canonicalJson(read.signed));
          expect(read.document).toEqual(parseJson(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(JsonError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['{"signatures":[]}', 'JSON_SHAPE'],
    ['{"signed":[]}', 'JSON_SHAPE'],
    ['{"signed":null}', 'JSON_SHAPE'],
    ['[{"signed":{}}]', 'JSON_SHAPE'],
    ['{"a":{"signed":{}}}', 'JSON_SHAPE'],
    ['{"signed":{},"signed":{}}', 'JSON_DUPLICATE'],
    ['{"signed":{"a":1,"\\u0061":1}}', 'JSON_DUPLICATE'],
    ['{"signed":{"a":1.5}}', 'JSON_NUMBER'],
    ['{"signed":{"a":"\\ud800"}}', 'JSON_SURROGATE'],
    ['{"signed":{}} {', 'JSON_SYNTAX'],
  ])('SEC-10 refuses %s as %s', (text, code) => {
    expect(() => parseSigned(utf8Encode(text))).toThrow(expect.objectContaining({ code }));
  });

  it('SEC-10 keeps to its limits: bytes, depth, steps', () => {
    const deep = (levels: number) => utf8Encode(`{"signed":{"a":${'['.repeat(levels)}${']'.repeat(levels)}}}`);
    expect(() => parseSigned(utf8Encode('{"signed":{}}'), { maxBytes: 12 })).toThrow(
      expect.objectContaining({ code: 'JSON_SIZE' }),
    );
    expect(parseSigned(deep(62)).canonical).toHaveLength(6 + 2 * 62);
    expect(() => parseSigned(deep(63))).toThrow(expect.objectContaining({ code: 'JSON_DEPTH' }));
    const alike = (count: number) => {
      const names = Array.from({ length: count }, (_, index) => `"${'a'.repeat(40)}${index + 100_000}":1`);
      return utf8Encode(`{"signed":{${names.join(',')}}}`);
    };
    const [small, large] = [alike(250), alike(1_000)].map((bytes) => countedSteps(() => parseSigned(bytes)));
    expect((large ?? 0) / (small ?? 0)).toBeLessThan(4.2);
  });
});
