/** One connection: how it is opened, migrated, and how statements are kept. */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { StoreError } from '../../fleet/errors.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';

/** Milliseconds to wait for a lock that another process holds, e.g. a copy of the file. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * @throws {StoreError} STORE_NEWER a later Sealift wrote the file, STORE_IO it is no database of ours; the file is unchanged
 */
export function openForWriting(path: string): DatabaseSync {
  if (existsSync(path)) refuseForeign(path);
  makePrivate(path);
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  // WAL with FULL: what is committed survives a power cut (REL-2); NORMAL may lose the last commits.
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;',
  );
  migrate(db);
  return db;
}

export function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
}

/** Each statement is prepared once per connection. */
export class Statements {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  all(sql: string, parameters: readonly SQLInputValue[]): unknown[] {
    return this.#statement(sql).all(...parameters);
  }

  /** @returns rows changed */
  run(sql: string, parameters: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...parameters).changes);
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}

/** Before SQLite opens it: the files beside a database are made with its mode. Those that a kill left behind keep theirs. */
function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, 0o600);
}

/** Read-only, so that a refusal leaves every byte as it is (REL-6). */
function refuseForeign(path: string): void {
  let versions: { application: number; user: number; tables: number };
  try {
    const db = openForReading(path);
    try {
      versions = {
        application: pragma(db, 'application_id'),
        user: pragma(db, 'user_version'),
        tables: Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n),
      };
    } finally {
      db.close();
    }
  } catch (cause) {
    throw new StoreError('STORE_IO', `${path} cannot be opened as a database: ${String(cause)}`, {
      cause,
      fix: 'Check its permissions; if it is damaged, restore a backup.',
    });
  }
  if (versions.application !== APPLICATION_ID && versions.tables > 0) {
    throw new StoreError('STORE_IO', `${path} is a database of another program`, {
      fix: 'Set dataDir to a folder of Sealift.',
    });
  }
  if (versions.user > MIGRATIONS.length) {
    throw new StoreError(
      'STORE_NEWER',
      `${path} has schema ${versions.user}, this Sealift knows up to ${MIGRATIONS.length}`,
      {
        fix: 'Start the newer Sealift that wrote it, or restore a backup made before the upgrade.',
      },
    );
  }
}

/** One transaction per migration: a kill leaves the one before, and the next start goes on from there. */
function migrate(db: DatabaseSync): void {
  for (let version = pragma(db, 'user_version'); version < MIGRATIONS.length; version += 1) {
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(MIGRATIONS[version] ?? '');
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}; COMMIT;`);
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

function pragma(db: DatabaseSync, name: 'application_id' | 'user_version'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
