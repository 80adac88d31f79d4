/** An image against the entry that was signed for it (spec/uptane.md section 9.7). */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chunksOf } from '../../../test/support/ports.ts';
import { refusalOf } from '../../../test/support/repository.ts';
import { ImageCheck } from './image.ts';

const IMAGE = Buffer.from('Fresh firmware image');
const hashOf = (algorithm: string) => createHash(algorithm).update(IMAGE).digest('hex');
const target = (hashes: Readonly<Record<string, string>>, lengthBytes = IMAGE.length) => ({
  lengthBytes,
  hashes: new Map(Object.entries(hashes)),
});
const good = target({ sha256: hashOf('sha256'), sha512: hashOf('sha512') });

function check(entry: ReturnType<typeof target>, ...chunks: readonly Uint8Array[]): void {
  const image = new ImageCheck(entry);
  for (const chunk of chunks) image.update(chunk);
  image.finish();
}

describe('SEC-7 an image is what was signed', () => {
  it('SEC-7 in one piece, in many, with empty ones between', async () => {
    const pieces: Uint8Array[] = [new Uint8Array()];
    for await (const piece of chunksOf(IMAGE, 3)) pieces.push(piece, new Uint8Array());
    expect(check(good, IMAGE)).toBeUndefined();
    expect(check(good, ...pieces)).toBeUndefined();
  });

  it('SEC-7 of no bytes at all', () => {
    expect(check(target({ sha256: createHash('sha256').digest('hex') }, 0))).toBeUndefined();
  });

  it.each(['sha256', 'sha512'])('SEC-7 %s alone will do', (algorithm) => {
    expect(check(target({ [algorithm]: hashOf(algorithm) }), IMAGE)).toBeUndefined();
  });

  it('SEC-7 an algorithm we do not know beside one we do is let be', () => {
    expect(check(target({ blake3: 'ab', sha256: hashOf('sha256') }), IMAGE)).toBeUndefined();
  });

  it('SEC-7 algorithms we do not know alone are refused before a byte is read', () => {
    expect(refusalOf(() => new ImageCheck(target({ blake3: 'ab', md5: 'cd' })))).toMatchObject({
      code: 'TRUST_UNSUPPORTED',
      message: 'an image with hashes blake3, md5 alone',
    });
  });

  it.each([
    ['sha256', { sha256: hashOf('sha512').slice(0, 64), sha512: hashOf('sha512') }],
    ['sha512', { sha256: hashOf('sha256'), sha512: hashOf('sha256').repeat(2) }],
  ])('SEC-7 every listed hash must hold: another %s is refused', (algorithm, hashes) => {
    const error = refusalOf(() => check(target(hashes), IMAGE));
    expect(error.code).toBe('TRUST_IMAGE_HASH');
    expect(error.message).toBe(
      `the image has ${algorithm} ${hashOf(algorithm)}, ${new Map(Object.entries(hashes)).get(algorithm)} was signed`,
    );
  });

  it('SEC-7 a digest that is cut short is another digest', () => {
    expect(refusalOf(() => check(target({ sha256: hashOf('sha256').slice(0, 62) }), IMAGE)).code).toBe(
      'TRUST_IMAGE_HASH',
    );
  });

  it('SEC-7 is refused with any single bit of it flipped', () => {
    for (let at = 0; at < IMAGE.length * 8; at += 1) {
      const damaged = Buffer.from(IMAGE);
      damaged[at >> 3] = (damaged[at >> 3] ?? 0) ^ (1 << (at & 7));
      expect(refusalOf(() => check(good, damaged)).code).toBe('TRUST_IMAGE_HASH');
    }
  });
});

describe('SEC-7 an image is as long as was signed', () => {
  it('SEC-7 a byte too many is refused as soon as it comes, not at the end', () => {
    const image = new ImageCheck(good);
    image.update(IMAGE);
    expect(refusalOf(() => image.update(new Uint8Array(1)))).toMatchObject({
      code: 'TRUST_LENGTH',
      message: '21 bytes or more came where 20 were signed',
      detail: { received: 21, signed: 20 },
    });
  });

  it('SEC-7 an endless one is not hashed: what is too long in one piece is refused unread', () => {
    expect(refusalOf(() => new ImageCheck(good).update(new Uint8Array(1_000)))).toMatchObject({
      code: 'TRUST_LENGTH',
      detail: { received: 1_000, signed: 20 },
    });
  });

  it.each([0, 1, 19])('SEC-7 %d of 20 bytes are too few', (length) => {
    expect(refusalOf(() => check(good, IMAGE.subarray(0, length)))).toMatchObject({
      code: 'TRUST_LENGTH',
      detail: { received: length, signed: 20 },
    });
  });

  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + IMAGE.length])(
    'SEC-7 a signed length of %d is not taken for 20',
    (lengthBytes) => {
      expect(refusalOf(() => check(target({ sha256: hashOf('sha256') }, lengthBytes), IMAGE))).toMatchObject({
        code: 'TRUST_LENGTH',
        detail: { received: 20, signed: lengthBytes },
      });
    },
  );
});
