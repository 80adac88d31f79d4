/** The search through delegations (spec/uptane.md section 10), over signed files. */
import { describe, expect, it } from 'vitest';
import {
  type Members,
  NOW_MS,
  refusalOf,
  signedBy,
  type TestDevice,
  TestRepository,
  targetOf,
  testKey,
  withMembers,
} from '../../../test/support/repository.ts';
import { DAY_MS } from '../../core/time.ts';
import { MAX_DELEGATED_ROLES, MAX_TARGETS_BYTES } from '../limits.ts';
import type { DelegationContent } from '../repository/documents.ts';
import { binIndex } from './paths.ts';
import { findTarget } from './refresh.ts';

interface Node {
  readonly lists?: readonly string[];
  /** In order of priority; `!` behind a name makes the delegation terminating. */
  readonly to?: readonly string[];
}

const delegation = (text: string, members: Partial<DelegationContent> = {}): DelegationContent => {
  const name = text.replace('!', '');
  const keys = [testKey(name).publicKey];
  return { name, keys, threshold: 1, terminating: text.endsWith('!'), paths: ['*', 'dir/*'], ...members };
};

/** Each role has a key of its own name, and speaks for everything. What it lists has its name for content. */
function repositoryOf(graph: Readonly<Record<string, Node>>): TestRepository {
  const repository = new TestRepository();
  for (const [name, { lists = [], to }] of Object.entries(graph)) {
    const file = {
      ...{ keys: [testKey(name)], threshold: 1 },
      targets: new Map(lists.map((path) => [path, targetOf(`${path} of ${name}`)])),
      ...(to === undefined ? {} : { delegations: to.map((one) => delegation(one)) }),
    };
    if (name === 'targets') repository.top = file;
    else repository.delegated.set(name, file);
  }
  return repository.publish();
}

/** Which role it was found in, and which delegated roles were read on the way there. */
function search(repository: TestRepository, path: string, hardwareId?: string): readonly [string | undefined, string] {
  const device = repository.device();
  const found = device.find(path, hardwareId);
  const read = device.fetched.slice(4).map((file) => decodeURIComponent(file.split('.').slice(1, -1).join('.')));
  return [found?.role, read.join(' ')];
}

