/** What TUF 1.0.x adds to the Uptane Standard (spec/uptane.md, section 17 at its end), by name; and the attacks of section 16. */
import { describe, expect, it } from 'vitest';
import {
  EXPIRES_AT_MS,
  type Members,
  NOW_MS,
  refusalOf,
  signedBy,
  signedOf,
  type TestDevice,
  TestRepository,
  type TestRole,
  targetOf,
  testKey,
  withMembers,
} from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical-json.ts';
import { DAY_MS } from '../../core/time.ts';
import { generateSigner } from '../keys.ts';
import { messageOf, metadataFile, signWith } from '../repository/sign.ts';
import { ImageCheck } from './image.ts';

const one = (label: string): TestRole => ({ keys: [testKey(label)], threshold: 1 });

function upToDate(repository: TestRepository): TestDevice {
  const device = repository.device();
  device.refresh();
  return device;
}

/** A refusal as `[code, role]`; the device trusts what it trusted before. */
function refused(device: TestDevice, update: () => unknown = () => device.refresh()): readonly unknown[] {
  const before = new Map(device.stored);
  const { code, detail } = refusalOf(update);
  expect(device.stored).toEqual(before);
  return [code, detail.role];
}

/** Replaces envelope members of what is served of a role. */
function reenvelope(repository: TestRepository, role: string, signatures: readonly Members[]): void {
  const signed = signedOf(repository.fileOf(role));
  repository.files.set(repository.nameOf(role), canonicalJson({ signatures, signed }));
}

/** A signature entry by a key over what is served of a role. */
function signatureOf(repository: TestRepository, role: string, key: string): Members {
  const value = testKey(key).sign(messageOf(signedOf(repository.fileOf(role))));
  return { keyid: testKey(key).publicKey.keyId, sig: Buffer.from(value).toString('hex') };
}

describe('REL-11 one fixed time', () => {
  it('REL-11 an update that takes a day is judged by the instant at which it began', () => {
    const repository = new TestRepository().publish();
    repository.rewrite('targets', { expires: '2026-11-24T00:00:01Z' });
    const device = repository.device();
    const { served } = device;
    device.served = {
      get(file) {
        device.nowMs += DAY_MS;
        return served.get(file);
      },
    };
    expect(device.refresh().context.nowMs).toBe(NOW_MS);
  });
});

describe('SEC-7 the first root', () => {
  it('SEC-7 unsigned, or signed by others, it is none', () => {
    const repository = new TestRepository().publish();
    const device = repository.device();
    const bytes = repository.fileOf('root');
    for (const keys of [[], [testKey('stranger')]]) {
      device.stored.set('root', signedBy(withMembers(bytes, {}), ...keys));
      expect(refused(device)).toEqual(['TRUST_SIGNATURES', 'root']);
    }
  });

  it('SEC-7 is not asked for when it is there: the server cannot replace it', () => {
    const repository = new TestRepository().publish();
    const device = repository.device();
    repository.files.set('1.root.json', utf8Encode('{}'));
    device.refresh();
    expect(device.fetched).not.toContain('1.root.json');
  });
});

describe('SEC-7 unknown members', () => {
  it.each(['root', 'timestamp', 'snapshot', 'targets'])('SEC-7 of %s are kept, and signed', (role) => {
    const repository = new TestRepository().publish();
    repository.rewrite(role, { 'x-new': { deep: ['\u00e9', '"', '\\', null, true, 0] } });
    if (role !== 'timestamp') repository.write('timestamp');
    const device = role === 'root' ? new TestRepository().publish().device() : repository.device();
    device.stored.set('root', repository.fileOf('root'));
    device.refresh();
    if (role !== 'root') expect(device.stored.get(role)).toBe(repository.fileOf(role));
    const damaged = Buffer.from(repository.fileOf(role)).toString().replace('x-new', 'x-old');
    repository.files.set(repository.nameOf(role), utf8Encode(damaged));
    const again = repository.device();
    again.stored.set('root', role === 'root' ? utf8Encode(damaged) : repository.fileOf('root'));
    expect(refusalOf(() => again.refresh()).code).toMatch(/TRUST_(?:SIGNATURES|MIX_AND_MATCH)/);
  });
});

