/** What a device gives its update engine. */

export type SlotName = 'a' | 'b';

/** Two places for images. The engine never writes the active one (REL-14). */
export interface Slots {
  /** Empties the slot and opens it for writing; `finish` returns once all bytes are on disk (fsync). */
  write(slot: SlotName): Promise<SlotWriter>;
  /** The image from its first byte. @throws {DeviceError} SLOT_EMPTY */
  read(slot: SlotName): AsyncIterable<Uint8Array>;
}

export interface SlotWriter {
  write(chunk: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Gives up: the slot is empty afterwards. */
  abort(): Promise<void>;
}

/** What must survive a power cut. One small document; `save` replaces it atomically and durably. */
export interface DeviceState {
  load(): Promise<DeviceJournal | undefined>;
  save(journal: DeviceJournal): Promise<void>;
}

export interface InstalledImage {
  readonly version: string;
  readonly sha256: string;
  readonly lengthBytes: number;
}

/** The whole truth of a device; writing it once IS the switch of slots. */
export interface DeviceJournal {
  readonly active: SlotName;
  readonly images: { readonly a: InstalledImage | null; readonly b: InstalledImage | null };
  /** Set while the active image has not proven itself; `startsLeft` counts down before each start. */
  readonly trial: { readonly startsLeft: number } | null;
  /** Digests of images that failed or were reverted: not tried again without a new order (REL-15). */
  readonly refused: readonly string[];
}

/** Starts an image and says whether it came up. */
export interface Installer {
  /** Resolves to `true` when the image of `slot` runs and is healthy, to `false` when it is not. */
  start(slot: SlotName, image: InstalledImage): Promise<boolean>;
}
