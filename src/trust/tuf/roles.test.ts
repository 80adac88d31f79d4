/** The four roles as values (spec/uptane.md section 3.4): what is taken, and where what is not taken stands. */
import { describe, expect, it } from 'vitest';
import { type Members, NOW_MS, jsonOf as read, refusalOf, refused, testKey } from '../../../test/support/repository.ts';
import { MAX_HARDWARE_IDS, MAX_KEYS, MAX_NAME_CHARACTERS } from '../limits.ts';
import { AKTUALIZR, REFERENCE, TUF1 } from './dialect.ts';
import { readRoot, readSnapshot, readTargets, readTimestamp, requirePath, requireType } from './roles.ts';

const [first, second] = [testKey('first'), testKey('second')];
const EXPIRES = '2026-11-24T00:00:00Z';
const common = { version: 3, expires: EXPIRES };

describe('SEC-7 the type of a file', () => {
  const typed = (members: Members) => read({ _type: 'targets', spec_version: '1.0.31', ...members });

  it.each(['1.0', '1.0.31', '1.2', '1.9999.9999'])('SEC-7 specification %s is taken', (spec_version) => {
    expect(requireType(typed({ spec_version }), 'targets', TUF1)).toBeUndefined();
  });

  it.each([
    '',
    '1',
    '1.',
    '1.0.',
    '2.0',
    '2.0.0',
    '0.1.0',
    '11.0',
    '1.0.0.0',
    '1.a',
    'x1.0',
    '1.0x',
    '1.0.00001',
    '1.00000',
  ])('SEC-7 specification %j is not', (spec_version) => {
    const error = refusalOf(() => requireType(typed({ spec_version }), 'targets', TUF1));
    expect(error).toMatchObject({ code: 'TRUST_UNSUPPORTED', message: `spec version ${spec_version}, not 1.x` });
  });

  it('SEC-10 a long one is not quoted whole', () => {
    const error = refusalOf(() => requireType(typed({ spec_version: '2'.repeat(99) }), 'targets', TUF1));
    expect(error.message).toBe(`spec version ${'2'.repeat(32)}, not 1.x`);
    const type = refusalOf(() => requireType(typed({ _type: 'x'.repeat(99) }), 'targets', TUF1));
    expect(type.message).toBe(`/signed/_type is "${'x'.repeat(32)}", not "targets"`);
  });

  it('SEC-7 it must be said, where the dialect says it', () => {
    const bare = read({ _type: 'targets' });
    expect(refused(() => requireType(bare, 'targets', TUF1))).toMatchObject({ pointer: '/signed/spec_version' });
    for (const dialect of [REFERENCE, AKTUALIZR])
      expect(requireType(read({ _type: 'Targets', spec_version: 7 }), 'targets', dialect)).toBeUndefined();
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'] as const)('SEC-7 %s is no other', (role) => {
    for (const _type of ['root', 'timestamp', 'snapshot', 'targets', 'Root', '']) {
      const check = () => requireType(typed({ _type }), role, TUF1);
      if (_type === role) expect(check()).toBeUndefined();
      else
        expect(refused(check)).toEqual({
          ...{ code: 'shape', pointer: '/signed/_type', role: undefined },
          message: `/signed/_type is "${_type}", not "${role}"`,
        });
    }
    expect(refused(() => requireType(read({}), role, TUF1))).toMatchObject({ pointer: '/signed/_type' });
  });
});

