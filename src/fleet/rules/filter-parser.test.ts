import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyFilter } from '../../../test/support/filters.ts';
import { isOtaError } from '../../core/errors.ts';
import { RulesError } from './errors.ts';
import { parseFilter, printFilter } from './filter.ts';

const FIELDS =
  'protocol, identity, hardware, group, channel, tag.NAME, version, version(COMPONENT), lastSeen or assurance';

function refusal(text: string): RulesError {
  try {
    parseFilter(text);
  } catch (error) {
    if (error instanceof RulesError) return error;
    throw error;
  }
  throw new Error(`taken: ${text}`);
}

describe('DESIGN-6 a filter that makes no sense is explained', () => {
  it.each([
    ['', 'FILTER_SYNTAX', 1, 'the end', 'a field, not or (', undefined],
    ['protocl == cups', 'FILTER_FIELD', 1, '"protocl"', FIELDS, 'Did you mean protocol?'],
    ['LastSeen within 2h', 'FILTER_FIELD', 1, '"LastSeen"', FIELDS, 'Did you mean lastSeen?'],
    ['tags.site == eu', 'FILTER_FIELD', 1, '"tags.site"', FIELDS, 'Did you mean tag.site?'],
    ['tag == eu', 'FILTER_FIELD', 1, '"tag"', FIELDS, 'Did you mean tag.NAME?'],
    ['version.boot < 2', 'FILTER_FIELD', 1, '"version.boot"', FIELDS, 'Did you mean version(boot)?'],
    ['protocol = cups', 'FILTER_SYNTAX', 10, '"="', '==, !=, in or like', 'Write =='],
    ['group == a && group == b', 'FILTER_SYNTAX', 12, '"&&"', 'and, or, or the end', 'Write and'],
    ['group == a an group == b', 'FILTER_SYNTAX', 12, '"an"', 'and, or, or the end', 'Did you mean and?'],
    ['!group == a', 'FILTER_SYNTAX', 1, '"!"', 'a field, not or (', 'Write not'],
    ['group not in (a)', 'FILTER_SYNTAX', 7, '"not"', '==, !=, in or like', 'Write not in front: not group in (…)'],
    ['group lik a*', 'FILTER_SYNTAX', 7, '"lik"', '==, !=, in or like', 'Did you mean like?'],
    ['group "in" a', 'FILTER_SYNTAX', 7, '"in"', '==, !=, in or like', undefined],
    ['hardware < 3', 'FILTER_OPERATOR', 10, '"<"', '==, !=, in or like behind hardware', undefined],
    ['lastSeen < 2h', 'FILTER_OPERATOR', 10, '"<"', 'within behind lastSeen', undefined],
    ['assurance like p*', 'FILTER_OPERATOR', 11, '"like"', '==, != or in behind assurance', undefined],
    ['(group == a', 'FILTER_SYNTAX', 12, 'the end', 'and, or, or )', undefined],
    ['group == a)', 'FILTER_SYNTAX', 11, '")"', 'and, or, or the end', undefined],
    ['group in a', 'FILTER_SYNTAX', 10, '"a"', '(', undefined],
    ['group in (a b)', 'FILTER_SYNTAX', 13, '"b"', 'a comma or )', undefined],
    ['group in ()', 'FILTER_SYNTAX', 11, '")"', 'a value', 'Quote what has other characters'],
    ['tag.é == a', 'FILTER_FIELD', 1, '"tag."', expect.stringContaining('tag. and a name of 1 to 64'), undefined],
    ['tag.a* == a', 'FILTER_FIELD', 1, '"tag.a*"', expect.stringContaining('tag. and a name'), undefined],
    ['version(a == 1', 'FILTER_SYNTAX', 11, '"=="', ')', undefined],
    ['tag.x == not', 'FILTER_SYNTAX', 10, '"not"', 'a value', 'Quote it, if it is meant as a value: "not"'],
    ['tag.x == é', 'FILTER_SYNTAX', 10, '"é"', 'a value', 'Quote what has other characters'],
    ['tag.x == "😀" b', 'FILTER_SYNTAX', 14, '"b"', 'and, or, or the end', undefined],
    ['tag.x == "a', 'FILTER_SYNTAX', 10, '"a"', 'a closing "', undefined],
    ['tag.x == "\\n"', 'FILTER_SYNTAX', 11, '"\\n"', '\\\\ or \\"', undefined],
    ['tag.x == "a\u202eb"', 'FILTER_VALUE', 10, '"a\\u202eb"', 'a value whose characters are seen', undefined],
    ['tag.x == "\ud800"', 'FILTER_VALUE', 10, '"\ud800"', 'a value whose characters are seen', undefined],
    ['group == a*', 'FILTER_VALUE', 10, '"a*"', 'a value without *', expect.stringContaining('Write like')],
    ['version < "a b"', 'FILTER_VALUE', 11, '"a b"', expect.stringContaining('a version'), undefined],
    ['assurance == provn', 'FILTER_VALUE', 14, '"provn"', expect.any(String), 'Did you mean proven?'],
    ['lastSeen within 2', 'FILTER_VALUE', 17, '"2"', expect.stringContaining('a duration'), 'For instance 2h'],
    ['lastSeen within 0h', 'FILTER_VALUE', 17, '"0h"', expect.stringContaining('a duration'), 'For instance 2h'],
    ['lastSeen within 3651d', 'FILTER_VALUE', 17, '"3651d"', expect.stringContaining('3650d'), 'For instance 2h'],
  ])('DESIGN-6 %s: %s at %i', (text, code, column, found, expected, fix) => {
    const error = refusal(text);
    expect([error.code, error.fix]).toEqual([code, fix]);
    expect([error.detail.column, error.detail.expected]).toEqual([column, expected]);
    expect(error.message.startsWith(`column ${column}: found ${found}, expected `)).toBe(true);
  });

  it('SEC-28 quotes little of what it found, and nothing that cannot be seen', () => {
    expect(refusal(`\u0007${'x'.repeat(100)}`).message).toContain('found "\\u0007"');
    expect(refusal('x'.repeat(100)).message).toContain(`found "${'x'.repeat(32)}…"`);
  });
});

