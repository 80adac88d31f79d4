import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOtaError } from '../../core/errors.ts';
import { DAY_MS } from '../../core/time.ts';
import { RulesError } from './errors.ts';
import { isOpen, type MaintenanceWindow, nextChange, parseWindows, type Weekday } from './windows.ts';
import { isZone, offsetMs, zoneNames } from './zones.ts';

const MINUTE_MS = 60_000;
const DAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const at = (text: string) => Date.parse(text);

/** `mon,tue 22:00-04:00 Europe/Berlin`; `*` stands for all days. */
function window(text: string): MaintenanceWindow {
  const [days = '', times = '', zone = ''] = text.split(' ');
  const [from, to] = times.split('-');
  const [parsed] = parseWindows([{ days: days === '*' ? DAYS : days.split(','), from, to, zone }]);
  if (!parsed) throw new Error(text);
  return parsed;
}

/** Every change from `from` to `to`, as UTC; what is open first is marked. */
function changes(windows: readonly MaintenanceWindow[], from: string, to: string): readonly string[] {
  const found: string[] = isOpen(windows, at(from)) ? ['open'] : [];
  for (let next = nextChange(windows, at(from)); next !== undefined && next < at(to); next = nextChange(windows, next))
    found.push(new Date(next).toISOString().slice(0, 16));
  return found;
}

