/** The embedded store without its threads and its waits for the disk: the same operations, for tests that are about neither. */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { openForReading, openForWriting, Statements } from '../../src/adapters/sqlite/connection.ts';
import { READS, WRITES } from '../../src/adapters/sqlite/operations.ts';
import type { AuditStore } from '../../src/fleet/audit/ports.ts';
import type { Store } from '../../src/fleet/ports.ts';
import { DATABASE, type Parts } from './fleet.ts';

type Operation = (on: Statements, ...parameters: readonly unknown[]) => unknown;

export async function openDirectStore({ path }: { readonly path: string }): Promise<Store & AuditStore> {
  const db = openForWriting(path);
  db.exec('PRAGMA synchronous = OFF');
  const statements = new Statements(db);
  const methods = Object.entries({ ...READS, ...WRITES } as Record<string, Operation>).map(([name, operation]) => [
    name,
    async (...parameters: readonly unknown[]) => inTransaction(db, () => operation(statements, ...parameters)),
  ]);
  return {
    ...(Object.fromEntries(methods) as Omit<Store & AuditStore, 'close'>),
    close: async () => (db.isOpen ? db.close() : undefined),
  };
}

function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const value = work();
    db.exec('COMMIT');
    return value;
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}

/** For `openParts` and `partsWithRoot`. */
export const QUICK = { openStore: openDirectStore } as const;

/** Every row of every table but the named ones, to compare what was with what is. */
export function rowsOf(
  { dir }: Pick<Parts, 'dir'>,
  except: readonly string[] = [],
): ReadonlyMap<string, readonly unknown[]> {
  const db = openForReading(join(dir, DATABASE));
  try {
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const tables = names.map(({ name }) => String(name)).filter((name) => !except.includes(name));
    return new Map(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`).all()]));
  } finally {
    db.close();
  }
}

/**
 * The call is refused, and nothing at all has changed (SEC-6).
 * @param except tables that may: an intent tells that an online key was used, also when that came to nothing
 */
export async function refusedUnchanged(
  parts: Parts,
  code: string,
  call: () => Promise<unknown>,
  except: readonly string[] = [],
): Promise<void> {
  const { repository } = parts;
  const state = async () => ({
    head: repository.head,
    timestamp: await repository.file('timestamp.json'),
    rows: rowsOf(parts, except),
  });
  const before = await state();
  await expect(call()).rejects.toMatchObject({ code });
  expect(await state()).toEqual(before);
}
