/** Sends a file in parts, and goes on by itself where a connection broke, also after another run of this command. */
import { createReadStream } from 'node:fs';
import { isOtaError } from '../core/errors.ts';
import type { Clock, Random } from '../core/ports.ts';
import { drawShare } from '../core/random.ts';
import type { ApiClient } from './api-client.ts';
import { CliError } from './exit.ts';
import { reasonOf } from './files.ts';
import { MAX_UPLOAD_BACKOFF_MS, MAX_UPLOAD_FAILURES, UPLOAD_BACKOFF_MS, UPLOAD_PIECE_BYTES } from './limits.ts';

export interface UploadedFile {
  readonly file: string;
  readonly sha256: string;
  readonly lengthBytes: number;
}

export interface UploadPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes that are sent, on each chunk; falls back when a connection broke. */
  readonly onSent?: (bytes: number) => void;
  readonly onRetry?: (reason: string, waitMs: number) => void;
}

interface UploadState {
  readonly id: string;
  readonly offset: number;
}

/** Statuses of a server, or of a proxy before it, that may be other ones in a moment. */
const PASSING = new Set([408, 429, 502, 503, 504]);

/** @throws {CliError} CLI_UNREACHABLE also at the end of all attempts, CLI_API, CLI_FILE */
export async function uploadFile(api: ApiClient, what: UploadedFile, ports: UploadPorts): Promise<void> {
  const { sha256, lengthBytes } = what;
  let reached: UploadState | undefined;
  for (let failures = 0; ; ) {
    try {
      // The last answer may be what was lost: then the artifact is there, and the upload is not.
      if (isLastPiece(reached, lengthBytes) && (await isStored(api, sha256))) return;
      let upload: UploadState = await api.post<UploadState>('/artifacts/uploads', { sha256, lengthBytes });
      for (let isEnd = false; !isEnd; isEnd = upload.offset === lengthBytes) {
        if (upload.offset > (reached?.offset ?? 0)) failures = 0;
        reached = upload;
        upload = await sendPiece(api, what, upload, ports);
      }
      return;
    } catch (error) {
      failures += 1;
      // A server that was never there is rather a wrong address than a broken connection.
      if (!reached || !isPassing(error) || failures > MAX_UPLOAD_FAILURES) throw error;
      const waitMs = waitAfter(error, failures, ports.random);
      ports.onRetry?.(error.message, waitMs);
      await ports.clock.sleep(waitMs);
    }
  }
}

async function sendPiece(
  api: ApiClient,
  { file, lengthBytes }: UploadedFile,
  { id, offset }: UploadState,
  { onSent }: UploadPorts,
): Promise<UploadState> {
  const end = Math.min(offset + UPLOAD_PIECE_BYTES, lengthBytes);
  let unreadable: unknown;
  async function* piece(): AsyncGenerator<Uint8Array> {
    let sent = offset;
    try {
      for await (const chunk of bytesOf(file, offset, end)) {
        yield chunk;
        sent += chunk.length;
        onSent?.(sent);
      }
      if (sent < end) throw unsent(file, ': it has become shorter');
    } catch (error) {
      unreadable = error;
      throw error;
    }
  }
  try {
    return await api.patchBytes(`/artifacts/uploads/${id}`, offset, piece(), end - offset);
  } catch (error) {
    if (unreadable === undefined) throw error;
    throw unreadable instanceof CliError ? unreadable : unsent(file, reasonOf(unreadable), unreadable);
  }
}

function unsent(file: string, reason: string, cause?: unknown): CliError {
  return new CliError('CLI_FILE', `${file} cannot be read to its end${reason}`, {
    cause,
    fix: 'Leave the file as it is while it is sent, and send it again.',
  });
}

async function* bytesOf(file: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (end > start) yield* createReadStream(file, { start, end: end - 1 }) as AsyncIterable<Uint8Array>;
}

function isLastPiece(reached: UploadState | undefined, lengthBytes: number): boolean {
  return reached !== undefined && reached.offset + UPLOAD_PIECE_BYTES >= lengthBytes;
}

async function isStored(api: ApiClient, sha256: string): Promise<boolean> {
  try {
    await api.get(`/artifacts/${sha256}`);
    return true;
  } catch (error) {
    if (isOtaError(error) && error.detail.status === 404) return false;
    throw error;
  }
}

function isPassing(error: unknown): error is Error {
  if (!isOtaError(error)) return false;
  if (error.code === 'CLI_UNREACHABLE') return true;
  const { status, code } = error.detail;
  // A full disk does not pass while somebody waits.
  return String(code).startsWith('UPLOAD_') || (PASSING.has(Number(status)) && code !== 'BLOB_WRITE');
}

/** Full jitter below a bound that doubles; or what the server asks for, if that is longer (REL-20). */
function waitAfter(error: Error, failures: number, random: Random): number {
  const bound = Math.min(MAX_UPLOAD_BACKOFF_MS, UPLOAD_BACKOFF_MS * 2 ** (failures - 1));
  const asked = isOtaError(error) ? Number(error.detail.retryAfterSeconds ?? 0) * 1_000 : 0;
  return Math.min(MAX_UPLOAD_BACKOFF_MS, Math.max(asked, Math.ceil(bound * drawShare(random))));
}
