/** The embedded store without its threads and its waits for the disk: the same operations, for tests that are about neither. */
import type { DatabaseSync } from 'node:sqlite';
import { openForReading, openForWriting, Statements } from '../../src/adapters/sqlite/connection.ts';
import { READS, WRITES } from '../../src/adapters/sqlite/operations.ts';
import type { Store } from '../../src/fleet/ports.ts';

type Operation = (on: Statements, ...parameters: readonly unknown[]) => unknown;

export async function openDirectStore({ path }: { readonly path: string }): Promise<Store> {
  const db = openForWriting(path);
  db.exec('PRAGMA synchronous = OFF');
  const statements = new Statements(db);
  const methods = Object.entries({ ...READS, ...WRITES } as Record<string, Operation>).map(([name, operation]) => [
    name,
    async (...parameters: readonly unknown[]) => inTransaction(db, () => operation(statements, ...parameters)),
  ]);
  return { ...(Object.fromEntries(methods) as Omit<Store, 'close'>), close: async () => db.close() };
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

/** Every row of every table but the named ones, to compare what was with what is. */
export function rowsOf(path: string, except: readonly string[] = []): ReadonlyMap<string, readonly unknown[]> {
  const db = openForReading(path);
  try {
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const tables = names.map(({ name }) => String(name)).filter((name) => !except.includes(name));
    return new Map(tables.map((table) => [table, db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).all()]));
  } finally {
    db.close();
  }
}
