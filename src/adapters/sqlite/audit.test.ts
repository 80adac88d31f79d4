import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDirectStore } from '../../../test/support/direct-store.ts';
import { temporaryDir } from '../../../test/support/ports.ts';
import { encodeEntry } from '../../fleet/audit/entry.ts';
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  type ReadSubtrees,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from '../../fleet/audit/merkle.ts';
import { describeAuditStore, entry } from '../../fleet/audit/store.contract.ts';
import { rollout } from '../../fleet/store.contract.ts';
import { appendEntry } from './audit-operations.ts';
import { openForWriting, Statements } from './connection.ts';
import { READS, WRITES } from './operations.ts';
import { openSqliteStore } from './store.ts';

const freshPath = () => join(temporaryDir(), 'sealift.db');

describeAuditStore('SQLite audit store', async () => {
  const store = await openSqliteStore({ path: freshPath() });
  onTestFinished(() => store.close());
  return store;
});

describe('SEC-26 an entry and the change it tells of', () => {
  function connection() {
    const db = openForWriting(freshPath());
    onTestFinished(() => db.close());
    return { db, on: new Statements(db) };
  }

  it('SEC-26 are in one transaction: both or neither', () => {
    const { db, on } = connection();
    const change = (end: 'COMMIT' | 'ROLLBACK') => {
      db.exec('BEGIN');
      WRITES.createRollout(on, rollout(1));
      appendEntry(on, entry(1));
      db.exec(end);
      return [READS.rollout(on, 't', rollout(1).id) !== undefined, WRITES.sequenceAudit(on, 10)];
    };
    expect(change('ROLLBACK')).toEqual([false, 0]);
    expect(change('COMMIT')).toEqual([true, 1]);
    expect(READS.auditRecords(on, { from: 0, limit: 9, tenant: 't' })).toHaveLength(1);
  });

  it('SEC-26 an entry that cannot be written throws, so that the change is undone', () => {
    const { on } = connection();
    expect(() => appendEntry(on, entry(1, { after: 0.5 }))).toThrow(expect.objectContaining({ code: 'AUDIT_ENTRY' }));
  });

  it('SEC-26 waits for its place over a restart', async () => {
    const path = freshPath();
    const before = await openSqliteStore({ path });
    await before.appendAudit([entry(1), entry(2)]);
    await before.close();
    const after = await openSqliteStore({ path });
    onTestFinished(() => after.close());
    expect(await after.sequenceAudit(10)).toBe(2);
    expect(
      (await after.auditRecords({ from: 0, limit: 9, tenant: undefined })).map(({ leaf }) => new Uint8Array(leaf)),
    ).toEqual([encodeEntry(entry(1)), encodeEntry(entry(2))]);
  });
});

describe('SEC-25 a large log', () => {
  it('SEC-25 proves anything about 100,000 entries with some 2 log2(n) keyed reads', async () => {
    const path = freshPath();
    const store = await openDirectStore({ path });
    onTestFinished(() => store.close());
    const size = 100_000;
    for (let from = 0; from < size; from += 1_000) {
      await store.appendAudit(Array.from({ length: 1_000 }, (_, number) => entry(from + number)));
      expect(await store.sequenceAudit(1_000)).toBe(1_000);
    }
    let reads = 0;
    let calls = 0;
    const read: ReadSubtrees = async (wanted) => {
      reads += wanted.length;
      calls += 1;
      return (await store.auditSubtrees(wanted)).map((hash) => hash ?? new Uint8Array());
    };
    const counted = async <T>(work: () => Promise<T>) => {
      [reads, calls] = [0, 0];
      const value = await work();
      expect(calls).toBe(1);
      expect(reads).toBeLessThanOrEqual(2 * 17);
      return value;
    };
    const root = await counted(() => rootAt(size, read));
    for (const index of [0, 1, 65_535, 65_536, 98_303, 99_999, 12_345]) {
      const proof = await counted(() => inclusionProof(index, size, read));
      expect(proof.length).toBeLessThanOrEqual(17);
      const leaf = leafHash(encodeEntry(entry(index)));
      expect(verifyInclusion({ index, size, leaf, proof, root })).toBe(true);
    }
    for (const oldSize of [1, 65_535, 65_536, 65_537, 99_999]) {
      const oldRoot = await counted(() => rootAt(oldSize, read));
      const proof = await counted(() => consistencyProof(oldSize, size, read));
      expect(verifyConsistency({ oldSize, oldRoot, size, root, proof })).toBe(true);
    }
    // Each of these reads is a search by the whole key.
    const db = new DatabaseSync(path, { readOnly: true });
    onTestFinished(() => db.close());
    const plan = db.prepare('EXPLAIN QUERY PLAN SELECT hash FROM audit_subtree WHERE level = 0 AND position = 5').all();
    expect(plan.map(({ detail }) => detail)).toEqual([
      'SEARCH audit_subtree USING PRIMARY KEY (level=? AND position=?)',
    ]);
  });
});
