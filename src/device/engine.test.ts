import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chunksOf } from '../../test/support/ports.ts';
import { DeviceEngine, type StageRequest } from './engine.ts';
import { DeviceError } from './errors.ts';
import type { DeviceJournal, DeviceState, ImageVerifier, Installer, SlotName, Slots } from './ports.ts';

/** Power goes: from here on nothing happens any more. */
class PowerCut extends Error {}

type CrashModel = 'kept' | 'dropped' | 'torn';

/**
 * Slots and journal of a device whose power fails before the n-th thing it does to its disk. What was written without being synced
 * is then kept, dropped or torn in half. The journal is replaced atomically, as its port demands.
 */
class Disk implements Slots, DeviceState {
  readonly slots = new Map<SlotName, Buffer>();
  journal: DeviceJournal | undefined;
  #stepsLeft = Number.POSITIVE_INFINITY;
  #model: CrashModel = 'kept';
  steps = 0;
  readonly #unsynced = new Map<SlotName, Buffer>();

  cutAfter(steps: number, model: CrashModel): void {
    this.#stepsLeft = steps;
    this.#model = model;
  }

  powerOn(): void {
    for (const [slot, whole] of this.#unsynced) {
      if (this.#model === 'dropped') this.slots.set(slot, Buffer.alloc(0));
      if (this.#model === 'torn') this.slots.set(slot, whole.subarray(0, whole.length >> 1));
    }
    this.#unsynced.clear();
    this.#stepsLeft = Number.POSITIVE_INFINITY;
  }

  #step(): void {
    this.steps += 1;
    if (this.#stepsLeft <= 0) throw new PowerCut();
    this.#stepsLeft -= 1;
  }

  async load(): Promise<DeviceJournal | undefined> {
    return this.journal;
  }

  async save(journal: DeviceJournal): Promise<void> {
    this.#step();
    this.journal = structuredClone(journal);
  }

  async write(slot: SlotName) {
    this.#step();
    this.slots.set(slot, Buffer.alloc(0));
    return {
      write: async (chunk: Uint8Array) => {
        this.#step();
        const now = Buffer.concat([this.slots.get(slot) ?? Buffer.alloc(0), chunk]);
        this.slots.set(slot, now);
        this.#unsynced.set(slot, now);
      },
      finish: async () => {
        this.#step();
        this.#unsynced.delete(slot);
      },
      abort: async () => {
        this.#step();
        this.slots.delete(slot);
        this.#unsynced.delete(slot);
      },
    };
  }

  async *read(slot: SlotName): AsyncGenerator<Uint8Array> {
    const bytes = this.slots.get(slot);
    if (!bytes) throw new DeviceError('SLOT_EMPTY', slot);
    yield bytes;
  }

  async erase(slot: SlotName): Promise<void> {
    this.#step();
    this.slots.delete(slot);
  }
}

/** An image is healthy unless it says otherwise; what ran last is remembered. */
class Runner implements Installer {
  readonly #disk: Disk;
  ran: string[] = [];

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async start(slot: SlotName): Promise<boolean> {
    const text = this.#disk.slots.get(slot)?.toString() ?? '';
    this.ran.push(text);
    return !text.includes('broken');
  }
}

const GOOD: ImageVerifier = { update() {}, verify: () => true };
const OLD = Buffer.from('image 1.0.0 '.repeat(10));
const NEW = Buffer.from('image 1.1.0 '.repeat(12));
const BROKEN = Buffer.from('image broken ');

function request(image: Buffer, changes: Partial<StageRequest> = {}): StageRequest {
  return { lengthBytes: image.length, source: chunksOf(image), verifier: GOOD, ...changes };
}

function device() {
  const disk = new Disk();
  const installer = new Runner(disk);
  return { disk, installer, engine: new DeviceEngine({ slots: disk, state: disk, installer }) };
}

/** A device that runs OLD, confirmed. */
async function deployed() {
  const parts = device();
  await update(parts.engine, OLD);
  await parts.engine.confirm();
  return parts;
}

async function update(engine: DeviceEngine, image: Buffer): Promise<boolean> {
  await engine.activate(await engine.stage(request(image)));
  return engine.start();
}

async function activeBytes({ disk }: { disk: Disk }): Promise<string> {
  return disk.slots.get(disk.journal?.active ?? 'a')?.toString() ?? '';
}

describe('REL-14 two slots, one switch', () => {
  it('REL-14 a good image runs, on trial until the server was reached', async () => {
    const parts = await deployed();
    expect(await update(parts.engine, NEW)).toBe(true);
    expect(await parts.engine.onTrial()).toBe(true);
    await parts.engine.confirm();
    expect(await parts.engine.onTrial()).toBe(false);
    expect(await activeBytes(parts)).toBe(NEW.toString());
    expect(await parts.engine.running()).toEqual({ sha256: digest(NEW), lengthBytes: NEW.length });
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
    'REL-12 a whole image starts afterwards, unsynced writes %s',
    async (model) => {
      const whole = await deployed();
      const before = whole.disk.steps;
      await update(whole.engine, NEW);
      const points = whole.disk.steps - before;
      expect(points).toBeGreaterThan(15);
      for (let point = 0; point < points; point += 1) {
        const parts = await deployed();
        parts.disk.cutAfter(point, model);
        await expect(update(parts.engine, NEW)).rejects.toThrow(PowerCut);
        parts.disk.powerOn();
        // A second cut, in the middle of starting again.
        parts.disk.cutAfter(point % 2, model);
        await parts.engine.start().catch(() => undefined);
        parts.disk.powerOn();
        await parts.engine.start();
        const runs = await activeBytes(parts);
        expect([OLD.toString(), NEW.toString()], `cut at ${point}`).toContain(runs);
        // And the update can be had after all.
        await parts.engine.confirm();
        if (runs === OLD.toString()) expect(await update(parts.engine, NEW), `again after ${point}`).toBe(true);
      }
    },
  );
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
