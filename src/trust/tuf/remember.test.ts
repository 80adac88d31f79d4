/** Which files a device remembers (SEC-3). */
import { describe, expect, it } from 'vitest';
import { MAX_DELEGATED_ROLES, MAX_STORED_BYTES } from '../limits.ts';
import { remembered } from './remember.ts';
import { TOP_ROLES } from './roles.ts';

const fileOf = (length: number) => new Uint8Array(length);
const top = TOP_ROLES.map((role) => [role, fileOf(10)] as const);
const visited = (role: string, bytes = fileOf(1)) => ({ role, bytes });
/** What a name takes of the room that there is. */
const NAME = 8 * 3;

describe('SEC-3 what is remembered', () => {
  it('SEC-3 the top-level roles, what lay on the way, and what was remembered before', () => {
    const [before, now] = [fileOf(2), fileOf(3)];
    const stored = new Map([...top, ['b', before] as const, ['a', before] as const]);
    expect([...remembered(stored, [visited('targets'), visited('c', now), visited('a', now)])]).toEqual([
      ...top,
      ['c', now],
      ['a', now],
      ['b', before],
    ]);
  });

  it('SEC-4 as many delegated ones as one search visits; those that were met long ago make room', () => {
    const names = Array.from({ length: MAX_DELEGATED_ROLES }, (_, index) => `r${index}`);
    const stored = new Map([...top, ...names.map((name) => [name, fileOf(1)] as const)]);
    expect(remembered(stored, []).size).toBe(4 + 32);
    expect([...remembered(stored, [visited('new')]).keys()].slice(4)).toEqual(['new', ...names.slice(0, -1)]);
  });

  it('SEC-4 and as much as there is room for beside the top-level ones', () => {
    const room = MAX_STORED_BYTES - 4 * 10;
    const names = (length: number) => [...remembered(new Map(top), [visited('a', fileOf(length))]).keys()].slice(4);
    expect(names(room - NAME)).toEqual(['a']);
    expect(names(room - NAME + 1)).toEqual([]);
    const both = [visited('a', fileOf(room - 2 * NAME - 1)), visited('b')];
    expect(remembered(new Map(top), both).size).toBe(6);
    expect(remembered(new Map(top), [...both, visited('c', fileOf(0))]).size).toBe(6);
    expect(remembered(new Map(top), [visited('long name'), ...both]).size).toBe(5);
  });
});
