import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  Disk,
  device,
  KEYS,
  NEW,
  NEW_PROOF,
  next,
  OLD,
  OLD_PROOF,
  PowerCut,
  provenDevice,
  ROOT,
  released,
  request,
  required,
  stateOf,
  trustedVersion,
  trustOn,
  update,
} from '../../test/support/device.ts';
import { keyIdsOf, proofFor, releaseKeys, rootFile, TODAY_MS } from '../../test/support/releases.ts';
import { isOtaError } from '../core/errors.ts';
import { DAY_MS } from '../core/time.ts';
import { sha256Hex } from '../trust/payload.ts';
import type { ProofSource } from './engine.ts';
import { DeviceError } from './errors.ts';
import { describeDeviceTrust } from './trust.contract.ts';

/** What the way to the proof may throw. */
const LOST = new DeviceError('SLOT_EMPTY', 'not a proof');
const codeOf = (error: unknown) => (isOtaError(error) ? error.code : String(error));

describeDeviceTrust('the disk of these tests', () => {
  const disk = new Disk();
  return (pinned) => trustOn(disk, pinned);
});

describe('SEC-22 no image without its release proof', () => {
  it('SEC-22 a proven image is staged with what was signed, and the device trusts what it has seen from then on', async () => {
    const parts = await provenDevice();
    const asked: string[] = [];
    const fetch = async (sha256: string) => {
      asked.push(sha256);
      return NEW_PROOF;
    };
    const staged = await parts.engine.stage(request(NEW, { proof: { ...required(NEW_PROOF), fetch } }));
    expect(asked).toEqual([sha256Hex(NEW)]);
    expect(staged).toMatchObject({
      ...{ sha256: sha256Hex(NEW), version: '1.1.0' },
      provenance: {
        path: 'firmware/1.1.0/gateway-1',
        signedBy: keyIdsOf(KEYS.targets),
      },
    });
    expect(trustedVersion(parts, 'timestamp')).toBe(2);
    await parts.engine.activate(staged);
    expect(await parts.engine.running()).toEqual({
      ...{ sha256: sha256Hex(NEW), lengthBytes: NEW.length, version: '1.1.0' },
    });
  });

  it.each<[string, Buffer, () => ProofSource | Promise<ProofSource>, string]>([
    ['of another image', NEW, () => required(OLD_PROOF), 'TRUST_TARGET_UNKNOWN'],
    ['for other hardware', NEW, () => ({ ...required(NEW_PROOF), hardwareId: 'other' }), 'TRUST_TARGET_UNKNOWN'],
    ['for another component', NEW, () => ({ ...required(NEW_PROOF), component: 'modem' }), 'IMAGE_COMPONENT'],
    ['that is empty', NEW, () => required(new Uint8Array()), 'TRUST_MALFORMED'],
    ['that is endless', NEW, () => required(new Uint8Array(2 ** 24 + 1)), 'TRUST_LENGTH'],
    ['that is lost', NEW, () => ({ ...required(NEW_PROOF), fetch: () => Promise.reject(LOST) }), LOST.code],
    [
      'of an older version',
      NEW,
      async () => required(await proofFor(NEW, KEYS, { images: [released(NEW, '0.9.0')], version: 2 })),
      'IMAGE_DOWNGRADE',
    ],
    [
      'of no version',
      NEW,
      async () => required(await proofFor(NEW, KEYS, { images: [released(NEW)], version: 2 })),
      'IMAGE_DOWNGRADE',
    ],
    [
      'of something that is no version',
      NEW,
      async () => required(await proofFor(NEW, KEYS, { images: [released(NEW, '9 9')], version: 2 })),
      'IMAGE_DOWNGRADE',
    ],
    [
      'signed by one of two people',
      NEW,
      async () =>
        required(
          await proofFor(NEW, KEYS, { images: [next], version: 2, signers: { targets: KEYS.targets.slice(1) } }),
        ),
      'TRUST_SIGNATURES',
    ],
  ])('SEC-6 a proof %s changes nothing', async (_what, image, source, code) => {
    const parts = await provenDevice();
    const before = stateOf(parts);
    await expect(parts.engine.stage(request(image, { proof: await source() }))).rejects.toMatchObject({ code });
    expect(stateOf(parts)).toEqual(before);
  });

  it('SEC-22 both versions are named when an image is older than what runs', async () => {
    const parts = await provenDevice();
    const proof = required(await proofFor(NEW, KEYS, { images: [released(NEW, '0.9.0')], version: 2 }));
    await expect(parts.engine.stage(request(NEW, { proof }))).rejects.toMatchObject({
      ...{ code: 'IMAGE_DOWNGRADE', message: 'the image is version 0.9.0, version 1.0.0 runs' },
      detail: { offered: '0.9.0', running: '1.0.0' },
    });
  });

  it('SEC-22 the same version again, and any version on a device that runs an unproven image, are not older', async () => {
    const again = await provenDevice();
    const proof = required(await proofFor(NEW, KEYS, { images: [released(NEW, '1.0.0')], version: 2 }));
    expect(await update(again.engine, NEW, proof)).toBe(true);
    const blank = device(ROOT);
    await update(blank.engine, OLD);
    await blank.engine.confirm();
    expect(await update(blank.engine, NEW, proof)).toBe(true);
  });

  it('SEC-7 a device without a root downloads nothing', async () => {
    const parts = device();
    const source = (async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.reject<Uint8Array>(new Error('downloaded'));
    })();
    await expect(parts.engine.stage(request(NEW, { source, proof: required(NEW_PROOF) }))).rejects.toMatchObject({
      code: 'TRUST_NO_ROOT',
    });
    expect(parts.disk.steps).toBe(0);
  });

  it('SEC-7 what cannot be saved is not installed', async () => {
    const parts = await provenDevice();
    const before = stateOf(parts);
    parts.trust.save = () => Promise.reject(new Error('no space'));
    await expect(parts.engine.stage(request(NEW, { proof: required(NEW_PROOF) }))).rejects.toThrow('no space');
    expect(stateOf(parts)).toEqual(before);
  });

  it('SEC-7 a proof with one byte changed, wherever, is refused and changes nothing', async () => {
    const parts = await provenDevice();
    const before = stateOf(parts);
    // 5 has no factor in common with what repeats in a proof.
    for (let at = 0; at < NEW_PROOF.length; at += 5) {
      const altered = NEW_PROOF.slice();
      altered[at] = (altered[at] ?? 0) ^ 1;
      const outcome = await parts.engine.stage(request(NEW, { proof: required(altered) })).then(() => 'staged', codeOf);
      expect(outcome, `byte ${at}`).toMatch(/^TRUST_/);
    }
    expect(stateOf(parts)).toEqual(before);
  });

  it('SEC-22 without a proof only by saying so, and then the result says so', async () => {
    const parts = await provenDevice();
    const trusted = structuredClone(parts.disk.trust.value);
    const staged = await parts.engine.stage(request(NEW, { proof: { kind: 'off' } }));
    expect(staged).toMatchObject({ version: null, provenance: 'off' });
    expect(parts.disk.trust.value).toEqual(trusted);
  });
});

