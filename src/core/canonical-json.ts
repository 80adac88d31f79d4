/**
 * Canonical JSON as TUF signs it (OLPC): no white space, members by code point, integers only, and in strings nothing
 * escaped but `"` and `\`. Control characters stand as they are, so the result is bytes to sign, not always JSON.
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

/** Temporary. */
export function wireJson(value: CanonicalInput | JsonValue): Uint8Array {
  return canonicalJson(value);
}

/** @throws {JsonError} JSON_NUMBER, JSON_SURROGATE, JSON_DEPTH; JSON_SHAPE a value JSON does not have */
export function canonicalJson(value: CanonicalInput | JsonValue): Uint8Array {
  return utf8Encode(write(value, 0));
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isSafeInteger(value)) throw new JsonError('JSON_NUMBER', `${value} is not an exact integer`);
      return String(value === 0 ? 0 : value);
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
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth)).join(',')}]`;
  const members =
    value instanceof Map ? [...(value as ReadonlyMap<string, unknown>)] : Object.entries<unknown>({ ...value });
  members.sort(([left], [right]) => compareCodePoints(left, right));
  return `{${members.map(([name, member]) => `${quote(name)}:${write(member, depth)}`).join(',')}}`;
}

function quote(text: string): string {
  if (!text.isWellFormed()) throw new JsonError('JSON_SURROGATE', 'a lone surrogate has no canonical form');
  return NEEDS_ESCAPE.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** JavaScript compares UTF-16 units, which puts U+10000 before U+E000; code points are the order of UTF-8. */
function compareCodePoints(left: string, right: string): number {
  if (SURROGATE.test(left) || SURROGATE.test(right)) return Buffer.compare(utf8Encode(left), utf8Encode(right));
  return left < right ? -1 : left > right ? 1 : 0;
}