describe('SEC-7 the right signature on the wrong file', () => {
  it('SEC-7 one key for all roles, and each file served as each other', () => {
    const repository = new TestRepository();
    Object.assign(repository, {
      timestamp: one('root'),
      snapshot: one('root'),
      top: { ...one('root'), targets: new Map() },
    });
    repository.publish();
    for (const role of ['timestamp', 'snapshot', 'targets'])
      for (const other of ['root', 'timestamp', 'snapshot', 'targets'].filter((name) => name !== role)) {
        const device = repository.device();
        device.served = {
          get: (file) => repository.files.get(file === repository.nameOf(role) ? repository.nameOf(other) : file),
        };
        const { code, detail } = refusalOf(() => device.refresh());
        expect([code, detail.role]).toEqual([role === 'snapshot' ? 'TRUST_MIX_AND_MATCH' : 'TRUST_MALFORMED', role]);
      }
  });
});

describe('SEC-3 timestamps', () => {
  it('SEC-3 of the version we have, with other content, are ignored', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    const before = new Map(device.stored);
    repository.publish('snapshot');
    repository.write('timestamp');
    expect(repository.fileOf('timestamp')).not.toEqual(before.get('timestamp'));
    expect(device.refresh().snapshot.value.version).toBe(1);
    expect(device.stored).toEqual(before);
  });

  it('SEC-3 that are older are refused (rollback)', () => {
    const repository = new TestRepository().publish();
    const old = repository.fileOf('timestamp');
    const device = upToDate(repository.renew());
    repository.files.set('timestamp.json', old);
    expect(refused(device)).toEqual(['TRUST_ROLLBACK', 'timestamp']);
  });

  it('SEC-3 that are served for ever are refused in the end (freeze)', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    device.nowMs = EXPIRES_AT_MS - 1;
    expect(device.refresh().timestamp.value.version).toBe(1);
    device.nowMs = EXPIRES_AT_MS;
    expect(refused(device)).toEqual(['TRUST_EXPIRED', 'root']);
    repository.expiresAtMs += DAY_MS;
    repository.publish('root');
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'timestamp' } });
  });
});

describe('SEC-3 what has expired on the device stops nothing', () => {
  it('SEC-3 neither its root nor its timestamp, when newer ones are there', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    repository.expiresAtMs = EXPIRES_AT_MS + 30 * DAY_MS;
    repository.publish();
    device.nowMs = EXPIRES_AT_MS + DAY_MS;
    expect(device.refresh().root.value.version).toBe(2);
  });

  it('SEC-3 a new root that has expired is kept, and stops the update', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    repository.publish();
    repository.rewrite('root', { expires: '2026-11-24T00:00:00Z' });
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'root' } });
    expect(device.stored.get('root')).toBe(repository.fileOf('root'));
    expect(device.stored.get('timestamp')).not.toBe(repository.fileOf('timestamp'));
  });
});

describe('SEC-3 mix-and-match', () => {
  it('SEC-3 a snapshot that is not the one the timestamp names, by hash', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository.renew());
    repository.renew();
    repository.rewrite('snapshot', { note: 'signed by the same key, of the same version' });
    expect(refusalOf(() => device.refresh())).toMatchObject({
      code: 'TRUST_MIX_AND_MATCH',
      detail: { role: 'snapshot' },
    });
  });

  it('SEC-3 targets of another version than the snapshot lists', () => {
    const repository = new TestRepository().publish().renew();
    repository.files.set('2.targets.json', repository.files.get('1.targets.json') ?? new Uint8Array());
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_MIX_AND_MATCH',
      detail: { role: 'targets' },
    });
  });

  it('SEC-3 a file that is longer than was listed, by one byte', () => {
    const repository = new TestRepository().publish();
    repository.files.set('1.snapshot.json', Buffer.concat([repository.fileOf('snapshot'), Buffer.from('\n')]));
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_MIX_AND_MATCH',
      detail: { role: 'snapshot' },
    });
  });
});

