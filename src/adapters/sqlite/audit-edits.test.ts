/** SEC-25: somebody with the database in hands edits the audit log; the checkpoints that were exported before tell, and what he did. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FREE_LEASE, logKey, ORIGIN } from '../../../test/support/audit.ts';
import { FakeClock, seededRandom, temporaryDir } from '../../../test/support/ports.ts';
import { utf8Decode, utf8Encode } from '../../core/bytes.ts';
import { CHECKPOINT_END, signCheckpoint } from '../../fleet/audit/checkpoint.ts';
import { encodeEntry } from '../../fleet/audit/entry.ts';
import { exportAudit } from '../../fleet/audit/export.ts';
import { Frontier, leafHash } from '../../fleet/audit/merkle.ts';
import { Sequencer } from '../../fleet/audit/sequencer.ts';
import { entry } from '../../fleet/audit/store.contract.ts';
import { verifyAudit, type Wrong } from '../../fleet/audit/verify.ts';
import { CheckpointFile } from '../files/checkpoints.ts';
import { AUDIT_READS } from './audit-operations.ts';
import { openForWriting, Statements } from './connection.ts';
import { openSqliteStore } from './store.ts';

const ENTRIES = 1_000;
/** Sizes at which checkpoints were signed. */
const SIGNED = [90, 300, 512, 777, ENTRIES];
/** Edits of each of the six kinds; in release size more than 1,000 together. */
const ROUNDS = (process.env.SEALIFT_RELEASE ?? '') === '' ? 40 : 167;

const { signer, key } = logKey();
const cleanups: (() => void | Promise<void>)[] = [];
let db: DatabaseSync;
let exportedCheckpoints: Uint8Array;

beforeAll(async () => {
  const dir = temporaryDir((cleanup) => cleanups.push(cleanup));
  const path = join(dir, 'sealift.db');
  const checkpoints = join(dir, 'checkpoints');
  const store = await openSqliteStore({ path });
  const clock = new FakeClock();
  const sink = new CheckpointFile(checkpoints);
  const sequencer = new Sequencer({ store, lease: FREE_LEASE, clock, origin: ORIGIN, signer, sink });
  let appended = 0;
  for (const size of SIGNED) {
    await store.appendAudit(Array.from({ length: size - appended }, (_, number) => entry(appended + number)));
    clock.advance(60_000);
    expect(await sequencer.round()).toEqual({ sequenced: size - appended, signedSize: size });
    appended = size;
  }
  await store.close();
  exportedCheckpoints = readFileSync(checkpoints);
  db = openForWriting(path);
  cleanups.push(() => db.close());
});

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

async function audit(tenant?: string) {
  const on = new Statements(db);
  const store = {
    auditSize: async () => AUDIT_READS.auditSize(on),
    auditRecords: async (query: Parameters<typeof AUDIT_READS.auditRecords>[1]) => AUDIT_READS.auditRecords(on, query),
    auditSubtrees: async (wanted: Parameters<typeof AUDIT_READS.auditSubtrees>[1]) =>
      AUDIT_READS.auditSubtrees(on, wanted),
    auditCheckpoint: async () => AUDIT_READS.auditCheckpoint(on),
  };
  const lines: Uint8Array[] = [];
  const options = { origin: ORIGIN, provenSizes: SIGNED, ...(tenant === undefined ? {} : { tenant }) };
  for await (const line of exportAudit(store, options)) lines.push(line);
  return verifyAudit({ exported: lines, checkpoints: [exportedCheckpoints], keys: [key] });
}

const run = (sql: string, ...values: readonly SQLInputValue[]) => db.prepare(sql).run(...values);
const leafAt = (index: number) =>
  new Uint8Array(db.prepare('SELECT leaf FROM audit_entry WHERE leaf_index = ?').get(index)?.leaf as Uint8Array);
const setLeaf = (index: number, leaf: Uint8Array) =>
  run('UPDATE audit_entry SET leaf = ? WHERE leaf_index = ?', leaf, index);
const insertAt = (index: number, leaf: Uint8Array) => run('INSERT INTO audit_entry VALUES (?, ?, ?)', index, 't', leaf);

/** Entries from `from` on move by so many places. */
function shift(from: number, by: number): void {
  run('UPDATE audit_entry SET leaf_index = -1 - leaf_index WHERE leaf_index >= ?', from);
  run('UPDATE audit_entry SET leaf_index = -1 - leaf_index + ? WHERE leaf_index < 0', by);
}

