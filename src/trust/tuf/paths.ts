/** Which target paths a delegation speaks for (spec/uptane.md section 10). Names only: nothing here becomes a file path. */
import { createHash } from 'node:crypto';
import { compareUtf8, utf8Encode } from '../../core/bytes.ts';
import type { Dialect } from './dialect.ts';
import { Steps } from './steps.ts';

/** The form in which paths are compared: NFC, one leading slash cut off (spec 3.4 and 18 trap 14). */
export function normalPath(path: string): string {
  const cut = path.startsWith('/') ? path.slice(1) : path;
  return cut.normalize('NFC');
}

/** SHA-256 of the path, lower-case hex. */
export function pathDigest(path: string): string {
  return createHash('sha256').update(utf8Encode(path)).digest('hex');
}

/**
 * Whether shell patterns speak for `path`: `*`, `?` and `[...]`. By segments none of them matches a slash, and both have equally many.
 * A pattern costs its own length, thrice where its segments are looked at, and at most that times the length of the path; all of it is
 * counted.
 */
export function matcherOf(path: string, by: Dialect['patterns'], steps: Steps): (pattern: string) => boolean {
  const cut = (text: string) => (by === 'segments' ? text.split('/') : [text]);
  const segments = cut(path).map((segment) => [...segment]);
  return (pattern) => {
    steps.spend(pattern.length);
    const patterns = cut(pattern);
    const areAll = patterns.every((one, index) => {
      const segment = segments[index];
      return segment !== undefined && matchesGlob(tokensOf(one, steps), segment, steps);
    });
    return areAll && patterns.length === segments.length;
  };
}

/** One pattern on its own. */
export function matchesPattern(pattern: string, path: string, by: Dialect['patterns'] = 'segments'): boolean {
  return matcherOf(path, by, new Steps())(pattern);
}

/** Two pointers and one place to come back to: the last star. */
function matchesGlob(tokens: readonly Token[], characters: readonly string[], steps: Steps): boolean {
  let token = 0;
  let at = 0;
  let star: { readonly token: number; at: number } | undefined;
  for (let character = characters[at]; character !== undefined; character = characters[at]) {
    steps.spend(1);
    const current = tokens[token];
    if (current === 'many') {
      star = { token, at };
      token += 1;
    } else if (current === character || (typeof current === 'function' && current(character))) {
      token += 1;
      at += 1;
    } else if (star) {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every((rest) => rest === 'many');
}

/** A star, a character that stands for itself, or a rule for one. */
type Token = 'many' | string | ((character: string) => boolean);

function tokensOf(pattern: string, steps: Steps): readonly Token[] {
  // Cut up, and cut into tokens.
  steps.spend(2 * pattern.length);
  const characters = [...pattern];
  const lastClosing = characters.lastIndexOf(']');
  const tokens: Token[] = [];
  let at = 0;
  for (let character = characters[at]; character !== undefined; character = characters[at]) {
    const end = character === '[' ? closingOf(characters, at, lastClosing) : undefined;
    tokens.push(end === undefined ? tokenOf(character) : oneOf(characters.slice(at + 1, end), steps));
    at = (end ?? at) + 1;
  }
  return tokens;
}

function tokenOf(character: string): Token {
  if (character === '*') return 'many';
  return character === '?' ? anyOne : character;
}

function anyOne(): boolean {
  return true;
}

/**
 * A bracket right after the opening (or its `!`) stands for itself; without a closing one, `[` is a plain character. Looked for only
 * where there is one, so that a pattern is gone through once however many open.
 */
function closingOf(characters: readonly string[], open: number, last: number): number | undefined {
  const first = characters[open + 1] === '!' ? open + 2 : open + 1;
  return first < last ? characters.indexOf(']', first + 1) : undefined;
}

function oneOf(set: readonly string[], steps: Steps): (character: string) => boolean {
  const isNegated = set[0] === '!';
  const ranges = rangesOf(isNegated ? set.slice(1) : set);
  return (character) => {
    steps.spend(ranges.length);
    const isIn = ranges.some(([from, to]) => compareUtf8(from, character) <= 0 && compareUtf8(character, to) <= 0);
    return isNegated !== isIn;
  };
}

function rangesOf(members: readonly string[]): readonly (readonly [from: string, to: string])[] {
  const ranges: (readonly [string, string])[] = [];
  let at = 0;
  for (let from = members[at]; from !== undefined; from = members[at]) {
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    at += to === undefined ? 1 : 3;
  }
  return ranges;
}

/** The bin of a path: the top `bits` bits of its digest, as lower-case hex of fixed width (TAP 15). */
export function binIndex(path: string, bits: number): string {
  const index = Number.parseInt(pathDigest(path).slice(0, 8), 16) >>> (32 - bits);
  return binSuffix(index, bits);
}

/** `0c` for bin 12 of 2^5. */
export function binSuffix(index: number, bits: number): string {
  return index.toString(16).padStart((2 ** bits - 1).toString(16).length, '0');
}