describe('SEC-4 search', () => {
  it('SEC-4 what the top lists is found there, and nothing else is read', () => {
    const repository = repositoryOf({ targets: { lists: ['x'], to: ['a'] }, a: { lists: ['x'] } });
    expect(search(repository, 'x')).toEqual(['targets', '']);
  });

  it('SEC-4 is in order of priority, each role with all below it before the next (pre-order)', () => {
    const graph = { targets: { to: ['a', 'b'] }, a: { to: ['c', 'd'] }, b: {}, c: { to: ['e'] }, d: {}, e: {} };
    expect(search(repositoryOf(graph), 'x')).toEqual([undefined, 'a c e d b']);
    expect(search(repositoryOf({ ...graph, d: { lists: ['x'] }, b: { lists: ['x'] } }), 'x')).toEqual(['d', 'a c e d']);
  });

  it('SEC-4 gives what was found, in which role, and every file on the way', () => {
    const repository = repositoryOf({ targets: { to: ['a', 'b'] }, a: {}, b: { lists: ['x'] } });
    const device = repository.device();
    const found = device.find('x');
    expect(found?.target).toMatchObject({ lengthBytes: 'x of b'.length, hashes: targetOf('x of b').hashes });
    expect(found?.visited.map(({ bytes }) => bytes)).toEqual(
      ['targets', 'a', 'b'].map((role) => repository.fileOf(role)),
    );
    expect(found?.visited.at(-1)?.signedBy).toEqual([testKey('b').publicKey.keyId]);
    expect(found?.role).toBe('b');
  });

  it.each([
    ['/x', 'x'],
    ['/e\u0301', '\u00e9'],
    ['\u00e9', 'e\u0301'],
  ])('SEC-4 asked for %j it finds %j: paths have one form', (wanted, listed) => {
    expect(search(repositoryOf({ targets: { to: ['a'] }, a: { lists: [listed] } }), wanted)[0]).toBe('a');
  });

  it('SEC-4 of a path in a folder', () => {
    const repository = repositoryOf({ targets: { to: ['a'] }, a: { lists: ['dir/x', 'dir/dir/x'] } });
    expect(search(repository, 'dir/x')).toEqual(['a', 'a']);
    expect(search(repository, 'dir/dir/x')).toEqual([undefined, '']);
  });

  it('SEC-4 a terminating delegation ends the search after its own, wherever the rest waits', () => {
    const repository = repositoryOf({
      ...{ targets: { to: ['a', 'z'] }, a: { to: ['b!', 'y'] }, b: { to: ['c', 'd'] } },
      ...{ c: {}, d: {}, y: { lists: ['x'] }, z: { lists: ['x'] } },
    });
    expect(search(repository, 'x')).toEqual([undefined, 'a b c d']);
  });

  it('SEC-4 also when what comes before it gives nothing', () => {
    const repository = repositoryOf({ targets: { to: ['a', 'b!', 'z'] }, a: {}, b: {}, z: { lists: ['x'] } });
    expect(search(repository, 'x')).toEqual([undefined, 'a b']);
  });

  it('SEC-4 a role is read once, however many ways lead to it: cycles end', () => {
    const graph = { targets: { to: ['a', 'b'] }, a: { to: ['b', 'a'] }, b: { to: ['a', 'c'] }, c: { to: ['b'] } };
    expect(search(repositoryOf(graph), 'x')).toEqual([undefined, 'a b c']);
  });

  it('SEC-4 a role reached in two ways has the keys of the way that was taken', () => {
    const repository = repositoryOf({
      targets: { to: ['a', 'b'] },
      a: { to: ['c'] },
      b: { to: ['c'] },
      c: { lists: ['x'] },
    });
    const other = delegation('c', { keys: [testKey('other').publicKey] });
    Object.assign(repository.delegated.get('b') ?? {}, { delegations: [other] });
    repository.renew();
    expect(search(repository, 'x')).toEqual(['c', 'a c']);
    Object.assign(repository.delegated.get('a') ?? {}, { delegations: [other] });
    repository.renew();
    expect(refusalOf(() => search(repository, 'x'))).toMatchObject({ code: 'TRUST_SIGNATURES', detail: { role: 'c' } });
  });

  it('SEC-4 only for the hardware that is asked for', () => {
    const repository = repositoryOf({ targets: {}, a: { lists: ['x'] }, b: { lists: ['x'] } });
    repository.top.delegations = [delegation('a', { hardwareIds: ['one'] }), delegation('b', { hardwareIds: ['two'] })];
    repository.renew();
    expect(search(repository, 'x', 'one')).toEqual(['a', 'a']);
    expect(search(repository, 'x', 'two')).toEqual(['b', 'b']);
    expect(search(repository, 'x', 'three')).toEqual([undefined, '']);
    expect(search(repository, 'x')).toEqual([undefined, '']);
  });

  it('SEC-4 through bins, and through bins of bins', () => {
    const [outer, inner] = [`out-${binIndex('x', 3)}`, `in-${binIndex('x', 9)}`];
    const repository = repositoryOf({ targets: {}, [outer]: {}, [inner]: { lists: ['x'] } });
    const bins = (namePrefix: string, bits: number) => ({ ...delegation(namePrefix), bits, namePrefix });
    repository.top.delegations = bins('out', 3);
    Object.assign(repository.delegated.get(outer) ?? {}, { keys: [testKey('out')], delegations: bins('in', 9) });
    Object.assign(repository.delegated.get(inner) ?? {}, { keys: [testKey('in')] });
    repository.renew();
    expect(search(repository, 'x')).toEqual([inner, `${outer} ${inner}`]);
  });
});

describe('SEC-4 search is bounded', () => {
  const chain = (length: number): Readonly<Record<string, Node>> =>
    Object.fromEntries([
      ['targets', { to: ['r1'] }],
      ...Array.from({ length }, (_, index) => [
        `r${index + 1}`,
        index + 1 < length ? { to: [`r${index + 2}`] } : { lists: ['x'] },
      ]),
    ]) as Readonly<Record<string, Node>>;

  it('SEC-4 32 delegated roles are read', () => {
    expect(MAX_DELEGATED_ROLES).toBe(32);
    expect(search(repositoryOf(chain(32)), 'x')[0]).toBe('r32');
  });

  it('SEC-4 and no 33rd, deep or wide', () => {
    const device = repositoryOf(chain(33)).device();
    expect(device.find('x')).toBeUndefined();
    expect(device.fetched).toHaveLength(4 + 32);
    const names = Array.from({ length: 40 }, (_, index) => `w${index}`);
    const wide = { targets: { to: names }, ...Object.fromEntries(names.map((name) => [name, {}])) };
    expect(search(repositoryOf({ ...wide, w31: { lists: ['x'] } }), 'x')[0]).toBe('w31');
    expect(search(repositoryOf({ ...wide, w32: { lists: ['x'] } }), 'x')[0]).toBeUndefined();
  });
});

