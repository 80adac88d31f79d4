import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUtc } from './time.ts';

describe('SEC-7 times in UTC', () => {
  it('SEC-7 read back as what they were written from', () => {
    const seconds = fc.integer({ min: Date.UTC(0, 0, 1) / 1_000, max: Date.UTC(9999, 11, 31, 23, 59, 59) / 1_000 });
    fc.assert(
      fc.property(seconds, (second) => {
        expect(parseUtc(`${new Date(1_000 * second).toISOString().slice(0, 19)}Z`)).toBe(1_000 * second);
      }),
    );
    expect(parseUtc('2024-02-29T23:59:59Z')).toBe(Date.UTC(2024, 1, 29, 23, 59, 59));
  });

  it.each([
    ...['2026-06-31T00:00:00Z', '2026-02-29T00:00:00Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z'],
    ...['2026-11-24T24:00:00Z', '2026-11-24T23:60:00Z', '2026-06-30T23:59:60Z', '2026-11-24T00:00:00.000Z'],
    ...[
      '2026-11-24T00:00:00+00:00',
      '2026-11-24 00:00:00Z',
      '+002026-11-24T00:00:00Z',
      '2026-11-24',
      ' 2026-11-24T00:00:00Z',
      '',
    ],
  ])('SEC-7 in no other form, and of no date that no calendar has: %j', (text) => {
    expect(parseUtc(text)).toBeUndefined();
  });
});
