/** Paths, patterns and bins (spec/uptane.md section 10; the vectors hold more of them). */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../../test/support/repository.ts';
import { MAX_PATTERN_CHARACTERS, MAX_SEARCH_STEPS } from '../limits.ts';
import { binIndex, binSuffix, matcherOf, matchesPattern, normalPath, pathDigest } from './paths.ts';
import { Steps } from './steps.ts';

/** Steps that one comparison takes. */
function stepsOf(pattern: string, path: string): number {
  const steps = new Steps();
  matcherOf(path, 'segments', steps)(pattern);
  return steps.taken;
}

describe('SEC-4 paths are compared in one form', () => {
  it.each([
    ['a', 'a'],
    ['/a', 'a'],
    ['//a', '/a'],
    ['a/', 'a/'],
    ['', ''],
    ['/', ''],
    ['e\u0301', '\u00e9'],
    ['\u212b', '\u00c5'],
    ['A', 'A'],
    ['\ufb01', '\ufb01'],
  ])('SEC-4 %j is %j', (path, normal) => {
    expect(normalPath(path)).toBe(normal);
  });

  it('SEC-4 the digest is that of its UTF-8', () => {
    expect(pathDigest('\u00e9')).toBe(
      createHash('sha256')
        .update(Buffer.from([0xc3, 0xa9]))
        .digest('hex'),
    );
  });
});

describe('SEC-4 patterns', () => {
  it.each([
    // by segments, by anything
    ['*', 'a', true, true],
    ['*', '', true, true],
    ['', '', true, true],
    ['', 'a', false, false],
    ['a', '', false, false],
    ['*', 'a/b', false, true],
    ['*/*', 'a/b', true, true],
    ['a/*', 'a/b/c', false, true],
    ['a/*', 'a/', true, true],
    ['a/*', 'a', false, false],
    ['*/c', 'a/b/c', false, true],
    ['a?b', 'a/b', false, true],
    ['a[/]b', 'a/b', false, true],
    ['a[!x]b', 'a/b', false, true],
    ['?', 'a', true, true],
    ['?', '', false, false],
    ['?', '\u{1f600}', true, true],
    ['??', '\u{1f600}', false, false],
    ['[\u{1f600}-\u{1f602}]', '\u{1f601}', true, true],
    ['a*', 'a', true, true],
    ['*a', 'ba', true, true],
    ['*a', 'ab', false, false],
    ['a**b', 'axxb', true, true],
    ['*a*b*', 'xaxbx', true, true],
    ['*ab', 'aab', true, true],
    ['*a?c', 'abcabc', true, true],
    ['a*c', 'abcd', false, false],
    ['[abc]', 'b', true, true],
    ['[abc]', 'd', false, false],
    ['[a-c]', 'a', true, true],
    ['[a-c]', 'b', true, true],
    ['[a-c]', 'c', true, true],
    ['[a-c]', 'd', false, false],
    ['[a-c]', '-', false, false],
    ['[a-cx]', 'x', true, true],
    ['[a-cx-z]', 'y', true, true],
    ['[c-a]', 'b', false, false],
    ['[a-]', '-', true, true],
    ['[a-]', 'a', true, true],
    ['[a-]', 'b', false, false],
    ['[-a]', '-', true, true],
    ['[!a]', 'b', true, true],
    ['[!a]', 'a', false, false],
    ['[!a-c]', 'b', false, false],
    ['[!a-c]', '!', true, true],
    ['[a!]', '!', true, true],
    ['[]]', ']', true, true],
    ['[]a]', 'a', true, true],
    ['[]', '[]', true, true],
    ['[!]', '[!]', true, true],
    ['[!]]', ']', false, false],
    ['[!]]', 'a', true, true],
    ['[!]a]', 'a', false, false],
    ['[a', '[a', true, true],
    ['[a', 'a', false, false],
    ['a]', 'a]', true, true],
    ['[*]', '*', true, true],
    ['[*]', 'a', false, false],
    ['[?]', 'a', false, false],
    ['[ab]c', 'bc', true, true],
    ['[ab]c', 'b', false, false],
    ['x[ab]*', 'xbyy', true, true],
    ['\\*', '\\a', true, true],
    ['\\*', '*', false, false],
    ['{a,b}', 'a', false, false],
    ['{a,b}', '{a,b}', true, true],
    ['**', 'a/b', false, true],
    ['a.c', 'abc', false, false],
    ['A', 'a', false, false],
    ['.*', '.a', true, true],
    ['*', '.a', true, true],
  ])('SEC-4 %j and %j', (pattern, path, segments, anything) => {
    expect(matchesPattern(pattern, path)).toBe(segments);
    expect(matchesPattern(pattern, path, 'segments')).toBe(segments);
    expect(matchesPattern(pattern, path, 'anything')).toBe(anything);
  });

  it('SEC-4 do as a plain recursive reading of them does: 20,000 pairs', () => {
    const text = (unit: string) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 9 });
    fc.assert(
      fc.property(text('ab*?[]!-/'), text('ab-]/'), (pattern, path) => {
        expect(matchesPattern(pattern, path, 'anything')).toBe(matchesSlowly([...pattern], [...path]));
        const [patterns, segments] = [pattern.split('/'), path.split('/')];
        const bySegments = patterns.every((one, at) => matchesSlowly([...one], [...(segments[at] ?? '')]));
        expect(matchesPattern(pattern, path, 'segments')).toBe(patterns.length === segments.length && bySegments);
      }),
      { numRuns: 20_000 },
    );
  });

  it('SEC-10 with many stars end: no star is tried in more than one way at a time', () => {
    const path = 'a'.repeat(1_024);
    expect(matchesPattern(`${'*a'.repeat(500)}*b`, path, 'segments')).toBe(false);
    expect(matchesPattern(`${'*a'.repeat(512)}*`, path, 'segments')).toBe(true);
  });
});

