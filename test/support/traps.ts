/** Finds what SEC-13 forbids. Conservative: it may refuse a harmless spelling, which is then written more plainly. */
import { tokens } from './source.ts';

const TRAPS: readonly (readonly [RegExp, string])[] = [
  [/\bexec(?:Sync)?\s*[(},]/, 'exec or execSync: they start a shell; use execFile'],
  [/\bshell\s*:\s*true\b/, 'shell: true'],
  [/\beval\s*\(/, 'eval'],
  [/\bnew\s+Function\b/, 'new Function'],
  [/\brequire\s*\(/, 'require'],
  [/\bRegExp\s*\(/, 'RegExp( : a pattern is a literal'],
  [/\b__proto__\b/, '__proto__'],
];

/** Methods called exec that start nothing: of regular expressions, and of a database connection. */
const HARMLESS = /\b(?:[A-Z0-9_]+|pattern|db)\??\.exec\(/g;

export function trapsIn(source: string): readonly string[] {
  const parts = tokens(source);
  const code = parts
    .map(({ kind, text }) => (kind === 'code' ? text : ' "" '))
    .join('')
    .replaceAll(HARMLESS, '');
  const names = parts
    .filter(({ kind, text }) => kind === 'string' && /^['"]node:vm['"]$/.test(text))
    .map(() => 'node:vm');
  // A regular expression literal is followed directly by its call.
  const called = code.replaceAll(/""\s*\.exec\(/g, '');
  return [...TRAPS.filter(([pattern]) => pattern.test(called)).map(([, name]) => name), ...names];
}

/**
 * Why a regular expression could take more than linear time; `undefined` when it cannot.
 *
 * Refused: back references, an unbounded repetition inside of a repeated group, alternatives that begin alike inside of a repeated
 * group, two unbounded repetitions of overlapping characters side by side.
 */
export function regexProblem(literal: string): string | undefined {
  const body = literal.slice(1, literal.lastIndexOf('/'));
  if (/\\[1-9]|\\k</.test(body)) return 'has a back reference';
  for (const { inner, repeated } of groupsOf(body)) {
    if (!repeated) continue;
    if (hasUnbounded(inner) && !separated(inner)) return 'repeats a repetition';
    if (overlaps(alternatives(inner))) return 'repeats alternatives that begin alike';
  }
  return adjacentUnbounded(body) ? 'has two unbounded repetitions side by side' : undefined;
}

interface Group {
  readonly inner: string;
  readonly repeated: boolean;
}

/** Character classes and escapes become one letter each, so that what is left is structure. */
function groupsOf(body: string): Group[] {
  const found: Group[] = [];
  const starts: number[] = [];
  for (let at = 0; at < body.length; at += 1) {
    const skip = atomLength(body, at);
    if (skip > 1) {
      at += skip - 1;
      continue;
    }
    if (body[at] === '(') starts.push(at);
    if (body[at] !== ')') continue;
    const start = starts.pop() ?? 0;
    const quantifier = /^(?:[*+]|\{[0-9]*,\}|\{[0-9]+(?:,[0-9]+)?\})/.exec(body.slice(at + 1))?.[0];
    found.push({
      inner: body.slice(start + 1, at).replace(/^\?(?:[:=!]|<[=!])/, ''),
      repeated: quantifier !== undefined && /^[*+]|,\}/.test(quantifier),
    });
  }
  return found;
}

/** Length of an escape or a character class that begins here; 1 for anything else. */
function atomLength(body: string, at: number): number {
  if (body[at] === '\\')
    return /^\\(?:u\{[^}]*\}|p\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/.exec(body.slice(at))?.[0].length ?? 2;
  if (body[at] !== '[') return 1;
  return /^\[(?:[^\]\\]|\\.)*\]/.exec(body.slice(at))?.[0].length ?? 1;
}

interface Atom {
  readonly text: string;
  readonly unbounded: boolean;
}

/** Atoms of one alternative with their quantifiers; groups count as one. */
function atoms(text: string): Atom[] {
  const found: Atom[] = [];
  for (let at = 0; at < text.length; ) {
    const length = text[at] === '(' ? groupLength(text, at) : atomLength(text, at);
    const atom = text.slice(at, at + length);
    const quantifier = /^(?:[*+?]|\{[0-9,]*\})\??/.exec(text.slice(at + length))?.[0] ?? '';
    found.push({ text: atom, unbounded: /^(?:[*+]|\{[0-9]*,\})/.test(quantifier) });
    at += length + quantifier.length;
  }
  return found;
}

function groupLength(text: string, at: number): number {
  let depth = 0;
  for (let end = at; end < text.length; ) {
    const skip = atomLength(text, end);
    if (text[end] === '(') depth += 1;
    if (text[end] === ')') depth -= 1;
    end += skip;
    if (depth === 0) return end - at;
  }
  return text.length - at;
}

function alternatives(text: string): string[] {
  const found = [''];
  for (const { text: atom } of splitAtoms(text)) {
    if (atom === '|') found.push('');
    else found[found.length - 1] += atom;
  }
  return found;
}

function splitAtoms(text: string): { text: string }[] {
  const found: { text: string }[] = [];
  for (let at = 0; at < text.length; ) {
    const length = text[at] === '(' ? groupLength(text, at) : atomLength(text, at);
    found.push({ text: text.slice(at, at + length) });
    at += length;
  }
  return found;
}

function hasUnbounded(text: string): boolean {
  return alternatives(text).some((one) => atoms(one).some(({ unbounded }) => unbounded));
}

/** Each round begins with a fixed character that the repetition inside cannot take: then rounds cannot be cut two ways. */
function separated(text: string): boolean {
  return alternatives(text).every((one) => {
    const [first, ...rest] = atoms(one);
    if (!first || first.unbounded) return !rest.some(({ unbounded }) => unbounded) && !first?.unbounded;
    return rest.every(({ text: atom, unbounded }) => !unbounded || !canOverlap(first.text, atom));
  });
}

function overlaps(options: readonly string[]): boolean {
  const firsts = options.map((one) => atoms(one)[0]?.text ?? '');
  return firsts.some((one, index) => firsts.slice(index + 1).some((other) => canOverlap(one, other)));
}

function adjacentUnbounded(body: string): boolean {
  const texts = [body, ...groupsOf(body).map(({ inner }) => inner)];
  return texts.flatMap(alternatives).some((one) => {
    const list = atoms(one);
    return list.some(
      ({ text, unbounded }, index) =>
        unbounded && (list[index + 1]?.unbounded ?? false) && canOverlap(text, list[index + 1]?.text ?? ''),
    );
  });
}

const SAMPLES = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  '\u00e9',
  '\u2028',
  '\ud83d\ude00',
];

/** Whether some character fits both; groups count as fitting everything. */
function canOverlap(left: string, right: string): boolean {
  if (left === '' || right === '' || left.startsWith('(') || right.startsWith('(')) return true;
  const [one, other] = [left, right].map((atom) => new RegExp(`^(?:${atom})$`, 'u'));
  return SAMPLES.some((sample) => (one?.test(sample) ?? false) && (other?.test(sample) ?? false));
}
