/**
 * A strict JSON reader (RFC 8259, minus all that two readers could understand in two ways).
 *
 * Refused: a name twice in one object, numbers a double cannot hold exactly, fractions and exponents (unless asked for), `-0`,
 * lone surrogates, ill-formed UTF-8, a byte order mark, more depth or bytes than allowed, anything after the value.
 * Objects become Maps: names from outside never are keys of a plain object. Time is linear in the size (SEC-10).
 */
import { compareUtf8, utf8Decode } from './bytes.ts';
import { canonicalJson } from './canonical-json.ts';
import { asObject, JsonError, type JsonObject, type JsonValue } from './json-value.ts';
import { MAX_JSON_BYTES, MAX_JSON_DEPTH } from './limits.ts';

export { asArray, asInteger, asObject, asString, JsonError, type JsonObject, type JsonValue } from './json-value.ts';

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
  return new JsonParser(decode(bytes, maxBytes), maxDepth, fractions).document();
}

/** A signed document: `{"signatures":…,"signed":…}`. */
export interface SignedJson {
  readonly document: JsonObject;
  readonly signed: JsonObject;
  /** What the signatures are over: exactly `canonicalJson(signed)`. May share its memory with the bytes that were read. */
  readonly canonical: Uint8Array;
}

/**
 * Reads a signed document, and gives the bytes to verify. Where `signed` is spelled canonically in the source, as it is in what we
 * store and serve, they are a piece of the source and nothing is written again.
 *
 * @param options no fractions: they have no canonical form
 * @throws {JsonError} as `parseJson`; JSON_SHAPE `signed` is missing or no object
 * @see spec/uptane.md 3.1, 3.2
 */
export function parseSigned(bytes: Uint8Array, options: Pick<JsonOptions, 'maxBytes'> = {}): SignedJson {
  const text = decode(bytes, options.maxBytes ?? MAX_JSON_BYTES);
  const parser = new JsonParser(text, MAX_JSON_DEPTH, false, 'signed');
  const document = asObject(parser.document(), '');
  const signed = asObject(document.get('signed'), '/signed');
  const span = parser.canonicalSpan;
  return { document, signed, canonical: span ? bytesOf(span, text, bytes) : canonicalJson(signed) };
}

function decode(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) {
    throw new JsonError('JSON_SIZE', `${bytes.length} bytes where at most ${maxBytes} are allowed`);
  }
  const text = utf8Decode(bytes);
  if (text === undefined) throw new JsonError('JSON_UTF8', 'not well-formed UTF-8');
  return text;
}