describe('DESIGN-3 maintenance windows', () => {
  it('DESIGN-3 in UTC: within a day, across midnight, a whole day', () => {
    const [from, to] = ['2027-01-03T00:00Z', '2027-01-10T00:00Z']; // Sunday to Sunday
    expect(changes([window('tue 10:00-12:30 UTC')], from, to)).toEqual(['2027-01-05T10:00', '2027-01-05T12:30']);
    expect(changes([window('tue 22:00-04:00 UTC')], from, to)).toEqual(['2027-01-05T22:00', '2027-01-06T04:00']);
    expect(changes([window('tue 00:00-24:00 UTC')], from, to)).toEqual(['2027-01-05T00:00', '2027-01-06T00:00']);
    expect(changes([window('tue 22:00-00:00 UTC')], from, to)).toEqual(['2027-01-05T22:00', '2027-01-06T00:00']);
    expect(changes([window('sat 22:00-04:00 UTC')], from, to)).toEqual([
      ...['open', '2027-01-03T04:00', '2027-01-09T22:00'],
    ]);
  });

  it('DESIGN-3 begins with its first minute and ends before its last', () => {
    const windows = [window('tue 10:00-12:30 UTC')];
    expect(isOpen(windows, at('2027-01-05T10:00Z') - 1)).toBe(false);
    expect(isOpen(windows, at('2027-01-05T10:00Z'))).toBe(true);
    expect(isOpen(windows, at('2027-01-05T12:30Z') - 1)).toBe(true);
    expect(isOpen(windows, at('2027-01-05T12:30Z'))).toBe(false);
  });

  it('DESIGN-3 several are open when one of them is', () => {
    const windows = [window('tue 10:00-12:00 UTC'), window('tue 11:00-13:00 UTC'), window('tue 13:00-14:00 UTC')];
    expect(changes(windows, '2027-01-05T00:00Z', '2027-01-06T00:00Z')).toEqual([
      '2027-01-05T10:00',
      '2027-01-05T14:00',
    ]);
  });

  it('DESIGN-3 no windows are never open', () => {
    expect(isOpen([], 0)).toBe(false);
    expect(nextChange([], 0)).toBeUndefined();
  });

  it.each([
    // Clocks go from 02:00 to 03:00 at 01:00 UTC.
    ['a window before the skipped hour', '* 01:00-02:00 Europe/Berlin', ['00:00', '01:00']],
    ['one that begins in it', '* 02:30-04:00 Europe/Berlin', ['01:00', '02:00']],
    ['one that ends in it', '* 01:30-02:30 Europe/Berlin', ['00:30', '01:00']],
    ['one around it', '* 01:30-03:30 Europe/Berlin', ['00:30', '01:30']],
    ['one that lies in it', '* 02:15-02:45 Europe/Berlin', []],
    ['one that is it', '* 02:00-03:00 Europe/Berlin', []],
  ])('DESIGN-3 Berlin skips an hour: %s', (_what, text, expected) => {
    expect(changes([window(text)], '2027-03-27T22:00Z', '2027-03-28T20:00Z')).toEqual(
      expected.map((time) => `2027-03-28T${time}`),
    );
  });

  it.each([
    // Clocks go from 03:00 back to 02:00 at 01:00 UTC.
    ['a window that ends in it', '* 01:00-02:30 Europe/Berlin', ['30T23:00', '31T00:30', '31T01:00', '31T01:30']],
    ['one that begins in it', '* 02:30-04:00 Europe/Berlin', ['31T00:30', '31T01:00', '31T01:30', '31T03:00']],
    ['one that lies in it', '* 02:15-02:45 Europe/Berlin', ['31T00:15', '31T00:45', '31T01:15', '31T01:45']],
    ['one that is it', '* 02:00-03:00 Europe/Berlin', ['31T00:00', '31T02:00']],
    ['one around it', '* 01:30-03:30 Europe/Berlin', ['30T23:30', '31T02:30']],
  ])('DESIGN-3 Berlin has an hour twice: %s', (_what, text, expected) => {
    expect(changes([window(text)], '2027-10-30T20:00Z', '2027-10-31T20:00Z')).toEqual(
      expected.map((time) => `2027-10-${time}`),
    );
  });

  it('DESIGN-3 New York: the same local time is another instant in summer', () => {
    const windows = [window('sun 22:00-02:00 America/New_York')];
    expect(changes(windows, '2027-03-01T12:00Z', '2027-03-16T12:00Z')).toEqual([
      ...['2027-03-08T03:00', '2027-03-08T07:00', '2027-03-15T02:00', '2027-03-15T06:00'],
    ]);
  });

  it('DESIGN-3 Lord Howe sets its clocks by half an hour', () => {
    const skipped = [window('* 02:10-02:40 Australia/Lord_Howe')]; // 02:00 becomes 02:30
    expect(changes(skipped, '2026-10-03T14:00Z', '2026-10-03T20:00Z')).toEqual([
      '2026-10-03T15:30',
      '2026-10-03T15:40',
    ]);
    const doubled = [window('* 01:45-02:15 Australia/Lord_Howe')]; // 02:00 becomes 01:30
    expect(changes(doubled, '2026-04-04T13:00Z', '2026-04-04T18:00Z')).toEqual([
      ...['2026-04-04T14:45', '2026-04-04T15:00', '2026-04-04T15:15', '2026-04-04T15:45'],
    ]);
  });

  it('DESIGN-3 Apia had no 30 December 2011, a Friday', () => {
    const [from, to] = ['2011-12-29T12:00Z', '2011-12-31T12:00Z']; // Thursday 02:00 to Sunday 02:00, with the skip at 10:00Z
    expect(changes([window('fri 08:00-10:00 Pacific/Apia')], from, to)).toEqual([]);
    expect(changes([window('thu 22:00-04:00 Pacific/Apia')], from, to)).toEqual([
      '2011-12-30T08:00',
      '2011-12-30T10:00',
    ]);
    expect(changes([window('fri 22:00-04:00 Pacific/Apia')], from, to)).toEqual([
      '2011-12-30T10:00',
      '2011-12-30T14:00',
    ]);
    expect(changes([window('* 22:00-04:00 Pacific/Apia')], '2011-12-30T06:00Z', '2011-12-30T20:00Z')).toEqual([
      ...['2011-12-30T08:00', '2011-12-30T14:00'],
    ]);
  });

  it('DESIGN-3 always open, or open but for an hour of summer time months away', () => {
    expect(nextChange([window('* 00:00-24:00 UTC')], at('2027-01-01T00:00Z'))).toBeUndefined();
    // Twelve hours in each of two zones six hours apart, until one of them sets its clocks and the other does not yet.
    const relay = [window('* 00:00-12:00 Europe/Berlin'), window('* 06:00-18:00 America/New_York')];
    expect(nextChange(relay, at('2027-04-01T00:00Z'))).toBe(at('2027-10-31T22:00Z'));
  });
});

