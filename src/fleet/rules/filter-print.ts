/** Filters as text, in one spelling: single spaces, parentheses only where they count, quotes only where they must be. */
import { unreachable } from '../../core/errors.ts';
import { DURATION_UNITS, type Field, type Filter, RESERVED } from './filter-model.ts';

const BARE = /^[A-Za-z0-9_.+:/@-]+$/;
const BARE_PATTERN = /^[A-Za-z0-9_.+:/@*-]+$/;

/** What `parseFilter` reads as the same filter again, provided that it came from there. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
      return filter.filters.map((one) => inside(one, ['and', 'or'])).join(' and ');
    case 'or':
      return filter.filters.map((one) => inside(one, ['or'])).join(' or ');
    case 'not':
      return `not ${inside(filter.filter, ['and', 'or'])}`;
    case 'compare':
      return `${printField(filter.field)} ${filter.operator} ${printValue(filter.value, BARE)}`;
    case 'in':
      return `${printField(filter.field)} in (${filter.values.map((value) => printValue(value, BARE)).join(', ')})`;
    case 'like':
      return `${printField(filter.field)} like ${printValue(filter.pattern, BARE_PATTERN)}`;
    case 'within':
      return `${printField(filter.field)} within ${printDuration(filter.durationMs)}`;
    default:
      return unreachable(filter);
  }
}

export function printField(field: Field): string {
  if (field.name === 'tag') return `tag.${field.tag}`;
  if (field.name === 'version' && field.component !== null) return `version(${printValue(field.component, BARE)})`;
  return field.name;
}

function inside(filter: Filter, looser: readonly Filter['kind'][]): string {
  return looser.includes(filter.kind) ? `(${printFilter(filter)})` : printFilter(filter);
}

function printValue(value: string, bare: RegExp): string {
  if (bare.test(value) && !RESERVED.includes(value)) return value;
  return `"${value.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`;
}

function printDuration(durationMs: number): string {
  const [unit, unitMs] = DURATION_UNITS.find(([, ms]) => durationMs % ms === 0) ?? ['s', 1000];
  return `${durationMs / unitMs}${unit}`;
}
