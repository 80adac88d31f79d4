/** Local time of IANA zones, from the zone data that comes with Node. */
import { Lru } from '../cache.ts';
import { MAX_CACHED_ZONES, MAX_ZONE_CHARACTERS } from './limits.ts';

const formatters = new Lru<Intl.DateTimeFormat>(MAX_CACHED_ZONES);

const NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;
const OFFSET = /GMT(?:([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?$/;

/** Names that are only an offset (`+02:00`) are none: they know no summer time, and look as if they did. */
export function isZone(name: string): boolean {
  if (name.length > MAX_ZONE_CHARACTERS || !NAME.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/** All names of the present; old ones (`Asia/Calcutta`) are zones, too. */
export function zoneNames(): readonly string[] {
  return [...Intl.supportedValuesOf('timeZone'), 'UTC'];
}

/** What the clocks of a zone show ahead of UTC. @param zone for which `isZone` holds */
export function offsetMs(zone: string, atMs: number): number {
  const text = formatterOf(zone).format(atMs);
  const [, sign, hours, minutes, seconds = '0'] = OFFSET.exec(text) ?? [];
  if (sign === undefined) return 0;
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -ms : ms;
}

/**
 * The first instant after `fromMs`, up to `toMs`, at which clocks are set; `undefined` when none are. The span must be a day at most:
 * since 1970 no zone has set its clocks twice within five.
 */
export function offsetChange(zone: string, fromMs: number, toMs: number): number | undefined {
  const offset = offsetMs(zone, fromMs);
  if (offsetMs(zone, toMs) === offset) return undefined;
  let [before, after] = [fromMs, toMs];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (offsetMs(zone, middle) === offset) before = middle;
    else after = middle;
  }
  return after;
}

function formatterOf(zone: string): Intl.DateTimeFormat {
  const kept = formatters.get(zone);
  if (kept) return kept;
  const formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  formatters.set(zone, formatter);
  return formatter;
}
