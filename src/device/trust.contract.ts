/** What every adapter of the DeviceTrust port must do. */
import { describe, expect, it } from 'vitest';
import { releaseKeys, rootFile } from '../../test/support/releases.ts';
import type { DeviceTrust } from './ports.ts';

const keys = releaseKeys();
const [one, two, three, otherOne, otherTwo, rivalTwo] = await Promise.all([
  rootFile(keys, 1),
  rootFile(keys, 2),
  rootFile(keys, 3),
  rootFile(releaseKeys(), 1),
  rootFile(releaseKeys(), 2),
  // Another repository of the same people, with other online keys.
  rootFile({ ...releaseKeys(), root: keys.root }, 2),
]);
const timestamp = new Uint8Array([0x7b, 0xc3, 0x28, 0x00]);
const trusting = (root: Uint8Array) => new Map([['root', root], ...seen]);
const seen = [['timestamp', timestamp]] as const;
const begunWith = (root: Uint8Array) => new Map([['root', root]]);

/** @param make gives a fresh device; what it returns opens that device, as often as it is called, provisioned with `pinned` */
export function describeDeviceTrust(name: string, make: () => (pinned?: Uint8Array) => DeviceTrust): void {
  describe(`SEC-7 ${name} keeps what a device trusts`, () => {
    it('SEC-7 nothing on a device that was given nothing', async () => {
      expect(await make()().load()).toBeUndefined();
    });

    it('REL-2 what was saved, to the byte; the next save replaces all of it', async () => {
      const open = make();
      await open().save(trusting(one));
      expect(await open().load()).toEqual(trusting(one));
      await open().save(begunWith(one));
      expect(await open().load()).toEqual(begunWith(one));
    });

    it('SEC-7 the pinned root where nothing was saved, the saved one where none is pinned', async () => {
      const open = make();
      expect(await open(one).load()).toEqual(begunWith(one));
      await open().save(trusting(one));
      expect(await open().load()).toEqual(trusting(one));
    });

    it('SEC-7 what it has followed the chain to, as long as it is provisioned with a root it has gone by', async () => {
      const open = make();
      for (const root of [one, two, three]) {
        await open(one).save(trusting(root));
        expect(await open(one).load()).toEqual(trusting(root));
      }
      // Provisioned again with an older root of the chain, it forgets nothing.
      for (const root of [two, three, one]) {
        expect(await open(root).load()).toEqual(trusting(three));
        await open(root).save(trusting(three));
      }
    });

    it.each([
      ['of version 1, where version 3 was saved', otherOne, three],
      ['of the same version', otherTwo, two],
      ['of the next version', otherTwo, one],
      ['of the same people', rivalTwo, three],
      ['of the same people and version', rivalTwo, two],
    ])(
      'SEC-7 nothing of one repository, once it is provisioned with the root of another: %s',
      async (_which, pinned, saved) => {
        const open = make();
        await open(one).save(trusting(one));
        await open(one).save(trusting(saved));
        expect(await open(pinned).load()).toEqual(begunWith(pinned));
        // The power may go before anything is saved: it is the same again; and the way back is open until something is.
        expect(await open(pinned).load()).toEqual(begunWith(pinned));
        expect(await open(one).load()).toEqual(trusting(saved));
        await open(pinned).save(trusting(pinned));
        expect(await open(pinned).load()).toEqual(trusting(pinned));
        // Nor does it remember any of the first, once that is the other.
        expect(await open(one).load()).toEqual(begunWith(one));
      },
    );

    it('SEC-7 versions that were seen, once it is provisioned with the next root of its chain; not with one further ahead', async () => {
      const open = make();
      await open(one).save(trusting(one));
      expect(await open(two).load()).toEqual(trusting(two));
      expect(await open(three).load()).toEqual(begunWith(three));
      await open(two).save(trusting(two));
      for (const pinned of [one, two]) expect(await open(pinned).load()).toEqual(trusting(two));
      expect(await open(three).load()).toEqual(trusting(three));
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
