import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chunksOf, collect, SkippingClock, temporaryDir } from '../../../test/support/ports.ts';
import { isSkipped } from '../../../test/support/programs.ts';
import { releaseKeys, rootFile } from '../../../test/support/releases.ts';
import { BLANK } from '../../device/journal.ts';
import { describeDeviceTrust } from '../../device/trust.contract.ts';
import { describeBlobs } from '../../fleet/blobs.contract.ts';
import { sha256Hex } from '../../trust/payload.ts';
import { systemClock, systemRandom } from '../node/ports.ts';
import { FileBlobs } from './blobs.ts';
import { FileDeviceState, FileSlots } from './device.ts';
import { FileDeviceTrust } from './device-trust.ts';
import { writeFileDurably } from './durable.ts';
import { ScriptInstaller } from './script-installer.ts';
import { writeSecretFile } from './secret.ts';

const random = systemRandom;

describeBlobs('FileBlobs', async () => {
  const dir = join(temporaryDir(), 'blobs');
  const clock = new SkippingClock();
  const open = () => FileBlobs.open(dir, { clock, random });
  const rot = async (sha256: string, bit: number) => {
    const file = join(dir, sha256.slice(0, 2), sha256);
    const { atime, mtime } = statSync(file);
    const content = readFileSync(file);
    content[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    writeFileSync(file, content);
    // A disk that rots does not renew the time of its files.
    utimesSync(file, atime, mtime);
  };
  return { blobs: await open(), clock, reopen: open, rot };
});

describe('REL-4 FileBlobs', () => {
  it('REL-3 drops at the next start what a crash left half-written', async () => {
    const dir = join(temporaryDir(), 'blobs');
    mkdirSync(join(dir, 'drafts'), { recursive: true });
    writeFileSync(join(dir, 'drafts', 'half'), 'half an upload');
    await FileBlobs.open(dir, { clock: systemClock, random });
    expect(readdirSync(join(dir, 'drafts'))).toEqual([]);
  });

  it.skipIf(isSkipped('root'))(
    'REL-4 a full disk is said to be full, nothing half-written stays, and it works again',
    async () => {
      const dir = temporaryDir();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', dir]);
      onTestFinished(() => void execFileSync('umount', [dir]));
      const blobs = await FileBlobs.open(join(dir, 'blobs'), { clock: systemClock, random });
      const put = (length: number) => {
        const content = Buffer.alloc(length, length);
        return blobs.put(sha256Hex(content), length, chunksOf(content, 4_096));
      };
      await expect(put(1_000_000)).rejects.toMatchObject({
        code: 'BLOB_WRITE',
        fix: expect.stringContaining('Free space') as string,
      });
      expect(readdirSync(join(dir, 'blobs', 'drafts'))).toEqual([]);
      await put(1_000);
    },
  );

  it.skipIf(isSkipped('root'))(
    'REL-4 an upload on a full disk goes back to what it had acknowledged, and on from there when there is space',
    async () => {
      const dir = temporaryDir();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir]);
      onTestFinished(() => void execFileSync('umount', [dir]));
      const { uploads } = await FileBlobs.open(join(dir, 'blobs'), { clock: systemClock, random });
      writeFileSync(join(dir, 'ballast'), Buffer.alloc(128 * 1_024));
      const content = Buffer.alloc(200_000, 'x');
      const { id } = await uploads.open(sha256Hex(content), content.length);
      await uploads.append(id, 0, chunksOf(content.subarray(0, 10_000), 4_096));
      await expect(uploads.append(id, 10_000, chunksOf(content.subarray(10_000), 4_096))).rejects.toMatchObject({
        code: 'BLOB_WRITE',
        fix: expect.stringContaining('Free space') as string,
      });
      expect(await uploads.state(id)).toMatchObject({ offsetBytes: 10_000 });
      writeFileSync(join(dir, 'ballast'), '');
      await uploads.append(id, 10_000, chunksOf(content.subarray(10_000), 4_096));
      await uploads.finish(id);
    },
  );

  it.skipIf(isSkipped('root'))('REL-5 a bad blob on a read-only disk is not served, and goes aside later', async () => {
    const dir = temporaryDir();
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir]);
    onTestFinished(() => void execFileSync('umount', [dir]));
    const blobs = await FileBlobs.open(join(dir, 'blobs'), { clock: systemClock, random });
    const content = Buffer.from('image');
    const sha256 = sha256Hex(content);
    await blobs.put(sha256, content.length, chunksOf(content));
    writeFileSync(join(dir, 'blobs', sha256.slice(0, 2), sha256), 'imagf');
    execFileSync('mount', ['-o', 'remount,ro', dir]);
    expect(await blobs.check(sha256)).toMatchObject({ state: 'bad', isAside: false });
    expect(await blobs.lengthBytes(sha256)).toBeUndefined();
    await expect(collect(blobs.read(sha256))).rejects.toMatchObject({ code: 'BLOB_MISSING' });
    execFileSync('mount', ['-o', 'remount,rw', dir]);
    expect(await blobs.check(sha256)).toMatchObject({ state: 'bad', isAside: true });
    await blobs.put(sha256, content.length, chunksOf(content));
    expect(await collect(blobs.read(sha256))).toEqual(content);
  });
});

