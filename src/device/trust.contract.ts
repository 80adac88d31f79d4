/** What every adapter of the DeviceTrust port must do. */
import { describe, expect, it } from 'vitest';
import { releaseKeys, rootFile } from '../../test/support/releases.ts';
import type { DeviceTrust } from './ports.ts';

const keys = releaseKeys();
const [one, two, otherOne] = await Promise.all([rootFile(keys, 1), rootFile(keys, 2), rootFile(releaseKeys(), 1)]);
const timestamp = new Uint8Array([0x7b, 0xc3, 0x28, 0x00]);

/** @param make gives a fresh device; what it returns opens that device, as often as it is called, provisioned with `pinned` */
export function describeDeviceTrust(name: string, make: () => (pinned?: Uint8Array) => DeviceTrust): void {
  describe(`SEC-7 ${name} keeps what a device trusts`, () => {
    it('SEC-7 nothing on a device that was given nothing', async () => {
      expect(await make()().load()).toBeUndefined();
    });

    it('REL-2 what was saved, to the byte; the next save replaces all of it', async () => {
      const open = make();
      const saved = new Map([
        ['root', one],
        ['timestamp', timestamp],
      ]);
      await open().save(saved);
      expect(await open().load()).toEqual(saved);
      saved.delete('timestamp');
      await open().save(saved);
      expect(await open().load()).toEqual(saved);
    });

    it.each([
      ['the pinned one where nothing was saved', undefined, one, one],
      ['the saved one where none is pinned', one, undefined, one],
      ['the saved one when it is newer: the device has followed the chain', two, one, two],
      ['the pinned one when it is newer: the device was provisioned again', one, two, two],
      ['the pinned one of two with the same version', one, otherOne, otherOne],
    ])('SEC-7 goes by the root that is right: %s', async (_which, saved, pinned, expected) => {
      const open = make();
      if (saved) {
        const roles = [
          ['root', saved],
          ['timestamp', timestamp],
        ] as const;
        await open().save(new Map(roles));
      }
      const loaded = await open(pinned).load();
      expect(loaded?.get('root')).toEqual(expected);
      expect(loaded?.get('timestamp')).toEqual(saved && timestamp);
    });

    it('SEC-7 a pinned root that does not hold is refused, not passed over', async () => {
      const open = make();
      await open().save(new Map([['root', one]]));
      const unsigned = await rootFile(keys, 3, keys.root.slice(1));
      for (const pinned of [unsigned, new Uint8Array()])
        await expect(open(pinned).load()).rejects.toMatchObject({ code: 'TRUST_NO_ROOT' });
    });

    it('SEC-7 what was saved without a root that holds is said to be damaged', async () => {
      const open = make();
      await open().save(new Map([['timestamp', timestamp]]));
      await expect(open(one).load()).rejects.toMatchObject({ code: 'TRUST_DAMAGED' });
    });
  });
}