/** All hashes anew, as they would be if the entries had always been so. Returns size and root. */
function rehash() {
  run('DELETE FROM audit_subtree');
  const frontier = new Frontier();
  for (const { leaf } of db.prepare('SELECT leaf FROM audit_entry ORDER BY leaf_index').all()) {
    for (const { level, index, hash } of frontier.append(leafHash(leaf as Uint8Array)))
      run('INSERT INTO audit_subtree VALUES (?, ?, ?)', level, index, hash);
  }
  return { origin: ORIGIN, size: frontier.size, root: frontier.root() };
}

/** An integer from `min` to `max`. */
type Draw = (min: number, max: number) => number;

/** What is to be said of an edit, and nothing else; `at` where it has one place, `also` what else is true. */
interface Edit {
  readonly wrong: Wrong;
  readonly at?: number;
  readonly also?: Wrong;
}

const forged = (number: number) => encodeEntry(entry(number, { actor: { kind: 'user', id: 'mallory' } }));

const EDITS: Readonly<Record<string, readonly ((draw: Draw) => Edit | Promise<Edit>)[]>> = {
  change: [
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      const leaf = leafAt(at);
      const byte = draw(0, leaf.length - 1);
      leaf[byte] = (leaf[byte] ?? 0) ^ (1 << draw(0, 7));
      setLeaf(at, leaf);
      return { wrong: 'changed', at };
    },
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      setLeaf(at, forged(at));
      return { wrong: 'changed', at };
    },
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      setLeaf(at, utf8Encode((utf8Decode(leafAt(at)) ?? '').replace('{', '{ ')));
      return { wrong: 'changed', at };
    },
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      setLeaf(at, utf8Encode('x'.repeat(draw(0, 100_000))));
      return { wrong: 'changed', at };
    },
    (draw) => {
      // The hash of a leaf instead of the entry.
      const at = draw(0, ENTRIES - 1);
      run('UPDATE audit_subtree SET hash = ? WHERE level = 0 AND position = ?', leafHash(forged(at)), at);
      return { wrong: 'changed', at, also: 'forked' };
    },
  ],
  delete: [
    (draw) => {
      const at = draw(0, ENTRIES - 2);
      run('DELETE FROM audit_entry WHERE leaf_index = ?', at);
      return { wrong: 'deleted', at };
    },
    (draw) => {
      const at = draw(0, ENTRIES - 2);
      run('DELETE FROM audit_entry WHERE leaf_index = ?', at);
      shift(at + 1, -1);
      return { wrong: 'deleted', at };
    },
    (draw) => {
      const at = draw(0, ENTRIES - 200);
      const count = draw(2, 100);
      run('DELETE FROM audit_entry WHERE leaf_index >= ? AND leaf_index < ?', at, at + count);
      if (draw(0, 1) === 1) shift(at + count, -count);
      return { wrong: 'deleted', at };
    },
    (draw) => {
      // With the hash of its leaf.
      const at = draw(0, ENTRIES - 2);
      run('DELETE FROM audit_entry WHERE leaf_index = ?', at);
      run('DELETE FROM audit_subtree WHERE level = 0 AND position = ?', at);
      return { wrong: 'deleted', at };
    },
  ],
  reorder: [
    (draw) => {
      const one = draw(0, ENTRIES - 2);
      const other = draw(one + 1, ENTRIES - 1);
      const [first, second] = [leafAt(one), leafAt(other)];
      setLeaf(one, second);
      setLeaf(other, first);
      return { wrong: 'reordered', at: one };
    },
    (draw) => {
      // One entry to another place.
      const from = draw(0, ENTRIES - 1);
      const to = (from + draw(1, ENTRIES - 1)) % ENTRIES;
      const leaf = leafAt(from);
      run('DELETE FROM audit_entry WHERE leaf_index = ?', from);
      shift(from + 1, -1);
      shift(to, 1);
      insertAt(to, leaf);
      return { wrong: 'reordered', at: Math.min(from, to) };
    },
    (draw) => {
      // A whole stretch backwards.
      const from = draw(0, ENTRIES - 50);
      const leaves = Array.from({ length: draw(2, 50) }, (_, at) => leafAt(from + at));
      for (const [at, leaf] of leaves.toReversed().entries()) setLeaf(from + at, leaf);
      return { wrong: 'reordered', at: from };
    },
  ],
  insert: [
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      shift(at, 1);
      insertAt(at, forged(at));
      return { wrong: 'inserted', at };
    },
    (draw) => {
      // An entry that there is, a second time. One before the other, it may as well have been moved, and then the other is the new one.
      const from = draw(0, ENTRIES - 1);
      const at = draw(0, ENTRIES - 1);
      const leaf = leafAt(from);
      shift(at, 1);
      insertAt(at, leaf);
      return { wrong: 'inserted', also: 'reordered' };
    },
    (draw) => {
      const count = draw(1, 20);
      for (let number = 0; number < count; number += 1) insertAt(ENTRIES + number, forged(number));
      return { wrong: 'inserted', at: ENTRIES };
    },
  ],
  truncate: [
    (draw) => {
      const size = draw(0, ENTRIES - 1);
      run('DELETE FROM audit_entry WHERE leaf_index >= ?', size);
      return { wrong: 'truncated', at: size };
    },
    (draw) => {
      const size = draw(0, ENTRIES - 1);
      run('DELETE FROM audit_entry WHERE leaf_index >= ?', size);
      rehash();
      return { wrong: 'truncated', at: size };
    },
    async (draw) => {
      // To what was signed before, with the checkpoint of then.
      const size = SIGNED[draw(0, SIGNED.length - 2)] ?? 0;
      run('DELETE FROM audit_entry WHERE leaf_index >= ?', size);
      const note = await signCheckpoint(rehash(), signer);
      run('DELETE FROM audit_checkpoint');
      run('INSERT INTO audit_checkpoint VALUES (?, ?, 1)', size, note);
      return { wrong: 'truncated', at: size };
    },
  ],
  fork: [
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      setLeaf(at, forged(at));
      rehash();
      return { wrong: 'forked' };
    },
    (draw) => {
      const at = draw(0, ENTRIES - 1);
      run('DELETE FROM audit_entry WHERE leaf_index = ?', at);
      shift(at + 1, -1);
      insertAt(ENTRIES - 1, forged(at));
      rehash();
      return { wrong: 'forked' };
    },
    (draw) => {
      const from = draw(0, ENTRIES - 1);
      run('DELETE FROM audit_entry WHERE leaf_index >= ?', from);
      for (let index = from; index < ENTRIES + 20; index += 1) insertAt(index, forged(index));
      rehash();
      return { wrong: 'forked' };
    },
    async (draw) => {
      // By somebody who has the key of the log as well.
      const at = draw(0, ENTRIES - 1);
      setLeaf(at, forged(at));
      const note = await signCheckpoint(rehash(), signer);
      run('UPDATE audit_checkpoint SET note = ?', note);
      return { wrong: 'forked' };
    },
    (draw) => {
      // A leaf of its own under hashes that are all those of another.
      const at = draw(0, ENTRIES - 1);
      const leaf = leafAt(at);
      setLeaf(at, forged(at));
      rehash();
      setLeaf(at, leaf);
      return { wrong: 'forked', also: 'changed' };
    },
  ],
};

