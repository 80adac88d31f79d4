/** Blobs as files named by their digest: `blobs/ab/abcd…`, written aside first. A file's time is when its bytes were last checked. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SHA256_HEX } from '../../core/bytes.ts';
import type { Clock, Random } from '../../core/ports.ts';
import { Serial } from '../../core/serial.ts';
import { BlobError } from '../../fleet/errors.ts';
import type { BlobCheck, BlobEntry, Blobs, PageRequest, Uploads } from '../../fleet/ports.ts';
import { digestError, lengthError, readError, writeError } from './blob-errors.ts';
import { hasCode, removeQuietly, syncDirectory, writeAll } from './durable.ts';
import { FileUploads } from './uploads.ts';

/** Bytes per read: large ones cost a quarter less CPU per byte than Node's default of 64 KiB. */
const READ_CHUNK_BYTES = 256 * 1024;
const DRAFTS = 'drafts';
const QUARANTINE = 'quarantine';
const SHARD = /^[0-9a-f]{2}$/;

export interface BlobPorts {
  readonly clock: Clock;
  readonly random: Random;
}

export class FileBlobs implements Blobs {
  readonly #dir: string;
  readonly #clock: Clock;
  /** What gives a digest to a file, or takes it away, runs alone for that digest. */
  readonly #serial = new Serial();
  /** Bad ones that could not be moved aside, on a disk that became read-only for instance. */
  readonly #refused = new Set<string>();
  readonly uploads: Uploads;

  private constructor(dir: string, clock: Clock, uploads: Uploads) {
    this.#dir = dir;
    this.#clock = clock;
    this.uploads = uploads;
  }

  /** Makes the folder if needed, drops what a crash left half-written, and goes on with open uploads. */
  static async open(dir: string, ports: BlobPorts): Promise<FileBlobs> {
    const drafts = join(dir, DRAFTS);
    for (const folder of [drafts, join(dir, QUARANTINE)]) await mkdir(folder, { recursive: true, mode: 0o700 });
    await Promise.all((await readdir(drafts)).map((name) => rm(join(drafts, name), { force: true })));
    const adopt = (file: string, sha256: string) => blobs.#adopt(file, sha256);
    const uploads = await FileUploads.open(join(dir, 'uploads'), { ...ports, adopt });
    const blobs: FileBlobs = new FileBlobs(dir, ports.clock, uploads);
    return blobs;
  }

