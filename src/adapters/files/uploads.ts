/** Uploads in parts: each is one file, whose name says what it is to become: `uploads/ID.SHA256.LENGTH`. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SHA256_HEX } from '../../core/bytes.ts';
import { isOtaError } from '../../core/errors.ts';
import type { Clock, Random } from '../../core/ports.ts';
import { Serial } from '../../core/serial.ts';
import { createUlids } from '../../core/ulid.ts';
import { BlobError, UploadError, unknownUpload } from '../../fleet/errors.ts';
import { MAX_OPEN_UPLOADS, UPLOAD_IDLE_MS } from '../../fleet/limits.ts';
import type { Upload, Uploads } from '../../fleet/ports.ts';
import { digestError, lengthError, writeError } from './blob-errors.ts';
import { removeQuietly, syncDirectory, writeAll } from './durable.ts';

/** Bytes between two fsyncs of one long append: what a failing disk or a power cut can cost. */
const SYNC_BYTES = 16 * 2 ** 20;
/** Milliseconds that a connection gets to hand over what the kernel still holds of it, when its client comes back over another. */
const HANDOVER_MS = 1_000;
const NAME = /^([0-7][0-9A-HJKMNP-TV-Z]{25})\.([0-9a-f]{64})\.([0-9]{1,15})$/;
/** Serialises openings; no id of an upload. */
const OPENING = 'open';

export interface UploadPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Makes a file on disk the blob of this digest. */
  readonly adopt: (file: string, sha256: string) => Promise<void>;
}

interface OpenUpload {
  readonly id: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  readonly path: string;
  /** On disk for certain. */
  offsetBytes: number;
  /** Monotonic: when something was last added. */
  touchedMs: number;
  /** Counts appends: only the newest may go on. */
  turn: number;
  /** Ends the append that runs. */
  running: AbortController | undefined;
}

export class FileUploads implements Uploads {
  readonly #dir: string;
  readonly #ports: UploadPorts;
  readonly #nextId: () => string;
  readonly #serial = new Serial();
  readonly #open = new Map<string, OpenUpload>();

  private constructor(dir: string, ports: UploadPorts) {
    this.#dir = dir;
    this.#ports = ports;
    this.#nextId = createUlids(ports);
  }