describe('SEC-25 direct edits in the database', () => {
  it('SEC-25 unedited, all of it holds, and so does what one tenant is shown', async () => {
    const report = await audit();
    expect(report).toEqual({
      ...{ holds: true, origin: ORIGIN, tenant: null, size: ENTRIES, entries: ENTRIES, findings: [], moreFindings: 0 },
      ...{ checkpoints: SIGNED.length, provenSize: ENTRIES },
    });
    const ofTenant = await audit('u');
    expect(ofTenant).toEqual({ ...report, tenant: 'u', entries: 334 });
    expect(utf8Decode(exportedCheckpoints)?.split(`\n${CHECKPOINT_END}`)).toHaveLength(SIGNED.length + 1);
  });

  it.each(Object.entries(EDITS))(
    `SEC-25 ${ROUNDS} of ${ROUNDS} times it finds a %s, and calls it that`,
    async (kind, ways) => {
      const random = seededRandom(kind);
      const draw: Draw = (min, max) => min + (Buffer.from(random.bytes(6)).readUIntBE(0, 6) % (max - min + 1));
      const missed: unknown[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        db.exec('BEGIN');
        const { wrong, at, also } = (await ways[round % ways.length]?.(draw)) ?? {};
        const { holds, findings } = await audit();
        db.exec('ROLLBACK');
        const isNamed = findings.some((one) => one.wrong === wrong && (at === undefined || one.from === at));
        const isAll = findings.every((one) => one.wrong === wrong || one.wrong === also);
        if (holds || !isNamed || !isAll) missed.push({ round, way: round % ways.length, wrong, at, holds, findings });
      }
      expect(missed).toEqual([]);
      expect((await audit()).holds).toBe(true);
    },
  );
});
