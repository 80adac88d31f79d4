import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import type { ApiClient } from '../api-client.ts';
import { CliError } from '../exit.ts';
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
    'store a file under its SHA-256',
    () => undefined,
    async ({ api, out }, [file = '']) => {
      const stored = await uploadArtifact(api(), file);
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

export async function uploadArtifact(api: ApiClient, file: string): Promise<StoredArtifact> {
  const { sha256, lengthBytes } = await digestOf(file);
  return api.putFile(`/artifacts/${sha256}`, file, lengthBytes);
}

/** @throws {CliError} CLI_FILE */
export async function digestOf(file: string): Promise<StoredArtifact> {
  try {
    const hash = createHash('sha256');
    const lengthBytes = statSync(file).size;
    await pipeline(createReadStream(file), hash);
    return { sha256: hash.digest('hex'), lengthBytes };
  } catch (cause) {
    throw new CliError('CLI_FILE', `${file} cannot be read`, { cause, fix: 'Check the path and its permissions.' });
  }
}
