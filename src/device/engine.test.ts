import { describe, expect, it } from 'vitest';
import {
  activeBytes,
  BROKEN,
  deployed,
  NEW,
  NEW_PROOF,
  OLD,
  OLD_PROOF,
  PowerCut,
  provenDevice,
  request,
  required,
  trustedVersion,
  update,
} from '../../test/support/device.ts';
import { sha256Hex } from '../trust/payload.ts';

describe('REL-14 two slots, one switch', () => {
  it('REL-14 a good image runs, on trial until the server was reached', async () => {
    const parts = await deployed();
    expect(await update(parts.engine, NEW)).toBe(true);
    expect(await parts.engine.onTrial()).toBe(true);
    await parts.engine.confirm();
    expect(await parts.engine.onTrial()).toBe(false);
    expect(await activeBytes(parts)).toBe(NEW.toString());
    expect(await parts.engine.running()).toEqual({ sha256: sha256Hex(NEW), lengthBytes: NEW.length, version: null });
  });

  it('REL-14 an image that does not come up is left, and the one before is started', async () => {
    const parts = await deployed();
    expect(await update(parts.engine, BROKEN)).toBe(false);
    expect(parts.installer.ran.at(-1)).toBe(OLD.toString());
    expect(await activeBytes(parts)).toBe(OLD.toString());
    expect(await parts.engine.onTrial()).toBe(false);
  });

  it('REL-14 an image whose server is never reached is left after three starts', async () => {
    const parts = await deployed();
    await update(parts.engine, NEW);
    expect([await parts.engine.start(), await parts.engine.start()]).toEqual([true, true]);
    expect(await parts.engine.start()).toBe(false);
    expect(await activeBytes(parts)).toBe(OLD.toString());
  });

  it('REL-15 an image that failed is refused before it is switched to', async () => {
    const parts = await deployed();
    await update(parts.engine, BROKEN);
    for (let again = 0; again < 5; again += 1) {
      await expect(parts.engine.stage(request(BROKEN))).rejects.toMatchObject({ code: 'IMAGE_REFUSED_BEFORE' });
    }
    expect(parts.installer.ran.filter((text) => text.includes('broken'))).toHaveLength(1);
  });

  it('REL-14 an image that was switched to and never started is not confirmed by a server that answers', async () => {
    const parts = await deployed();
    await parts.engine.activate(await parts.engine.stage(request(BROKEN)));
    await parts.engine.confirm();
    expect(await parts.engine.onTrial()).toBe(true);
    expect(await parts.engine.start()).toBe(false);
    expect(await activeBytes(parts)).toBe(OLD.toString());
  });

  it('REL-14 the slot to go back to is not written while the new image is on trial', async () => {
    const parts = await deployed();
    await update(parts.engine, NEW);
    await expect(parts.engine.stage(request(BROKEN))).rejects.toMatchObject({ code: 'TRIAL_OPEN' });
    expect(parts.disk.slots.get(parts.disk.journal?.active === 'a' ? 'b' : 'a')?.toString()).toBe(OLD.toString());
  });
});

describe('SEC-7 what is installed is what was verified', () => {
  it.each([
    ['too short', { lengthBytes: NEW.length + 1 }, 'IMAGE_LENGTH'],
    ['too long', { lengthBytes: NEW.length - 1 }, 'IMAGE_LENGTH'],
    ['not verified', { verifier: { update() {}, verify: () => false } }, 'IMAGE_SIGNATURE'],
  ] as const)('SEC-7 an image that is %s leaves slot and journal as they were', async (_what, changes, code) => {
    const parts = await deployed();
    await expect(parts.engine.stage(request(NEW, changes))).rejects.toMatchObject({ code });
    expect(await activeBytes(parts)).toBe(OLD.toString());
    expect(parts.disk.slots.size).toBe(1);
  });

  it('SEC-7 an endless source is cut off at the announced length', async () => {
    const parts = await deployed();
    let handed = 0;
    async function* endless() {
      for (;;) {
        handed += 10;
        yield Buffer.alloc(10);
      }
    }
    await expect(parts.engine.stage(request(NEW, { source: endless() }))).rejects.toMatchObject({
      code: 'IMAGE_LENGTH',
    });
    expect(handed).toBeLessThanOrEqual(NEW.length + 10);
  });

  it('SEC-7 a slot that changed between check and use is not switched to', async () => {
    const parts = await deployed();
    const staged = await parts.engine.stage(request(NEW));
    const slot = parts.disk.journal?.active === 'a' ? 'b' : 'a';
    parts.disk.slots.set(slot, Buffer.from('something else'));
    await expect(parts.engine.activate(staged)).rejects.toMatchObject({ code: 'IMAGE_CHANGED' });
    expect(await activeBytes(parts)).toBe(OLD.toString());
  });

  it('SEC-7 the verifier sees every byte, once, in order', async () => {
    const { engine } = await deployed();
    const seen: Uint8Array[] = [];
    const verifier = { update: (chunk: Uint8Array) => void seen.push(chunk.slice()), verify: () => true };
    await engine.stage(request(NEW, { verifier }));
    expect(Buffer.concat(seen)).toEqual(NEW);
  });
});

describe('REL-12 power cut at every write', () => {
  it.each(['kept', 'dropped', 'torn'] as const)(
    'REL-12 a whole image starts afterwards, and no trust is lost, unsynced writes %s',
    async (model) => {
      const whole = await provenDevice();
      const before = whole.disk.steps;
      await update(whole.engine, NEW, required(NEW_PROOF));
      const points = whole.disk.steps - before;
      expect(points).toBeGreaterThan(15);
      for (let point = 0; point < points; point += 1) {
        const parts = await provenDevice();
        parts.disk.cutAfter(point, model);
        await expect(update(parts.engine, NEW, required(NEW_PROOF))).rejects.toThrow(PowerCut);
        parts.disk.powerOn();
        // A second cut, in the middle of starting again.
        parts.disk.cutAfter(point % 2, model);
        await parts.engine.start().catch(() => undefined);
        parts.disk.powerOn();
        await parts.engine.start();
        const runs = await activeBytes(parts);
        expect([OLD.toString(), NEW.toString()], `cut at ${point}`).toContain(runs);
        // Trust moved as a whole, before the switch.
        const seen = ['timestamp', 'snapshot', 'targets'].map((role) => trustedVersion(parts, role));
        expect(
          runs === NEW.toString()
            ? [[2, 2, 2]]
            : [
                [1, 1, 1],
                [2, 2, 2],
              ],
          `cut at ${point}`,
        ).toContainEqual(seen);
        // And the update can be had after all, but not taken back.
        await parts.engine.confirm();
        if (runs === OLD.toString()) {
          expect(await update(parts.engine, NEW, required(NEW_PROOF)), `again after ${point}`).toBe(true);
          await parts.engine.confirm();
        }
        await expect(parts.engine.stage(request(OLD, { proof: required(OLD_PROOF) }))).rejects.toMatchObject({
          code: 'TRUST_ROLLBACK',
        });
      }
    },
  );
});
