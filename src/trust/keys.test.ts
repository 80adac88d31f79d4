import { describe, expect, it } from 'vitest';
import { utf8Encode } from '../core/bytes.ts';
import { parseJson } from '../core/json.ts';
import { generateSigner, importSigner, parsePublicKey } from './keys.ts';

describe('SEC-21 keys', () => {
  it.each(['ed25519', 'ecdsa'] as const)(
    'SEC-21 %s keys come back from PEM, and their public half from metadata',
    async (type) => {
      const { signer, pem } = generateSigner(type);
      const message = utf8Encode('message');
      const signature = await importSigner(pem).sign(message);
      const publicKey = parsePublicKey(parseJson(utf8Encode(JSON.stringify(signer.publicKey.json))));
      expect(publicKey.keyId).toBe(signer.publicKey.keyId);
      expect(publicKey.verify(message, signature)).toBe(true);
      expect(publicKey.verify(utf8Encode('massage'), signature)).toBe(false);
      expect(publicKey.verify(message, signature.subarray(1))).toBe(false);
      expect(JSON.stringify(signer)).not.toContain('PRIVATE');
    },
  );

  it.each([
    [{ keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: '' } }, 'TRUST_KEY'],
    [{ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: 'ab' } }, 'TRUST_KEY'],
    [{ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: 'no pem' } }, 'TRUST_KEY'],
    [{ keytype: 'ed25519' }, 'JSON_SHAPE'],
  ])('SEC-7 refuses %j as a key', (json, code) => {
    expect(() => parsePublicKey(parseJson(utf8Encode(JSON.stringify(json))))).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('SEC-21 an unreadable private key is not quoted in the error', () => {
    const secret = '-----BEGIN PRIVATE KEY-----\nTOPSECRET\n-----END PRIVATE KEY-----';
    const refusal = (() => {
      try {
        return importSigner(secret);
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toMatchObject({ code: 'TRUST_KEY' });
    expect((refusal as Error).cause).toBeUndefined();
    expect(`${String(refusal)} ${JSON.stringify(refusal)}`).not.toContain('TOPSECRET');
  });
});