describe('SEC-7 root', () => {
  const [a, b] = [first.publicKey, second.publicKey];
  const role = (keyids: unknown = [a.keyId], threshold: unknown = 1) => ({ keyids, threshold });
  const roles = { root: role([a.keyId, b.keyId], 2), timestamp: role(), snapshot: role(), targets: role() };
  const content = { ...common, keys: { [a.keyId]: a.json, [b.keyId]: b.json }, roles, consistent_snapshot: true };
  const root = (members: object = {}) => readRoot(read({ ...content, ...members }), TUF1);
  const rootWith = (members: object) => refused(() => root(members));

  it('SEC-7 says who signs what', () => {
    const value = root();
    expect(value).toMatchObject({ version: 3, expiresAtMs: NOW_MS, consistentSnapshot: true });
    expect(value.roles.root).toEqual({ keyIds: [a.keyId, b.keyId], threshold: 2 });
    expect(value.roles.timestamp).toEqual({ keyIds: [a.keyId], threshold: 1 });
    expect([...value.keys].map(([keyId, key]) => [keyId, key?.fingerprint])).toEqual([
      [a.keyId, a.fingerprint],
      [b.keyId, b.fingerprint],
    ]);
  });

  it.each([
    [true, true],
    [false, false],
    [undefined, false],
  ])('SEC-7 consistent_snapshot %s means %s', (consistent_snapshot, meant) => {
    expect(root({ consistent_snapshot }).consistentSnapshot).toBe(meant);
  });

  it('SEC-7 key ids are names: any may be used, also one that reaches for a prototype', () => {
    const keys = JSON.parse(`{"__proto__":${JSON.stringify(a.json)}}`) as object;
    const any = role(['__proto__']);
    const value = root({ keys, roles: { root: any, timestamp: any, snapshot: any, targets: any } });
    expect(value.keys.get('__proto__')?.fingerprint).toBe(a.fingerprint);
  });

  it('SEC-7 a key of a kind we do not know stands in the table, without being one', () => {
    const future = { keytype: 'future', scheme: 'future', keyval: { public: '' } };
    const value = root({
      keys: { ...content.keys, later: future },
      roles: { ...roles, root: role([a.keyId, 'later'], 2) },
    });
    expect(value.keys.has('later')).toBe(true);
    expect(value.keys.get('later')).toBeUndefined();
  });

  it.each([
    ['no version', { version: undefined }, '/signed/version'],
    ['version 0', { version: 0 }, '/signed/version'],
    ['no expiry', { expires: undefined }, '/signed/expires'],
    ['no keys', { keys: undefined }, '/signed/keys'],
    ['an empty key id', { keys: { '': a.json } }, '/signed/keys'],
    ['a key that is a text', { keys: { [a.keyId]: 'x' } }, ''],
    ['no roles', { roles: undefined }, '/signed/roles'],
    ['consistent_snapshot null', { consistent_snapshot: null }, '/signed/consistent_snapshot'],
    ['consistent_snapshot 1', { consistent_snapshot: 1 }, '/signed/consistent_snapshot'],
  ])('SEC-10 %s is refused', (_what, members, pointer) => {
    expect(rootWith(members)).toMatchObject({ code: 'shape', pointer });
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'])('SEC-7 without the role %s it is refused', (name) => {
    expect(rootWith({ roles: { ...roles, [name]: undefined } })).toMatchObject({ code: 'shape', role: name });
  });

  it.each([
    ['no key ids', { threshold: 1 }, 'shape', '/keyids'],
    ['a key id twice', role([a.keyId, a.keyId]), 'shape', '/keyids'],
    ['a key that is not in the table', role([a.keyId, 'nobody']), 'shape', '/keyids'],
    ['no threshold', { keyids: [a.keyId] }, 'shape', '/threshold'],
    ['a threshold in words', role([a.keyId], '1'), 'shape', '/threshold'],
    ['threshold 0', role([a.keyId], 0), 'TRUST_THRESHOLD', undefined],
    ['a threshold below 0', role([a.keyId], -1), 'TRUST_THRESHOLD', undefined],
    ['more than there are keys', role([a.keyId], 2), 'TRUST_THRESHOLD', undefined],
    ['no keys', role([]), 'TRUST_THRESHOLD', undefined],
  ])('SEC-2 a role with %s is refused, and said which', (_what, broken, code, place) => {
    for (const name of ['root', 'timestamp', 'snapshot', 'targets']) {
      expect(rootWith({ roles: { ...roles, [name]: broken } })).toMatchObject({
        code,
        role: name,
        ...(place === undefined ? {} : { pointer: `/signed/roles/${name}${place}` }),
      });
    }
  });

  it('SEC-2 one key under two ids is one key', () => {
    const keys = { x: a.json, y: a.json };
    const one = role(['x', 'y'], 1);
    const all = { root: one, timestamp: one, snapshot: one, targets: one };
    expect(root({ keys, roles: all }).roles.root.threshold).toBe(1);
    expect(rootWith({ keys, roles: { ...all, targets: role(['x', 'y'], 2) } })).toMatchObject({
      code: 'TRUST_THRESHOLD',
      role: 'targets',
    });
  });

  it('SEC-10 a missing key is named, though not at length', () => {
    expect(rootWith({ roles: { ...roles, root: role([a.keyId, 'x'.repeat(99)]) } }).message).toBe(
      `/signed/roles/root/keyids names the key ${'x'.repeat(64)}, which is not there`,
    );
  });

  it('SEC-7 a key that is damaged makes the whole file unusable', () => {
    const keys = { ...content.keys, z: { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'ab' } } };
    expect(rootWith({ keys })).toMatchObject({ code: 'TRUST_KEY' });
  });

  it('SEC-10 at most 1,024 keys', () => {
    const future = { keytype: 'future', scheme: 'x', keyval: {} };
    const others = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, future]));
    expect(MAX_KEYS).toBe(1_024);
    expect(root({ keys: { ...content.keys, ...others(MAX_KEYS - 2) } }).keys.size).toBe(MAX_KEYS);
    expect(rootWith({ keys: { ...content.keys, ...others(MAX_KEYS - 1) } })).toMatchObject({
      message: '/signed/keys has 1025 keys, at most 1024 are allowed',
    });
  });
});

