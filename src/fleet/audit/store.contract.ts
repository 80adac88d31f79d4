/** What every adapter of the AuditStore port must do. */
import { describe, expect, it } from 'vitest';
import type { AuditEntry } from './entry.ts';
import { encodeEntry } from './entry.ts';
import { MAX_APPENDED, MAX_VALUE_BYTES } from './limits.ts';
import {
  completeSubtrees,
  consistencyProof,
  Frontier,
  inclusionProof,
  leafHash,
  type ReadSubtrees,
  rootAt,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
import type { AuditStore } from './ports.ts';

export const entry = (number = 1, changes: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ tenant: number % 3 === 0 ? 'u' : 't', actor: { kind: 'user', id: `person${number % 7}` } },
  ...{ what: 'rollout.halted', object: { kind: 'rollout', id: `P${number}` }, digest: 'ab'.repeat(32) },
  ...{ before: { state: 'running' }, after: { state: 'halted', revision: number }, approvals: ['alice', 'bob'] },
  ...{ atMs: 1_000 + number, requestId: `request${number}`, ...changes },
});

const all = { from: 0, limit: 1_000, tenant: undefined };

/** @param make gives a fresh, empty store that is closed when the test ends */
export function describeAuditStore(name: string, make: () => Promise<AuditStore>): void {
  const filled = async (count: number) => {
    const store = await make();
    const entries = Array.from({ length: count }, (_, number) => entry(number));
    await store.appendAudit(entries);
    while ((await store.sequenceAudit(100)) > 0);
    const leaves = entries.map((one) => leafHash(encodeEntry(one)));
    const read: ReadSubtrees = async (wanted) =>
      (await store.auditSubtrees(wanted)).map((hash) => hash ?? new Uint8Array());
    return { store, entries, leaves, read };
  };

  describe(`SEC-25 ${name}`, () => {
    it('SEC-25 is empty at first', async () => {
      const store = await make();
      expect([await store.auditSize(), await store.sequenceAudit(10), await store.auditCheckpoint()]).toEqual([
        ...[0, 0, undefined],
      ]);
      expect(await store.auditRecords(all)).toEqual([]);
      expect(await store.auditSubtrees([{ level: 0, index: 0 }])).toEqual([undefined]);
    });

    it('SEC-25 gives places in the order of appending, in batches, one after another', async () => {
      const store = await make();
      await store.appendAudit([entry(1), entry(2), entry(3)]);
      await store.appendAudit([entry(4)]);
      expect([await store.auditSize(), await store.auditRecords(all)]).toEqual([0, []]);
      expect(await store.sequenceAudit(2)).toBe(2);
      await store.appendAudit([entry(5)]);
      expect(await store.sequenceAudit(2)).toBe(2);
      expect(await store.sequenceAudit(2)).toBe(1);
      expect(await store.sequenceAudit(2)).toBe(0);
      await store.appendAudit([entry(6)]);
      expect(await store.sequenceAudit(2)).toBe(1);
      const expected = [1, 2, 3, 4, 5, 6].map((number, index) => ({ index, leaf: encodeEntry(entry(number)) }));
      expect((await store.auditRecords(all)).map(plain)).toEqual(expected);
      expect(await store.auditSize()).toBe(6);
    });

    it('SEC-25 two who sequence at once give no place twice and leave none out', async () => {
      const store = await make();
      const numbers = Array.from({ length: 60 }, (_, number) => number);
      await Promise.all(numbers.map((number) => store.appendAudit([entry(number)])));
      const counts = await Promise.all(numbers.map(() => store.sequenceAudit(7)));
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
      const records = await store.auditRecords(all);
      expect(records.map(({ index }) => index)).toEqual(numbers);
      const leaves = records.map(({ leaf }) => leafHash(leaf));
      expect(await rootAt(60, async (wanted) => known(await store.auditSubtrees(wanted)))).toEqual(rootOf(leaves));
    });

    it('SEC-18 reads by index, of all or of one tenant', async () => {
      const { store, entries } = await filled(10);
      const indexes = async (query: { from?: number; limit?: number; tenant?: string }) =>
        (await store.auditRecords({ ...all, ...query })).map(({ index }) => index);
      expect(await indexes({ from: 3, limit: 4 })).toEqual([3, 4, 5, 6]);
      expect(await indexes({ from: 9 })).toEqual([9]);
      expect(await indexes({ from: 10 })).toEqual([]);
      expect(await indexes({ tenant: 'u' })).toEqual([0, 3, 6, 9]);
      expect(await indexes({ tenant: 'u', from: 1, limit: 2 })).toEqual([3, 6]);
      expect(await indexes({ tenant: 'nobody' })).toEqual([]);
      expect(entries).toHaveLength(10);
    });

    it('SEC-25 stores every complete subtree, and no other', async () => {
      const { store, leaves, read } = await filled(37);
      const frontier = new Frontier();
      const expected = leaves.flatMap((leaf) => frontier.append(leaf));
      expect((await store.auditSubtrees(expected)).map((hash) => hash && new Uint8Array(hash))).toEqual(
        expected.map(({ hash }) => hash),
      );
      const incomplete = [
        { level: 0, index: 37 },
        { level: 2, index: 9 },
        { level: 6, index: 0 },
      ];
      expect(await store.auditSubtrees(incomplete)).toEqual([undefined, undefined, undefined]);
      for (const size of [1, 2, 31, 32, 33, 37]) {
        const root = rootOf(leaves.slice(0, size));
        expect(await rootAt(size, read)).toEqual(root);
        for (const index of [0, size >> 1, size - 1]) {
          const leaf = leaves[index] ?? root;
          const proof = await inclusionProof(index, size, read);
          expect(verifyInclusion({ index, size, leaf, proof, root })).toBe(true);
        }
        const proof = await consistencyProof(size, 37, read);
        const heads = { oldSize: size, oldRoot: root, size: 37, root: rootOf(leaves) };
        expect(verifyConsistency({ ...heads, proof })).toBe(true);
      }
      expect(completeSubtrees(0, 37)).toHaveLength(3);
    });

    it('SEC-10 takes all entries of a call or none, and says what is wrong by its own name', async () => {
      const store = await make();
      const tooMuch = entry(2, { after: 'x'.repeat(MAX_VALUE_BYTES) });
      await expect(store.appendAudit([entry(1), tooMuch])).rejects.toMatchObject({
        ...{ code: 'AUDIT_LIMIT', detail: { member: 'after', limit: MAX_VALUE_BYTES } },
      });
      await expect(store.appendAudit([entry(1, { what: 'halted' })])).rejects.toMatchObject({ code: 'AUDIT_ENTRY' });
      await expect(store.appendAudit(Array<AuditEntry>(MAX_APPENDED + 1).fill(entry()))).rejects.toMatchObject({
        code: 'AUDIT_LIMIT',
      });
      expect(await store.sequenceAudit(10)).toBe(0);
    });

    it('SEC-25 keeps the last checkpoint, which never is of a smaller tree', async () => {
      const store = await make();
      await store.saveAuditCheckpoint({ size: 5, note: 'five', atMs: 1 });
      await store.saveAuditCheckpoint({ size: 9, note: 'nine', atMs: 2 });
      await expect(store.saveAuditCheckpoint({ size: 8, note: 'eight', atMs: 3 })).rejects.toMatchObject({
        code: 'STORE_CONFLICT',
      });
      expect(await store.auditCheckpoint()).toBe('nine');
      await store.saveAuditCheckpoint({ size: 9, note: 'nine anew', atMs: 4 });
      expect(await store.auditCheckpoint()).toBe('nine anew');
    });
  });
}

const plain = ({ index, leaf }: { index: number; leaf: Uint8Array }) => ({ index, leaf: new Uint8Array(leaf) });
const known = (hashes: readonly (Uint8Array | undefined)[]) => hashes.map((hash) => hash ?? new Uint8Array());