describe('SEC-4 a role on the way that does not hold ends the search', () => {
  const graph = { targets: { to: ['a', 'b'] }, a: {}, b: { lists: ['x'] } };

  /** Refused as `[code, role]`; the device trusts what it trusted before. */
  function refused(change: (repository: TestRepository) => void): readonly unknown[] {
    const repository = repositoryOf(graph);
    change(repository);
    const device = repository.device();
    device.refresh();
    const before = new Map(device.stored);
    const { code, detail } = refusalOf(() => device.find('x'));
    expect(device.stored).toEqual(before);
    return [code, detail.role];
  }

  it('SEC-4 missing on the server', () => {
    expect(refused((repository) => repository.files.delete('1.a.json'))).toEqual(['TRUST_MISSING', 'a']);
  });

  it('SEC-4 missing in the snapshot', () => {
    const change = (repository: TestRepository) => {
      repository.rewrite('snapshot', { meta: { 'targets.json': { version: 1 }, 'b.json': { version: 1 } } });
      repository.write('timestamp');
    };
    expect(refused(change)).toEqual(['TRUST_MISSING', 'a']);
  });

  it.each<[string, Members, string]>([
    ['of another version', { version: 2 }, 'TRUST_MIX_AND_MATCH'],
    ['expired', { expires: '2026-11-24T00:00:00Z' }, 'TRUST_EXPIRED'],
    ['of another type', { _type: 'snapshot' }, 'TRUST_MALFORMED'],
    ['with a delegation to root', { delegations: { keys: {}, roles: [{ name: 'root' }] } }, 'TRUST_MALFORMED'],
  ])('SEC-4 %s', (_what, members, code) => {
    expect(refused((repository) => repository.rewrite('a', members))).toEqual([code, 'a']);
  });

  it('SEC-4 signed by the role beside it', () => {
    const change = (repository: TestRepository) =>
      repository.files.set('1.a.json', signedBy(withMembers(repository.fileOf('a'), {}), testKey('b')));
    expect(refused(change)).toEqual(['TRUST_SIGNATURES', 'a']);
  });

  it('SEC-4 longer than is listed', () => {
    const change = (repository: TestRepository) => {
      const meta = { 'targets.json': { version: 1 }, 'a.json': { version: 1, length: 9 }, 'b.json': { version: 1 } };
      repository.rewrite('snapshot', { meta });
      repository.write('timestamp');
    };
    expect(refused(change)).toEqual(['TRUST_MIX_AND_MATCH', 'a']);
  });
});

describe('SEC-4 delegated roles are stored', () => {
  it('SEC-4 and not asked for again while they are the ones that are listed', () => {
    const repository = repositoryOf({ targets: { to: ['a', 'b'] }, a: {}, b: { lists: ['x'] } });
    const device = repository.device();
    device.find('x');
    expect(device.stored.get('a')).toBe(repository.fileOf('a'));
    device.fetched.length = 0;
    expect(device.find('x')?.role).toBe('b');
    expect(device.fetched).toEqual(['2.root.json', 'timestamp.json']);
    repository.publish('b', 'snapshot', 'timestamp');
    device.find('x');
    expect(device.fetched.slice(2)).toEqual(['2.root.json', 'timestamp.json', '2.snapshot.json', '2.b.json']);
  });

  it('SEC-4 and must not have expired, at the one time of the update', () => {
    const repository = repositoryOf({ targets: { to: ['a'] }, a: { lists: ['x'] } });
    repository.rewrite('a', { expires: '2026-11-25T00:00:00Z' });
    const device = repository.device();
    device.find('x');
    device.nowMs = NOW_MS + DAY_MS;
    expect(refusalOf(() => device.find('x'))).toMatchObject({
      code: 'TRUST_EXPIRED',
      detail: { role: 'a', nowMs: NOW_MS + DAY_MS },
    });
  });

  it('SEC-10 are asked for within the bound of their kind', () => {
    const repository = repositoryOf({ targets: { to: ['a'] }, a: { lists: ['x'] } });
    const device: TestDevice = repository.device();
    const step = findTarget(device.refresh(), { path: 'x' }, new Map()).next().value;
    expect(step).toEqual({ do: 'fetch', file: '1.a.json', role: 'a', maxBytes: MAX_TARGETS_BYTES });
  });
});

describe('SEC-11 role names are names', () => {
  it.each([
    ['.', '1...json'],
    ['..', '1....json'],
    ['../../etc', '1...%2F..%2Fetc.json'],
    ['a/b', '1.a%2Fb.json'],
    ['/', '1.%2F.json'],
    ['a b?c#d', '1.a%20b%3Fc%23d.json'],
    ['%2e', '1.%252e.json'],
    ['a\\b', '1.a%5Cb.json'],
    ['\u00e4\u{1f600}', '1.%C3%A4%F0%9F%98%80.json'],
    ['a\u0000b', '1.a%00b.json'],
    ['__proto__', '1.__proto__.json'],
    ['constructor', '1.constructor.json'],
    ['1.root', '1.1.root.json'],
  ])('SEC-11 %j is one segment of a URL', (name, file) => {
    const repository = new TestRepository();
    const role = { keys: [testKey(name)], threshold: 1 };
    repository.delegated.set(name, { ...role, targets: new Map([['x', targetOf('x')]]) });
    repository.top.delegations = [delegation('', { name, keys: [testKey(name).publicKey] })];
    repository.publish();
    const device = repository.device();
    expect(device.find('x')?.role).toBe(name);
    expect(device.fetched.at(-1)).toBe(file);
    expect(file).not.toMatch(/[/\\?#]/);
  });
});
