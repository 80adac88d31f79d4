/** One update (spec/uptane.md sections 9.2 to 9.5): what is asked for, in which order, and what is kept. */
import { describe, expect, it } from 'vitest';
import {
  EXPIRES_AT_MS,
  type Members,
  NOW_MS,
  refusalOf,
  signedBy,
  signedOf,
  TestDevice,
  TestRepository,
  type TestRole,
  testKey,
  withMembers,
} from '../../../test/support/repository.ts';
import { DAY_MS } from '../../core/time.ts';
import {
  MAX_ROOT_BYTES,
  MAX_ROOT_STEPS,
  MAX_SNAPSHOT_BYTES,
  MAX_TARGETS_BYTES,
  MAX_TIMESTAMP_BYTES,
} from '../limits.ts';
import { TUF1 } from './dialect.ts';
import { drive } from './drive.ts';
import { refresh, type Step } from './refresh.ts';

const role = (...labels: readonly string[]): TestRole => ({ keys: labels.map(testKey), threshold: labels.length });

/** All steps of an update; what is kept is told by role. */
function stepsOf(device: TestDevice, served: ReadonlyMap<string, Uint8Array>): readonly Step[] {
  const steps: Step[] = [];
  const conversation = refresh(device.stored, { dialect: TUF1, nowMs: device.nowMs });
  for (let turn = conversation.next(); !turn.done; ) {
    steps.push(turn.value);
    turn = conversation.next(turn.value.do === 'fetch' ? served.get(turn.value.file) : undefined);
  }
  return steps;
}

const inWords = (steps: readonly Step[]) =>
  steps.map((step) => `${step.do} ${step.do === 'fetch' ? step.file : step.role}`);

/** A device that has followed the repository. */
function upToDate(repository: TestRepository): TestDevice {
  const device = repository.device();
  device.refresh();
  device.fetched.length = 0;
  return device;
}

/** A refusal of an update, as `[code, role]`, after which the device trusts what it trusted before. */
function refusedUpdate(device: TestDevice): readonly unknown[] {
  const before = new Map(device.stored);
  const { code, detail } = refusalOf(() => device.refresh());
  expect(device.stored).toEqual(before);
  return [code, detail.role];
}

