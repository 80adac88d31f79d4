import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chunksOf, temporaryDir } from '../../test/support/ports.ts';
import { isSkipped, run } from '../../test/support/programs.ts';
import { createPayloadVerifier, generatePayloadSigner, importPayloadSigner, verifyPayload } from './payload.ts';

const SCHEME = 'cups-p256-sha512';
const image = randomBytes(1_000);

describe('CUPS-8 payload signatures', () => {
  it('CUPS-8 hold for exactly the bytes that were signed', async () => {
    const { signer } = generatePayloadSigner();
    const signature = await signer.sign(image);
    expect(await verifyPayload(SCHEME, signer.key, signature, chunksOf(image))).toBe(true);
    for (let at = 0; at < image.length; at += 1) {
      const altered = image.slice();
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(await verifyPayload(SCHEME, signer.key, signature, chunksOf(altered, 1_000))).toBe(false);
    }
  });

  it.each([
    ['another key', () => generatePayloadSigner().signer.key],
    ['a point off the curve', () => new Uint8Array(64).fill(7)],
    ['a short key', () => new Uint8Array(63)],
  ])('CUPS-8 fail closed with %s', async (_what, key) => {
    const { signer } = generatePayloadSigner();
    expect(await verifyPayload(SCHEME, key(), await signer.sign(image), chunksOf(image))).toBe(false);
  });

  it.each([0, 7, 73, 200])('CUPS-8 fail closed with a signature of %i bytes', (length) => {
    const { signer } = generatePayloadSigner();
    const verifier = createPayloadVerifier(SCHEME, signer.key, new Uint8Array(length));
    verifier.update(image);
    expect(verifier.verify()).toBe(false);
  });

  describe.skipIf(isSkipped('openssl'))('CUPS-8 with OpenSSL', () => {
    it('CUPS-8 OpenSSL verifies ours, we verify what OpenSSL signs', async () => {
      const dir = temporaryDir();
      const at = (name: string) => join(dir, name);
      const { signer, pem } = generatePayloadSigner();
      writeFileSync(at('key.pem'), pem);
      writeFileSync(at('image'), image);
      writeFileSync(at('ours.sig'), await signer.sign(image));
      expect((await run('openssl', ['pkey', '-in', at('key.pem'), '-pubout', '-out', at('pub.pem')])).code).toBe(0);
      const verified = await run('openssl', [
        'dgst',
        '-sha512',
        '-verify',
        at('pub.pem'),
        '-signature',
        at('ours.sig'),
        at('image'),
      ]);
      expect(verified.stdout.toString()).toContain('Verified OK');
      expect(
        (await run('openssl', ['dgst', '-sha512', '-sign', at('key.pem'), '-out', at('theirs.sig'), at('image')])).code,
      ).toBe(0);
      expect(await verifyPayload(SCHEME, signer.key, readFileSync(at('theirs.sig')), chunksOf(image))).toBe(true);
      expect(importPayloadSigner(pem).key).toEqual(signer.key);
    });
  });
});
