/** The driver for files at hand: what it hands over, and what it does to the store. */
import { describe, expect, it } from 'vitest';
import { TestRepository, testKey } from '../../../test/support/repository.ts';
import { TUF1 } from './dialect.ts';
import { drive } from './drive.ts';
import { refresh } from './refresh.ts';

/** The next root has a new timestamp key: an update of a device that holds the first drops, and keeps. */
function rotated() {
  const repository = new TestRepository().publish();
  const device = repository.device();
  device.refresh();
  repository.timestamp = { keys: [testKey('new')], threshold: 1 };
  repository.publish('root', 'timestamp');
  const update = () => refresh(new Map(device.stored), { dialect: TUF1, nowMs: device.nowMs });
  return { repository, device, update, file: (name: string) => repository.files.get(name) };
}

describe('SEC-6 driving a conversation', () => {
  it('SEC-6 keeps and drops as it is told, and gives what comes out', () => {
    const { repository, device, update, file } = rotated();
    const stored = new Map([...device.stored, ['supplier', new Uint8Array(1)]]);
    expect(drive(update(), file, stored).root.value.version).toBe(2);
    expect([...stored.keys()].toSorted()).toEqual(['root', 'snapshot', 'supplier', 'targets', 'timestamp']);
    for (const role of ['root', 'timestamp', 'snapshot', 'targets'])
      expect(stored.get(role)).toBe(repository.fileOf(role));
  });

  it('SEC-6 a dropped role is gone when nothing replaces it', () => {
    const { repository, device, update, file } = rotated();
    repository.files.delete('timestamp.json');
    const stored = new Map(device.stored);
    expect(() => drive(update(), file, stored)).toThrow('there is no timestamp.json');
    expect([...stored.keys()].toSorted()).toEqual(['root', 'targets']);
  });

  it('SEC-6 without a store it only looks', () => {
    const { device, update, file } = rotated();
    const before = new Map(device.stored);
    expect(drive(update(), file).timestamp.value.version).toBe(2);
    expect(device.stored).toEqual(before);
  });
});