describe('SEC-3 the order of an update', () => {
  it('SEC-3 root, timestamp, snapshot, targets: asked for within bounds, kept as each is verified', () => {
    const repository = new TestRepository().publish();
    const steps = stepsOf(repository.device(), repository.files);
    const kept = (name: string) => ({ do: 'keep', role: name, bytes: repository.fileOf(name) });
    const snapshotBytes = repository.fileOf('snapshot').length;
    expect(steps).toEqual([
      { do: 'fetch', file: '2.root.json', role: 'root', maxBytes: MAX_ROOT_BYTES },
      { do: 'fetch', file: 'timestamp.json', role: 'timestamp', maxBytes: MAX_TIMESTAMP_BYTES },
      kept('timestamp'),
      { do: 'fetch', file: '1.snapshot.json', role: 'snapshot', maxBytes: snapshotBytes },
      kept('snapshot'),
      { do: 'fetch', file: '1.targets.json', role: 'targets', maxBytes: MAX_TARGETS_BYTES },
      kept('targets'),
    ]);
  });

  it('SEC-3 where nothing is new, nothing but root and timestamp is asked for, and nothing is kept', () => {
    const repository = new TestRepository().publish();
    expect(inWords(stepsOf(upToDate(repository), repository.files))).toEqual([
      'fetch 2.root.json',
      'fetch timestamp.json',
    ]);
  });

  it('SEC-3 what is new is asked for by its version, the rest is what is stored', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    repository.publish('snapshot', 'timestamp');
    const trusted = device.refresh();
    expect(device.fetched).toEqual(['2.root.json', 'timestamp.json', '2.snapshot.json']);
    expect(trusted.targets.bytes).toEqual(repository.fileOf('targets'));
    repository.renew();
    device.refresh();
    expect(device.fetched.slice(3)).toEqual(['2.root.json', 'timestamp.json', '3.snapshot.json', '2.targets.json']);
  });

  it('SEC-3 gives all four, and the bytes kept are the bytes received', () => {
    const repository = new TestRepository().publish().renew();
    const device = repository.device();
    const trusted = device.refresh();
    expect(
      [trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets].map(({ value }) => value.version),
    ).toEqual([1, 2, 2, 2]);
    expect(trusted.context).toEqual({ dialect: TUF1, nowMs: NOW_MS });
    for (const name of ['timestamp', 'snapshot', 'targets'])
      expect(device.stored.get(name)).toBe(repository.fileOf(name));
  });

  it('SEC-3 without consistent snapshots, names have no version', () => {
    const repository = new TestRepository().publish();
    repository.rewrite('root', { consistent_snapshot: false });
    const device = repository.device();
    for (const name of ['snapshot', 'targets']) repository.files.set(`${name}.json`, repository.fileOf(name));
    device.refresh();
    expect(device.fetched).toEqual(['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json']);
  });

  it('SEC-10 bounds are those of the role, or what is listed when that is less', () => {
    const repository = new TestRepository().publish();
    const boundOf = (name: string, listed: number | undefined) => {
      const meta = { [`${name}.json`]: { version: 1, ...(listed === undefined ? {} : { length: listed }) } };
      repository.rewrite(name === 'snapshot' ? 'timestamp' : 'snapshot', { meta });
      if (name === 'targets') repository.write('timestamp');
      const conversation = refresh(repository.device().stored, { dialect: TUF1, nowMs: NOW_MS });
      for (let turn = conversation.next(); !turn.done; ) {
        const step = turn.value;
        if (step.do === 'fetch' && step.role === name) return step.maxBytes;
        turn = conversation.next(step.do === 'fetch' ? repository.files.get(step.file) : undefined);
      }
      return undefined;
    };
    expect(boundOf('targets', undefined)).toBe(MAX_TARGETS_BYTES);
    expect(boundOf('targets', 7)).toBe(7);
    expect(boundOf('targets', MAX_TARGETS_BYTES + 1)).toBe(MAX_TARGETS_BYTES);
    expect(boundOf('snapshot', undefined)).toBe(MAX_SNAPSHOT_BYTES);
    expect(boundOf('snapshot', 7)).toBe(7);
    expect(boundOf('snapshot', MAX_SNAPSHOT_BYTES + 1)).toBe(MAX_SNAPSHOT_BYTES);
  });
});

describe('SEC-3 what is missing', () => {
  it.each([
    ['timestamp', 'timestamp.json'],
    ['snapshot', '1.snapshot.json'],
    ['targets', '1.targets.json'],
  ])('SEC-3 without %s nothing goes on', (name, file) => {
    const repository = new TestRepository().publish();
    repository.files.delete(file);
    const error = refusalOf(() => repository.device().refresh());
    expect(error).toMatchObject({ code: 'TRUST_MISSING', message: `there is no ${file}`, detail: { role: name } });
    expect(error.fix).toMatch(/nothing changes on this device/);
  });

  it('SEC-3 without targets in the snapshot either', () => {
    const repository = new TestRepository().publish();
    repository.rewrite('snapshot', { meta: { 'other.json': { version: 1 } } });
    repository.write('timestamp');
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_MISSING',
      detail: { role: 'targets' },
    });
  });

  it('SEC-7 without a root to begin from, nothing begins', () => {
    const device = new TestRepository().publish().device();
    device.stored.clear();
    expect(refusedUpdate(device)).toEqual(['TRUST_MALFORMED', 'root']);
    expect(device.fetched).toEqual([]);
  });
});

