import { describe, expect, it } from 'vitest';
import { Lru } from './cache.ts';

const held = (cache: Lru<string>, keys: string) => [...keys].filter((key) => cache.get(key) !== undefined).join('');

describe('REL-19 bounded memory', () => {
  it('REL-19 forgets what was not used for longest', () => {
    const cache = new Lru<string>(2);
    for (const key of ['a', 'b']) cache.set(key, key);
    cache.get('a');
    cache.set('c', 'c');
    expect(held(cache, 'abc')).toBe('ac');
  });

  it('REL-19 counts what values weigh, as often as they are set', () => {
    const cache = new Lru<string>(10, ({ length }) => length);
    for (const key of ['a', 'b', 'c']) cache.set(key, 'xxx');
    for (let time = 0; time < 9; time += 1) cache.set('a', 'xxxx');
    expect(held(cache, 'bca')).toBe('bca');
    cache.set('d', 'xx');
    expect(held(cache, 'abcd')).toBe('acd');
    cache.delete('a');
    cache.delete('nobody');
    cache.set('e', 'xxxxx');
    expect(held(cache, 'cde')).toBe('cde');
    cache.set('f', 'x'.repeat(11));
    expect(held(cache, 'abcdef')).toBe('');
    cache.set('g', 'x'.repeat(10));
    cache.clear();
    for (const key of ['h', 'i']) cache.set(key, 'xxxxx');
    expect(held(cache, 'ghi')).toBe('hi');
  });
});
