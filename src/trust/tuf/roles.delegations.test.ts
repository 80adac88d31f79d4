/** Delegations as values (spec/uptane.md sections 3.4 and 10). */
import { describe, expect, it } from 'vitest';
import { jsonOf as read, refused, testKey } from '../../../test/support/repository.ts';
import {
  MAX_DELEGATION_PATHS,
  MAX_DELEGATIONS,
  MAX_HARDWARE_IDS,
  MAX_PATTERN_CHARACTERS,
  MAX_PATTERNS,
  MAX_SUCCINCT_BITS,
} from '../limits.ts';
import { TUF1 } from './dialect.ts';
import { readTargets } from './roles.ts';

const common = { version: 3, expires: '2026-11-24T00:00:00Z' };

describe('SEC-4 delegations', () => {
  const key = testKey('first').publicKey;
  const role = { name: 'a', keyids: [key.keyId], threshold: 1, terminating: false, paths: ['*'] };
  const AT = '/signed/delegations';
  const delegations = (members: object) =>
    readTargets(
      read({ ...common, targets: {}, delegations: { keys: { [key.keyId]: key.json }, roles: [role], ...members } }),
      TUF1,
    ).delegations;
  const only = (members: object) => delegations({ roles: [{ ...role, ...members }] })?.roles[0];

  it('SEC-4 are kept in the order in which they were signed', () => {
    const value = delegations({
      roles: [
        { ...role, name: 'z' },
        { ...role, name: 'a' },
        { ...role, name: 'm' },
      ],
    });
    expect(value?.roles.map(({ name }) => name)).toEqual(['z', 'a', 'm']);
    expect(value?.keys.get(key.keyId)?.fingerprint).toBe(key.fingerprint);
    expect(value?.succinct).toBeUndefined();
  });

  it('SEC-4 say who signs, for what', () => {
    expect(only({ terminating: true, paths: ['/a/*', 'e\u0301'], hardwareIds: ['hw'] })).toEqual({
      ...{ name: 'a', keyIds: [key.keyId], threshold: 1, terminating: true },
      ...{ paths: ['a/*', '\u00e9'], hashPrefixes: undefined, hardwareIds: ['hw'] },
    });
    expect(only({ paths: undefined, path_hash_prefixes: ['0', 'ff'], terminating: undefined })).toMatchObject({
      ...{ paths: undefined, hashPrefixes: ['0', 'ff'], terminating: false, hardwareIds: undefined },
    });
  });

  it('SEC-4 for nothing is for nothing, and for no hardware is for none', () => {
    expect(only({ paths: [], hardwareIds: [] })).toMatchObject({ paths: [], hardwareIds: [] });
    expect(delegations({ roles: [] })?.roles).toEqual([]);
  });

  it.each([
    ['no keys', { keys: undefined }, `${AT}/keys`],
    ['no roles', { roles: undefined }, `${AT}/roles`],
    ['roles by name', { roles: { a: role } }, `${AT}/roles`],
    ['a role that is a text', { roles: ['a'] }, AT],
    ['a role twice', { roles: [role, role] }, `${AT}/roles`],
    ['roles and bins', { succinct_roles: {} }, AT],
    ['bins that are none', { roles: undefined, succinct_roles: null }, `${AT}/succinct_roles`],
  ])('SEC-4 with %s are refused', (_what, members, pointer) => {
    expect(refused(() => delegations(members))).toMatchObject({ code: 'shape', pointer });
  });

  it.each([
    ['no name', { name: undefined }, '/name'],
    ['an empty name', { name: '' }, '/name'],
    ['the name root', { name: 'root' }, '/name'],
    ['the name timestamp', { name: 'timestamp' }, '/name'],
    ['the name snapshot', { name: 'snapshot' }, '/name'],
    ['the name targets', { name: 'targets' }, '/name'],
    ['neither paths nor prefixes', { paths: undefined }, ''],
    ['both', { path_hash_prefixes: ['00'] }, ''],
    ['paths null', { paths: null }, '/paths'],
    ['a path twice', { paths: ['a', 'a'] }, '/paths'],
    ['an empty path', { paths: [''] }, '/paths/0'],
    ['prefixes null', { paths: undefined, path_hash_prefixes: null }, '/path_hash_prefixes'],
    ['an empty prefix', { paths: undefined, path_hash_prefixes: [''] }, '/path_hash_prefixes/0'],
    ['a capital prefix', { paths: undefined, path_hash_prefixes: ['00', 'F'] }, '/path_hash_prefixes'],
    [
      'a prefix longer than a digest',
      { paths: undefined, path_hash_prefixes: ['0'.repeat(65)] },
      '/path_hash_prefixes',
    ],
    ['a prefix with a space', { paths: undefined, path_hash_prefixes: ['0 '] }, '/path_hash_prefixes'],
    ['terminating null', { terminating: null }, '/terminating'],
    ['terminating in words', { terminating: 'false' }, '/terminating'],
    ['hardware null', { hardwareIds: null }, '/hardwareIds'],
    ['hardware twice', { hardwareIds: ['a', 'a'] }, '/hardwareIds'],
    ['no key ids', { keyids: undefined }, '/keyids'],
    ['a key that is not there', { keyids: ['nobody'] }, '/keyids'],
    ['no threshold', { threshold: undefined }, '/threshold'],
  ])('SEC-4 one with %s is refused', (_what, members, place) => {
    expect(refused(() => only(members))).toMatchObject({ code: 'shape', pointer: `${AT}/roles/0${place}` });
  });

  it.each([0, 2])('SEC-2 one with threshold %d of one key is refused under its name', (threshold) => {
    expect(refused(() => only({ threshold }))).toMatchObject({ code: 'TRUST_THRESHOLD', role: 'a' });
  });

  it('SEC-4 a prefix may be a whole digest', () => {
    expect(only({ paths: undefined, path_hash_prefixes: ['0'.repeat(64)] })?.hashPrefixes).toEqual(['0'.repeat(64)]);
  });

  it('SEC-10 what is refused is said in words', () => {
    expect(refused(() => only({ name: 'root' })).message).toBe(
      `${AT}/roles/0/name is "root", which is a role of its own`,
    );
    expect(refused(() => only({ paths: undefined })).message).toBe(
      `${AT}/roles/0 needs exactly one of paths and path_hash_prefixes`,
    );
    expect(refused(() => delegations({ roles: [role, role] })).message).toBe(`${AT}/roles names a role twice`);
    expect(refused(() => delegations({ succinct_roles: {} })).message).toBe(
      `${AT} has roles and succinct_roles, one is allowed`,
    );
    expect(refused(() => only({ threshold: 'one' })).message).toBe(`${AT}/roles/0/threshold is no number`);
    expect(refused(() => only({ paths: undefined, path_hash_prefixes: ['x'] })).message).toBe(
      `${AT}/roles/0/path_hash_prefixes has an entry that is no lower-case hex`,
    );
  });

  it('SEC-10 are bounded: delegations, paths, prefixes, hardware', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => ({ ...role, name: `r${index}` }));
    const names = (count: number) => Array.from({ length: count }, (_, index) => index.toString(16).padStart(4, '0'));
    expect(delegations({ roles: many(MAX_DELEGATIONS) })?.roles).toHaveLength(16_384);
    expect(refused(() => delegations({ roles: many(MAX_DELEGATIONS + 1) }))).toMatchObject({
      message: `${AT}/roles has 16385 entries, at most 16384 are allowed`,
    });
    expect(only({ paths: names(MAX_DELEGATION_PATHS) })?.paths).toHaveLength(4_096);
    expect(refused(() => only({ paths: names(MAX_DELEGATION_PATHS + 1) })).message).toContain('at most 4096');
    const prefixes = (count: number) => ({ paths: undefined, path_hash_prefixes: names(count) });
    expect(only(prefixes(MAX_DELEGATION_PATHS))?.hashPrefixes).toHaveLength(4_096);
    expect(refused(() => only(prefixes(MAX_DELEGATION_PATHS + 1))).message).toContain('at most 4096');
    expect(only({ hardwareIds: names(MAX_HARDWARE_IDS) })?.hardwareIds).toHaveLength(64);
    expect(refused(() => only({ hardwareIds: names(MAX_HARDWARE_IDS + 1) })).message).toContain('at most 64');
  });

  it('SEC-4 a pattern has 256 characters, in the form in which it is compared, and not one more', () => {
    expect(MAX_PATTERN_CHARACTERS).toBe(256);
    const longest = 'x'.repeat(256);
    expect(only({ paths: [`/${longest}`, `${'e\u0301'.repeat(128)}*`] })?.paths?.[0]).toBe(longest);
    expect(refused(() => only({ paths: [`${longest}x`] })).pointer).toBe(`${AT}/roles/0/paths/0`);
    expect(refused(() => only({ paths: ['a', `${longest}x`] }))).toMatchObject({
      ...{ code: 'shape', pointer: `${AT}/roles/0/paths/1` },
      message: `${AT}/roles/0/paths/1 has more than the 256 characters that a pattern may have`,
    });
  });

  it('SEC-4 a file has 16,384 patterns, however they are shared out; prefixes are not counted with them', () => {
    expect(MAX_PATTERNS).toBe(16_384);
    const share = (name: string, count: number) => ({
      ...{ ...role, name },
      paths: Array.from({ length: count }, (_, index) => `${index}`),
    });
    const full = ['a', 'b', 'c', 'd'].map((name) => share(name, 4_096));
    const byHash = { ...role, name: 'e', paths: undefined, path_hash_prefixes: ['00', '01'] };
    expect(delegations({ roles: [...full, byHash] })?.roles).toHaveLength(5);
    expect(refused(() => delegations({ roles: [...full, share('e', 1)] }))).toMatchObject({
      ...{ code: 'shape', pointer: `${AT}/roles` },
      message: `${AT}/roles have 16385 patterns, at most 16384 are allowed`,
    });
  });

  describe('SEC-4 succinct bins', () => {
    const bins = { keyids: [key.keyId], threshold: 1, bit_length: 5, name_prefix: 'bin' };
    const succinct = (members: object = {}) =>
      delegations({ roles: undefined, succinct_roles: { ...bins, ...members } });

    it('SEC-4 are one rule for all of them', () => {
      expect(succinct()).toMatchObject({
        roles: [],
        succinct: { keyIds: [key.keyId], threshold: 1, bits: 5, namePrefix: 'bin' },
      });
    });

    it('SEC-10 have 1 to 20 bits', () => {
      expect(MAX_SUCCINCT_BITS).toBe(20);
      expect(succinct({ bit_length: 1 })?.succinct?.bits).toBe(1);
      expect(succinct({ bit_length: 20 })?.succinct?.bits).toBe(20);
      for (const bit_length of [0, 21, -1, '5', null])
        expect(refused(() => succinct({ bit_length }))).toMatchObject({ pointer: `${AT}/succinct_roles/bit_length` });
    });

    it.each([
      ['no prefix', { name_prefix: undefined }, '/name_prefix'],
      ['an empty prefix', { name_prefix: '' }, '/name_prefix'],
      ['no key ids', { keyids: undefined }, '/keyids'],
      ['no threshold', { threshold: null }, '/threshold'],
    ])('SEC-4 with %s are refused', (_what, members, place) => {
      expect(refused(() => succinct(members))).toMatchObject({
        code: 'shape',
        pointer: `${AT}/succinct_roles${place}`,
      });
    });

    it('SEC-2 with a threshold that cannot be met are refused', () => {
      expect(refused(() => succinct({ threshold: 2 }))).toMatchObject({ code: 'TRUST_THRESHOLD' });
    });
  });
});
