/** Which target paths a delegation speaks for (spec/uptane.md section 10). Names only: nothing here becomes a file path. */
import { createHash } from 'node:crypto';
import { utf8Encode } from '../../core/bytes.ts';

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
 * Shell pattern: `*`, `?` and `[...]`; in a pattern by segments none of them matches a slash, and both have equally many segments.
 * Time is at most pattern length times path length.
 */
export function matchesPattern(pattern: string, path: string, by: 'segments' | 'anything' = 'segments'): boolean {
  if (by === 'anything') return matchesGlob(pattern, path);
  const patterns = pattern.split('/');
  const segments = path.split('/');
  return patterns.length === segments.length && patterns.every((one, index) => matchesGlob(one, segments[index] ?? ''));
}

/** Two pointers and one place to come back to: the last star. */
function matchesGlob(pattern: string, text: string): boolean {
  const tokens = tokensOf(pattern);
  const characters = [...text];
  let token = 0;
  let at = 0;
  let star: { readonly token: number; at: number } | undefined;
  while (at < characters.length) {
    const current = tokens[token];
    if (current === 'many') {
      star = { token, at };
      token += 1;
    } else if (current?.(characters[at] ?? '')) {
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

type Token = 'many' | ((character: string) => boolean);

function tokensOf(pattern: string): readonly Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    const end = character === '[' ? closingOf(characters, at) : -1;
    if (character === '*') tokens.push('many');
    else if (character === '?') tokens.push(() => true);
    else if (end > 0) tokens.push(oneOf(characters.slice(at + 1, end)));
    else tokens.push((other) => other === character);
    if (end > 0) at = end;
  }
  return tokens;
}

/** A bracket right after the opening (or its `!`) stands for itself; without a closing one, `[` is a plain character. */
function closingOf(characters: readonly string[], open: number): number {
  const first = characters[open + 1] === '!' ? open + 2 : open + 1;
  return characters.indexOf(']', first + 1);
}

function oneOf(set: readonly string[]): (character: string) => boolean {
  const isNegated = set[0] === '!';
  const members = isNegated ? set.slice(1) : set;
  return (character) => isNegated !== contains(members, character);
}

function contains(members: readonly string[], character: string): boolean {
  const code = codeOf(character);
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at];
    const to = members[at + 1] === '-' ? members[at + 2] : undefined;
    if (to !== undefined) at += 2;
    if (codeOf(from) <= code && code <= codeOf(to ?? from)) return true;
  }
  return false;
}

function codeOf(character: string | undefined): number {
  return character?.codePointAt(0) ?? 0;
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
