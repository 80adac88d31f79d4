/**
 * Versions and their order: SemVer 2.0.0 section 11 where a version is SemVer, and the same rules carried on where it is not.
 *
 * A version is cut at `+` (what follows is build metadata and does not count), then at the first `-` into core and pre-release,
 * then at dots. Parts of digits compare as numbers, other parts by character, numbers before text. A shorter core is filled up with
 * zeros (`1.2` equals `1.2.0`); a version with a pre-release comes before the one without.
 */
import { MAX_VERSION_CHARACTERS } from './limits.ts';

const FORM = /^[!-.0-~]+$/;
const DIGITS = /^[0-9]+$/;

/** Printable ASCII without spaces and slashes, 1 to 64 characters. */
export function isVersion(text: string): boolean {
  return text.length <= MAX_VERSION_CHARACTERS && FORM.test(text);
}

/**
 * A text whose plain order is the order of versions, so that a database can sort by it. For versions only (`isVersion`).
 *
 * Each part is written with a leading mark: `1` plus length plus digits for a number, `2` for text; parts end in a space,
 * below every mark; the end of a core is `~` for a release and `!` for a pre-release.
 */
export function versionKey(version: string): string {
  const [kept = ''] = version.split('+', 1);
  const dash = kept.indexOf('-');
  const core = (dash < 0 ? kept : kept.slice(0, dash)).split('.').map(partKey);
  while (core.length > 1 && core.at(-1) === ZERO) core.pop();
  const coreKey = core.map((part) => `${part} `).join('');
  if (dash < 0) return `${coreKey}0~`;
  const preRelease = kept
    .slice(dash + 1)
    .split('.')
    .map(partKey);
  return `${coreKey}0!${preRelease.map((part) => `${part} `).join('')}`;
}

/** Negative, zero or positive, as `left` comes before, with or after `right`. */
export function compareVersions(left: string, right: string): number {
  const [leftKey, rightKey] = [versionKey(left), versionKey(right)];
  return leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
}

function partKey(part: string): string {
  if (!DIGITS.test(part)) return `2${part}`;
  const digits = part.replace(/^0+(?=.)/, '');
  return `1${String(digits.length).padStart(2, '0')}${digits}`;
}

const ZERO = partKey('0');
