/** What a device gives its update engine. */
import type { Stored } from '../trust/tuf/refresh.ts';

export type SlotName = 'a' | 'b';

/** Two places for images. The engine never writes the active one (REL-14). */
export interface Slots {
  /** Empties the slot and opens it for writing. */
  write(slot: SlotName): Promise<SlotWriter>;
  /** The image from its first byte. @throws {DeviceError} SLOT_EMPTY */
  read(slot: SlotName): AsyncIterable<Uint8Array>;
  erase(slot: SlotName): Promise<void>;
}

export interface SlotWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Returns once all bytes are on disk (fsync). */
  finish(): Promise<void>;
  /** Gives up: the slot is empty afterwards. */
  abort(): Promise<void>;
}

/** What must survive a power cut: one small document. */
export interface DeviceState {
  load(): Promise<DeviceJournal | undefined>;
  /** Replaces it atomically and durably: after a cut, the old or the new one is read. */
  save(journal: DeviceJournal): Promise<void>;
}

/** The release metadata a device believes: bytes by role, `root` always among them. */
export interface DeviceTrust {
  /**
   * What was saved last; the root the device was provisioned with alone, when it is another than before (trust.ts).
   * @returns `undefined` on a device that has neither
   * @throws {DeviceError} TRUST_DAMAGED what was saved does not read back; TRUST_NO_ROOT the provisioned root does not hold
   */
  load(): Promise<Stored | undefined>;
  /**
   * Replaces all roles at once, atomically and durably: after a cut, the old or the new ones are read. That the device goes by the
   * provisioned root is remembered with them.
   * @throws {DeviceError} as `load`
   */
  save(stored: Stored): Promise<void>;
}

export interface InstalledImage {
  readonly sha256: string;
  readonly lengthBytes: number;
  /** As signed in its release proof; `null` when it was installed without one, or its signer named none. */
  readonly version: string | null;
}

/** The whole truth of a device; writing it once IS the switch of slots. */
export interface DeviceJournal {
  readonly active: SlotName;
  /** What each slot holds; `null` while its content is unknown or incomplete. */
  readonly images: { readonly a: InstalledImage | null; readonly b: InstalledImage | null };
  /** Set while the active image has not proven itself; `startsLeft` counts down before each start. */
  readonly trial: { readonly startsLeft: number } | null;
  /** Digests of images that failed: not tried again without a new order (REL-15). Newest last. */
  readonly refused: readonly string[];
}

/** Starts images. */
export interface Installer {
  /** Resolves to `true` when the image of `slot` runs and is healthy, to `false` when it is not; rejects never. */
  start(slot: SlotName): Promise<boolean>;
}

/** A protocol's own check over the image's bytes, fed while they are written. */
export interface ImageVerifier {
  update(chunk: Uint8Array): void;
  /** Called once, after the last byte. */
  verify(): boolean;
}
