/** Rules that come as JSON, narrowed once. Whatever is not expected is refused: a rule that is half understood protects nobody. */
import { nearest } from '../../core/nearest.ts';
import { printable } from '../../core/text.ts';
import { RulesError } from './errors.ts';
import { MAX_QUOTED_CHARACTERS } from './limits.ts';

/** How a value is refused: code, pointer and message. */
export type Refuse = (pointer: string, message: string, fix?: string) => never;

export function refuseAs(code: RulesError['code']): Refuse {
  return (pointer, message, fix) => {
    throw new RulesError(code, `${pointer || 'the document'}: ${message}`, {
      detail: { pointer },
      ...(fix === undefined ? {} : { fix }),
    });
  };
}

export function asList(value: unknown, pointer: string, max: number, refuse: Refuse): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(pointer, `found ${quoted(value)}, expected a list`);
  if (value.length > max) return refuse(pointer, `${value.length} where at most ${max} are allowed`);
  return value;
}

/** Members of an object, none beside the known ones; those that are `null` count as absent. */
export function asMembers(
  value: unknown,
  pointer: string,
  known: readonly string[],
  refuse: Refuse,
): ReadonlyMap<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(pointer, `found ${quoted(value)}, expected an object`);
  const members = Object.entries(value);
  const unknown = members.find(([name]) => !known.includes(name))?.[0];
  if (unknown !== undefined) {
    const meant = nearest(unknown, known);
    return refuse(
      `${pointer}/${quoted(unknown).slice(1, -1)}`,
      `there is no such member; there are ${known.join(', ')}`,
      meant === undefined ? undefined : `Did you mean ${meant}?`,
    );
  }
  return new Map(members.filter(([, member]) => member !== null));
}

export function asNumber(
  value: unknown,
  pointer: string,
  { min, max, parts }: { readonly min: number; readonly max: number; readonly parts: number },
  refuse: Refuse,
): number {
  const count = typeof value === 'number' ? Math.round(value * parts) : Number.NaN;
  // The nearest double to a decimal is no multiple of a part, but nearer to one than any other decimal of so few digits.
  const isWhole = typeof value === 'number' && Math.abs(value * parts - count) < 1e-6;
  if (isWhole && count >= min * parts && count <= max * parts) return count / parts;
  const steps = parts === 1 ? 'a whole number' : `a multiple of ${1 / parts}`;
  return refuse(pointer, `found ${quoted(value)}, expected ${steps} from ${min} to ${max}`);
}

/** As it may be shown in a message. */
export function quoted(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  if (typeof value !== 'string') return String(value);
  const kept = value.slice(0, MAX_QUOTED_CHARACTERS);
  return `"${printable(kept.length < value.length ? `${kept}…` : kept)}"`;
}