describe('SEC-3 timestamp', () => {
  it('SEC-3 says what it lists too much', () => {
    const meta = { 'snapshot.json': { version: 1 }, 'targets.json': { version: 1 } };
    expect(refused(() => readTimestamp(read({ ...common, meta }), TUF1)).message).toBe(
      '/signed/meta lists more than snapshot.json',
    );
  });

  const hashes = { sha256: 'ab'.repeat(32) };
  const content = { ...common, meta: { 'snapshot.json': { version: 7, length: 9, hashes } } };
  const timestamp = (members: object = {}) => readTimestamp(read({ ...content, ...members }), TUF1);

  it('SEC-3 lists the snapshot', () => {
    expect(timestamp()).toEqual({
      ...{ version: 3, expiresAtMs: NOW_MS, signedAtMs: undefined },
      snapshot: { version: 7, lengthBytes: 9, hashes: new Map(Object.entries(hashes)) },
    });
  });

  it('SEC-3 length and hashes need not be listed (TUF)', () => {
    const { snapshot } = timestamp({ meta: { 'snapshot.json': { version: 7 } } });
    expect(snapshot).toEqual({ version: 7, lengthBytes: undefined, hashes: undefined });
  });

  it('SEC-3 says when it was signed, where it says so', () => {
    expect(timestamp({ signed_at: '2026-11-23T23:59:59Z' }).signedAtMs).toBe(NOW_MS - 1_000);
  });

  it.each([EXPIRES, '2026-11-25T00:00:00Z'])('SEC-3 was not signed at %s, when it has expired already', (signed_at) => {
    expect(refused(() => timestamp({ signed_at }))).toMatchObject({
      pointer: '/signed/signed_at',
      message: '/signed/signed_at is not before its own expiry',
    });
  });

  it.each([
    ['no meta', { meta: undefined }, '/signed/meta'],
    ['no snapshot', { meta: { 'targets.json': { version: 1 } } }, '/signed/meta/snapshot.json'],
    [
      'more than the snapshot',
      { meta: { 'snapshot.json': { version: 1 }, 'targets.json': { version: 1 } } },
      '/signed/meta',
    ],
    ['a snapshot without version', { meta: { 'snapshot.json': {} } }, '/signed/meta/snapshot.json/version'],
    [
      'a snapshot of no bytes',
      { meta: { 'snapshot.json': { version: 1, length: 0 } } },
      '/signed/meta/snapshot.json/length',
    ],
    [
      'a length in words',
      { meta: { 'snapshot.json': { version: 1, length: '9' } } },
      '/signed/meta/snapshot.json/length',
    ],
    [
      'no length at all',
      { meta: { 'snapshot.json': { version: 1, length: null } } },
      '/signed/meta/snapshot.json/length',
    ],
    [
      'hashes that are none',
      { meta: { 'snapshot.json': { version: 1, hashes: {} } } },
      '/signed/meta/snapshot.json/hashes',
    ],
    ['hashes null', { meta: { 'snapshot.json': { version: 1, hashes: null } } }, '/signed/meta/snapshot.json/hashes'],
    ['a time of signing that is none', { signed_at: 'now' }, '/signed/signed_at'],
    ['a time of signing null', { signed_at: null }, '/signed/signed_at'],
    ['no version', { version: undefined }, '/signed/version'],
    ['no expiry', { expires: undefined }, '/signed/expires'],
  ])('SEC-10 %s is refused', (_what, members, pointer) => {
    expect(refused(() => timestamp(members))).toMatchObject({ code: 'shape', pointer });
  });

  it('SEC-3 one byte is a length', () => {
    expect(timestamp({ meta: { 'snapshot.json': { version: 1, length: 1 } } }).snapshot.lengthBytes).toBe(1);
  });
});

