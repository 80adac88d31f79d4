/**
 * Maintenance windows: when devices may be offered something.
 *
 * A window is open when the calendar and the clock on a wall of its zone show one of its times. All else follows:
 * - of an hour that clocks skip, nothing is shown: a window that begins in it opens at the first instant after it, one that ends in it
 *   closes where it begins, one that lies in it does not open that day;
 * - of an hour that clocks show twice, a window is open both times;
 * - a window that crosses midnight belongs to the day on which it begins. On the day after a skipped day (Apia, 2011-12-30) what is
 *   left of the window of the skipped day opens at midnight.
 */
import { nearest } from '../../core/nearest.ts';
import { DAY_MS } from '../../core/time.ts';
import { MAX_WINDOWS, WINDOW_HORIZON_MS } from './limits.ts';
import { asList, asMembers, quoted, refuseAs } from './shape.ts';
import { isZone, offsetChange, offsetMs, zoneNames } from './zones.ts';

/** In the order of the epoch, which began on a Thursday. */
const WEEKDAYS = ['thu', 'fri', 'sat', 'sun', 'mon', 'tue', 'wed'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** As it is written in JSON and stored. */
export interface MaintenanceWindow {
  /** On which it begins. */
  readonly days: readonly Weekday[];
  /** `00:00` to `23:59`, local. */
  readonly from: string;
  /** `00:00` to `24:00`, local; not after `from`: on the next day. The window ends before it. */
  readonly to: string;
  /** IANA name. */
  readonly zone: string;
}

const TIME = /^([01][0-9]|2[0-3]):([0-5][0-9])$/;
const END_OF_DAY = '24:00';

/** Whether one of them is open. None: closed; who has no windows must not ask. */
export function isOpen(windows: readonly MaintenanceWindow[], atMs: number): boolean {
  return windows.some((window) => isWindowOpen(window, atMs));
}

/**
 * The first instant after `atMs` at which `isOpen` has another answer; `undefined` when it keeps its answer for 400 days.
 *
 * Goes from border to border, at most three a day for each window, never from minute to minute.
 */
export function nextChange(windows: readonly MaintenanceWindow[], atMs: number): number | undefined {
  const walks = windows.map((window) => ({
    window,
    isOpen: isWindowOpen(window, atMs),
    borderMs: nextBorder(window, atMs),
  }));
  const wasOpen = walks.some((walk) => walk.isOpen);
  for (;;) {
    const borderMs = Math.min(...walks.map((walk) => walk.borderMs));
    if (borderMs - atMs > WINDOW_HORIZON_MS) return undefined;
    for (const walk of walks.filter((one) => one.borderMs === borderMs)) {
      walk.isOpen = isWindowOpen(walk.window, borderMs);
      walk.borderMs = nextBorder(walk.window, borderMs);
    }
    if (walks.some((walk) => walk.isOpen) !== wasOpen) return borderMs;
  }
}

/**
 * @param json as `JSON.parse` gives it
 * @throws {RulesError} WINDOW_MISSING the list is empty; WINDOW_ZONE there is no such zone; WINDOW_INVALID anything else
 */
export function parseWindows(json: unknown): readonly MaintenanceWindow[] {
  const windows = asList(json, '', MAX_WINDOWS, refuse);
  if (windows.length === 0) {
    return refuseAs('WINDOW_MISSING')('', 'no window, so it would never be open', 'Leave the list out to have none');
  }
  return windows.map((window, index) => parseWindow(window, `/${index}`));
}

const refuse = refuseAs('WINDOW_INVALID');

function parseWindow(json: unknown, pointer: string): MaintenanceWindow {
  const members = asMembers(json, pointer, ['days', 'from', 'to', 'zone'], refuse);
  const days = asList(members.get('days'), `${pointer}/days`, WEEKDAYS.length, refuse);
  if (days.length === 0) return refuse(`${pointer}/days`, 'no day, so it would never be open');
  const window = {
    days: days.map((day, index) => parseDay(day, `${pointer}/days/${index}`)),
    from: parseTime(members.get('from'), `${pointer}/from`, '23:59'),
    to: parseTime(members.get('to'), `${pointer}/to`, END_OF_DAY),
    zone: parseZone(members.get('zone'), `${pointer}/zone`),
  };
  if (window.from === window.to) {
    const fix = `For a whole day write from 00:00 to ${END_OF_DAY}`;
    return refuse(pointer, `it begins and ends at ${window.from}`, fix);
  }
  return window;
}

function parseDay(json: unknown, pointer: string): Weekday {
  const day = WEEKDAYS.find((one) => one === json);
  if (day !== undefined) return day;
  const meant = typeof json === 'string' ? WEEKDAYS.find((one) => json.toLowerCase().startsWith(one)) : undefined;
  const fix = meant === undefined ? undefined : `Did you mean ${meant}?`;
  return refuse(pointer, `found ${quoted(json)}, expected mon, tue, wed, thu, fri, sat or sun`, fix);
}

function parseTime(json: unknown, pointer: string, last: string): string {
  if (typeof json === 'string' && (TIME.test(json) || json === last)) return json;
  return refuse(pointer, `found ${quoted(json)}, expected a local time from 00:00 to ${last}`);
}

function parseZone(json: unknown, pointer: string): string {
  if (typeof json === 'string' && isZone(json)) return json;
  const meant = typeof json === 'string' ? nearest(json, zoneNames()) : undefined;
  const fix = meant === undefined ? 'For instance Europe/Berlin' : `Did you mean ${meant}?`;
  return refuseAs('WINDOW_ZONE')(pointer, `found ${quoted(json)}, expected the name of an IANA time zone`, fix);
}

function isWindowOpen({ days, from, to, zone }: MaintenanceWindow, atMs: number): boolean {
  const { dayNumber, inDayMs } = localTime(zone, atMs);
  const begins = (number: number) => days.some((day) => day === weekdayOf(number));
  const [fromMs, toMs] = [msOf(from), msOf(to)];
  if (fromMs < toMs) return begins(dayNumber) && fromMs <= inDayMs && inDayMs < toMs;
  return (begins(dayNumber) && fromMs <= inDayMs) || (begins(dayNumber - 1) && inDayMs < toMs);
}

/** Up to where it is certain to stay as it is: the next time of its own or midnight, or the next setting of clocks before that. */
function nextBorder({ from, to, zone }: MaintenanceWindow, atMs: number): number {
  const { inDayMs } = localTime(zone, atMs);
  const waits = [msOf(from), msOf(to), DAY_MS].map((borderMs) => borderMs - inDayMs).filter((waitMs) => waitMs > 0);
  const borderMs = atMs + Math.min(...waits);
  return offsetChange(zone, atMs, borderMs) ?? borderMs;
}

/** What calendar and clock show. `dayNumber` counts from 1970-01-01. */
function localTime(zone: string, atMs: number): { readonly dayNumber: number; readonly inDayMs: number } {
  const localMs = atMs + offsetMs(zone, atMs);
  const dayNumber = Math.floor(localMs / DAY_MS);
  return { dayNumber, inDayMs: localMs - dayNumber * DAY_MS };
}

function weekdayOf(dayNumber: number): Weekday | undefined {
  return WEEKDAYS.at(dayNumber % WEEKDAYS.length);
}

function msOf(time: string): number {
  return (Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) * 60_000;
}
