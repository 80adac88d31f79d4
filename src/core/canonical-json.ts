/**
 * Canonical JSON as TUF signs it (OLPC): no white space, members by code point, integers only, and in strings nothing
 * escaped but `"` and `\`. Control characters stand as they are, so the result is bytes to sign, not always JSON;
 * `wireJson` is its twin to store and serve.
 */
import { utf8Encode } from './bytes.ts';
import { JsonError, type JsonObject, type JsonValue } from './json.ts';
import { MAX_JSON_DEPTH } from './limits.ts';

/** What `parseJson` yields, or the same built from plain objects by our own code. */
export type CanonicalInput =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalInput[]
  | JsonObject
  | ReadonlyMap<string, CanonicalInput>
  | { readonly [name: string]: CanonicalInput };

const NEEDS_ESCAPE = /["\\]/;
const SURROGATE = /[\ud800-\udfff]/;
/** U+0000 to U+001F, said without naming one. */
const CONTROL = /[^ -\uffff]/g;

/** @throws {JsonError} JSON_NUMBER, JSON_SURROGATE, JSON_DEPTH; JSON_SHAPE a value JSON does not have */
export function canonicalJson(value: CanonicalInput | JsonValue): Uint8Array {
  return utf8Encode(canonicalText(value));
}

/**
 * The same with control characters escaped (`\b`, `\t`, `\n`, `\f`, `\r`, else `\u00xx`): always JSON, and the same bytes as
 * `canonicalJson` where no string holds one.
 *
 * @throws {JsonError} as `canonicalJson`
 */
export function wireJson(value: CanonicalInput | JsonValue): Uint8Array {
  // Outside of strings the text has no control character, so the whole of it is escaped at once.
  return utf8Encode(canonicalText(value).replaceAll(CONTROL, (control) => JSON.stringify(control).slice(1, -1)));
}

/**
 * Surrogates are rare, and only they can be ill-formed or make the order of UTF-16 units another than that of code points: one
 * look at the finished text, and a second, careful writing where it holds one, cost less than a look at every string.
 */
function canonicalText(value: unknown): string {
  const text = write(value, 0);
  if (!SURROGATE.test(text)) return text;
  if (!text.isWellFormed()) throw new JsonError('JSON_SURROGATE', 'a lone surrogate has no canonical form');
  return write(value, 0, compareCodePoints);
}

type Compare = (left: string, right: string) => number;

/** @param compare order of names where that of UTF-16 units, which is faster, will not do */
function write(value: unknown, depth: number, compare?: Compare): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new JsonError('JSON_NUMBER', `${value} is not an exact integer`);
      return String(value);
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : writeNested(value, depth + 1, compare);
    default:
      throw new JsonError('JSON_SHAPE', `${typeof value} has no canonical form`);
  }
}

function writeNested(value: object, depth: number, compare?: Compare): string {
  if (depth > MAX_JSON_DEPTH) throw new JsonError('JSON_DEPTH', `nested deeper than ${MAX_JSON_DEPTH} levels`);
  let inner = '';
  let separator = '';
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) {
      inner += separator + write(item, depth, compare);
      separator = ',';
    }
    return `[${inner}]`;
  }
  const members = value instanceof Map ? (value as ReadonlyMap<string, unknown>) : undefined;
  const names = members ? [...members.keys()] : Object.keys(value);
  if (compare || !isAscending(names)) names.sort(compare);
  for (const name of names) {
    const member = members ? members.get(name) : (value as Readonly<Record<string, unknown>>)[name];
    inner += `${separator}${quote(name)}:${write(member, depth, compare)}`;
    separator = ',';
  }
  return `{${inner}}`;
}

function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** What was signed before is sorted already; looking is cheaper than sorting again. */
function isAscending(names: readonly string[]): boolean {
  return names.every((name, index) => index === 0 || (names[index - 1] ?? '') < name);
}

/** JavaScript compares UTF-16 units, which puts U+10000 before U+E000; code points are the order of UTF-8. Well-formed texts only. */
function compareCodePoints(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const [one, other] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (one !== other) return rank(one) - rank(other);
  }
  return left.length - right.length;
}

/** Of a UTF-16 unit: surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