describe('SEC-7 every hash that was signed', () => {
  const sha512 = createHash('sha512').update(NEW).digest('hex');
  const signedWith = async (hashes: Readonly<Record<string, string>>) =>
    required(await proofFor(NEW, KEYS, { images: [released(NEW, '1.1.0', { hashes })], version: 2 }));

  it('SEC-7 is one of the image, or nothing changes', async () => {
    const parts = await provenDevice();
    const before = stateOf(parts);
    const proof = await signedWith({ sha512: '00'.repeat(64) });
    await expect(parts.engine.stage(request(NEW, { proof }))).rejects.toMatchObject({ code: 'TRUST_IMAGE_HASH' });
    expect(stateOf(parts)).toEqual(before);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['two that are right', { sha512 }],
    ['one of an algorithm that nobody knows', { sha512, blake9: '00' }],
  ])('SEC-7 %s let it on the device, and are checked again before the switch', async (_which, hashes) => {
    const parts = await provenDevice();
    const staged = await parts.engine.stage(request(NEW, { proof: await signedWith(hashes) }));
    expect(Object.fromEntries(staged.hashes)).toEqual({ sha256: sha256Hex(NEW), ...hashes });
    const altered = { ...staged, hashes: new Map([...staged.hashes, ['sha512', '00'.repeat(64)]]) };
    await expect(parts.engine.activate(altered)).rejects.toMatchObject({ code: 'IMAGE_CHANGED' });
    await parts.engine.activate(staged);
    expect(await parts.engine.running()).toEqual({
      ...{ sha256: sha256Hex(NEW), lengthBytes: NEW.length, version: '1.1.0' },
    });
  });
});