  /** Goes on with what is in the folder. */
  static async open(dir: string, ports: UploadPorts): Promise<FileUploads> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const uploads = new FileUploads(dir, ports);
    for (const name of await readdir(dir)) await uploads.#resume(name);
    return uploads;
  }

  async open(sha256: string, lengthBytes: number): Promise<Upload> {
    if (!SHA256_HEX.test(sha256)) throw new BlobError('BLOB_MISSING', 'not a SHA-256 digest');
    const upload = await this.#serial.run(OPENING, async () => {
      await this.expire();
      const known = [...this.#open.values()].find((one) => one.sha256 === sha256 && one.lengthBytes === lengthBytes);
      if (known) return known;
      if (this.#open.size >= MAX_OPEN_UPLOADS) {
        throw new BlobError('BLOB_BUSY', `${MAX_OPEN_UPLOADS} uploads are open`, {
          fix: 'Try again when one of them has ended; abort those that nobody goes on with.',
        });
      }
      return this.#create(sha256, lengthBytes);
    });
    await this.#endRunning(upload);
    return this.#view(upload);
  }

  async state(id: string): Promise<Upload | undefined> {
    const upload = this.#find(id);
    return upload && this.#view(upload);
  }

  async append(id: string, offsetBytes: number, source: AsyncIterable<Uint8Array>): Promise<Upload> {
    const upload = this.#known(id);
    if (offsetBytes < upload.offsetBytes) throw offsetError(upload, offsetBytes);
    upload.turn += 1;
    const { turn } = upload;
    upload.running?.abort();
    return this.#serial.run(id, async () => {
      this.#known(id);
      if (upload.turn !== turn) throw supersededError(upload);
      if (offsetBytes !== upload.offsetBytes) throw offsetError(upload, offsetBytes);
      const running = new AbortController();
      upload.running = running;
      try {
        await this.#receive(upload, source, running.signal);
      } finally {
        upload.running = undefined;
      }
      return this.#view(upload);
    });
  }

  finish(id: string): Promise<void> {
    return this.#serial.run(id, async () => {
      const { sha256, lengthBytes, offsetBytes, path } = this.#known(id);
      if (offsetBytes < lengthBytes) throw lengthError(sha256, `only ${offsetBytes}`, lengthBytes);
      try {
        const hash = createHash('sha256');
        await pipeline(createReadStream(path), hash);
        const actual = hash.digest('hex');
        if (actual !== sha256) {
          await this.#drop(id, path);
          throw digestError(sha256, actual);
        }
        await this.#ports.adopt(path, sha256);
        this.#open.delete(id);
      } catch (error) {
        throw isOtaError(error) ? error : writeError(error, sha256);
      }
    });
  }

  async abort(id: string): Promise<boolean> {
    const upload = this.#open.get(id);
    if (!upload) return false;
    upload.turn += 1;
    upload.running?.abort();
    return this.#serial.run(id, async () => {
      if (!this.#open.has(id)) return false;
      await this.#drop(id, upload.path);
      return true;
    });
  }

  async expire(): Promise<number> {
    const idle = [...this.#open.values()].filter((upload) => this.#isIdle(upload));
    for (const { id } of idle) await this.abort(id);
    return idle.length;
  }

  /** Waits a moment for an append that runs, then ends it: its offset is told when it stands still. */
  async #endRunning({ id, running }: OpenUpload): Promise<void> {
    if (!running) return;
    const over = new AbortController();
    const ended = this.#serial.run(id, async () => over.abort());
    await this.#ports.clock.sleep(HANDOVER_MS, over.signal).catch(() => undefined);
    running.abort();
    await ended;
  }

  async #create(sha256: string, lengthBytes: number): Promise<OpenUpload> {
    const id = this.#nextId();
    const path = join(this.#dir, `${id}.${sha256}.${lengthBytes}`);
    try {
      await (await open(path, 'wx', 0o600)).close();
      await syncDirectory(this.#dir);
    } catch (error) {
      await removeQuietly(path);
      throw writeError(error, sha256);
    }
    return this.#add(id, { sha256, lengthBytes, path, offsetBytes: 0 });
  }

  /**
   * What lies there is synced before it is said to be there: a kill keeps more than was acknowledged. After a power cut a file system
   * that orders nothing may show bytes that were never written; then the digest fails at the end.
   */
  async #resume(name: string): Promise<void> {
    const [, id, sha256, length] = NAME.exec(name) ?? [];
    if (id === undefined || sha256 === undefined) return;
    const path = join(this.#dir, name);
    try {
      const handle = await open(path, 'r+');
      try {
        await handle.sync();
        const { size: offsetBytes } = await handle.stat();
        const lengthBytes = Number(length);
        if (offsetBytes > lengthBytes) throw lengthError(sha256, `more than ${lengthBytes}`, lengthBytes);
        this.#add(id, { sha256, lengthBytes, path, offsetBytes });
      } finally {
        await handle.close();
      }
    } catch {
      // One upload that cannot be read is no reason not to start; its client begins anew.
      await removeQuietly(path).catch(() => undefined);
    }
  }

  #add(id: string, file: Pick<OpenUpload, 'sha256' | 'lengthBytes' | 'path' | 'offsetBytes'>): OpenUpload {
    const touchedMs = this.#ports.clock.monotonicMs();
    const upload = { id, ...file, touchedMs, turn: 0, running: undefined };
    this.#open.set(id, upload);
    return upload;
  }

  /** Writes and syncs. What came before the source broke off stays; what is too long, or a failing disk may hold, does not. */
  async #receive(upload: OpenUpload, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { sha256, lengthBytes } = upload;
    let handle: FileHandle;
    try {
      handle = await open(upload.path, 'a');
    } catch (error) {
      throw writeError(error, sha256);
    }
    try {
      let written = upload.offsetBytes;
      const sync = async () => {
        await handle.datasync();
        upload.offsetBytes = written;
      };
      try {
        for await (const chunk of untilCut(upload, source, signal)) {
          if (written + chunk.length > lengthBytes) throw lengthError(sha256, `more than ${lengthBytes}`, lengthBytes);
          await writeAll(handle, chunk);
          written += chunk.length;
          upload.touchedMs = this.#ports.clock.monotonicMs();
          if (written - upload.offsetBytes >= SYNC_BYTES) await sync();
        }
      } catch (error) {
        if (error instanceof UploadError) await sync();
        throw error;
      }
      await sync();
    } catch (error) {
      if (error instanceof UploadError) throw error;
      // After a failed fsync nobody knows what of it is on disk (REL-4): back to what is.
      await handle.truncate(upload.offsetBytes).catch(() => this.#drop(upload.id, upload.path));
      throw isOtaError(error) ? error : writeError(error, sha256);
    } finally {
      await handle.close();
    }
  }

  async #drop(id: string, path: string): Promise<void> {
    this.#open.delete(id);
    await removeQuietly(path).catch(() => undefined);
  }

  #isIdle({ touchedMs, running }: OpenUpload): boolean {
    return running === undefined && this.#ports.clock.monotonicMs() - touchedMs >= UPLOAD_IDLE_MS;
  }

  #find(id: string): OpenUpload | undefined {
    const upload = this.#open.get(id);
    return upload && !this.#isIdle(upload) ? upload : undefined;
  }

  #known(id: string): OpenUpload {
    const upload = this.#find(id);
    if (upload) return upload;
    throw unknownUpload(id);
  }

  #view({ id, sha256, lengthBytes, offsetBytes, touchedMs }: OpenUpload): Upload {
    const { clock } = this.#ports;
    const expiresAtMs = clock.nowMs() + UPLOAD_IDLE_MS - (clock.monotonicMs() - touchedMs);
    return { id, sha256, lengthBytes, offsetBytes, expiresAtMs };
  }
}

/** The chunks of `source`, until it ends, breaks off, or a newer append comes; the last two as UPLOAD_CUT. */
async function* untilCut(
  upload: OpenUpload,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = source[Symbol.asyncIterator]();
  const superseded = new Promise<never>((_resolve, reject) => {
    const end = () => reject(supersededError(upload));
    // It may have come while the file was opened.
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  superseded.catch(() => undefined);
  try {
    for (;;) {
      const next = await Promise.race([superseded, iterator.next()]);
      if (next.done) return;
      yield next.value;
    }
  } catch (cause) {
    if (isOtaError(cause)) throw cause;
    throw new UploadError('UPLOAD_CUT', `the bytes of upload ${upload.id} broke off: ${String(cause)}`, {
      cause,
      fix: 'Ask for the offset and go on from there.',
    });
  } finally {
    // Not waited for: a source that hangs would never answer.
    iterator.return?.().catch(() => undefined);
  }
}

function offsetError({ id, offsetBytes }: OpenUpload, asked: number): UploadError {
  return new UploadError('UPLOAD_OFFSET', `upload ${id} has ${offsetBytes} bytes, the next ones are for ${asked}`, {
    detail: { offsetBytes },
    fix: 'Ask for the offset and go on from there.',
  });
}

function supersededError({ id }: OpenUpload): UploadError {
  return new UploadError('UPLOAD_CUT', `somebody goes on with upload ${id} over another connection, or ended it`, {
    fix: 'Ask for the offset and go on from there.',
  });
}