describe('SEC-2 key ids are names', () => {
  /** A root whose root key goes by these names, signed under the first of them. */
  function named(keyids: readonly string[], threshold = 1): TestRepository {
    const repository = new TestRepository().publish();
    const { keys, roles } = signedOf(repository.fileOf('root')) as Record<'keys' | 'roles', Members>;
    const renamed = Object.fromEntries(keyids.map((keyid) => [keyid, testKey('root').publicKey.json]));
    const members = withMembers(repository.fileOf('root'), {
      keys: { ...keys, ...renamed },
      roles: { ...roles, root: { keyids, threshold } },
    });
    const [first = ''] = keyids;
    const signatures = new Map([[first, testKey('root').sign(messageOf(members))]]);
    repository.files.set('1.root.json', metadataFile(members, signatures));
    return repository;
  }

  it.each(['a', 'root', '__proto__', ' ', '\u00e9', 'x'.repeat(1_024)])('SEC-2 %j will do', (keyid) => {
    expect(named([keyid]).device().refresh().root.signedBy).toEqual([keyid]);
  });

  it('SEC-2 one twice in a role is refused', () => {
    expect(refused(named(['a', 'a']).device())).toEqual(['TRUST_MALFORMED', 'root']);
  });

  it('SEC-2 one key under two of them cannot meet a threshold of two', () => {
    expect(refused(named(['a', 'b'], 2).device())).toEqual(['TRUST_THRESHOLD', 'root']);
    expect(named(['a', 'b'], 1).device().refresh().root.value.version).toBe(1);
  });
});

describe('SEC-2 signatures', () => {
  const twoOfThree = () => {
    const repository = new TestRepository();
    repository.timestamp = { keys: ['t1', 't2', 't3'].map(testKey), threshold: 2 };
    return repository.publish();
  };
  const bad = (key: string) => ({ keyid: testKey(key).publicKey.keyId, sig: '00'.repeat(64) });

  it('SEC-2 by one key id twice are refused, though both are good', () => {
    const repository = twoOfThree();
    const [t1, t2] = ['t1', 't2'].map((key) => signatureOf(repository, 'timestamp', key)) as [Members, Members];
    reenvelope(repository, 'timestamp', [t1, t2, t1]);
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_SIGNATURES',
      detail: { role: 'timestamp' },
    });
  });

  it.each([0, 1, 2])('SEC-2 one that does not hold beside enough that do spoils nothing, at place %d', (place) => {
    const repository = twoOfThree();
    const signatures = ['t1', 't2'].map((key) => signatureOf(repository, 'timestamp', key));
    reenvelope(repository, 'timestamp', signatures.toSpliced(place, 0, bad('t3')));
    expect(repository.device().refresh().timestamp.signedBy).toHaveLength(2);
  });

  it('SEC-2 one that does not hold counts for nothing', () => {
    const repository = twoOfThree();
    reenvelope(repository, 'timestamp', [signatureOf(repository, 'timestamp', 't1'), bad('t2'), bad('t3')]);
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_SIGNATURES',
      detail: { role: 'timestamp', have: 1, need: 2 },
    });
  });

  it('SEC-2 an empty one is one that does not hold', () => {
    const repository = twoOfThree();
    const signatures = ['t1', 't2'].map((key) => signatureOf(repository, 'timestamp', key));
    reenvelope(repository, 'timestamp', [...signatures, { ...bad('t3'), sig: '' }]);
    expect(repository.device().refresh().timestamp.signedBy).toHaveLength(2);
  });

  it.each(['ed25519', 'ecdsa', 'rsa', 'ml-dsa'] as const)('SEC-2 by %s keys', async (kind) => {
    const repository = new TestRepository();
    const { signer } = generateSigner(kind);
    const strange = { ...testKey('timestamp'), publicKey: signer.publicKey };
    repository.timestamp = { keys: [strange], threshold: 1 };
    repository.publish();
    const signed = signedOf(repository.fileOf('timestamp'));
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({ code: 'TRUST_SIGNATURES' });
    repository.files.set('timestamp.json', metadataFile(signed, await signWith(signed, [signer])));
    expect(repository.device().refresh().timestamp.signedBy).toEqual([signer.publicKey.keyId]);
  });
});

