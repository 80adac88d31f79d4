import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDir } from '../../../test/support/ports.ts';
import { isSkipped } from '../../../test/support/programs.ts';
import { describeStore, device } from '../../fleet/store.contract.ts';
import { MIGRATIONS } from './schema.ts';
import { openSqliteStore } from './store.ts';

async function open(path = join(temporaryDir(), 'sealift.db')) {
  const store = await openSqliteStore({ path });
  onTestFinished(() => store.close());
  return store;
}

describeStore('SQLite store', () => open());

describe('REL-6 the file', () => {
  it('REL-6 of a newer Sealift is refused, and stays as it is to the byte', async () => {
    const path = join(temporaryDir(), 'sealift.db');
    await (await openSqliteStore({ path })).close();
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}; PRAGMA wal_checkpoint(TRUNCATE);`);
    db.close();
    const before = readFileSync(path);
    await expect(openSqliteStore({ path })).rejects.toMatchObject({ code: 'STORE_NEWER' });
    expect(readFileSync(path)).toEqual(before);
  });

  it('REL-6 of another program is refused', async () => {
    const path = join(temporaryDir(), 'other.db');
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE theirs (x)');
    db.close();
    await expect(openSqliteStore({ path })).rejects.toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining('another program') as string,
    });
  });

  it('SEC-21 belongs to its user alone', async () => {
    const path = join(temporaryDir(), 'sealift.db');
    const files = [path, `${path}-wal`, `${path}-shm`];
    const modes = () => files.map((file) => statSync(file).mode & 0o777);
    await open(path);
    expect(modes()).toEqual([0o600, 0o600, 0o600]);
    // Another process, beside this one: what it finds open to others, it closes.
    for (const file of files) chmodSync(file, 0o644);
    await open(path);
    expect(modes()).toEqual([0o600, 0o600, 0o600]);
  });

  it('REL-24 close answers what was asked before, and refuses what comes after', async () => {
    const path = join(temporaryDir(), 'sealift.db');
    const store = await openSqliteStore({ path });
    const writes = Array.from({ length: 50 }, (_, number) => store.createDevice(device(number)));
    await store.close();
    await Promise.all(writes);
    await expect(store.createDevice(device(99))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    expect(await (await open(path)).devices('t', { after: undefined, limit: 100 })).toHaveLength(50);
  });

  it('REL-19 takes 10,000 waiting operations and no more', async () => {
    const store = await open();
    const asked = Array.from({ length: 10_005 }, () => store.recordSeen([]));
    const outcomes = await Promise.allSettled(asked);
    const refused = outcomes
      .filter(({ status }) => status === 'rejected')
      .map((outcome) => (outcome as PromiseRejectedResult).reason as { code: string });
    expect(refused.map(({ code }) => code)).toEqual(Array(5).fill('STORE_BUSY'));
  });

  it.skipIf(isSkipped('root'))(
    'REL-4 on a full disk a write fails by name, reads go on, and it works again when there is space',
    async () => {
      const dir = temporaryDir();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]);
      const store = await openSqliteStore({ path: join(dir, 'sealift.db') });
      onTestFinished(async () => {
        await store.close();
        execFileSync('umount', [dir]);
      });
      await store.createDevice(device(1));
      writeFileSync(join(dir, 'ballast'), Buffer.alloc(1_000_000));
      const fill = async () => {
        for (let number = 2; ; number += 1)
          await store.createDevice({ ...device(number), groups: ['x'.repeat(50_000)] });
      };
      await expect(fill()).rejects.toMatchObject({
        code: 'STORE_IO',
        message: expect.stringContaining('full') as string,
      });
      expect(await store.device('t', device(1).id)).toBeDefined();
      rmSync(join(dir, 'ballast'));
      await store.createDevice(device(999));
      expect(await store.device('t', device(999).id)).toBeDefined();
    },
  );
});

describe('REL-1 acknowledged means durable', () => {
  it('REL-1 5 of 5 kills lose nothing that was acknowledged', async () => {
    const path = join(temporaryDir(), 'sealift.db');
    const acknowledged = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../../../test/support/store-writer.ts'), path, String(round)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let text = '';
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.split('\n').length > 50 + 37 * round) resolve();
        });
      });
      child.kill('SIGKILL');
      await once(child, 'close');
      for (const line of text.split('\n').slice(0, -1)) acknowledged.add(line);
    }
    const store = await open(path);
    const stored = new Set<string>();
    for (let after: string | undefined; ; ) {
      const items = await store.devices('t', { after, limit: 1_000 });
      for (const { id } of items) stored.add(id);
      after = items.at(-1)?.id;
      if (items.length < 1_000) break;
    }
    expect(acknowledged.size).toBeGreaterThan(250);
    expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    const db = new DatabaseSync(path, { readOnly: true });
    expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    db.close();
  });
});
