/**
 * Checkpoints of the audit log in a file that only ever grows: one after another, each followed by two empty lines. It belongs where the
 * server may append and nothing else, such as a file with `chattr +a`, or a mount of another machine.
 */
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CHECKPOINT_END } from '../../fleet/audit/checkpoint.ts';
import { AuditLogError } from '../../fleet/audit/errors.ts';
import { MAX_NOTE_BYTES } from '../../fleet/audit/limits.ts';
import { isWholeNote } from '../../fleet/audit/note.ts';
import type { CheckpointSink } from '../../fleet/audit/ports.ts';
import { hasCode, syncDirectory, writeAll } from './durable.ts';

/** A line end, and the two empty lines. */
const END = `\n${CHECKPOINT_END}`;
/** Bytes from the end of the file within which its last whole checkpoint lies, behind it perhaps one that a power cut has torn. */
const TAIL_BYTES = 2 * MAX_NOTE_BYTES;

export class CheckpointFile implements CheckpointSink {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async last(): Promise<string | undefined> {
    const { text, isAll } = await this.#tail();
    // The first piece may lack its beginning; the last has no end yet.
    const notes = text.split(END).slice(isAll ? 0 : 1, -1);
    return notes.map((note) => `${note}\n`).findLast(isWholeNote);
  }

  async append(note: string): Promise<void> {
    try {
      const { text } = await this.#tail();
      // What a power cut left of another is closed off, since it cannot be taken back.
      const gap = text === '' || text.endsWith(END) ? '' : END;
      const handle = await open(this.#path, 'a', 0o644);
      try {
        await writeAll(handle, Buffer.from(`${gap}${note}${CHECKPOINT_END}`));
        await handle.sync();
      } finally {
        await handle.close();
      }
      if (text === '') await syncDirectory(dirname(this.#path));
    } catch (cause) {
      throw cause instanceof AuditLogError ? cause : failed(this.#path, cause);
    }
  }

  async #tail(): Promise<{ text: string; isAll: boolean }> {
    try {
      const handle = await open(this.#path, 'r');
      try {
        const { size } = await handle.stat();
        const start = Math.max(0, size - TAIL_BYTES);
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
        return { text: buffer.toString('utf8', 0, bytesRead), isAll: start === 0 };
      } finally {
        await handle.close();
      }
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return { text: '', isAll: true };
      throw failed(this.#path, cause);
    }
  }
}

function failed(path: string, cause: unknown): AuditLogError {
  return new AuditLogError('AUDIT_IO', `checkpoints cannot be exported to ${path}: ${String(cause)}`, {
    cause,
    fix: 'Look at the folder: is it there, may the server append to the file, is there space.',
  });
}
