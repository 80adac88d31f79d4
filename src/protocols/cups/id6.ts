/** ID6, the spelling of a 64-bit EUI in CUPS (spec/cups.md section 3.2). An EUI is 16 lower-case hex digits here. */
import { CupsRequestError } from './errors.ts';

const GROUP = /^[0-9a-f]{1,4}$/;
const PLAIN = /^[0-9a-f]{16}$/;
const SEPARATED = /^[0-9a-f]{2}(?:[-:][0-9a-f]{2}){7}$/;

/** Writes an EUI the way Station does: `::` shortens leading or trailing zero groups, or exactly the two in the middle. */
export function formatId6(eui: string): string {
  const groups = [0, 4, 8, 12].map((at) => Number.parseInt(eui.slice(at, at + 4), 16).toString(16));
  const [a, b, c, d] = groups;
  const zeros = groups.map((group) => (group === '0' ? '0' : 'x')).join('');
  if (zeros.startsWith('00')) return c === '0' ? `::${d}` : `::${c}:${d}`;
  if (zeros.endsWith('00')) return b === '0' ? `${a}::` : `${a}:${b}::`;
  return zeros === 'x00x' ? `${a}::${d}` : groups.join(':');
}

/**
 * Reads ID6 with any single `::`, or a plain EUI: 16 hex digits, or 8 pairs joined by dashes or colons.
 * @throws {CupsRequestError} CUPS_BAD_REQUEST anything else, and EUI zero, which no router can have
 */
export function parseId6(text: string): string {
  const lower = text.toLowerCase();
  const eui = PLAIN.test(lower) ? lower : SEPARATED.test(lower) ? lower.replaceAll(/[-:]/g, '') : expand(lower);
  if (eui === undefined || eui === '0000000000000000') {
    throw new CupsRequestError('CUPS_BAD_REQUEST', `"${text.slice(0, 64)}" is not the EUI of a router`, {
      fix: 'Send the 64-bit EUI as ID6 (1234:5678:9abc:def0) or as 16 hex digits.',
    });
  }
  return eui;
}

function expand(text: string): string | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 4 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail];
  return groups.every((group) => GROUP.test(group))
    ? groups.map((group) => group.padStart(4, '0')).join('')
    : undefined;
}
