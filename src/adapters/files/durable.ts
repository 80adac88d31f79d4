/** Files that are whole and on disk, or not there (REL-2): write aside, fsync, rename, fsync the folder. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a rename or removal inside `dir` survive a power cut. */
export async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces `path` atomically; readers see the old or the new content, also after a cut. Not for two writers of one path. The file
 * has `mode` from the first moment: its draft is always made anew, so neither what a crash left nor a link that somebody laid there
 * is written into.
 */
export async function writeFileDurably(path: string, content: Uint8Array | string, mode = 0o600): Promise<void> {
  const draft = `${path}.draft`;
  await removeQuietly(draft);
  try {
    const handle = await open(draft, 'wx', mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (error) {
    await removeQuietly(draft).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Writes all of `chunk`: a short write is not a success. */
export async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten;
}

export async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true });
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && codes.includes(code);
}
