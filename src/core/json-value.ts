/** JSON as values: what the reader yields and the writer takes, and how a value of the wrong shape is refused. */
import { OtaError } from './errors.ts';

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
