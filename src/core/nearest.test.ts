import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

describe('DESIGN-6 the nearest name', () => {
  it.each([
    ['hardwear', 'hardware'],
    ['HARDWARE', 'hardware'],
    ['groups', 'group'],
    ['x', undefined],
    ['', undefined],
    ['__proto__', undefined],
    ['h'.repeat(65), undefined],
  ])('DESIGN-6 to "%s" is %s', (name, expected) => {
    expect(nearest(name, ['group', 'hardware', 'identity'])).toBe(expected);
  });

  it('DESIGN-6 is the first of those equally near, and none where none is known', () => {
    expect(nearest('tab', ['tag', 'tan'])).toBe('tag');
    expect(nearest('tag', [])).toBeUndefined();
  });
});
