/** tuf-js as a foreign client (ADR 0008), file by file: it reads what we write, and refuses what we refuse. tuf-js.test.ts has the real listener. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ImageCheck } from '../src/trust/tuf/image.ts';
import { binIndex } from '../src/trust/tuf/paths.ts';
import {
  keyOf,
  NOW_MS,
  signedBy,
  signedOf,
  TestRepository,
  targetOf,
  testKey,
  type withMembers,
} from './support/repository.ts';
import {
  afterwards,
  answerOf,
  atTime,
  type Change,
  clientsOf,
  delegation,
  get,
  listing,
  NOBODY,
  one,
  REFUSED,
  repositoryOf,
  serve,
  TheirClient,
} from './support/tuf-js.ts';

describe('SEC-4 tuf-js reads what we write', () => {
  it.each([
    ['x', answerOf('x', 'targets')],
    ['dir/x', answerOf('dir/x', 'targets')],
    ['of-a', answerOf('of-a', 'a')],
    ['both', answerOf('both', 'a')],
    ['of-c', answerOf('of-c', 'c')],
    ['of-b', answerOf('of-b', 'c')],
    ['dir/of-b', answerOf('dir/of-b', 'b')],
    ['dir/dir/x', NOBODY],
    ['nowhere', NOBODY],
  ])('SEC-4 %s, through nested delegations, twice', async (path, answer) => {
    atTime(NOW_MS);
    const { ours, theirs } = await clientsOf(repositoryOf());
    for (const client of [ours, theirs, ours, theirs]) expect(await client.find(path)).toBe(answer);
  });

  it('SEC-7 and keeps the same bytes as we do', async () => {
    atTime(NOW_MS);
    const { ours, theirs } = await clientsOf(repositoryOf());
    await Promise.all([ours.find('dir/of-b'), theirs.find('dir/of-b')]);
    expect([...ours.stored.keys()].toSorted()).toEqual(['a', 'b', 'c', 'root', 'snapshot', 'targets', 'timestamp']);
    for (const [role, bytes] of ours.stored) expect(theirs.stored(role)).toEqual(bytes);
  });

  it('SEC-7 a download, checked by length and hash', async () => {
    atTime(NOW_MS);
    const repository = new TestRepository();
    const image = Buffer.from('Fresh firmware image');
    const target = targetOf(image);
    repository.top = { ...one('targets'), targets: new Map([['dir/fw.img', target]]) };
    repository.publish();
    const name = `targets/dir/${target.hashes.get('sha256')}.fw.img`;
    const images = new Map<string, Uint8Array>([[name, image]]);
    const url = await serve(repository, images);
    const theirs = new TheirClient(url, repository.fileOf('root'));
    const updater = theirs.updater();
    const found = await updater.getTargetInfo('dir/fw.img');
    if (!found) throw new Error('not found');
    expect(readFileSync(await updater.downloadTarget(found))).toEqual(image);
    const check = new ImageCheck(target);
    check.update((await get(`${url}/${name}`)) ?? new Uint8Array());
    check.finish();
    for (const bytes of [Buffer.from('Fresh firmware imagE'), Buffer.concat([image, image]), image.subarray(1)]) {
      images.set(name, bytes);
      await expect(updater.downloadTarget(found, join(theirs.dir, 'bad.img'))).rejects.toThrow();
    }
  });

  it('SEC-3 with RSA and P-256 keys for every role, through two rotations', async () => {
    atTime(NOW_MS);
    const repository = repositoryOf();
    const { ours, theirs } = await clientsOf(repository);
    const rsa = keyOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey);
    const p256 = keyOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey);
    repository.root = { keys: [rsa, p256, testKey('root')], threshold: 2 };
    repository.timestamp = { keys: [p256], threshold: 1 };
    repository.publish('root', 'timestamp');
    for (const client of [ours, theirs]) expect(await client.find('x')).toBe(answerOf('x', 'targets'));
    repository.root = { keys: [p256, testKey('root 3')], threshold: 2 };
    repository.snapshot = { keys: [rsa], threshold: 1 };
    repository.top = { ...repository.top, keys: [rsa, p256], threshold: 2 };
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    for (const client of [ours, theirs]) expect(await client.find('x')).toBe(answerOf('x', 'targets'));
    expect(theirs.stored('root')).toEqual(repository.files.get('3.root.json'));
    expect(ours.stored.get('root')).toEqual(repository.files.get('3.root.json'));
  });

  it('SEC-4 bins, succinct and by prefix, behind a role that ends the search', async () => {
    atTime(NOW_MS);
    const repository = new TestRepository();
    const paths = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
    const { paths: _paths, ...hashed } = delegation('hashed');
    repository.top.delegations = [
      delegation('bins', { terminating: true, paths: ['p*'] }),
      { ...hashed, hashPrefixes: [...'0123456789abcdef'] },
    ];
    const bins = { keys: [testKey('bin').publicKey], threshold: 1, bits: 2, namePrefix: 'bin' };
    repository.delegated.set('bins', { ...listing('bins'), delegations: bins });
    for (const bin of ['0', '1', '2', '3'])
      repository.delegated.set(`bin-${bin}`, listing('bin', ...paths.filter((path) => binIndex(path, 2) === bin)));
    repository.delegated.set('hashed', listing('hashed', 'q', 'p6'));
    const { ours, theirs } = await clientsOf(repository.publish());
    const expected = [
      ...paths.map((path) => [path, answerOf(path, 'bin')]),
      ['q', answerOf('q', 'hashed')],
      ['p6', NOBODY],
    ];
    for (const client of [ours, theirs])
      for (const [path = '', answer] of expected) expect(await client.find(path)).toBe(answer);
  });

  it.each(['a/b', '..', '.', '\u00e4 \u{1f600}', 'a?b#c', '%2e'])('SEC-11 a role called %j', async (name) => {
    atTime(NOW_MS);
    const repository = new TestRepository();
    repository.delegated.set(name, listing(name, 'x'));
    repository.top.delegations = [delegation(name)];
    const { ours, theirs } = await clientsOf(repository.publish());
    for (const client of [ours, theirs]) expect(await client.find('x')).toBe(answerOf('x', name));
  });
});

/** All but the root at their next versions, one of them with other members. */
const replace =
  (role: string, members: Parameters<typeof withMembers>[1]): Change =>
  (repository) => {
    repository.renew();
    repository.rewrite(role, members);
    if (role === 'snapshot') repository.write('timestamp');
  };

