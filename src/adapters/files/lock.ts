/**
 * A lock between processes that ends with its holder, however that ends. Node has no flock(2), and a lock that is a file outlives a
 * crash; SQLite takes real locks of the kernel on a file that stays empty.
 */
import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/ports.ts';
import { hasCode } from './durable.ts';

/** Milliseconds between two attempts: what a holder does takes about as long. */
const POLL_MS = 20;
/** Milliseconds after which the holder must be stuck. */
const MAX_WAIT_MS = 5_000;
/** SQLite's result code for "somebody else has it". */
const SQLITE_BUSY = 5;

/**
 * @param path of the lock itself: an empty file that is made once and stays
 * @returns a function that gives the lock back; `undefined` when it was not to be had within 5 s
 * @throws {Error} errors of the file system
 */
export async function takeLock(path: string, clock: Clock): Promise<(() => void) | undefined> {
  await createOnce(path);
  const db = new DatabaseSync(path);
  const startedMs = clock.monotonicMs();
  try {
    while (!hasLocked(db)) {
      if (clock.monotonicMs() - startedMs >= MAX_WAIT_MS) {
        db.close();
        return undefined;
      }
      await clock.sleep(POLL_MS);
    }
  } catch (error) {
    db.close();
    throw error;
  }
  // Closing rolls back: nothing is ever written.
  return () => db.close();
}

/** Exclusively: opening and closing a file that is there would drop the locks that this very process holds on it. */
async function createOnce(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

function hasLocked(db: DatabaseSync): boolean {
  try {
    // A journal in memory: on disk there would be one beside the lock, written at each locking.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