describe('SEC-7 images', () => {
  const image = utf8Encode('image');

  it('SEC-7 in a folder, and under a name with odd letters', () => {
    const repository = new TestRepository();
    const paths = ['dir/sub/a.img', 'a b.img', '\u00e9.img', '__proto__', 'a?#%.img'];
    repository.top.targets = new Map(paths.map((path) => [path, targetOf(image)]));
    const device = repository.publish().device();
    for (const path of paths) expect(device.find(path)?.role).toBe('targets');
    expect(device.find('dir/sub')).toBeUndefined();
    expect(device.find('constructor')).toBeUndefined();
  });

  it('SEC-7 with hashes by an algorithm we do not know alone are refused', () => {
    const repository = new TestRepository();
    repository.top.targets = new Map([['a', { ...targetOf(image), hashes: new Map([['sha3-256', 'ab']]) }]]);
    const found = repository.publish().device().find('a');
    expect(refusalOf(() => found && new ImageCheck(found.target))).toMatchObject({ code: 'TRUST_UNSUPPORTED' });
  });
});

describe('SEC-3 recovery from fast-forward', () => {
  const highest = Number.MAX_SAFE_INTEGER - 1;

  /** Whoever held the online keys has set versions as high as there are. */
  function attacked(): { repository: TestRepository; device: TestDevice } {
    const repository = new TestRepository().publish();
    for (const role of ['snapshot', 'timestamp']) repository.versions.set(role, highest);
    const device = upToDate(repository.publish('snapshot', 'timestamp'));
    expect(device.refresh().timestamp.value.version).toBe(Number.MAX_SAFE_INTEGER);
    for (const role of ['snapshot', 'timestamp']) repository.versions.set(role, 1);
    return { repository, device };
  }

  it('SEC-3 without new keys there is none', () => {
    const { repository, device } = attacked();
    repository.publish('snapshot', 'timestamp');
    expect(refused(device)).toEqual(['TRUST_ROLLBACK', 'timestamp']);
  });

  it.each(['timestamp', 'snapshot'] as const)('SEC-3 a new %s key recovers both', (role) => {
    const { repository, device } = attacked();
    repository[role] = one('new');
    repository.publish('root', 'snapshot', 'timestamp');
    expect(device.refresh().snapshot.value.version).toBe(2);
    expect(device.stored.get('timestamp')).toBe(repository.fileOf('timestamp'));
  });

  it('SEC-3 and what the old keys sign afterwards is refused', () => {
    const { repository, device } = attacked();
    const old = repository.files.get('timestamp.json') ?? new Uint8Array();
    Object.assign(repository, { timestamp: one('new t'), snapshot: one('new s') });
    repository.publish('root', 'snapshot', 'timestamp');
    device.refresh();
    repository.files.set('timestamp.json', old);
    expect(refused(device)).toEqual(['TRUST_SIGNATURES', 'timestamp']);
  });

  it('SEC-3 new targets keys recover targets that were driven up', () => {
    const repository = new TestRepository().publish();
    repository.versions.set('targets', highest);
    const device = upToDate(repository.publish('targets', 'snapshot', 'timestamp'));
    repository.versions.set('targets', 1);
    Object.assign(repository, { snapshot: one('new s'), top: { ...one('new tg'), targets: new Map() } });
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    expect(device.refresh().targets.value.version).toBe(2);
  });
});

describe('SEC-7 the bytes that are stored', () => {
  it('SEC-7 are those that came, whatever they look like', () => {
    const repository = new TestRepository().publish();
    for (const role of ['targets', 'snapshot', 'timestamp']) {
      const pretty = JSON.stringify(JSON.parse(Buffer.from(repository.fileOf(role)).toString()), undefined, '\t');
      repository.files.set(repository.nameOf(role), utf8Encode(`\r\n${pretty}\n`));
      if (role === 'snapshot') repository.write('timestamp');
    }
    const device = upToDate(repository);
    for (const role of ['timestamp', 'snapshot', 'targets'])
      expect(device.stored.get(role)).toBe(repository.fileOf(role));
  });
});
