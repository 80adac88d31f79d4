import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { concat } from '../../core/bytes.ts';
import { hasCode } from './durable.ts';

/** `exposed`: somebody else than its owner may read or change it; nothing was read then. */
export type SecretFile =
  | { readonly state: 'read'; readonly bytes: Uint8Array }
  | { readonly state: 'missing' | 'exposed' | 'oversized' };

const OTHERS = 0o077;

/**
 * Reads a secret that lies there as it should; also from a pipe.
 * @throws {Error} errors of the file system other than that there is no file
 */
export async function readSecretFile(path: string, maxBytes: number): Promise<SecretFile> {
  try {
    const handle = await open(path, 'r');
    try {
      // Windows has no such bits and shows all of them always.
      if (process.platform !== 'win32' && ((await handle.stat()).mode & OTHERS) !== 0) return { state: 'exposed' };
      const chunks: Uint8Array[] = [];
      for await (const chunk of handle.createReadStream({ end: maxBytes, autoClose: false }))
        chunks.push(chunk as Buffer);
      const bytes = concat(...chunks);
      return bytes.length > maxBytes ? { state: 'oversized' } : { state: 'read', bytes };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { state: 'missing' };
    throw error;
  }
}

/**
 * Creates a file for a secret: mode 0600 from the first moment, whatever the umask, and never over an existing one (SEC-21).
 * @throws {Error} EEXIST and other errors of the file system
 */
export function writeSecretFile(path: string, content: string): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