describe('SEC-4 what comparing costs', () => {
  it.each([
    ['a plain one', 'a/b', 'a/b', 3 + 4 + 2],
    ['one that differs at once', 'abcdef', 'x', 3 * 6 + 1],
    ['a star', '*', 'abc', 3 * 1 + 4],
    ['a star that comes back', '*b', 'aab', 3 * 2 + 4],
    ['a set', '[abx-z]', 'y', 3 * 7 + 1 + 3],
    ['a set, for each character it is held against', '*[ab]c', 'ab', 3 * 6 + 4 + 2 + 2],
    ['one of other segments', 'a/b/c', 'a', 5 + 2 + 1],
  ])(
    'SEC-4 %s: its length, twice that of the segments that were looked at, and each step of it',
    (_what, pattern, path, steps) => {
      expect(stepsOf(pattern, path)).toBe(steps);
    },
  );

  it('SEC-4 at most the length of the pattern times that of the path', () => {
    const path = 'a'.repeat(1_000);
    for (const pattern of [
      `*${'a'.repeat(200)}b`,
      `${'*a'.repeat(100)}b`,
      `*[${'b'.repeat(200)}a]b`,
      '*'.repeat(200),
    ]) {
      expect(stepsOf(pattern, path)).toBeLessThan(2 * pattern.length * path.length);
      expect(stepsOf(pattern, path) / stepsOf(pattern, path.slice(500))).toBeLessThan(3);
    }
  });

  it('SEC-4 brackets that nothing closes are looked at once, not once each', () => {
    let looked = 0;
    const { indexOf } = Array.prototype;
    Array.prototype.indexOf = function counted(this: unknown[], ...given: [unknown]) {
      looked += this.length;
      return indexOf.apply(this, given);
    };
    const texts = ['['.repeat(10_000), `]${'['.repeat(10_000)}`];
    let areAll = false;
    try {
      areAll = texts.every((text) => matchesPattern(text, text));
    } finally {
      Array.prototype.indexOf = indexOf;
    }
    expect({ areAll, looked }).toEqual({ areAll: true, looked: 0 });
  });

  it('SEC-4 when the steps of a search are used up it ends, and says what to do', () => {
    const steps = new Steps();
    const isMatchedBy = matcherOf('a'.repeat(1_000), 'segments', steps);
    const error = refusalOf(() => {
      for (;;) isMatchedBy(`*${'a'.repeat(MAX_PATTERN_CHARACTERS - 2)}b`);
    });
    expect(error).toMatchObject({ code: 'TRUST_LENGTH', detail: { max: MAX_SEARCH_STEPS } });
    expect(error.message).toBe('finding who speaks for one path takes more than 1048576 steps');
    expect(error.fix).toMatch(/fewer or plainer patterns/);
  });

  it('SEC-4 as many as are allowed may be used', () => {
    const steps = new Steps();
    steps.spend(MAX_SEARCH_STEPS - 1);
    steps.spend(1);
    expect(refusalOf(() => steps.spend(1)).code).toBe('TRUST_LENGTH');
  });
});

/** Section 10 and fnmatch, word by word; takes exponential time. */
function matchesSlowly(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  const [first, ...others] = text;
  if (head === undefined) return first === undefined;
  if (head === '*') return matchesSlowly(rest, text) || (first !== undefined && matchesSlowly(pattern, others));
  if (first === undefined) return false;
  if (head === '?') return matchesSlowly(rest, others);
  if (head === '[') {
    const isNot = rest[0] === '!';
    const from = isNot ? 1 : 0;
    const end = rest.indexOf(']', from + 1);
    if (end >= 0) return isNot !== isIn(rest.slice(from, end), first) && matchesSlowly(rest.slice(end + 1), others);
  }
  return head === first && matchesSlowly(rest, others);
}

function isIn(set: readonly string[], one: string): boolean {
  const [low, dash, high] = set;
  if (low === undefined) return false;
  if (dash === '-' && high !== undefined) return (low <= one && one <= high) || isIn(set.slice(3), one);
  return low === one || isIn(set.slice(1), one);
}

describe('SEC-4 bins', () => {
  const digest = pathDigest('fw/a.img');

  it('SEC-4 a bin is the top bits of the digest, as hex of fixed width', () => {
    const top = BigInt(`0x${digest.slice(0, 8)}`);
    for (let bits = 1; bits <= 20; bits += 1) {
      const width = (2 ** bits - 1).toString(16).length;
      expect(binIndex('fw/a.img', bits)).toBe((top >> BigInt(32 - bits)).toString(16).padStart(width, '0'));
    }
  });

  it('SEC-4 also when the highest bit is set', () => {
    const path = Array.from({ length: 64 }, (_, index) => `p${index}`).find((one) => pathDigest(one) >= '8') ?? '';
    expect(binIndex(path, 1)).toBe('1');
    expect(binIndex(path, 4)).toBe(pathDigest(path).slice(0, 1));
    expect(binIndex(path, 16)).toBe(pathDigest(path).slice(0, 4));
  });

  it.each([
    [0, 1, '0'],
    [1, 1, '1'],
    [15, 4, 'f'],
    [12, 5, '0c'],
    [31, 5, '1f'],
    [255, 8, 'ff'],
    [10, 9, '00a'],
    [2 ** 20 - 1, 20, 'fffff'],
  ])('SEC-4 bin %d of 2^%d is %s', (index, bits, suffix) => {
    expect(binSuffix(index, bits)).toBe(suffix);
  });
});
