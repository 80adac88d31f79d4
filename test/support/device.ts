/** A device in memory: a disk whose power fails when told to, images that run unless they say they are broken, signed releases. */
import { asObject, parseJson } from '../../src/core/json.ts';
import { DeviceEngine, type ProofSource, type StageRequest } from '../../src/device/engine.ts';
import { DeviceError } from '../../src/device/errors.ts';
import type { DeviceJournal, DeviceTrust, ImageVerifier, Installer, SlotName, Slots } from '../../src/device/ports.ts';
import { provisioned, type SavedTrust, withStored } from '../../src/device/trust.ts';
import { chunksOf, FakeClock } from './ports.ts';
import { proofFor, type Released, releaseKeys, rootFile, TODAY_MS } from './releases.ts';

/** Power goes: from here on nothing happens any more. */
export class PowerCut extends Error {}

export type CrashModel = 'kept' | 'dropped' | 'torn';

/** A file that is replaced as its port demands: written aside, renamed, its folder synced. A rename that was not synced may be undone. */
class Replaced<T> {
  readonly #step: () => void;
  #synced: T | undefined;
  #renamed: T | undefined;

  constructor(step: () => void) {
    this.#step = step;
  }

  get value(): T | undefined {
    return this.#renamed ?? this.#synced;
  }

  async load(): Promise<T | undefined> {
    return this.value;
  }

  async save(value: T): Promise<void> {
    this.#step();
    const draft = structuredClone(value);
    this.#step();
    this.#renamed = draft;
    this.#step();
    this.#synced = draft;
  }

  powerOn(model: CrashModel): void {
    if (model === 'kept') this.#synced = this.value;
    this.#renamed = undefined;
  }
}

/**
 * Slots, journal and trust of a device whose power fails before the n-th thing it does to its disk. What was written without being
 * synced is then kept, dropped or torn in half.
 */
export class Disk implements Slots {
  readonly slots = new Map<SlotName, Buffer>();
  readonly state = new Replaced<DeviceJournal>(() => this.#step());
  readonly trust = new Replaced<SavedTrust>(() => this.#step());
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
    this.state.powerOn(this.#model);
    this.trust.powerOn(this.#model);
    this.#stepsLeft = Number.POSITIVE_INFINITY;
  }

  get journal(): DeviceJournal | undefined {
    return this.state.value;
  }

  #step(): void {
    this.steps += 1;
    if (this.#stepsLeft <= 0) throw new PowerCut();
    this.#stepsLeft -= 1;
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
export const OLD = Buffer.from('image 1.0.0 '.repeat(10));
export const NEW = Buffer.from('image 1.1.0 '.repeat(12));
export const BROKEN = Buffer.from('image broken ');

export function request(image: Buffer, changes: Partial<StageRequest> = {}): StageRequest {
  return { lengthBytes: image.length, source: chunksOf(image), verifier: GOOD, proof: { kind: 'off' }, ...changes };
}

/** As the file of a real device does it. */
export function trustOn({ trust }: Disk, pinned?: Uint8Array): DeviceTrust {
  return {
    load: async () => provisioned(await trust.load(), pinned),
    save: async (stored) => trust.save(withStored(await trust.load(), pinned, stored)),
  };
}

/** @param disk a fresh one by default; with that of another device, the same device after it was provisioned with `pinned` */
export function device(pinned?: Uint8Array, disk = new Disk()) {
  const installer = new Runner(disk);
  const clock = new FakeClock(TODAY_MS);
  const trust = trustOn(disk, pinned);
  const engine = new DeviceEngine({ slots: disk, state: disk.state, trust, installer, clock });
  return { disk, installer, clock, trust, engine };
}

/** A device that runs OLD, confirmed. */
export async function deployed() {
  const parts = device();
  await update(parts.engine, OLD);
  await parts.engine.confirm();
  return parts;
}

export async function update(
  engine: DeviceEngine,
  image: Buffer,
  proof: ProofSource = { kind: 'off' },
): Promise<boolean> {
  await engine.activate(await engine.stage(request(image, { proof })));
  return engine.start();
}

export async function activeBytes({ disk }: { disk: Disk }): Promise<string> {
  return disk.slots.get(disk.journal?.active ?? 'a')?.toString() ?? '';
}

const HARDWARE = 'gateway-1';
export const KEYS = releaseKeys();
export const ROOT = await rootFile(KEYS);
export const released = (content: Buffer, version?: string, changes: Partial<Released> = {}): Released => ({
  ...{ content, hardwareId: HARDWARE, component: 'firmware', ...(version ? { version } : {}) },
  ...changes,
});
const old = released(OLD, '1.0.0');
export const next = released(NEW, '1.1.0');
/** Made once each: signing is most of the time of these tests. */
export const OLD_PROOF = await proofFor(OLD, KEYS, { images: [old], version: 1 });
export const NEW_PROOF = await proofFor(NEW, KEYS, { images: [old, next], version: 2 });

export function required(proof: Uint8Array): Extract<ProofSource, { kind: 'required' }> {
  return { kind: 'required', fetch: async () => proof, hardwareId: HARDWARE, component: 'firmware' };
}

/** A device that runs OLD, installed by its release proof and confirmed. */
export async function provenDevice() {
  const parts = device(ROOT);
  await update(parts.engine, OLD, required(OLD_PROOF));
  await parts.engine.confirm();
  return parts;
}

/** All that an update may change: to be the same after a refusal (the slot that is not active is empty before and after). */
export function stateOf({ disk, installer }: ReturnType<typeof device>) {
  return structuredClone({
    ...{ journal: disk.journal, slots: disk.slots, trust: disk.trust.value, ran: installer.ran },
  });
}

export function trustedVersion({ disk }: ReturnType<typeof device>, role: string): unknown {
  const document = asObject(parseJson(disk.trust.value?.stored.get(role) ?? Buffer.from('{}')), '');
  return asObject(document.get('signed'), '').get('version');
}