describe('DESIGN-6 a window that makes no sense is explained', () => {
  const good = { days: ['mon'], from: '22:00', to: '04:00', zone: 'Europe/Berlin' };

  it.each([
    [[], 'WINDOW_MISSING', '', 'no window, so it would never be open', 'Leave the list out to have none'],
    [undefined, 'WINDOW_INVALID', '', 'found nothing, expected a list', undefined],
    [{ 0: good }, 'WINDOW_INVALID', '', 'found an object, expected a list', undefined],
    [Array.from({ length: 17 }, () => good), 'WINDOW_INVALID', '', '17 where at most 16 are allowed', undefined],
    [[good, 7], 'WINDOW_INVALID', '/1', 'found 7, expected an object', undefined],
    [[{ ...good, form: 1 }], 'WINDOW_INVALID', '/0/form', 'there is no such member', 'Did you mean from?'],
    [[{ ...good, days: [] }], 'WINDOW_INVALID', '/0/days', 'no day, so it would never be open', undefined],
    [[{ ...good, days: 'mon' }], 'WINDOW_INVALID', '/0/days', 'found "mon", expected a list', undefined],
    [[{ ...good, days: ['Monday'] }], 'WINDOW_INVALID', '/0/days/0', 'found "Monday"', 'Did you mean mon?'],
    [[{ ...good, days: ['constructor'] }], 'WINDOW_INVALID', '/0/days/0', 'found "constructor"', undefined],
    [[{ ...good, from: '24:00' }], 'WINDOW_INVALID', '/0/from', 'found "24:00", expected a local time', undefined],
    [[{ ...good, from: '9:00' }], 'WINDOW_INVALID', '/0/from', 'found "9:00"', undefined],
    [[{ ...good, to: '24:01' }], 'WINDOW_INVALID', '/0/to', 'found "24:01"', undefined],
    [[{ ...good, to: null }], 'WINDOW_INVALID', '/0/to', 'found nothing', undefined],
    [
      [{ ...good, to: '22:00' }],
      'WINDOW_INVALID',
      '/0',
      'it begins and ends at 22:00',
      expect.stringContaining('24:00'),
    ],
    [
      [{ ...good, zone: 'Europe/Berlim' }],
      'WINDOW_ZONE',
      '/0/zone',
      'found "Europe/Berlim"',
      'Did you mean Europe/Berlin?',
    ],
    [[{ ...good, zone: '+02:00' }], 'WINDOW_ZONE', '/0/zone', 'found "+02:00"', 'For instance Europe/Berlin'],
    [[{ ...good, zone: '' }], 'WINDOW_ZONE', '/0/zone', 'found ""', 'For instance Europe/Berlin'],
    [[{ ...good, zone: 'x'.repeat(1e6) }], 'WINDOW_ZONE', '/0/zone', 'found "xxx', 'For instance Europe/Berlin'],
    [[{ ...good, zone: undefined }], 'WINDOW_ZONE', '/0/zone', 'found nothing', 'For instance Europe/Berlin'],
    [
      JSON.parse('[{"__proto__":{}}]') as unknown,
      'WINDOW_INVALID',
      '/0/__proto__',
      'there is no such member',
      undefined,
    ],
  ])('DESIGN-6 %j: %s', (json, code, pointer, message, fix) => {
    try {
      parseWindows(json);
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      expect([error.code, error.detail.pointer, error.fix]).toEqual([code, pointer, fix]);
      expect(error.message.startsWith(`${pointer || 'the document'}: ${message}`), error.message).toBe(true);
      return;
    }
    expect.unreachable();
  });

  it('DESIGN-6 what is taken is what was written, and is taken again', () => {
    const json = [good, { ...good, days: [...DAYS], from: '00:00', to: '24:00', zone: 'Asia/Kolkata' }];
    expect(parseWindows(json)).toEqual(json);
    expect(parseWindows(JSON.parse(JSON.stringify(parseWindows(json))))).toEqual(json);
  });

  it('SEC-9 any JSON is a list of windows or a named error', () => {
    const anyJson = fc.oneof(
      fc.jsonValue(),
      fc.array(fc.record({ days: fc.jsonValue(), from: fc.string(), to: fc.string(), zone: fc.string() })),
    );
    fc.assert(
      fc.property(anyJson, (json) => {
        try {
          parseWindows(json);
        } catch (error) {
          expect(isOtaError(error) && error.code.startsWith('WINDOW_')).toBe(true);
        }
      }),
    );
  });
});

/** Another way to the same: the weekday, hour and minute that a clock shows, minute after minute. */
const clocks = new Map<string, { readonly read: Intl.DateTimeFormat; atMs: number; shown: readonly string[] }>();
const SHORT = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

function clockOf(zone: string) {
  const options = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return { read: new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options }), atMs: Number.NaN, shown: [''] };
}

function isShown({ days, from, to, zone }: MaintenanceWindow, atMs: number): boolean {
  const clock = clocks.get(zone) ?? clockOf(zone);
  clocks.set(zone, clock);
  if (clock.atMs !== atMs) clock.shown = clock.read.format(atMs).split(/[, ]+/);
  clock.atMs = atMs;
  const [weekday = '', time = ''] = clock.shown;
  const begins = (back: number) => days.some((day) => day === DAYS[(SHORT.indexOf(weekday) + 7 - back) % 7]);
  if (from < to) return begins(0) && from <= time && time < to;
  return (begins(0) && from <= time) || (begins(1) && time < to);
}

/** Midnights of UTC on days on which a zone sets its clocks. */
const settings = new Map<string, readonly number[]>();
function settingsOf(zone: string): readonly number[] {
  const known = settings.get(zone);
  if (known) return known;
  const days = Array.from({ length: 365 * 62 }, (_, day) => at('1975-01-01T00:00Z') + day * DAY_MS);
  const found = days.filter((day) => offsetMs(zone, day) !== offsetMs(zone, day + DAY_MS));
  settings.set(zone, found);
  return found;
}

