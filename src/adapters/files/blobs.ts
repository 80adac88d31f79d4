/** Blobs as files named by their digest: `blobs/ab/abcd…`, written aside first. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SHA256_HEX } from '../../core/bytes.ts';
import { BlobError } from '../../fleet/errors.ts';
import type { Blobs } from '../../fleet/ports.ts';
import { hasCode, removeQuietly, syncDirectory, writeAll } from './durable.ts';

/** Bytes per read: large ones cost a quarter less CPU per byte than Node's default of 64 KiB. */
const READ_CHUNK_BYTES = 256 * 1024;
const DRAFTS = 'drafts';

export class FileBlobs implements Blobs {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes the folder if needed and drops what a crash left half-written. */
  static async open(dir: string): Promise<FileBlobs> {
    const drafts = join(dir, DRAFTS);
    await mkdir(drafts, { recursive: true, mode: 0o700 });
    await Promise.all((await readdir(drafts)).map((name) => rm(join(drafts, name), { force: true })));
    return new FileBlobs(dir);
  }

  async put(sha256: string, lengthBytes: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#path(sha256);
    const draft = join(this.#dir, DRAFTS, randomUUID());
    try {
      await this.#writeDraft(draft, sha256, lengthBytes, source);
      await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
      await rename(draft, path);
      await syncDirectory(join(path, '..'));
      await syncDirectory(this.#dir);
    } catch (error) {
      await removeQuietly(draft);
      throw error instanceof BlobError ? error : writeError(error, sha256);
    }
  }

  async lengthBytes(sha256: string): Promise<number | undefined> {
    try {
      return (await stat(this.#path(sha256))).size;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw readError(error, sha256);
    }
  }

  async *read(sha256: string, range?: { readonly start: number; readonly end: number }): AsyncGenerator<Uint8Array> {
    if (range && range.end <= range.start) return;
    const bounds = range ? { start: range.start, end: range.end - 1 } : {};
    try {
      yield* createReadStream(this.#path(sha256), { highWaterMark: READ_CHUNK_BYTES, ...bounds });
    } catch (error) {
      throw readError(error, sha256);
    }
  }

  async #writeDraft(
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
      if (actual !== sha256) {
        throw new BlobError('BLOB_DIGEST', `the bytes hash to ${actual}, not to ${sha256}`, {
          fix: 'Send the file again; if it differs again, take its digest anew.',
        });
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** A digest is the only name that becomes a path (SEC-11). */
  #path(sha256: string): string {
    if (!SHA256_HEX.test(sha256)) throw new BlobError('BLOB_MISSING', 'not a SHA-256 digest');
    return join(this.#dir, sha256.slice(0, 2), sha256);
  }
}

function lengthError(sha256: string, got: string, expected: number): BlobError {
  return new BlobError('BLOB_LENGTH', `${got} bytes of the ${expected} announced for ${sha256} came`, {
    fix: 'Send the whole file with its exact length.',
  });
}

function writeError(cause: unknown, sha256: string): BlobError {
  const isFull = hasCode(cause, 'ENOSPC', 'EDQUOT');
  return new BlobError('BLOB_WRITE', `${sha256} could not be stored: ${String(cause)}`, {
    cause,
    fix: isFull
      ? 'Free space on the disk of the data folder and send it again.'
      : 'Look at the disk of the data folder and send it again.',
  });
}

function readError(cause: unknown, sha256: string): BlobError {
  if (cause instanceof BlobError) return cause;
  const code = hasCode(cause, 'ENOENT') ? 'BLOB_MISSING' : 'BLOB_READ';
  return new BlobError(code, `${sha256} cannot be read: ${String(cause)}`, {
    cause,
    fix: 'Upload the artifact again.',
  });
}
