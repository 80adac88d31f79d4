/** A device's slots and journal as files in one private folder. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  asArray,
  asInteger,
  asObject,
  asString,
  JsonError,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../core/json.ts';
import { isVersion } from '../../core/version.ts';
import { DeviceError } from '../../device/errors.ts';
import { MAX_JOURNAL_BYTES, MAX_REFUSED, TRIAL_STARTS } from '../../device/limits.ts';
import type { DeviceJournal, DeviceState, InstalledImage, SlotName, Slots, SlotWriter } from '../../device/ports.ts';
import { hasCode, syncDirectory, writeAll, writeFileDurably } from './durable.ts';

/** Images are executable, for this user only: they are run as they lie (spec/cups.md section 8). */
const IMAGE_MODE = 0o700;

export class FileSlots implements Slots {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Where the image of a slot lies. */
  path(slot: SlotName): string {
    return join(this.#dir, `slot-${slot}`);
  }

  async write(slot: SlotName): Promise<SlotWriter> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await this.erase(slot);
    const handle = await open(this.path(slot), 'wx', IMAGE_MODE);
    let isOpen = true;
    const close = async () => {
      if (isOpen) await handle.close();
      isOpen = false;
    };
    return {
      write: (chunk) => writeAll(handle, chunk),
      finish: async () => {
        await handle.sync();
        await close();
        await syncDirectory(this.#dir);
      },
      abort: async () => {
        await close();
        await this.erase(slot);
      },
    };
  }

  async *read(slot: SlotName): AsyncGenerator<Uint8Array> {
    try {
      yield* createReadStream(this.path(slot));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      throw new DeviceError('SLOT_EMPTY', `slot ${slot} holds no image`, { cause: error });
    }
  }

  async erase(slot: SlotName): Promise<void> {
    await rm(this.path(slot), { force: true });
  }
}

export class FileDeviceState implements DeviceState {
  readonly #path: string;

  constructor(dir: string) {
    this.#path = join(dir, 'journal.json');
  }

  /** @throws {DeviceError} JOURNAL_DAMAGED the file is not one of ours */
  async load(): Promise<DeviceJournal | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(this.#path);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
    try {
      return readJournal(parseJson(bytes, { maxBytes: MAX_JOURNAL_BYTES }));
    } catch (cause) {
      if (!(cause instanceof JsonError)) throw cause;
      throw new DeviceError('JOURNAL_DAMAGED', `${this.#path} is not a journal`, {
        cause,
        fix: 'Restore the file, or remove it together with both slots to begin with a blank device.',
      });
    }
  }

  async save(journal: DeviceJournal): Promise<void> {
    await mkdir(join(this.#path, '..'), { recursive: true, mode: 0o700 });
    await writeFileDurably(this.#path, JSON.stringify(journal));
  }
}

function readJournal(json: JsonValue): DeviceJournal {
  const object = asObject(json, '');
  const images = asObject(object.get('images'), '/images');
  const trial = object.get('trial') ?? null;
  const refused = asArray(object.get('refused'), '/refused').slice(-MAX_REFUSED);
  return {
    active: asString(object.get('active'), '/active') === 'b' ? 'b' : 'a',
    images: { a: readImage(images, 'a'), b: readImage(images, 'b') },
    trial:
      trial === null
        ? null
        : { startsLeft: asInteger(asObject(trial, '/trial').get('startsLeft'), '/trial/startsLeft', 0, TRIAL_STARTS) },
    refused: refused.map((digest, index) => asString(digest, `/refused/${index}`)),
  };
}

function readImage(images: JsonObject, slot: SlotName): InstalledImage | null {
  const json = images.get(slot) ?? null;
  if (json === null) return null;
  const object = asObject(json, `/images/${slot}`);
  return {
    sha256: asString(object.get('sha256'), `/images/${slot}/sha256`),
    lengthBytes: asInteger(object.get('lengthBytes'), `/images/${slot}/lengthBytes`),
    version: readVersion(object.get('version') ?? null, `/images/${slot}/version`),
  };
}

/** Journals from before release proofs have none. */
function readVersion(json: JsonValue, path: string): string | null {
  if (json === null || (typeof json === 'string' && isVersion(json))) return json;
  throw new JsonError('JSON_SHAPE', `${path} is not a version`);
}
