/** A filter as a tree, and what it is asked about. The language is explained in docs/reference/filter-language.md. */
import type { Assurance } from '../model.ts';

/** What a filter can ask of a device. A device has none, one or (groups only) several values of a field. */
export interface DeviceFacts {
  readonly protocol: string;
  readonly identity: string;
  readonly hardware: string;
  readonly groups: readonly string[];
  readonly channel: string | null;
  readonly tags: ReadonlyMap<string, string>;
  /** Component to the version it runs; `null` when the device does not know. */
  readonly versions: ReadonlyMap<string, string | null>;
  /** What `version` without a component means where there are several. */
  readonly mainComponent: string | null;
  /** `null`: never. */
  readonly lastSeenAtMs: number | null;
  /** Of its last contact; `null`: it has had none. */
  readonly assurance: Assurance | null;
}

/** In the order they are explained, with the operators each takes. */
export const OPERATORS_OF = {
  protocol: ['==', '!=', 'in', 'like'],
  identity: ['==', '!=', 'in', 'like'],
  hardware: ['==', '!=', 'in', 'like'],
  group: ['==', '!=', 'in', 'like'],
  channel: ['==', '!=', 'in', 'like'],
  tag: ['==', '!=', 'in', 'like'],
  version: ['==', '!=', '<', '<=', '>', '>=', 'in', 'like'],
  lastSeen: ['within'],
  assurance: ['==', '!=', 'in'],
} as const;

export type FieldName = keyof typeof OPERATORS_OF;
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type Operator = Comparison | 'in' | 'like' | 'within';

export type Field =
  | { readonly name: Exclude<FieldName, 'tag' | 'version'> }
  | { readonly name: 'tag'; readonly tag: string }
  /** `null`: the main component, or the only one. */
  | { readonly name: 'version'; readonly component: string | null };

/** As parentheses were written: `(a and b) and c` is no list of three. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly [Filter, Filter, ...Filter[]] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | { readonly kind: 'compare'; readonly field: Field; readonly operator: Comparison; readonly value: string }
  | { readonly kind: 'in'; readonly field: Field; readonly values: readonly [string, ...string[]] }
  | { readonly kind: 'like'; readonly field: Field; readonly pattern: string }
  | { readonly kind: 'within'; readonly field: Field; readonly durationMs: number };

/** Words that are no value unless quoted. */
export const RESERVED: readonly string[] = ['and', 'or', 'not', 'in', 'like', 'within'];

/** Longest first. */
export const DURATION_UNITS = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;
