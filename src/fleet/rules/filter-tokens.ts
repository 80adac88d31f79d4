/** The words of a filter, and how a place in it is complained about. */
import { printable } from '../../core/text.ts';
import { RulesError } from './errors.ts';
import { MAX_QUOTED_CHARACTERS } from './limits.ts';

export interface Token {
  readonly kind: 'word' | 'string' | 'symbol' | 'end';
  /** Of a string what it says, without quotes and escapes. */
  readonly text: string;
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
}

/** What fits at no place of a filter is a symbol, too: the parser knows what was expected there. */
const WORD = /[A-Za-z0-9_.+:/@*-]+/y;
const SPACE = /[ \t\r\n]*/y;
const OPERATOR = /[=!<>&|~]+/y;
const CHARACTER = /./suy;

/** In one pass. @throws {RulesError} FILTER_SYNTAX a quote is never closed, or an escape is unknown */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = take(SPACE, text, 0);
  while (at < text.length) {
    const quote = text.charAt(at);
    const token = quote === '"' || quote === "'" ? readString(text, at, quote) : readPlain(text, at);
    tokens.push(token.token);
    at = take(SPACE, text, token.end);
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

interface Read {
  readonly token: Token;
  readonly end: number;
}

function readPlain(text: string, at: number): Read {
  const wordEnd = take(WORD, text, at);
  if (wordEnd > at) return { token: { kind: 'word', text: text.slice(at, wordEnd), at }, end: wordEnd };
  const end = Math.max(take(OPERATOR, text, at), take(CHARACTER, text, at));
  return { token: { kind: 'symbol', text: text.slice(at, end), at }, end };
}

function readString(text: string, start: number, quote: string): Read {
  const parts: string[] = [];
  let runStart = start + 1;
  for (let at = runStart; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === quote) {
      parts.push(text.slice(runStart, at));
      return { token: { kind: 'string', text: parts.join(''), at: start }, end: at + 1 };
    }
    if (character !== '\\') continue;
    const escaped = text.charAt(at + 1);
    if (escaped !== quote && escaped !== '\\')
      throw misread('FILTER_SYNTAX', text, at, `\\${escaped}`, `\\\\ or \\${quote}`);
    parts.push(text.slice(runStart, at));
    runStart = at + 1;
    at += 1; // what is escaped neither ends the string nor escapes
  }
  throw misread('FILTER_SYNTAX', text, start, text.slice(start + 1), `a closing ${quote}`);
}

/** Where a match of a sticky pattern ends; `at` when there is none. */
function take(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}

export function misreadToken(
  code: RulesError['code'],
  text: string,
  token: Token,
  expected: string,
  fix?: string,
): RulesError {
  return misread(code, text, token.at, token.kind === 'end' ? undefined : token.text, expected, fix);
}

/** @param found `undefined`: the text ends there */
export function misread(
  code: RulesError['code'],
  text: string,
  at: number,
  found: string | undefined,
  expected: string,
  fix?: string,
): RulesError {
  const column = [...text.slice(0, at)].length + 1;
  const quoted = found === undefined ? 'the end' : `"${shortened(found)}"`;
  return new RulesError(code, `column ${column}: found ${quoted}, expected ${expected}`, {
    detail: { column, found: found === undefined ? '' : shortened(found), expected },
    ...(fix === undefined ? {} : { fix }),
  });
}

function shortened(text: string): string {
  const characters = [...text.slice(0, 2 * MAX_QUOTED_CHARACTERS)];
  const kept = characters.slice(0, MAX_QUOTED_CHARACTERS).join('');
  return printable(kept.length < text.length ? `${kept}…` : kept);
}