describe('SEC-3 snapshot', () => {
  const snapshot = (meta: unknown) => readSnapshot(read({ ...common, meta }));

  it('SEC-3 lists files by the role they belong to; names are opaque', () => {
    const meta = JSON.parse(
      '{"targets.json":{"version":1},"__proto__.json":{"version":2},"a/../b.json.json":{"version":3}}',
    ) as unknown;
    const value = snapshot(meta);
    expect(value).toMatchObject({ version: 3, expiresAtMs: NOW_MS });
    expect([...value.files].map(([name, { version }]) => [name, version])).toEqual([
      ['targets', 1],
      ['__proto__', 2],
      ['a/../b.json', 3],
    ]);
  });

  it.each([
    ['no meta', undefined, '/signed/meta'],
    ['a file that is no .json', { 'targets.der': { version: 1 } }, '/signed/meta'],
    ['an entry that is none', { 'targets.json': 1 }, '/signed/meta/targets.json'],
    ['an entry without version', { 'targets.json': {} }, '/signed/meta/targets.json/version'],
  ])('SEC-10 %s is refused', (_what, meta, pointer) => {
    expect(refused(() => snapshot(meta))).toMatchObject({ code: 'shape', pointer });
  });

  it('SEC-10 a name is not quoted at length', () => {
    expect(refused(() => snapshot({ ['x'.repeat(99)]: {} })).message).toBe(
      `/signed/meta names "${'x'.repeat(64)}", which is no .json`,
    );
  });
});

