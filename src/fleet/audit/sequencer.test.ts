import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FREE_LEASE, logKey, MemorySink, ORIGIN } from '../../../test/support/audit.ts';
import { openDirectStore } from '../../../test/support/direct-store.ts';
import { FakeClock, temporaryDir } from '../../../test/support/ports.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { openCheckpoint } from './checkpoint.ts';
import { encodeEntry } from './entry.ts';
import { AuditLogError } from './errors.ts';
import { MAX_BATCHES, MAX_UNSIGNED_MS, ROUND_INTERVAL_MS, SEQUENCE_BATCH } from './limits.ts';
import { leafHash, rootOf } from './merkle.ts';
import type { AuditStore, CheckpointSink } from './ports.ts';
import { Sequencer, type SequencerPorts } from './sequencer.ts';
import { entry } from './store.contract.ts';

const { signer, key } = logKey();

async function parts(changes: Partial<SequencerPorts> = {}) {
  const path = join(temporaryDir(), 'sealift.db');
  const store = await openDirectStore({ path });
  onTestFinished(() => store.close());
  const clock = new FakeClock();
  const sink = new MemorySink();
  const ports: SequencerPorts = { store, clock, sink, lease: FREE_LEASE, origin: ORIGIN, signer, ...changes };
  let appended = 0;
  const append = async (count: number) => {
    await store.appendAudit(Array.from({ length: count }, (_, number) => entry(appended + number)));
    appended += count;
  };
  const database = () => {
    const db = new DatabaseSync(path);
    onTestFinished(() => db.close());
    return db;
  };
  return { store, clock, sink, ports, append, database, sequencer: new Sequencer(ports) };
}

const sizesOf = (sink: MemorySink) => sink.notes.map((note) => openCheckpoint(utf8Encode(note), [key]).size);

