/** What every adapter of the Blobs port must do. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Blobs } from './ports.ts';

const bytes = Buffer.from('artifact '.repeat(1_000));
const sha256 = createHash('sha256').update(bytes).digest('hex');
const absent = 'f'.repeat(64);

async function* source(content: Uint8Array = bytes): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 100) yield content.subarray(at, at + 100);
}

async function read(blobs: Blobs, digest: string, range?: { start: number; end: number }): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of blobs.read(digest, range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** @param make gives a fresh, empty store */
export function describeBlobs(name: string, make: () => Promise<Blobs>): void {
  describe(`REL-5 ${name} keeps bytes under their digest`, () => {
    it('REL-5 gives back what was put, whole and in ranges', async () => {
      const blobs = await make();
      await blobs.put(sha256, bytes.length, source());
      expect(await blobs.lengthBytes(sha256)).toBe(bytes.length);
      expect(await read(blobs, sha256)).toEqual(bytes);
      expect(await read(blobs, sha256, { start: 5, end: 250 })).toEqual(bytes.subarray(5, 250));
      expect(await read(blobs, sha256, { start: 5, end: 5 })).toHaveLength(0);
    });

    it('REL-5 takes the same again, also twice at once', async () => {
      const blobs = await make();
      await Promise.all([1, 2, 3].map(() => blobs.put(sha256, bytes.length, source())));
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    it.each([
      ['too few bytes', sha256, bytes.length + 1, 'BLOB_LENGTH'],
      ['too many bytes', sha256, bytes.length - 1, 'BLOB_LENGTH'],
      ['other bytes', absent, bytes.length, 'BLOB_DIGEST'],
    ])('REL-5 keeps nothing of %s', async (_what, digest, lengthBytes, code) => {
      const blobs = await make();
      await expect(blobs.put(digest, lengthBytes, source())).rejects.toMatchObject({ code });
      expect(await blobs.lengthBytes(digest)).toBeUndefined();
    });

    it('REL-5 keeps nothing of a source that breaks off', async () => {
      const blobs = await make();
      async function* broken() {
        yield bytes.subarray(0, 100);
        throw new Error('connection lost');
      }
      await expect(blobs.put(sha256, bytes.length, broken())).rejects.toMatchObject({ code: 'BLOB_WRITE' });
      expect(await blobs.lengthBytes(sha256)).toBeUndefined();
    });

    it('REL-5 says what is missing', async () => {
      const blobs = await make();
      await expect(read(blobs, absent)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
    });

    it.each(['../../etc/passwd', '', 'AB'.repeat(32), `${'a'.repeat(63)}/`, '..'.repeat(32)])(
      'SEC-11 takes no path for a digest: %j',
      async (digest) => {
        const blobs = await make();
        await expect(blobs.put(digest, bytes.length, source())).rejects.toMatchObject({ name: 'BlobError' });
        await expect(blobs.lengthBytes(digest)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
      },
    );
  });
}
