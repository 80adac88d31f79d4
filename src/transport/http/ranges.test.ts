import { describe, expect, it } from 'vitest';
import { rangeOf } from './ranges.ts';

describe('REL-16 one byte range', () => {
  it.each([
    [undefined, undefined],
    ['bytes=0-4', { start: 0, end: 5 }],
    ['bytes=4-', { start: 4, end: 10 }],
    ['bytes=9-9', { start: 9, end: 10 }],
    ['bytes=0-99', { start: 0, end: 10 }],
    ['bytes=-3', { start: 7, end: 10 }],
    ['bytes=-99', { start: 0, end: 10 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,3-4', undefined],
    ['lines=0-1', undefined],
    ['bytes=a-b', undefined],
    [`bytes=${'9'.repeat(16)}-`, undefined],
  ])('REL-16 %s of ten bytes', (header, expected) => {
    expect(rangeOf(header, 10)).toEqual(expected);
  });

  it('REL-16 of nothing there is no part', () => {
    expect(rangeOf('bytes=0-', 0)).toBe('unsatisfiable');
    expect(rangeOf('bytes=-1', 0)).toBe('unsatisfiable');
  });
});