describe('SEC-7 targets', () => {
  const entry = { length: 0, hashes: { sha256: 'ab' } };
  const targets = (members: object) => readTargets(read({ ...common, targets: {}, ...members }), TUF1);
  const one = (target: object) => targets({ targets: { a: { ...entry, ...target } } }).targets.get('a');

  it('SEC-7 lists images by path', () => {
    const custom = { hardwareIds: ['hw1', 'hw2'], component: 'firmware', version: '1.2', other: [1] };
    const value = targets({ targets: { 'fw/a.img': { ...entry, length: 2 ** 40, custom } } });
    expect(value).toMatchObject({ version: 3, expiresAtMs: NOW_MS, delegations: undefined });
    expect(value.targets.get('fw/a.img')).toEqual({
      ...{ lengthBytes: 2 ** 40, hashes: new Map([['sha256', 'ab']]), hardwareIds: ['hw1', 'hw2'] },
      ...{ component: 'firmware', version: '1.2', custom: new Map(Object.entries(custom)) },
    });
  });

  it('SEC-7 what the signer left out is left out', () => {
    expect(one({})).toEqual({
      ...{ lengthBytes: 0, hashes: new Map([['sha256', 'ab']]), hardwareIds: [] },
      ...{ component: undefined, version: undefined, custom: new Map() },
    });
    expect(one({ custom: {} })).toMatchObject({ hardwareIds: [], component: undefined });
  });

  it.each([
    ['no length', { length: undefined }, '/length'],
    ['a length below 0', { length: -1 }, '/length'],
    ['a length in words', { length: '1' }, '/length'],
    ['no hashes', { hashes: undefined }, '/hashes'],
    ['no hash', { hashes: {} }, '/hashes'],
    ['custom null', { custom: null }, '/custom'],
    ['custom as a list', { custom: [] }, '/custom'],
    ['hardware null', { custom: { hardwareIds: null } }, '/custom/hardwareIds'],
    ['hardware as a text', { custom: { hardwareIds: 'hw' } }, '/custom/hardwareIds'],
    ['hardware twice', { custom: { hardwareIds: ['a', 'a'] } }, '/custom/hardwareIds'],
    ['an empty hardware id', { custom: { hardwareIds: [''] } }, '/custom/hardwareIds/0'],
    ['a component null', { custom: { component: null } }, '/custom/component'],
    ['a version that is a number', { custom: { version: 1 } }, '/custom/version'],
  ])('SEC-10 an image with %s is refused', (_what, target, place) => {
    expect(refused(() => one(target))).toMatchObject({ code: 'shape', pointer: `/signed/targets/a${place}` });
  });

  it('SEC-10 an image names at most 64 kinds of hardware', () => {
    const ids = Array.from({ length: MAX_HARDWARE_IDS }, (_, index) => `hw${index}`);
    expect(one({ custom: { hardwareIds: ids } })?.hardwareIds).toHaveLength(64);
    expect(refused(() => one({ custom: { hardwareIds: [...ids, 'x'] } })).message).toContain('at most 64');
  });

  it.each([
    ['no targets', { targets: undefined }, '/signed/targets'],
    ['an entry that is none', { targets: { a: 1 } }, '/signed/targets/a'],
    ['no version', { version: undefined }, '/signed/version'],
    ['no expiry', { expires: undefined }, '/signed/expires'],
    ['delegations null', { delegations: null }, '/signed/delegations'],
  ])('SEC-10 %s is refused', (_what, members, pointer) => {
    expect(refused(() => targets(members))).toMatchObject({ code: 'shape', pointer });
  });

  it('SEC-11 one path in two spellings is refused: nobody could say which counts', () => {
    const long = 'x'.repeat(99);
    expect(refused(() => targets({ targets: { [long]: entry, [`/${long}`]: entry } }))).toMatchObject({
      pointer: '/signed/targets',
      message: `/signed/targets spells "/${long.slice(0, 63)}" in two ways`,
    });
    expect(refused(() => targets({ targets: { '\u00e9': entry, 'e\u0301': entry } })).pointer).toBe('/signed/targets');
  });
});

describe('SEC-11 target paths', () => {
  it.each([
    ['a', 'a'],
    ['/a/b', 'a/b'],
    ['//a', '/a'],
    ['e\u0301', '\u00e9'],
    ['...', '...'],
    ['a..b/.c', 'a..b/.c'],
    ['__proto__', '__proto__'],
    ['a b', 'a b'],
    ['x'.repeat(MAX_NAME_CHARACTERS), 'x'.repeat(MAX_NAME_CHARACTERS)],
    [`/${'x'.repeat(MAX_NAME_CHARACTERS)}`, 'x'.repeat(MAX_NAME_CHARACTERS)],
  ])('SEC-11 %j is one', (path, normal) => {
    expect(requirePath(path)).toBe(normal);
  });

  it.each([
    '',
    '/',
    '.',
    '..',
    '../a',
    'a/..',
    'a/../b',
    'a/./b',
    '/..',
    './a',
    'a\u0000b',
    'a\nb',
    'a\u007f',
    'a\u0085',
    'x'.repeat(MAX_NAME_CHARACTERS + 1),
  ])('SEC-11 %j is none', (path) => {
    expect(refused(() => requirePath(path))).toMatchObject({
      pointer: '/signed/targets',
      message: `/signed/targets names "${path.slice(0, 64)}", which is no target path`,
    });
  });
});