/** One of them is not served. */
const unserve =
  (role: string): Change =>
  (repository) => {
    repository.renew();
    repository.files.delete(repository.nameOf(role));
  };

/** One of them is signed by these keys instead. */
const signedOnlyBy =
  (role: string, ...labels: readonly string[]): Change =>
  (repository) => {
    repository.renew();
    repository.files.set(repository.nameOf(role), signedBy(signedOf(repository.fileOf(role)), ...labels.map(testKey)));
    if (role === 'snapshot') repository.write('timestamp');
  };

/** Role by role as written here, each at one version more than this. */
const published =
  (versions: Readonly<Record<string, number>>): Change =>
  (repository) => {
    for (const [role, version] of Object.entries(versions)) repository.versions.set(role, version);
    repository.publish(...Object.keys(versions));
  };

/** The next root has a new root key, and is signed by these alone. */
const rootSignedBy =
  (...labels: readonly string[]): Change =>
  (repository) => {
    repository.root = one('new');
    repository.publish('root');
    repository.files.set('2.root.json', signedBy(signedOf(repository.fileOf('root')), ...labels.map(testKey)));
  };

/** The next root has other members. */
const nextRoot =
  (members: Parameters<typeof withMembers>[1]): Change =>
  (repository) => {
    repository.publish('root');
    repository.rewrite('root', members);
  };

/** Targets 4 are listed with these facts. */
const listedAs =
  (facts: Readonly<Record<string, number | Readonly<Record<string, string>>>>): Change =>
  (repository) => {
    repository.renew();
    const meta = signedOf(repository.fileOf('snapshot')).meta as Readonly<Record<string, typeof facts>>;
    repository.rewrite('snapshot', { meta: { ...meta, 'targets.json': { version: 4, ...facts } } });
    repository.write('timestamp');
  };

/** The next root gives these roles new keys. */
const rekeyed =
  (...roles: readonly ('timestamp' | 'snapshot')[]): Change =>
  (repository) => {
    for (const role of roles) repository[role] = one(`new ${role}`);
    repository.publish('root');
  };

const EXPIRED = { expires: '2026-11-24T00:00:00Z' };