  async put(sha256: string, lengthBytes: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    this.#path(sha256);
    const draft = join(this.#dir, DRAFTS, randomUUID());
    try {
      await writeDraft(draft, sha256, lengthBytes, source);
      await this.#adopt(draft, sha256);
    } catch (error) {
      await removeQuietly(draft);
      throw error instanceof BlobError ? error : writeError(error, sha256);
    }
  }

  async lengthBytes(sha256: string): Promise<number | undefined> {
    const path = this.#path(sha256);
    if (this.#refused.has(sha256)) return undefined;
    try {
      return (await stat(path)).size;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw readError(error, sha256);
    }
  }

  async *read(sha256: string, range?: { readonly start: number; readonly end: number }): AsyncGenerator<Uint8Array> {
    if (range && range.end <= range.start) return;
    const bounds = range ? { start: range.start, end: range.end - 1 } : {};
    if (this.#refused.has(sha256)) {
      throw new BlobError('BLOB_MISSING', `${sha256} was found to be bad`, { fix: 'Upload the artifact again.' });
    }
    try {
      yield* createReadStream(this.#path(sha256), { highWaterMark: READ_CHUNK_BYTES, ...bounds });
    } catch (error) {
      throw readError(error, sha256);
    }
  }

  async list({ after = '', limit }: PageRequest): Promise<readonly BlobEntry[]> {
    const entries: BlobEntry[] = [];
    const shards = (await readdir(this.#dir)).filter((name) => SHARD.test(name) && name >= after.slice(0, 2));
    for (const shard of shards.toSorted()) {
      for (const sha256 of await digestsIn(join(this.#dir, shard), after)) {
        if (entries.length === limit) return entries;
        const entry = await this.#entry(sha256);
        if (entry) entries.push(entry);
      }
    }
    return entries;
  }

  async quarantined({ after = '', limit }: PageRequest): Promise<readonly string[]> {
    return (await digestsIn(join(this.#dir, QUARANTINE), after)).slice(0, limit);
  }

  async check(sha256: string, pace: (bytes: number) => Promise<void> = async () => undefined): Promise<BlobCheck> {
    const handle = await this.#openToCheck(sha256);
    if (!handle) return { state: 'missing' };
    try {
      const actualSha256 = await hashPaced(handle, sha256, pace);
      if (actualSha256 !== sha256) return await this.#setAside(sha256, actualSha256, handle);
      const now = new Date(this.#clock.nowMs());
      // Where the time cannot be written the next round looks again.
      await handle.utimes(now, now).catch(() => undefined);
      return { state: 'good' };
    } finally {
      await handle.close();
    }
  }

  async #openToCheck(sha256: string): Promise<FileHandle | undefined> {
    try {
      return await open(this.#path(sha256), 'r');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw readError(error, sha256);
    }
  }

  /** @param handle the file that was read: one that was stored meanwhile is another */
  #setAside(sha256: string, actualSha256: string, handle: FileHandle): Promise<BlobCheck> {
    const path = this.#path(sha256);
    return this.#serial.run(sha256, async () => {
      try {
        if ((await stat(path)).ino !== (await handle.stat()).ino) return { state: 'good' };
        this.#refused.add(sha256);
        await rename(path, join(this.#dir, QUARANTINE, sha256));
        this.#refused.delete(sha256);
        await syncDirectory(join(this.#dir, QUARANTINE));
        await syncDirectory(dirname(path));
        return { state: 'bad', actualSha256, isAside: true };
      } catch (error) {
        if (hasCode(error, 'ENOENT')) return { state: 'missing' };
        return { state: 'bad', actualSha256, isAside: !this.#refused.has(sha256) };
      }
    });
  }

  async #entry(sha256: string): Promise<BlobEntry | undefined> {
    try {
      const { size, mtimeMs } = await stat(this.#path(sha256));
      return { sha256, lengthBytes: size, checkedAtMs: mtimeMs };
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw readError(error, sha256);
    }
  }

  /** Makes a file that is on disk, and hashes to `sha256`, the blob of that name. */
  #adopt(file: string, sha256: string): Promise<void> {
    const path = this.#path(sha256);
    return this.#serial.run(sha256, async () => {
      const now = new Date(this.#clock.nowMs());
      await utimes(file, now, now);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await rename(file, path);
      this.#refused.delete(sha256);
      await syncDirectory(dirname(path));
      await syncDirectory(this.#dir);
    });
  }

  /** A digest is the only name that becomes a path (SEC-11). */
  #path(sha256: string): string {
    if (!SHA256_HEX.test(sha256)) throw new BlobError('BLOB_MISSING', 'not a SHA-256 digest');
    return join(this.#dir, sha256.slice(0, 2), sha256);
  }
}

async function writeDraft(
  draft: string,
  sha256: string,
  lengthBytes: number,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const handle = await open(draft, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    let written = 0;
    for await (const chunk of source) {
      written += chunk.length;
      if (written > lengthBytes) throw lengthError(sha256, `more than ${lengthBytes}`, lengthBytes);
      hash.update(chunk);
      await writeAll(handle, chunk);
    }
    if (written < lengthBytes) throw lengthError(sha256, `only ${written}`, lengthBytes);
    const actual = hash.digest('hex');
    if (actual !== sha256) throw digestError(sha256, actual);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function hashPaced(handle: FileHandle, sha256: string, pace: (bytes: number) => Promise<void>): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
  for (;;) {
    const { bytesRead } = await handle.read(buffer).catch((error: unknown) => {
      throw readError(error, sha256);
    });
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    await pace(bytesRead);
  }
}

async function digestsIn(dir: string, after: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => SHA256_HEX.test(name) && name > after).toSorted();
}