const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'UTC', 'Africa/Casablanca'];
const MORE_ZONES = ['America/Sao_Paulo', 'Asia/Beirut', 'America/Santiago', 'Antarctica/Troll', 'Asia/Kathmandu'];
const anyZone = fc.oneof(fc.constantFrom(...ZONES, ...MORE_ZONES), fc.constantFrom(...zoneNames()));
const anyTime = fc
  .oneof(
    fc.integer({ min: 0, max: 1439 }),
    fc.integer({ min: 0, max: 47 }).map((half) => half * 30),
  )
  .map((minute) => new Date(minute * MINUTE_MS).toISOString().slice(11, 16));
const anyWindow = (zone: string) =>
  fc
    .record({
      days: fc.subarray([...DAYS], { minLength: 1 }),
      from: anyTime,
      to: fc.oneof(anyTime, fc.constant('24:00')),
    })
    .filter(({ from, to }) => from !== to)
    .map((one): MaintenanceWindow => ({ ...one, zone }));
/** One to three windows, mostly of one zone, and a minute of which the week after it is looked at: often one in which clocks are set. */
const anyWeek = fc.tuple(anyZone, anyZone).chain(([zone, other]) =>
  fc.record({
    windows: fc.array(fc.oneof({ arbitrary: anyWindow(zone), weight: 3 }, anyWindow(other)), {
      minLength: 1,
      maxLength: 3,
    }),
    start: fc.tuple(fc.nat(), fc.boolean(), fc.integer({ min: 0, max: 7 * 1440 - 1 })).map(([pick, isAny, minutes]) => {
      const days = settingsOf(zone);
      const day =
        isAny || days.length === 0 ? (pick % 22_000) * DAY_MS + at('1975-01-01T00:00Z') : days[pick % days.length];
      return (day ?? 0) - minutes * MINUTE_MS;
    }),
  }),
);

describe('DESIGN-3 windows against a clock that is read every minute', () => {
  it('DESIGN-3 are open when it says so, and change next when it does', () => {
    const seen = { open: 0, closed: 0, none: 0, settings: 0 };
    fc.assert(
      fc.property(anyWeek, fc.nat({ max: 59_999 }), ({ windows, start }, laterMs) => {
        const wasOpen = windows.some((one) => isShown(one, start));
        let change: number | undefined;
        for (let minute = start; minute < start + 7 * DAY_MS; minute += MINUTE_MS) {
          const isShownOpen = windows.some((one) => isShown(one, minute));
          if (isOpen(windows, minute) !== isShownOpen) throw new Error(`${new Date(minute).toISOString()}`);
          if (isShownOpen !== wasOpen) change ??= minute;
        }
        const next = nextChange(windows, start);
        if (change === undefined) expect(next ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(start + 7 * DAY_MS);
        else expect(next).toBe(change);
        if (next !== undefined) {
          expect([isOpen(windows, next - 1), isOpen(windows, next)]).toEqual([wasOpen, !wasOpen]);
          if (start + laterMs < next) expect(nextChange(windows, start + laterMs)).toBe(next);
        }
        seen[change === undefined ? 'none' : wasOpen ? 'open' : 'closed'] += 1;
        const [{ zone = 'UTC' } = {}] = windows;
        if (offsetMs(zone, start) !== offsetMs(zone, start + 7 * DAY_MS)) seen.settings += 1;
      }),
      { numRuns: 40 },
    );
    // The property says little if the weeks are dull.
    expect(Math.min(seen.open, seen.closed, seen.settings)).toBeGreaterThan(0);
  });

  it('REL-19 the next change is found in bounded work, also where there is none', () => {
    const zones = [...ZONES, ...MORE_ZONES, ...ZONES].slice(0, 15);
    const windows = [...zones.map((zone) => window(`* 00:01-23:59 ${zone}`)), window('* 00:00-24:00 UTC')];
    const startedAtMs = performance.now();
    expect(nextChange(windows, at('2027-01-01T00:00Z'))).toBeUndefined();
    expect(performance.now() - startedAtMs).toBeLessThan(5000);
  });

  it('REL-11 zones are known at any time a clock may show, and odd names are none', () => {
    expect(offsetMs('Africa/Monrovia', at('1971-01-01T00:00Z'))).toBe(-(44 * 60 + 30) * 1000);
    for (const ms of [-8e15, -1, 0, 8e15]) expect(offsetMs('Europe/Berlin', ms)).toBeTypeOf('number');
    for (const name of ['__proto__', 'constructor', 'Europe', 'Europe/', '../x', 'UTC+1', 'a'.repeat(65)])
      expect(isZone(name)).toBe(false);
    for (const name of ['UTC', 'GMT', 'Asia/Kolkata', 'Europe/Kyiv', 'Etc/GMT+5']) expect(isZone(name)).toBe(true);
  });
});
