/**
 * Canonical JSON as TUF signs it (OLPC): no white space, members by code point, integers only, and in strings nothing
 * escaped but `"` and `\`. Control characters stand as they are, so the result is bytes to sign, not always JSON;
 * `wireJson` is its twin to store and serve.
 */
import { compareUtf8, utf8Encode } from './bytes.ts';
import { JsonError, type JsonObject, type JsonValue } from './json-value.ts';
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

function canonicalText(value: unknown): string {
  const text = write(value, 0);
  // Once for all strings: quotes stand between them, so that no two halves can meet.
  if (!text.isWellFormed())
    throw new JsonError('JSON_SURROGATE', 'a lone surrogate has no canonical form', {
      fix: 'Correct the text: it holds half of a character (U+D800 to U+DFFF alone).',
    });
  return text;
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new JsonError('JSON_NUMBER', `${value} is not an exact integer`);
      return String(value);
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : writeNested(value, depth + 1);
    default:
      throw new JsonError('JSON_SHAPE', `${typeof value} has no canonical form`);
  }
}

function writeNested(value: object, depth: number): string {
  if (depth > MAX_JSON_DEPTH) throw new JsonError('JSON_DEPTH', `nested deeper than ${MAX_JSON_DEPTH} levels`);
  let inner = '';
  let separator = '';
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) {
      inner += separator + write(item, depth);
      separator = ',';
    }
    return `[${inner}]`;
  }
  const members = value instanceof Map ? (value as ReadonlyMap<string, unknown>) : undefined;
  const names = members ? [...members.keys()] : Object.keys(value);
  if (!isAscending(names)) names.sort(compareUtf8);
  for (const name of names) {
    const member = members ? members.get(name) : (value as Readonly<Record<string, unknown>>)[name];
    inner += `${separator}${quote(name)}:${write(member, depth)}`;
    separator = ',';
  }
  return `{${inner}}`;
}

function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** What was signed before is sorted already; looking is cheaper than sorting again. */
function isAscending(names: readonly string[]): boolean {
  return names.every((name, index) => index === 0 || compareUtf8(names[index - 1] ?? '', name) < 0);
}