describe('SEC-25 the sequencer', () => {
  it('SEC-25 gives places, and signs the tree that has them', async () => {
    const { store, sink, append, sequencer } = await parts();
    expect(await sequencer.round()).toEqual({ sequenced: 0, signedSize: undefined });
    expect(sink.notes).toEqual([]);
    await append(3);
    expect(await sequencer.round()).toEqual({ sequenced: 3, signedSize: undefined });
    const another = await parts({ store });
    expect(await another.sequencer.round()).toEqual({ sequenced: 0, signedSize: 3 });
    const [note = ''] = another.sink.notes;
    const leaves = [0, 1, 2].map((number) => leafHash(encodeEntry(entry(number))));
    expect(openCheckpoint(utf8Encode(note), [key])).toMatchObject({ origin: ORIGIN, size: 3, root: rootOf(leaves) });
    expect(await store.auditCheckpoint()).toBe(note);
  });

  it('SEC-25 whatever is sequenced is under an exported checkpoint within 60 s, and no two follow each other sooner', async () => {
    const { clock, sink, append, sequencer } = await parts();
    const signedAt: number[] = [];
    let oldest: number | undefined;
    for (let second = 0; second < 400; second += 1) {
      if (second < 200 || second === 301) await append(1);
      const before = sink.notes.length;
      const { sequenced = 0 } = (await sequencer.round()) ?? {};
      if (sequenced > 0) oldest ??= clock.nowMs();
      if (sink.notes.length > before) {
        signedAt.push(clock.nowMs());
        oldest = undefined;
      }
      expect(clock.nowMs() - (oldest ?? clock.nowMs())).toBeLessThanOrEqual(MAX_UNSIGNED_MS);
      clock.advance(ROUND_INTERVAL_MS);
    }
    expect(oldest).toBeUndefined();
    expect(sizesOf(sink)).toEqual([1, 60, 119, 178, 200, 201]);
    const gaps = signedAt.slice(1).map((at, index) => at - (signedAt[index] ?? 0));
    expect(Math.min(...gaps)).toBe(MAX_UNSIGNED_MS - ROUND_INTERVAL_MS);
  });

  it('SEC-25 works in bounded batches, and does nothing while somebody else holds the lease', async () => {
    const asked: number[] = [];
    const { store } = await parts();
    const endless: AuditStore = {
      ...store,
      sequenceAudit: async (limit) => asked.push(limit) && limit,
    };
    const { sequencer } = await parts({ store: endless });
    expect(await sequencer.round()).toMatchObject({ sequenced: MAX_BATCHES * SEQUENCE_BATCH });
    expect(asked).toEqual(Array(MAX_BATCHES).fill(SEQUENCE_BATCH));
    const names: string[] = [];
    const held = await parts({
      store: endless,
      lease: {
        hold: async (name) => {
          names.push(name);
          return { isHeld: false };
        },
      },
    });
    expect(await held.sequencer.round()).toBeUndefined();
    expect(names).toEqual(['audit-sequencer']);
    expect(asked).toHaveLength(MAX_BATCHES);
  });

  it('SEC-25 signs nothing once its lease is lost', async () => {
    const lost = new AbortController();
    const { store } = await parts();
    const lossy: AuditStore = {
      ...store,
      sequenceAudit: async () => {
        lost.abort(new Error('the lease is gone'));
        return 1;
      },
    };
    const lease: SequencerPorts['lease'] = {
      hold: async (_name, _ttlMs, work) => ({ isHeld: true, value: await work({ signal: lost.signal, token: 1 }) }),
    };
    const { sequencer, sink } = await parts({ store: lossy, lease });
    await expect(sequencer.round()).rejects.toThrow('the lease is gone');
    expect(await sink.last()).toBeUndefined();
  });

  it('SEC-25 exports what was signed before it crashed, byte by byte, before anything new', async () => {
    const { store, clock, sink, append, ports } = await parts();
    let isFull = true;
    const failing: CheckpointSink = {
      last: () => sink.last(),
      append: async (note) => {
        if (isFull) throw new AuditLogError('AUDIT_IO', 'the disk is full');
        await sink.append(note);
      },
    };
    await append(4);
    const sequencer = new Sequencer({ ...ports, sink: failing });
    await expect(sequencer.round()).rejects.toMatchObject({ code: 'AUDIT_IO' });
    const signed = await store.auditCheckpoint();
    await append(2);
    await expect(sequencer.round()).rejects.toMatchObject({ code: 'AUDIT_IO' });
    expect(await store.auditSize()).toBe(4);
    isFull = false;
    // Due at once, since it failed.
    expect(await sequencer.round()).toEqual({ sequenced: 2, signedSize: 6 });
    expect(sink.notes[0]).toBe(signed);
    expect(sizesOf(sink)).toEqual([4, 6]);
    clock.advance(60_000);
    expect(await sequencer.round()).toEqual({ sequenced: 0, signedSize: undefined });
  });

  it.each<[string, (db: DatabaseSync) => void]>([
    [
      'a log that lost its end',
      (db) =>
        db.exec(
          'DELETE FROM audit_entry WHERE leaf_index > 5; DELETE FROM audit_subtree WHERE (position + 1) << level > 6',
        ),
    ],
    [
      'one with another hash in it',
      (db) => db.exec('UPDATE audit_subtree SET hash = zeroblob(32) WHERE level = 3 AND position = 0'),
    ],
    [
      'one without a hash that is needed',
      (db) => db.exec('DELETE FROM audit_subtree WHERE level = 3 AND position = 0'),
    ],
    [
      'an empty one',
      (db) => db.exec('DELETE FROM audit_entry; DELETE FROM audit_subtree; DELETE FROM audit_checkpoint'),
    ],
  ])('SEC-25 puts nothing on top of %s, and signs no fork', async (_what, edit) => {
    const { store, sink, append, ports, database } = await parts();
    await append(10);
    await new Sequencer(ports).round();
    await append(3);
    edit(database());
    const size = await store.auditSize();
    const restarted = new Sequencer(ports);
    for (let round = 0; round < 3; round += 1)
      await expect(restarted.round()).rejects.toMatchObject({ code: 'AUDIT_FORKED' });
    expect(sizesOf(sink)).toEqual([10]);
    expect(await store.auditSize()).toBe(size);
  });

  it('SEC-25 with an older checkpoint put back into the database it still knows what it exported', async () => {
    const { store, clock, sink, append, ports, database } = await parts();
    const sequencer = new Sequencer(ports);
    await append(2);
    await sequencer.round();
    const [old = ''] = sink.notes;
    await append(2);
    clock.advance(60_000);
    await sequencer.round();
    database().prepare('UPDATE audit_checkpoint SET size = 2, note = ?').run(old);
    await expect(new Sequencer(ports).round()).rejects.toMatchObject({ code: 'AUDIT_FORKED' });
    expect(sizesOf(sink)).toEqual([2, 4]);
    expect(await store.auditSize()).toBe(4);
  });

  it('SEC-25 goes on with a new key when it is told the former one, and not otherwise', async () => {
    const { clock, sink, append, ports } = await parts();
    await append(2);
    await new Sequencer(ports).round();
    await append(2);
    clock.advance(60_000);
    const next = logKey();
    const changed = { ...ports, signer: next.signer };
    await expect(new Sequencer(changed).round()).rejects.toMatchObject({ code: 'AUDIT_SIGNATURE' });
    const told = new Sequencer({ ...changed, formerKeys: [key.publicKey] });
    expect(await told.round()).toEqual({ sequenced: 2, signedSize: 4 });
    expect(openCheckpoint(utf8Encode(sink.notes[1] ?? ''), [next.key]).size).toBe(4);
  });
});