describe('SEC-21 secret files', () => {
  it('SEC-21 are 0600 from the start, whatever the umask, and never overwrite', () => {
    const file = join(temporaryDir(), 'key');
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    writeSecretFile(file, 'secret');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => writeSecretFile(file, 'other')).toThrow('EEXIST');
    expect(readFileSync(file, 'utf8')).toBe('secret');
  });
});

describe('REL-14 FileSlots and FileDeviceState', () => {
  it('REL-14 write, read, abort, erase', async () => {
    const slots = new FileSlots(temporaryDir());
    const writer = await slots.write('b');
    await writer.write(Buffer.from('image'));
    await writer.finish();
    expect((await collect(slots.read('b'))).toString()).toBe('image');
    expect(statSync(slots.path('b')).mode & 0o777).toBe(0o700);
    const second = await slots.write('b');
    await second.write(Buffer.from('half'));
    await second.abort();
    await expect(collect(slots.read('b'))).rejects.toMatchObject({ code: 'SLOT_EMPTY' });
  });

  it('REL-12 the journal is replaced as a whole and read back as it was', async () => {
    const dir = temporaryDir();
    const state = new FileDeviceState(dir);
    expect(await state.load()).toBeUndefined();
    const journal = {
      ...BLANK,
      active: 'b' as const,
      images: { a: null, b: { sha256: 'ab', lengthBytes: 3, version: '1.0.0' } },
      trial: { startsLeft: 2 },
      refused: ['cd'],
    };
    await state.save(journal);
    expect(await new FileDeviceState(dir).load()).toEqual(journal);
    expect(readdirSync(dir)).toEqual(['journal.json']);
  });

  it('REL-6 a journal from before versions were kept is read: nobody proved what runs', async () => {
    const dir = temporaryDir();
    const image = { sha256: 'ab', lengthBytes: 3 };
    writeFileSync(join(dir, 'journal.json'), JSON.stringify({ ...BLANK, images: { a: image, b: null } }));
    expect(await new FileDeviceState(dir).load()).toEqual({
      ...BLANK,
      images: { a: { ...image, version: null }, b: null },
    });
  });

  it.each([
    '',
    '{',
    '{"active":"a"}',
    '{"active":"a","images":{},"trial":{"startsLeft":99},"refused":[]}',
    '{"active":"a","images":{"a":{"sha256":"ab","lengthBytes":3,"version":"no version"}},"refused":[]}',
  ])('REL-12 a damaged journal is named, not guessed: %j', async (text) => {
    const dir = temporaryDir();
    writeFileSync(join(dir, 'journal.json'), text);
    await expect(new FileDeviceState(dir).load()).rejects.toMatchObject({ code: 'JOURNAL_DAMAGED' });
  });

  it('REL-2 a durable write replaces the old content', async () => {
    const file = join(temporaryDir(), 'file');
    await writeFileDurably(file, 'old');
    await writeFileDurably(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
  });
});

describeDeviceTrust('FileDeviceTrust', () => {
  const dir = temporaryDir();
  return (pinned) => new FileDeviceTrust(dir, pinned);
});

describe('SEC-7 FileDeviceTrust', () => {
  const roles = async () => new Map([['root', await rootFile(releaseKeys())]]);

  it('SEC-7 notices a flipped bit anywhere in its file, and says what to do', async () => {
    const dir = temporaryDir();
    const trust = new FileDeviceTrust(dir, undefined);
    await trust.save(await roles());
    const file = join(dir, 'trust.json');
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 3) {
      const altered = Buffer.from(whole);
      altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(file, altered);
      await expect(trust.load(), `byte ${at}`).rejects.toMatchObject({
        code: 'TRUST_DAMAGED',
        fix: expect.stringContaining('Restore the file') as string,
      });
    }
  });

  it.each(['', '{}', '[]', '{"roles":{},"sha256":""}'])('SEC-7 takes no other file for its own: %j', async (text) => {
    const dir = temporaryDir();
    writeFileSync(join(dir, 'trust.json'), text);
    await expect(new FileDeviceTrust(dir, undefined).load()).rejects.toMatchObject({ code: 'TRUST_DAMAGED' });
  });

  it('REL-12 a draft that a power cut left behind is not read, and does not hinder the next save', async () => {
    const dir = temporaryDir();
    const trust = new FileDeviceTrust(dir, undefined);
    await trust.save(await roles());
    const saved = await trust.load();
    writeFileSync(join(dir, 'trust.json.draft'), '{"roles":{"root":"');
    expect(await trust.load()).toEqual(saved);
    const next = new Map([...(saved ?? []), ['timestamp', new Uint8Array([1])]]);
    await trust.save(next);
    expect(await trust.load()).toEqual(next);
    expect(readdirSync(dir)).toEqual(['trust.json']);
  });
});

describe('CUPS-8 ScriptInstaller', () => {
  it.each([
    ['#!/bin/sh\necho 2.0.0 > version.txt\n', true],
    ['#!/bin/sh\nexit 1\n', false],
    ['not a program', false],
  ])('CUPS-8 runs the image itself in the home folder: %j', async (image, healthy) => {
    const dir = temporaryDir();
    const slots = new FileSlots(join(dir, 'slots'));
    const writer = await slots.write('a');
    await writer.write(Buffer.from(image));
    await writer.finish();
    expect(await new ScriptInstaller(slots, dir).start('a')).toBe(healthy);
    expect(readdirSync(dir).includes('version.txt')).toBe(healthy);
  });
});
