/** Operations of the audit log; see operations.ts. */
import { type AuditEntry, encodeEntry } from '../../fleet/audit/entry.ts';
import { AuditError } from '../../fleet/audit/errors.ts';
import { MAX_APPENDED } from '../../fleet/audit/limits.ts';
import { completeSubtrees, Frontier, leafHash, type Subtree } from '../../fleet/audit/merkle.ts';
import type { AuditQuery, AuditRecord } from '../../fleet/audit/ports.ts';
import { StoreError } from '../../fleet/errors.ts';
import type { Statements } from './connection.ts';
import { query } from './query.ts';

const SQL = {
  append: query((db, slot) =>
    db.insertInto('audit_pending').values({ tenant: slot('tenant'), leaf: slot<Uint8Array>('leaf') }),
  ),
  pending: query((db, slot) => db.selectFrom('audit_pending').selectAll().orderBy('seq').limit(slot<number>('limit'))),
  unpend: query((db, slot) => db.deleteFrom('audit_pending').where('seq', '<=', slot<number>('seq'))),
  insertEntry: query((db, slot) =>
    db.insertInto('audit_entry').values({
      ...{ leaf_index: slot<number>('leaf_index'), tenant: slot('tenant'), leaf: slot<Uint8Array>('leaf') },
    }),
  ),
  insertSubtree: query((db, slot) =>
    db.insertInto('audit_subtree').values({
      ...{ level: slot<number>('level'), position: slot<number>('position'), hash: slot<Uint8Array>('hash') },
    }),
  ),
  lastLeaf: query((db) =>
    db.selectFrom('audit_subtree').select('position').where('level', '=', 0).orderBy('position', 'desc').limit(1),
  ),
  subtree: query((db, slot) =>
    db
      .selectFrom('audit_subtree')
      .select('hash')
      .where('level', '=', slot<number>('level'))
      .where('position', '=', slot<number>('position')),
  ),
  records: query((db, slot) =>
    db
      .selectFrom('audit_entry')
      .select(['leaf_index', 'leaf'])
      .where('leaf_index', '>=', slot<number>('from'))
      .orderBy('leaf_index')
      .limit(slot<number>('limit')),
  ),
  recordsOfTenant: query((db, slot) =>
    db
      .selectFrom('audit_entry')
      .select(['leaf_index', 'leaf'])
      .where('tenant', '=', slot('tenant'))
      .where('leaf_index', '>=', slot<number>('from'))
      .orderBy('leaf_index')
      .limit(slot<number>('limit')),
  ),
  checkpoint: query((db) => db.selectFrom('audit_checkpoint').selectAll().orderBy('size', 'desc').limit(1)),
  clearCheckpoints: query((db) => db.deleteFrom('audit_checkpoint')),
  insertCheckpoint: query((db, slot) =>
    db.insertInto('audit_checkpoint').values({
      ...{ size: slot<number>('size'), note: slot('note'), at_ms: slot<number>('at_ms') },
    }),
  ),
};

/**
 * For operations that change something: called inside of theirs, the entry is durable with the change, or neither is (SEC-26).
 * @throws {AuditError} AUDIT_ENTRY, AUDIT_LIMIT
 */
export function appendEntry(on: Statements, entry: AuditEntry): void {
  // SQLite gives it the next number, above all that wait.
  SQL.append.run(on, { tenant: entry.tenant, leaf: encodeEntry(entry) });
}

export const AUDIT_READS = {
  auditSize: (on: Statements): number => (SQL.lastLeaf.first(on, {})?.position ?? -1) + 1,
  auditRecords: (on: Statements, { from, limit, tenant }: AuditQuery): readonly AuditRecord[] =>
    (tenant === undefined
      ? SQL.records.all(on, { from, limit })
      : SQL.recordsOfTenant.all(on, { from, limit, tenant })
    ).map(({ leaf_index, leaf }) => ({ index: leaf_index, leaf })),
  auditSubtrees: (on: Statements, wanted: readonly Subtree[]): readonly (Uint8Array | undefined)[] =>
    wanted.map(({ level, index }) => SQL.subtree.first(on, { level, position: index })?.hash),
  auditCheckpoint: (on: Statements): string | undefined => SQL.checkpoint.first(on, {})?.note,
};

export const AUDIT_WRITES = {
  appendAudit(on: Statements, entries: readonly AuditEntry[]): void {
    if (entries.length > MAX_APPENDED)
      throw new AuditError('AUDIT_LIMIT', `${entries.length} audit entries at once; at most ${MAX_APPENDED} are taken`);
    for (const entry of entries) appendEntry(on, entry);
  },
  sequenceAudit(on: Statements, limit: number): number {
    const pending = SQL.pending.all(on, { limit });
    const last = pending.at(-1);
    if (!last) return 0;
    const tree = frontier(on);
    for (const { tenant, leaf } of pending) {
      SQL.insertEntry.run(on, { leaf_index: tree.size, tenant, leaf });
      for (const { level, index, hash } of tree.append(leafHash(leaf)))
        SQL.insertSubtree.run(on, { level, position: index, hash });
    }
    SQL.unpend.run(on, { seq: last.seq });
    return pending.length;
  },
  saveAuditCheckpoint(on: Statements, { size, note, atMs }: { size: number; note: string; atMs: number }): void {
    const last = SQL.checkpoint.first(on, {});
    if (last && last.size > size)
      throw new StoreError(
        'STORE_CONFLICT',
        `a checkpoint of ${last.size} entries is there already, and not one of ${size}`,
      );
    SQL.clearCheckpoints.run(on, {});
    SQL.insertCheckpoint.run(on, { size, note, at_ms: atMs });
  },
};

function frontier(on: Statements): Frontier {
  const size = AUDIT_READS.auditSize(on);
  const hashes = AUDIT_READS.auditSubtrees(on, completeSubtrees(0, size)).filter((hash) => hash !== undefined);
  if (hashes.length === completeSubtrees(0, size).length) return new Frontier(size, hashes);
  throw new StoreError('STORE_IO', 'hashes of the audit log are gone', {
    fix: 'Keep the database as it is, and find out who changed it.',
  });
}