describe('SEC-3 root chains (9.2)', () => {
  /** A repository with this many roots, each signed by a key of its own and by the one before. */
  function chain(length: number): TestRepository {
    const repository = new TestRepository().publish();
    for (let version = 2; version <= length; version += 1) {
      repository.root = role(`root ${version % 7}`);
      repository.publish('root');
    }
    return repository;
  }

  it('SEC-3 are followed one by one, each kept before the next is asked for', () => {
    const repository = chain(4);
    expect(inWords(stepsOf(repository.device(), repository.files)).slice(0, 7)).toEqual([
      ...['fetch 2.root.json', 'keep root', 'fetch 3.root.json', 'keep root', 'fetch 4.root.json', 'keep root'],
      'fetch 5.root.json',
    ]);
  });

  it('SEC-3 from wherever the device stands', () => {
    const repository = chain(4);
    const device = upToDate(repository);
    device.refresh();
    expect(device.fetched[0]).toBe('5.root.json');
  });

  it('SEC-3 with a gap end before it', () => {
    const repository = chain(4);
    repository.files.delete('3.root.json');
    expect(repository.device().refresh().root.value.version).toBe(2);
  });

  it('SEC-3 with a bad root in them: the good ones before it stay', () => {
    const repository = chain(3);
    repository.files.set('3.root.json', signedBy(withMembers(repository.fileOf('root'), {}), testKey('stranger')));
    const device = repository.device();
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_SIGNATURES', detail: { role: 'root' } });
    expect(device.stored).toEqual(new Map([['root', repository.files.get('2.root.json')]]));
  });

  it('SEC-10 of 256 roots are followed, of more are not: the next update goes on from there', () => {
    expect(MAX_ROOT_STEPS).toBe(256);
    const repository = chain(258);
    const device = repository.device();
    const files = new Map(repository.files);
    repository.files.delete('258.root.json');
    expect(device.refresh().root.value.version).toBe(257);

    const far = new TestDevice(files, repository.files.get('1.root.json') ?? new Uint8Array());
    const error = refusalOf(() => far.refresh());
    expect(error).toMatchObject({
      code: 'TRUST_LENGTH',
      message: 'more than 256 roots to follow',
      detail: { role: 'root' },
    });
    expect(error.fix).toMatch(/Refresh again/);
    expect(far.fetched.at(-1)).toBe('258.root.json');
    expect(far.refresh().root.value.version).toBe(258);
  });

  it('SEC-3 end with a root that has not expired; one that has is kept, and nothing goes on', () => {
    const repository = chain(2);
    repository.rewrite('root', { expires: '2026-11-24T00:00:00Z' });
    const device = repository.device();
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'root' } });
    expect(device.stored).toEqual(new Map([['root', repository.fileOf('root')]]));
    expect(device.fetched).toEqual(['2.root.json', '3.root.json']);
    device.nowMs -= 1;
    expect(device.refresh().root.value.version).toBe(2);
  });

  it('SEC-3 may begin with one that has, and lead over others that have', () => {
    const repository = chain(3);
    for (const version of [1, 2]) {
      repository.versions.set('root', version);
      repository.rewrite('root', { expires: '1999-01-01T00:00:00Z' });
    }
    expect(repository.device().refresh().root.value.version).toBe(3);
  });
});

