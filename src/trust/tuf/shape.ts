/** Reading of signed members: each function narrows one value or throws TRUST_MALFORMED with its place. */
import { isHex } from '../../core/bytes.ts';
import { asArray, asInteger, asObject, asString, JsonError, type JsonObject, type JsonValue } from '../../core/json.ts';
import { parseUtc } from '../../core/time.ts';
import { TrustError } from '../errors.ts';
import { MAX_NAME_CHARACTERS } from '../limits.ts';

/** Runs `read`, and says of any refusal which role's file it concerns. */
export function inRole<T>(role: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TrustError) {
      throw new TrustError(error.code, error.message, {
        ...(error.cause === undefined ? {} : { cause: error.cause }),
        ...(error.fix === undefined ? {} : { fix: error.fix }),
        detail: { role, ...error.detail },
      });
    }
    if (!(error instanceof JsonError)) throw error;
    throw new TrustError('TRUST_MALFORMED', `${role}: ${error.message}`, {
      cause: error,
      detail: { role, ...error.detail },
    });
  }
}

export function malformed(path: string, problem: string): TrustError {
  return new TrustError('TRUST_MALFORMED', `${path} ${problem}`, { detail: { pointer: path } });
}

/** A name of at most 1,024 characters; never empty. */
export function readName(value: JsonValue | undefined, path: string): string {
  const name = asString(value, path);
  if (name === '' || name.length > MAX_NAME_CHARACTERS) throw malformed(path, 'is no name');
  return name;
}

/** Distinct names, at most `max`. */
export function readNames(value: JsonValue | undefined, path: string, max: number): readonly string[] {
  const list = asArray(value, path);
  if (list.length > max) throw malformed(path, `has ${list.length} entries, at most ${max} are allowed`);
  const names = list.map((item, index) => readName(item, `${path}/${index}`));
  if (new Set(names).size !== names.length) throw malformed(path, 'names something twice');
  return names;
}

/** `YYYY-MM-DDTHH:MM:SSZ` as milliseconds since the epoch. */
export function readTime(value: JsonValue | undefined, path: string): number {
  const text = asString(value, path);
  const timeMs = parseUtc(text);
  if (timeMs === undefined) throw malformed(path, `is no time: ${text.slice(0, 32)}`);
  return timeMs;
}

/** For messages: a clock may show what no calendar has. */
export function describeTime(timeMs: number): string {
  return Number.isNaN(new Date(timeMs).getTime()) ? `${timeMs} ms after 1970, which is no date` : writeTime(timeMs);
}

/** Cut to whole seconds. */
export function writeTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

/** Digests by algorithm, lower-case hex; at least one. Algorithms we do not know are kept. */
export function readHashes(value: JsonValue | undefined, path: string): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const [algorithm, digest] of asObject(value, path)) {
    const hex = asString(digest, `${path}/${algorithm}`);
    if (hex === '' || !isHex(hex)) throw malformed(`${path}/${algorithm}`, 'is not lower-case hex');
    hashes.set(algorithm, hex);
  }
  if (hashes.size === 0) throw malformed(path, 'names no hash');
  return hashes;
}

export function readVersion(object: JsonObject, path: string): number {
  return asInteger(object.get('version'), `${path}/version`, 1);
}

/** A flag; left out it means no, and `null` is not left out. */
export function readFlag(object: JsonObject, name: string, path: string): boolean {
  const value = object.get(name);
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw malformed(`${path}/${name}`, 'is not true or false');
  return value;
}
