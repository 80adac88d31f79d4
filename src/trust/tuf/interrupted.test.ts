/** An update may be cut short anywhere: by a network, by a power cut, by whoever serves the files. The next one must be as safe. */
import { describe, expect, it } from 'vitest';
import { refusalOf, type TestDevice, TestRepository, testKey } from '../../../test/support/repository.ts';
import { TUF1 } from './dialect.ts';
import { refresh } from './refresh.ts';

const rotated = (label: string) => ({ keys: [testKey(label)], threshold: 1 });

/** The device is cut off when it asks for `file`; whatever it kept until then is what it has. */
function cutOff(device: TestDevice, file: string): void {
  const { served } = device;
  device.served = {
    get(name) {
      if (name === file) throw new Error('cut off');
      return served.get(name);
    },
  };
  expect(() => device.refresh()).toThrow('cut off');
  device.served = served;
}

function withFastForwardedSnapshot(): { repository: TestRepository; device: TestDevice } {
  const repository = new TestRepository().publish();
  const device = repository.device();
  repository.versions.set('snapshot', 1_000_000);
  repository.publish('snapshot', 'timestamp');
  device.refresh();
  repository.snapshot = rotated('snapshot 2');
  repository.publish('root');
  repository.versions.set('snapshot', 1);
  repository.publish('snapshot', 'timestamp');
  return { repository, device };
}

describe('SEC-3 recovery from fast-forward (9.2 step 7)', () => {
  it.each(['3.root.json', 'timestamp.json', '2.snapshot.json'])(
    'SEC-3 works although the update with the new root was cut off at %s',
    (file) => {
      const { device } = withFastForwardedSnapshot();
      cutOff(device, file);
      expect(device.refresh().snapshot.value.version).toBe(2);
    },
  );

  it('SEC-3 first drops what the old keys signed, then keeps the root: nothing shows the rotation afterwards', () => {
    const { repository, device } = withFastForwardedSnapshot();
    const conversation = refresh(device.stored, { dialect: TUF1, nowMs: device.nowMs });
    conversation.next();
    const [first, second, third] = [
      conversation.next(repository.fileOf('root')),
      conversation.next(),
      conversation.next(),
    ];
    expect(first.value).toEqual({ do: 'drop', role: 'timestamp' });
    expect(second.value).toEqual({ do: 'drop', role: 'snapshot' });
    expect(third.value).toEqual({ do: 'keep', role: 'root', bytes: repository.fileOf('root') });
  });
});

describe('SEC-3 rollback after an update that was cut short', () => {
  /** The owner of timestamp and snapshot keys lists targets 2 where 3 was listed before. */
  function withOldTargetsListed(): { repository: TestRepository; device: TestDevice } {
    const repository = new TestRepository().publish().renew().renew();
    const device = repository.device();
    device.refresh();
    repository.versions.set('targets', 2);
    repository.publish('snapshot', 'timestamp');
    return { repository, device };
  }

  it('SEC-3 what the snapshot listed is remembered although a newer timestamp is stored already', () => {
    const { device } = withOldTargetsListed();
    cutOff(device, '4.snapshot.json');
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'snapshot' } });
  });

  it('SEC-3 and although the stored timestamp was lost', () => {
    const { device } = withOldTargetsListed();
    device.stored.delete('timestamp');
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'snapshot' } });
  });

  it('SEC-3 the stored targets are remembered although the snapshot was lost (9.5)', () => {
    const { device } = withOldTargetsListed();
    device.stored.delete('timestamp');
    device.stored.delete('snapshot');
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'targets' } });
  });

  it('SEC-3 the stored targets are remembered although the snapshot key was rotated (9.5)', () => {
    const { repository, device } = withOldTargetsListed();
    repository.snapshot = rotated('snapshot 2');
    repository.publish('root', 'snapshot', 'timestamp');
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'targets' } });
  });

  it('SEC-3 the stored file of a delegated role is remembered, too', () => {
    const repository = new TestRepository();
    const keys = [testKey('supplier')];
    repository.delegated.set('supplier', { keys, threshold: 1, targets: new Map() });
    repository.top.delegations = [
      {
        name: 'supplier',
        keys: keys.map(({ publicKey }) => publicKey),
        threshold: 1,
        terminating: false,
        paths: ['*'],
      },
    ];
    repository.publish().renew().renew();
    const device = repository.device();
    expect(device.find('a')).toBeUndefined();
    repository.versions.set('supplier', 2);
    repository.publish('snapshot', 'timestamp');
    device.stored.delete('timestamp');
    device.stored.delete('snapshot');
    expect(refusalOf(() => device.find('a'))).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'supplier' } });
  });
});
