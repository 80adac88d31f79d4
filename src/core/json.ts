/**
 * A strict JSON reader (RFC 8259, minus all that two readers could understand in two ways).
 *
 * Refused: a name twice in one object, numbers a double cannot hold exactly, fractions and exponents (unless asked for), `-0`,
 * lone surrogates, ill-formed UTF-8, a byte order mark, more depth or bytes than allowed, anything after the value.
 * Objects become Maps: names from outside never are keys of a plain object. Time is linear in the size (SEC-10).
 */
import { utf8Decode } from './bytes.ts';
import { OtaError } from './errors.ts';
import { MAX_JSON_BYTES, MAX_JSON_DEPTH } from './limits.ts';

export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export class JsonError extends OtaError<
  | 'JSON_SIZE'
  | 'JSON_UTF8'
  | 'JSON_SYNTAX'
  | 'JSON_DEPTH'
  | 'JSON_DUPLICATE'
  | 'JSON_NUMBER'
  | 'JSON_SURROGATE'
  | 'JSON_SHAPE'
> {
  readonly fault = 'peer';
}

export interface JsonOptions {
  /** Default 4 MiB. */
  readonly maxBytes?: number;
  /** Default 64. */
  readonly maxDepth?: number;
  /** Take any finite number, for members whose meaning is not ours. Default: integers within +-(2^53-1) only. */
  readonly fractions?: boolean;
}

/** @throws {JsonError} JSON_SIZE, JSON_UTF8, JSON_SYNTAX, JSON_DEPTH, JSON_DUPLICATE, JSON_NUMBER, JSON_SURROGATE; `detail.offset` is in characters */
export function parseJson(bytes: Uint8Array, options: JsonOptions = {}): JsonValue {
  const { maxBytes = MAX_JSON_BYTES, maxDepth = MAX_JSON_DEPTH, fractions = false } = options;
  if (bytes.length > maxBytes) {
    throw new JsonError('JSON_SIZE', `${bytes.length} bytes where at most ${maxBytes} are allowed`);
  }
  const text = utf8Decode(bytes);
  if (text === undefined) throw new JsonError('JSON_UTF8', 'not well-formed UTF-8');
  return new JsonParser(text, maxDepth, fractions).document();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ESCAPES = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);
const WORDS = new Map<string, JsonValue>([
  ['t', true],
  ['f', false],
  ['n', null],
]);
const INTEGER = /-?(?:0|[1-9][0-9]*)/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const FOUR_HEX = /[0-9a-fA-F]{4}/y;