describe('SEC-7 a device that is provisioned again, for another repository', () => {
  const otherKeys = releaseKeys();

  /** OLD by its proof; all roles at version 9, under a root of version 2. */
  async function moved() {
    const second = await rootFile(KEYS, 2);
    const files = new Map([['2.root.json', second]]);
    const proof = await proofFor(OLD, KEYS, { images: [released(OLD, '1.0.0')], version: 9, files });
    const before = device(ROOT);
    await update(before.engine, OLD, required(proof));
    await before.engine.confirm();
    const pinned = await rootFile(otherKeys, 1);
    const install = await proofFor(NEW, otherKeys, { images: [next], version: 1 });
    return { pinned, install, disk: before.disk, device: () => device(pinned, before.disk) };
  }

  it('SEC-7 takes what the new one has signed, although its versions are lower, and nothing of the old one', async () => {
    const again = (await moved()).device();
    const late = await proofFor(NEW, KEYS, { images: [next], version: 10 });
    await expect(again.engine.stage(request(NEW, { proof: required(late) }))).rejects.toMatchObject({
      code: 'TRUST_SIGNATURES',
    });
    const { install, device: open } = await moved();
    const parts = open();
    expect(await update(parts.engine, NEW, required(install))).toBe(true);
    expect(trustedVersion(parts, 'timestamp')).toBe(1);
  });

  it.each(['kept', 'dropped', 'torn'] as const)(
    'REL-12 the power goes while it first saves what it trusts: all of the old or of the new, unsynced writes %s',
    async (model) => {
      const whole = await moved();
      const before = whole.disk.steps;
      await update(whole.device().engine, NEW, required(whole.install));
      const points = whole.disk.steps - before;
      for (let point = 0; point < points; point += 1) {
        const { device: open, disk, pinned, install } = await moved();
        disk.cutAfter(point, model);
        await expect(update(open().engine, NEW, required(install))).rejects.toThrow(PowerCut);
        disk.powerOn();
        const trusted = await trustOn(disk, pinned).load();
        expect(trusted?.get('root'), `cut at ${point}`).toEqual(pinned);
        expect([1, 4]).toContain(trusted?.size);
        // The update can be had after all.
        const parts = open();
        await parts.engine.start();
        await parts.engine.confirm();
        expect(await update(parts.engine, NEW, required(install)), `again after ${point}`).toBe(true);
      }
    },
  );
});

describe('REL-11 the time of a device', () => {
  it('REL-11 ten years ahead: nothing is accepted and nothing is lost; set right, the same proof is', async () => {
    const parts = await provenDevice();
    const before = stateOf(parts);
    parts.clock.advance(3_650 * DAY_MS);
    const proof = required(NEW_PROOF);
    await expect(parts.engine.stage(request(NEW, { proof }))).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
    expect(stateOf(parts)).toEqual(before);
    parts.clock.advance(-3_650 * DAY_MS);
    expect(await update(parts.engine, NEW, proof)).toBe(true);
  });

  it('REL-11 ten years behind: what was signed later tells the time, so the expired stays refused', async () => {
    const parts = await provenDevice();
    parts.clock.advance(-3_650 * DAY_MS);
    const late = { images: [next], version: 2, signedAtMs: TODAY_MS + 40 * DAY_MS };
    const stale = await proofFor(NEW, KEYS, { ...late, expiresAtMs: TODAY_MS + 50 * DAY_MS });
    await update(parts.engine, NEW, required(stale));
    await parts.engine.confirm();
    // Signed before the time that was seen, and expired at it.
    const frozen = await proofFor(OLD, KEYS, {
      ...{ images: [released(OLD, '1.2.0')], version: 3, signedAtMs: TODAY_MS },
      expiresAtMs: TODAY_MS + 30 * DAY_MS,
    });
    await expect(parts.engine.stage(request(OLD, { proof: required(frozen) }))).rejects.toMatchObject({
      code: 'TRUST_EXPIRED',
    });
  });
});