/** Positions in a text, in UTF-16 units. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** The bytes that `span` of `text` was decoded from. */
function bytesOf({ start, end }: Span, text: string, bytes: Uint8Array): Uint8Array {
  // As many bytes as units: all is ASCII, and positions are the same.
  if (text.length === bytes.length) return bytes.subarray(start, end);
  const from = Buffer.byteLength(text.slice(0, start));
  return bytes.subarray(from, from + Buffer.byteLength(text.slice(start, end)));
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const COLON = 0x3a;
const UPPER_E = 0x45;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
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
/** One for all that are empty, since two bytes of input must not cost two hundred of memory; what was read is never changed. */
const NO_MEMBERS: JsonObject = new Map();
const NO_ITEMS: readonly JsonValue[] = Object.freeze([]);
const FRACTION = /(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const FOUR_HEX = /[0-9a-fA-F]{4}/y;

class JsonParser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #fractions: boolean;
  readonly #watched: string | undefined;
  #at = 0;
  /** Whether everything since it was set has been spelled as canonical JSON spells it. */
  #isCanonical = false;
  /** Where the value of the watched member stands, if its spelling is canonical. */
  canonicalSpan: Span | undefined;

  /** @param watched name of a member of the outermost object; never with `fractions` */
  constructor(text: string, maxDepth: number, fractions: boolean, watched?: string) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#fractions = fractions;
    this.#watched = watched;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#fail('JSON_SYNTAX', 'text after the end of the value');
    return value;
  }

  #value(depth: number): JsonValue {
    this.#skipSpace();
    switch (this.#text.charCodeAt(this.#at)) {
      case OPEN_BRACE:
        return this.#object(this.#deeper(depth));
      case OPEN_BRACKET:
        return this.#array(this.#deeper(depth));
      case QUOTE:
        return this.#string();
      case LOWER_T:
        return this.#word('true', true);
      case LOWER_F:
        return this.#word('false', false);
      case LOWER_N:
        return this.#word('null', null);
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
    if (this.#take(CLOSE_BRACE)) return NO_MEMBERS;
    const members = new Map<string, JsonValue>();
    let previous = '';
    for (;;) {
      this.#skipSpace();
      if (this.#text.charCodeAt(this.#at) !== QUOTE) this.#fail('JSON_SYNTAX', 'a member name is missing');
      const name = this.#string();
      if (members.has(name))
        this.#fail('JSON_DUPLICATE', `member ${JSON.stringify(name.slice(0, 64))} stands twice in one object`);
      if (this.#isCanonical && compareUtf8(previous, name) > 0) this.#isCanonical = false;
      previous = name;
      this.#expect(COLON, 'a colon is missing');
      const isWatched = depth === 1 && name === this.#watched;
      members.set(name, isWatched ? this.#watchedValue(depth) : this.#value(depth));
      if (this.#take(CLOSE_BRACE)) return members;
      this.#expect(COMMA, 'a comma or } is missing');
    }
  }

  #watchedValue(depth: number): JsonValue {
    this.#skipSpace();
    const start = this.#at;
    this.#isCanonical = true;
    const value = this.#value(depth);
    if (this.#isCanonical) this.canonicalSpan = { start, end: this.#at };
    return value;
  }

  #array(depth: number): readonly JsonValue[] {
    if (this.#take(CLOSE_BRACKET)) return NO_ITEMS;
    // Begun with its first item: an array that is begun empty takes room for seventeen with it.
    const items = [this.#value(depth)];
    while (!this.#take(CLOSE_BRACKET)) {
      this.#expect(COMMA, 'a comma or ] is missing');
      items.push(this.#value(depth));
    }
    return items;
  }

  /** Whole runs without escapes are sliced at once; a surrogate half can only come from an escape. */
  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    let runStart = start;
    let at = start;
    let result = '';
    let hasUnicodeEscape = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        result += text.slice(runStart, at);
        this.#at = at + 1;
        hasUnicodeEscape ||= text.charAt(this.#at) === 'u';
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
    result = runStart === start ? text.slice(start, at) : result + text.slice(runStart, at);
    this.#at = at + 1;
    if (hasUnicodeEscape && !result.isWellFormed()) this.#fail('JSON_SURROGATE', 'a lone surrogate in a string');
    return result;
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#at);
    if (letter !== '"' && letter !== '\\') this.#isCanonical = false;
    this.#at += 1;
    if (letter === 'u') {
      const digits = this.#match(FOUR_HEX) ?? this.#fail('JSON_SYNTAX', '\\u needs four hex digits');
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    return ESCAPES.get(letter) ?? this.#fail('JSON_SYNTAX', 'an unknown escape');
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('JSON_SYNTAX', 'an unknown word');
    this.#at += word.length;
    return value;
  }

  #number(): number {
    const start = this.#at;
    const firstDigit = this.#text.charCodeAt(start) === MINUS ? start + 1 : start;
    this.#at = firstDigit;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at += 1;
    if (this.#at === firstDigit) {
      this.#at = start;
      this.#fail('JSON_SYNTAX', 'a value is missing');
    }
    if (this.#at > firstDigit + 1 && this.#text.charCodeAt(firstDigit) === DIGIT_0) {
      this.#at = firstDigit + 1;
      this.#fail('JSON_NUMBER', 'a leading zero');
    }
    if (this.#fractions) this.#match(FRACTION);
    const next = this.#text.charCodeAt(this.#at);
    if (next === DOT || next === LOWER_E || next === UPPER_E)
      this.#fail('JSON_NUMBER', 'a fraction or exponent where only integers are allowed');
    const text = this.#text.slice(start, this.#at);
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

  #take(closing: number): boolean {
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) !== closing) return false;
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
      this.#isCanonical = false;
      this.#at += 1;
    }
  }

  #fail(code: JsonError['code'], message: string): never {
    throw new JsonError(code, `${message} (character ${this.#at})`, { detail: { offset: this.#at } });
  }
}

function isDigit(code: number): boolean {
  return code >= DIGIT_0 && code <= DIGIT_9;
}
