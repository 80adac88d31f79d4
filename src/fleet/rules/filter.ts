/**
 * Filters: which devices are meant, the same in the API, in commands, in rollouts and in dynamic groups.
 *
 * One rule explains all: a field has the values the device has of it, which may be none. A test is true when one of them
 * passes it; `!=` is `not ==`. So a missing value equals nothing, is below and above nothing, and `!=` is true of it.
 * A version that is no version (core/version.ts) counts as missing, as it does in decisions.
 */
import { unreachable } from '../../core/errors.ts';
import { compareVersions, isVersion } from '../../core/version.ts';
import type { Comparison, DeviceFacts, Field, Filter } from './filter-model.ts';
import { printField } from './filter-print.ts';

export type { DeviceFacts, Field, Filter } from './filter-model.ts';
export { parseFilter } from './filter-parser.ts';
export { printField, printFilter } from './filter-print.ts';

/** Never throws, whatever the facts. @param nowMs what `within` counts from; a contact after it is within every duration */
export function matches(filter: Filter, facts: DeviceFacts, nowMs: number): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.filters.every((one) => matches(one, facts, nowMs));
    case 'or':
      return filter.filters.some((one) => matches(one, facts, nowMs));
    case 'not':
      return !matches(filter.filter, facts, nowMs);
    case 'compare': {
      const { field, operator, value } = filter;
      return operator === '!=' ? !compare(field, '==', value, facts) : compare(field, operator, value, facts);
    }
    case 'in':
      return filter.values.some((value) => compare(filter.field, '==', value, facts));
    case 'like':
      return valuesOf(filter.field, facts).some((text) => isLike(text, filter.pattern));
    case 'within':
      return facts.lastSeenAtMs !== null && nowMs - facts.lastSeenAtMs <= filter.durationMs;
    default:
      return unreachable(filter);
  }
}

/** Each field a filter asks for, once, in the order of the text: what has to be known, and what a change of can change the answer. */
export function fieldsOf(filter: Filter): readonly Field[] {
  const found = new Map<string, Field>();
  const visit = (one: Filter): void => {
    if ('filters' in one) one.filters.forEach(visit);
    else if (one.kind === 'not') visit(one.filter);
    else if (!found.has(printField(one.field))) found.set(printField(one.field), one.field);
  };
  visit(filter);
  return [...found.values()];
}

const PASSES: Readonly<Record<Exclude<Comparison, '!='>, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function compare(field: Field, operator: Exclude<Comparison, '!='>, value: string, facts: DeviceFacts): boolean {
  const order = field.name === 'version' ? compareVersions : compareText;
  return valuesOf(field, facts).some((one) => PASSES[operator](order(one, value)));
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function valuesOf(field: Field, facts: DeviceFacts): readonly string[] {
  switch (field.name) {
    case 'group':
      return facts.groups;
    case 'tag':
      return present(facts.tags.get(field.tag));
    case 'version':
      return present(versionOf(field.component, facts)).filter(isVersion);
    case 'channel':
    case 'assurance':
      return present(facts[field.name]);
    case 'lastSeen':
      return []; // a time, not a text: only `within` asks for it
    default:
      return [facts[field.name]];
  }
}

function present(value: string | null | undefined): readonly string[] {
  return value === null || value === undefined ? [] : [value];
}

function versionOf(component: string | null, { versions, mainComponent }: DeviceFacts): string | null | undefined {
  if (component !== null) return versions.get(component);
  if (mainComponent !== null) return versions.get(mainComponent);
  return versions.size === 1 ? [...versions.values()][0] : null;
}

/** Each piece between stars is looked for once, left to right, never back: at most length of text times length of pattern. */
function isLike(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