describe('SEC-3 rotation forgets (9.2 step 7)', () => {
  const oneOf = (...labels: readonly string[]) => ({ ...role(...labels), threshold: 1 });
  const targets = (label: string) => ({ ...role(label), targets: new Map() });

  it.each<[string, Partial<TestRepository>, readonly string[]]>([
    ['the timestamp key', { timestamp: role('new') }, ['timestamp', 'snapshot']],
    ['the snapshot key', { snapshot: role('new') }, ['timestamp', 'snapshot']],
    ['the targets key', { top: targets('new') }, ['targets']],
    ['all of these', { timestamp: role('new'), top: targets('new') }, ['timestamp', 'snapshot', 'targets']],
    ['the root key', { root: role('new') }, []],
    ['nothing', {}, []],
    ['one of two', { timestamp: oneOf('timestamp', 'new') }, ['timestamp', 'snapshot']],
    ['two to one', { timestamp: oneOf('timestamp') }, ['timestamp', 'snapshot']],
    ['the threshold alone', { timestamp: role('timestamp', 'timestamp b') }, ['timestamp', 'snapshot']],
    ['the order alone', { timestamp: oneOf('timestamp b', 'timestamp') }, []],
  ])('SEC-3 of %s', (_what, change, forgotten) => {
    const repository = new TestRepository();
    repository.timestamp = oneOf('timestamp', 'timestamp b');
    const device = upToDate(repository.publish());
    Object.assign(repository, change);
    repository.publish('root', 'targets', 'snapshot', 'timestamp');
    const steps = stepsOf(device, repository.files);
    expect(steps.flatMap((step) => (step.do === 'drop' ? [step.role] : []))).toEqual(forgotten);
  });

  it('SEC-3 a key that only got another name is not rotated', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    repository.publish('root');
    const text = Buffer.from(repository.fileOf('root')).toString();
    const renamed = text.replaceAll(testKey('timestamp').publicKey.keyId, 'renamed');
    repository.files.set('2.root.json', signedBy(signedOf(Buffer.from(renamed)), testKey('root')));
    const served = new Map(repository.files);
    const timestamp = Buffer.from(repository.fileOf('timestamp')).toString();
    served.set('timestamp.json', Buffer.from(timestamp.replaceAll(testKey('timestamp').publicKey.keyId, 'renamed')));
    expect(inWords(stepsOf(device, served)).filter((step) => step.startsWith('drop'))).toEqual([]);
  });

  it('SEC-3 keys we cannot read are told apart by their names', () => {
    const rotatedTo = (name: string) => {
      const repository = new TestRepository().publish();
      const unreadable = { keytype: 'future', scheme: 'future', keyval: { public: '' } };
      const withUnreadable = (keyId: string) => {
        const { keys, roles } = signedOf(repository.fileOf('root')) as Record<'keys' | 'roles', Members>;
        const timestamp = { keyids: [testKey('timestamp').publicKey.keyId, keyId], threshold: 1 };
        repository.rewrite('root', { keys: { ...keys, [keyId]: unreadable }, roles: { ...roles, timestamp } });
      };
      withUnreadable('one');
      const device = upToDate(repository);
      repository.publish('root');
      withUnreadable(name);
      return inWords(stepsOf(device, repository.files)).filter((step) => step.startsWith('drop'));
    };
    expect(rotatedTo('one')).toEqual([]);
    expect(rotatedTo('other')).toEqual(['drop timestamp', 'drop snapshot']);
  });
});

