import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logKey, ORIGIN } from '../../../test/support/audit.ts';
import { temporaryDir } from '../../../test/support/ports.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { openCheckpoints, signCheckpoint } from '../../fleet/audit/checkpoint.ts';
import { AuditError } from '../../fleet/audit/errors.ts';
import { EMPTY_ROOT } from '../../fleet/audit/merkle.ts';
import { CheckpointFile } from './checkpoints.ts';

const { signer, key } = logKey();
const note = (size: number) => signCheckpoint({ origin: ORIGIN, size, root: EMPTY_ROOT }, signer);

async function sizesIn(path: string): Promise<readonly (number | string)[]> {
  const found: (number | string)[] = [];
  for await (const one of openCheckpoints([readFileSync(path)], [key]))
    found.push(one instanceof AuditError ? one.code : one.size);
  return found;
}

describe('SEC-25 the file of checkpoints', () => {
  it('SEC-25 is only ever appended to, and tells its last', async () => {
    const path = join(temporaryDir(), 'checkpoints');
    const file = new CheckpointFile(path);
    expect(await file.last()).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    let before = Buffer.alloc(0);
    for (let size = 1; size <= 5; size += 1) {
      await file.append(await note(size));
      const now = readFileSync(path);
      expect(now.subarray(0, before.length)).toEqual(before);
      expect(now.subarray(before.length).toString()).toBe(`${await note(size)}\n\n`);
      before = now;
      expect(await new CheckpointFile(path).last()).toBe(await note(size));
    }
    expect(await sizesIn(path)).toEqual([1, 2, 3, 4, 5]);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it('SEC-25 goes on after a power cut in the middle of any byte, also in that of closing it off', async () => {
    const [first, second, third] = [await note(1), await note(2), await note(3)];
    const bytes = utf8Encode(second);
    for (let length = 1; length < bytes.length; length += 7) {
      for (const closed of ['', '\n', '\n\n', '\n\n\n']) {
        const path = join(temporaryDir(), 'checkpoints');
        const file = new CheckpointFile(path);
        await file.append(first);
        appendFileSync(path, bytes.subarray(0, length));
        appendFileSync(path, closed);
        expect(await file.last()).toBe(first);
        await file.append(second);
        await file.append(third);
        expect(await file.last()).toBe(third);
        expect(await sizesIn(path)).toEqual([1, 2, 3]);
      }
    }
  });

  it('SEC-25 finds the last of many', async () => {
    const path = join(temporaryDir(), 'checkpoints');
    const one = `${await note(1)}\n\n`;
    writeFileSync(path, one.repeat(3_000));
    const file = new CheckpointFile(path);
    await file.append(await note(2));
    expect(await file.last()).toBe(await note(2));
    expect(readFileSync(path, 'utf8')).toBe(`${one.repeat(3_000)}${await note(2)}\n\n`);
  });

  it('REL-4 what it cannot read or write it says by name', async () => {
    const path = join(temporaryDir(), 'checkpoints');
    await expect(new CheckpointFile(join(path, 'none', 'file')).append(await note(1))).rejects.toMatchObject({
      code: 'AUDIT_IO',
    });
    mkdirSync(path);
    await expect(new CheckpointFile(path).append(await note(1))).rejects.toMatchObject({ code: 'AUDIT_IO' });
    await expect(new CheckpointFile(path).last()).rejects.toMatchObject({ code: 'AUDIT_IO' });
  });
});