class JsonParser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #fractions: boolean;
  #at = 0;

  constructor(text: string, maxDepth: number, fractions: boolean) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#fractions = fractions;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('JSON_SYNTAX', 'text after the end of the value');
    return value;
  }

  #value(depth: number): JsonValue {
    this.#skipSpace();
    const first = this.#text.charAt(this.#at);
    switch (first) {
      case '{':
        return this.#object(this.#deeper(depth));
      case '[':
        return this.#array(this.#deeper(depth));
      case '"':
        return this.#string();
      case 't':
      case 'f':
      case 'n':
        return this.#word(first);
      default:
        return this.#number();
    }
  }

  #deeper(depth: number): number {
    if (depth >= this.#maxDepth) this.#fail('JSON_DEPTH', `nested deeper than ${this.#maxDepth} levels`);
    this.#at += 1;
    return depth + 1;
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>();
    if (this.#take('}')) return members;
    for (;;) {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#fail('JSON_SYNTAX', 'a member name is missing');
      const name = this.#string();
      if (members.has(name))
        this.#fail('JSON_DUPLICATE', `member ${JSON.stringify(name.slice(0, 64))} stands twice in one object`);
      this.#expect(COLON, 'a colon is missing');
      members.set(name, this.#value(depth));
      if (this.#take('}')) return members;
      this.#expect(COMMA, 'a comma or } is missing');
    }
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    if (this.#take(']')) return items;
    for (;;) {
      items.push(this.#value(depth));
      if (this.#take(']')) return items;
      this.#expect(COMMA, 'a comma or ] is missing');
    }
  }

  /** Whole runs without escapes are sliced at once; a surrogate half can only come from an escape. */
  #string(): string {
    const start = this.#at + 1;
    let runStart = start;
    let at = start;
    let result = '';
    let hasUnicodeEscape = false;
    for (;;) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        result += this.#text.slice(runStart, at);
        this.#at = at + 1;
        hasUnicodeEscape ||= this.#text.charAt(this.#at) === 'u';
        result += this.#escape();
        at = this.#at;
        runStart = at;
      } else if (code >= 0x20) {
        at += 1;
      } else {
        this.#at = at;
        this.#fail('JSON_SYNTAX', Number.isNaN(code) ? 'a string has no end' : 'a control character in a string');
      }
    }
    result = runStart === start ? this.#text.slice(start, at) : result + this.#text.slice(runStart, at);
    this.#at = at + 1;
    if (hasUnicodeEscape && !result.isWellFormed()) this.#fail('JSON_SURROGATE', 'a lone surrogate in a string');
    return result;
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at);
    this.#at += 1;
    if (letter === 'u') {
      const digits = this.#match(FOUR_HEX) ?? this.#fail('JSON_SYNTAX', '\\u needs four hex digits');
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    return ESCAPES.get(letter) ?? this.#fail('JSON_SYNTAX', 'an unknown escape');
  }

  #word(first: string): JsonValue {
    const value = WORDS.get(first) ?? null;
    const word = String(value);
    if (!this.#text.startsWith(word, this.#at)) this.#fail('JSON_SYNTAX', 'an unknown word');
    this.#at += word.length;
    return value;
  }

  #number(): number {
    const start = this.#at;
    const text = this.#match(this.#fractions ? NUMBER : INTEGER) ?? this.#fail('JSON_SYNTAX', 'a value is missing');
    const next = this.#text.charAt(this.#at);
    if (next === '.' || next === 'e' || next === 'E')
      this.#fail('JSON_NUMBER', 'a fraction or exponent where only integers are allowed');
    if (next >= '0' && next <= '9') this.#fail('JSON_NUMBER', 'a leading zero');
    const value = Number(text);
    const isFine = this.#fractions ? Number.isFinite(value) : Number.isSafeInteger(value) && !Object.is(value, -0);
    if (!isFine) {
      this.#at = start;
      this.#fail('JSON_NUMBER', `${text.slice(0, 32)} cannot be held exactly`);
    }
    return value;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(closing: string): boolean {
    this.#skipSpace();
    if (this.#text.charAt(this.#at) !== closing) return false;
    this.#at += 1;
    return true;
  }

  #expect(code: number, otherwise: string): void {
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== code) this.#fail('JSON_SYNTAX', otherwise);
    this.#at += 1;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #fail(code: JsonError['code'], message: string): never {
    throw new JsonError(code, `${message} (character ${this.#at})`, { detail: { offset: this.#at } });
  }
}

/** @param path JSON pointer of `value`, for the message @throws {JsonError} JSON_SHAPE */
export function asObject(value: JsonValue | undefined, path: string): JsonObject {
  return value instanceof Map ? value : misshapen(path, 'an object');
}

/** @throws {JsonError} JSON_SHAPE */
export function asArray(value: JsonValue | undefined, path: string): readonly JsonValue[] {
  return isArray(value) ? value : misshapen(path, 'an array');
}

/** @throws {JsonError} JSON_SHAPE */
export function asString(value: JsonValue | undefined, path: string): string {
  return typeof value === 'string' ? value : misshapen(path, 'a string');
}

/** @throws {JsonError} JSON_SHAPE not an integer from `min` to `max` */
export function asInteger(value: JsonValue | undefined, path: string, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  const isFine = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
  return isFine ? value : misshapen(path, `an integer from ${min} to ${max}`);
}

function misshapen(path: string, expected: string): never {
  throw new JsonError('JSON_SHAPE', `${path || 'the document'} is not ${expected}`, { detail: { pointer: path } });
}

/** `Array.isArray` would make it an array of anything. */
function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
