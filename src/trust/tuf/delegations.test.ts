/** Who speaks for a path (spec/uptane.md section 10): one file's delegations, in their order. */
import { describe, expect, it } from 'vitest';
import { delegationsFor } from './delegations.ts';
import { REFERENCE, TUF1 } from './dialect.ts';
import { binIndex, pathDigest } from './paths.ts';
import type { Delegation, Delegations } from './roles.ts';
import { Steps } from './steps.ts';

const delegation = (name: string, members: Partial<Delegation> = {}): Delegation => ({
  ...{ name, keyIds: [`key of ${name}`], threshold: 1, terminating: false },
  ...{ paths: ['*'], hashPrefixes: undefined, hardwareIds: undefined, ...members },
});
const all = (...roles: readonly Delegation[]): Delegations => ({ keys: new Map(), roles, succinct: undefined });

function names(delegations: Delegations | undefined, path: string, hardwareId?: string, dialect = TUF1) {
  const { next, terminates } = delegationsFor(delegations, path, hardwareId, dialect);
  return [...next.map(({ name }) => name), ...(terminates ? ['end'] : [])];
}

describe('SEC-4 delegations that speak for a path', () => {
  it('SEC-4 nobody does where nothing is delegated', () => {
    expect(names(undefined, 'a')).toEqual([]);
    expect(names(all(), 'a')).toEqual([]);
  });

  it('SEC-4 all whose pattern matches do, in the order in which they were signed', () => {
    const roles = [delegation('z'), delegation('no', { paths: ['b'] }), delegation('a', { paths: ['b', '?'] })];
    expect(names(all(...roles), 'a')).toEqual(['z', 'a']);
  });

  it('SEC-4 each with the keys of its own entry', () => {
    const keys = new Map([['k', undefined]]);
    const role = delegation('a');
    expect(delegationsFor({ keys, roles: [role], succinct: undefined }, 'a', undefined, TUF1).next).toEqual([
      { name: 'a', delegator: { keys, role } },
    ]);
  });

  it('SEC-4 a terminating one is the last, whatever comes after it', () => {
    const end = { terminating: true };
    const roles = [delegation('a'), delegation('b', end), delegation('c'), delegation('d', end)];
    expect(names(all(...roles), 'a')).toEqual(['a', 'b', 'end']);
    expect(names(all(delegation('first', end), ...roles), 'a')).toEqual(['first', 'end']);
  });

  it('SEC-4 a terminating one that does not speak for the path ends nothing', () => {
    const roles = [delegation('a', { terminating: true, paths: ['b'] }), delegation('c')];
    expect(names(all(...roles), 'a')).toEqual(['c']);
  });

  it('SEC-4 nor one that is for other hardware', () => {
    const roles = [delegation('a', { terminating: true, hardwareIds: ['other'] }), delegation('c')];
    expect(names(all(...roles), 'a', 'mine')).toEqual(['c']);
  });

  it('SEC-4 for no paths is for none', () => {
    expect(names(all(delegation('a', { paths: [] })), 'a')).toEqual([]);
    expect(names(all(delegation('a', { paths: undefined, hashPrefixes: [] })), 'a')).toEqual([]);
    expect(names(all(delegation('a', { paths: undefined })), 'a')).toEqual([]);
  });

  it('SEC-4 by hash: any one of the prefixes, from its beginning on', () => {
    const digest = pathDigest('a');
    const by = (...hashPrefixes: readonly string[]) => all(delegation('a', { paths: undefined, hashPrefixes }));
    for (let length = 1; length <= 64; length += 1) expect(names(by(digest.slice(0, length)), 'a')).toEqual(['a']);
    expect(names(by('nothing', digest.slice(0, 2)), 'a')).toEqual(['a']);
    expect(names(by(digest.slice(1)), 'a')).toEqual([]);
    expect(names(by(`${digest}0`), 'a')).toEqual([]);
  });

  it('SEC-4 stars cross slashes in the dialects that let them, and not in ours', () => {
    expect(names(all(delegation('a')), 'a/b')).toEqual([]);
    expect(names(all(delegation('a')), 'a/b', undefined, REFERENCE)).toEqual(['a']);
  });

  it.each([
    [undefined, undefined, ['a']],
    [undefined, 'hw', ['a']],
    [['hw', 'other'], 'hw', ['a']],
    [['hw', 'other'], 'other', ['a']],
    [['hw'], 'h', []],
    [['hw'], undefined, []],
    [[], 'hw', []],
    [[], undefined, []],
  ])('SEC-4 for hardware %j, asked for %j', (hardwareIds, hardwareId, expected) => {
    expect(names(all(delegation('a', { hardwareIds })), 'a', hardwareId)).toEqual(expected);
  });

  it('SEC-4 of bins it is one, by the digest of the path, and it ends nothing', () => {
    const keys = new Map([['k', undefined]]);
    const succinct = { keyIds: ['k'], threshold: 1, bits: 9, namePrefix: 'bin' };
    expect(delegationsFor({ keys, roles: [], succinct }, 'a', undefined, TUF1)).toEqual({
      next: [{ name: `bin-${binIndex('a', 9)}`, delegator: { keys, role: succinct } }],
      terminates: false,
    });
  });
});

describe('SEC-4 what it costs to find them', () => {
  const stepsOf = (role: Delegation, hardwareId?: string) => {
    const steps = new Steps();
    delegationsFor(all(role), 'a', hardwareId, TUF1, steps);
    return steps.taken;
  };

  it.each<[string, Partial<Delegation>, number]>([
    ['each pattern', { paths: ['bb', 'cc'] }, 2 * (3 * 2 + 1)],
    ['each prefix', { paths: undefined, hashPrefixes: ['x', 'y', 'z'] }, 3],
    ['each hardware id, once the path is covered', { hardwareIds: ['hw', 'other'] }, 3 * 1 + 2 + 2],
    ['no hardware id of one that does not cover it', { paths: ['bb'], hardwareIds: ['hw', 'other'] }, 3 * 2 + 1],
  ])('SEC-4 counts %s', (_what, members, steps) => {
    expect(stepsOf(delegation('one', members))).toBe(steps);
  });
});