describe('REL-11 time', () => {
  it('REL-11 one instant holds for the whole update: signed times make it later, never earlier', () => {
    const repository = new TestRepository();
    repository.signedAtMs = NOW_MS + DAY_MS;
    repository.publish();
    const device = repository.device();
    expect(device.refresh().context.nowMs).toBe(NOW_MS + DAY_MS);
    device.nowMs = NOW_MS + 2 * DAY_MS;
    expect(device.refresh().context.nowMs).toBe(NOW_MS + 2 * DAY_MS);
  });

  it('REL-11 a clock ten years behind does not make old files new', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    device.nowMs = NOW_MS - 3_650 * DAY_MS;
    repository.expiresAtMs = NOW_MS;
    repository.publish('targets', 'snapshot');
    repository.expiresAtMs = EXPIRES_AT_MS;
    repository.publish('timestamp');
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'snapshot' } });
  });

  it('REL-11 nor a root: the timestamp that is held tells the time before a new one is asked for', () => {
    const repository = new TestRepository();
    repository.publish();
    const device = upToDate(repository);
    device.nowMs = NOW_MS - 3_650 * DAY_MS;
    repository.publish('root');
    repository.rewrite('root', { expires: '2026-11-24T00:00:00Z' });
    expect(refusalOf(() => device.refresh())).toMatchObject({
      code: 'TRUST_EXPIRED',
      detail: { role: 'root', nowMs: NOW_MS },
    });
    expect(device.fetched).toEqual(['2.root.json', '3.root.json']);
  });

  it('REL-11 a held timestamp whose key was rotated tells nothing', () => {
    const repository = new TestRepository();
    repository.signedAtMs = EXPIRES_AT_MS - 1_000;
    repository.publish();
    const device = upToDate(repository);
    repository.signedAtMs = NOW_MS;
    repository.timestamp = role('timestamp 2');
    repository.publish('root', 'timestamp');
    expect(device.refresh().context.nowMs).toBe(NOW_MS);
  });

  it('REL-11 a clock ten years ahead refuses, and changes nothing', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    device.nowMs = NOW_MS + 3_650 * DAY_MS;
    expect(refusedUpdate(device)).toEqual(['TRUST_EXPIRED', 'root']);
  });

  it.each(['snapshot', 'targets'])(
    'REL-11 the stored %s must not have expired either, though it is still the one that is listed',
    (name) => {
      const repository = new TestRepository().publish();
      repository.rewrite(name, { expires: '2026-11-25T00:00:00Z' });
      repository.write('timestamp');
      const device = upToDate(repository);
      device.nowMs = NOW_MS + DAY_MS - 1;
      expect(device.refresh().context.nowMs).toBe(NOW_MS + DAY_MS - 1);
      device.nowMs += 1;
      expect(refusedUpdate(device)).toEqual(['TRUST_EXPIRED', name]);
    },
  );

  it('REL-11 without a time nothing expires: for the repository itself', () => {
    const repository = new TestRepository();
    repository.expiresAtMs = 2_000;
    repository.signedAtMs = 1_000;
    repository.publish();
    const device = repository.device();
    const trusted = drive(refresh(device.stored, { dialect: TUF1, nowMs: undefined }), (file) =>
      repository.files.get(file),
    );
    expect(trusted.context).toEqual({ dialect: TUF1, nowMs: undefined });
    expect(trusted.targets.value.expiresAtMs).toBe(2_000);
  });

  it('REL-11 an expired timestamp that is stored does not stop a new one', () => {
    const repository = new TestRepository().publish();
    repository.rewrite('timestamp', { expires: '2026-11-25T00:00:00Z' });
    const device = upToDate(repository);
    device.nowMs = NOW_MS + 2 * DAY_MS;
    expect(refusedUpdate(device)).toEqual(['TRUST_EXPIRED', 'timestamp']);
    repository.publish('timestamp');
    expect(device.refresh().timestamp.value.version).toBe(2);
  });
});

describe('SEC-6 what is stored and does not hold is as good as none', () => {
  it.each(['timestamp', 'snapshot', 'targets'])('SEC-6 a damaged %s is fetched anew', (name) => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    device.stored.set(name, new Uint8Array([1, 2, 3]));
    device.refresh();
    expect(device.fetched).toContain(repository.nameOf(name));
    expect(device.stored.get(name)).toEqual(repository.fileOf(name));
  });

  it('SEC-6 a stored snapshot of another version than is listed is replaced', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    repository.renew();
    device.stored.set('snapshot', repository.fileOf('snapshot'));
    expect(device.refresh().snapshot.value.version).toBe(2);
    expect(device.fetched).toEqual(['2.root.json', 'timestamp.json', '2.targets.json']);
  });

  it('SEC-6 a mistake of ours is not taken for damage', () => {
    const repository = new TestRepository().publish();
    const device = upToDate(repository);
    const broken = Object.defineProperty(new Uint8Array(3), 'length', {
      get() {
        throw new RangeError('a mistake');
      },
    });
    device.stored.set('timestamp', broken);
    expect(() => device.refresh()).toThrow(RangeError);
  });
});