describe('SEC-3 tuf-js and we refuse the same', () => {
  const ofRole = (role: string): readonly [string, Change][] => [
    [`an expired ${role}`, replace(role, EXPIRED)],
    [`a missing ${role}`, unserve(role)],
    [`a ${role} signed by nobody`, signedOnlyBy(role)],
    [`a ${role} signed by the root key`, signedOnlyBy(role, 'root')],
    [`a ${role} of another type`, replace(role, { _type: role === 'targets' ? 'snapshot' : 'targets' })],
    [`a ${role} of another specification`, replace(role, { spec_version: '2.0.0' })],
    [`a ${role} without version`, replace(role, { version: undefined })],
    [`a ${role} without expiry`, replace(role, { expires: undefined })],
  ];

  it.each<[string, Change]>([
    ...['timestamp', 'snapshot', 'targets'].flatMap(ofRole),
    ['a root that has expired', nextRoot(EXPIRED)],
    ['a root of the version after the next', nextRoot({ version: 3 })],
    ['the same root again', nextRoot({ version: 1 })],
    ['a root that only its own key has signed', rootSignedBy('new')],
    ['a root that only the old key has signed', rootSignedBy('root')],
    ['an older timestamp', published({ timestamp: 1 })],
    ['a timestamp that lists an older snapshot', published({ snapshot: 1, timestamp: 3 })],
    ['a snapshot that lists older targets', published({ targets: 1, snapshot: 3, timestamp: 3 })],
    ['a snapshot that lists an older delegated role', published({ a: 1, snapshot: 3, timestamp: 3 })],
    [
      'a snapshot that is not the one the timestamp names',
      (repository) => repository.renew().rewrite('snapshot', { note: 1 }),
    ],
    [
      'a snapshot of another version than is listed',
      replace('timestamp', { meta: { 'snapshot.json': { version: 9 } } }),
    ],
    ['targets of another version than is listed', replace('targets', { version: 9 })],
    ['targets that are longer than is listed', listedAs({ length: 10 })],
    ['targets with another hash than is listed', listedAs({ hashes: { sha256: 'ab'.repeat(32) } })],
    ['targets with a hash that nobody can compute', listedAs({ hashes: { sha9: 'ab' } })],
    [
      'a snapshot that no longer lists a role',
      (repository) => {
        repository.delegated.delete('b');
        repository.publish('snapshot', 'timestamp');
      },
    ],
    [
      'targets below a threshold that the next root raises',
      (repository) => {
        repository.top = { ...repository.top, keys: [testKey('targets'), testKey('second')], threshold: 2 };
        repository.publish('root');
      },
    ],
  ])('SEC-3 %s', async (_what, change) => {
    atTime(NOW_MS);
    expect(await afterwards(change)).toEqual({ ours: REFUSED, theirs: REFUSED });
  });

  it.each<[string, Change]>([
    ['missing', unserve('a')],
    ['expired', replace('a', EXPIRED)],
    ['signed by the role beside it', signedOnlyBy('a', 'b')],
    ['of another version', replace('a', { version: 9 })],
    ['of another type', replace('a', { _type: 'root' })],
  ])('SEC-4 a delegated role on the way that is %s', async (_what, change) => {
    atTime(NOW_MS);
    expect(await afterwards(change, 'dir/of-b')).toEqual({ ours: REFUSED, theirs: REFUSED });
  });
});

describe('SEC-3 tuf-js and we take the same', () => {
  it.each<[string, Change]>([
    ['members nobody knows', replace('targets', { 'x-new': [{ deep: null }, '\u00e9"\\'] })],
    [
      'a new timestamp key',
      (repository) => {
        rekeyed('timestamp')(repository);
        repository.publish('timestamp');
      },
    ],
    [
      'recovery from fast-forward with new keys for timestamp and snapshot',
      (repository) => {
        rekeyed('timestamp', 'snapshot')(repository);
        published({ snapshot: 0, timestamp: 0 })(repository);
      },
    ],
    [
      'the same timestamp version with other content',
      (repository) => {
        repository.publish('snapshot');
        repository.write('timestamp');
      },
    ],
    [
      'a signature by a stranger beside one that holds',
      (repository) => {
        const signed = signedOf(repository.renew().fileOf('timestamp'));
        repository.files.set('timestamp.json', signedBy(signed, testKey('stranger'), testKey('timestamp')));
      },
    ],
  ])('SEC-3 %s', async (_what, change) => {
    atTime(NOW_MS);
    const answer = answerOf('x', 'targets');
    expect(await afterwards(change)).toEqual({ ours: answer, theirs: answer });
  });
});