describe('REL-19 a filter is bounded', () => {
  const limits = (text: string) => expect(refusal(text)).toMatchObject({ code: 'FILTER_LIMIT' });
  const deep = (opening: string, closing: string, times: number) =>
    `${opening.repeat(times)}group == a${closing.repeat(times)}`;

  it('REL-19 in characters, as written and as printed', () => {
    const padded = (length: number) => 'group == a'.padEnd(length);
    expect(printFilter(parseFilter(padded(4096)))).toBe('group == a');
    limits(padded(4097));
    const written = Array.from({ length: 256 }, () => 'tag.ab=="é"').join(' or ');
    expect(written.length).toBe(3836);
    expect(refusal(written).message).toBe(
      'column 1: found "4348 characters", expected at most 4096 in its canonical spelling',
    );
  });

  it.each([
    ['(', ')'],
    ['not ', ''],
    ['not (', ')'],
  ])('REL-19 in depth of "%s"', (opening, closing) => {
    const each = opening === 'not (' ? 2 : 1;
    expect(parseFilter(deep(opening, closing, 16 / each))).toBeDefined();
    limits(deep(opening, closing, 16 / each + 1));
    limits(deep(opening, closing, Math.floor(4000 / (opening.length + closing.length))));
  });

  it('REL-19 in values, wherever they stand', () => {
    const values = (count: number) => `group in (${Array.from({ length: count }, () => 'a').join()})`;
    expect(parseFilter(values(256))).toBeDefined();
    limits(values(257));
    limits(`${values(255)} and lastSeen within 1h and group == a`);
    limits(`${values(255)} and version(a) == 1`);
  });

  it('REL-19 in characters of a value', () => {
    expect(parseFilter(`group == ${'a'.repeat(256)}`)).toBeDefined();
    limits(`group == ${'a'.repeat(257)}`);
    limits(`group like "${'*'.repeat(257)}"`);
  });
});

describe('SEC-9 any text is a filter or a named error', () => {
  const check = (text: string) => {
    const startedAtMs = performance.now();
    try {
      const filter = parseFilter(text);
      expect(parseFilter(printFilter(filter))).toEqual(filter);
    } catch (error) {
      if (!(error instanceof RulesError) || !isOtaError(error)) throw error;
      expect(error.code).toMatch(/^FILTER_/);
      expect(error.message).toMatch(/^column \d+: found .+, expected .+/s);
    }
    expect(performance.now() - startedAtMs).toBeLessThan(1000);
  };

  it('SEC-9 noise', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), check), { numRuns: 300 });
  });

  it('SEC-9 words of the language in any order', () => {
    const words = [
      'group',
      'version',
      'tag.x',
      'lastSeen',
      '(',
      ')',
      ',',
      '==',
      '!',
      'in',
      'like',
      'within',
      'and',
      'or',
    ];
    const soup = fc.array(fc.constantFrom(...words, 'not', '1h', '"a', "'", '\\', 'a*', '__proto__'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(soup, fc.constantFrom('', ' '), (list, space) => check(list.join(space))),
      { numRuns: 2000 },
    );
  });

  it('SEC-9 filters with one character more, less or another', () => {
    fc.assert(
      fc.property(anyFilter, fc.nat(), fc.nat({ max: 1 }), fc.string({ unit: 'binary', maxLength: 1 }), (...given) => {
        const [filter, at, removed, put] = given;
        const text = printFilter(filter);
        const place = at % (text.length + 1);
        check(`${text.slice(0, place)}${put}${text.slice(place + removed)}`);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([['('], ['not '], ['"'], ['\\'], ['group == a or '], ['tag.'], ['='], ['a,'], ['group in (']])(
    'SEC-9 "%s" again and again',
    (piece) => {
      check(piece.repeat(4096 / piece.length));
      check(piece.repeat(1_000_000 / piece.length));
    },
  );
});
