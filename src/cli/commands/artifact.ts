import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import type { ApiClient } from '../api-client.ts';
import { readChunks } from '../files.ts';
import { PROGRESS_MS } from '../limits.ts';
import type { Output } from '../output.ts';
import { uploadFile } from '../upload.ts';
import { noun, verb } from '../verbs.ts';

export interface StoredArtifact {
  readonly sha256: string;
  readonly lengthBytes: number;
}

export function addArtifactCommands(program: Command): void {
  const artifact = noun(program, 'artifact', 'bytes that releases name by digest');
  verb(
    artifact,
    'upload <file>',
    'store a file under its SHA-256; goes on where a connection, or an earlier run, broke off',
    () => undefined,
    async ({ api, out }, [file = '']) => {
      const stored = await uploadArtifact(api(), file, out);
      out.result(stored, () => `${stored.sha256}  ${stored.lengthBytes} bytes`);
    },
  );
  verb(
    artifact,
    'get <sha256>',
    'say whether an artifact is stored',
    () => undefined,
    async ({ api, out }, [sha256 = '']) => {
      const stored = await api().get<StoredArtifact>(`/artifacts/${encodeURIComponent(sha256)}`);
      out.result(stored, () => `${stored.sha256}  ${stored.lengthBytes} bytes`);
    },
  );
}

/** In parts: a connection that breaks is no more than a pause. What is happening is drawn on a terminal. */
export async function uploadArtifact(api: ApiClient, file: string, out: Output): Promise<StoredArtifact> {
  const stored = await digestOf(file);
  let drawnMs = 0;
  const onSent = (bytes: number) => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - drawnMs < PROGRESS_MS) return;
    drawnMs = nowMs;
    out.progress(`${file}  ${megabytes(bytes)} of ${megabytes(stored.lengthBytes)} MB`);
  };
  const onRetry = (reason: string, waitMs: number) =>
    out.message(`The upload pauses for ${Math.ceil(waitMs / 1_000)} s: ${reason}`);
  try {
    await uploadFile(api, { file, ...stored }, { clock: systemClock, random: systemRandom, onSent, onRetry });
  } finally {
    out.progress(undefined);
  }
  return stored;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** @throws {CliError} CLI_FILE */
export async function digestOf(file: string): Promise<StoredArtifact> {
  const hash = createHash('sha256');
  let lengthBytes = 0;
  for await (const chunk of readChunks(file)) {
    hash.update(chunk);
    lengthBytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), lengthBytes };
}
