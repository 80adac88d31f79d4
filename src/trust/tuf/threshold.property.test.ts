/** SEC-2 over random key sets: nothing is accepted below its threshold. Fast-check prints the seed of a failure. */
import { createPublicKey, ECDH, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeKey } from '../../../test/support/fake-keys.ts';
import { jsonOf, refusalOf, testKey } from '../../../test/support/repository.ts';
import { isOtaError } from '../../core/errors.ts';
import { importSigner, type PublicKey, parsePublicKey } from '../keys.ts';
import type { Signature, SignedMessage } from './envelope.ts';
import { type KeyTable, type RoleKeys, requireSignatures } from './threshold.ts';

/** The code of a refusal, or who has signed. */
function outcome(role: RoleKeys, keys: KeyTable, signed: SignedMessage): readonly string[] | string {
  try {
    return requireSignatures(role, keys, signed);
  } catch (error) {
    if (isOtaError(error)) return error.code;
    throw error;
  }
}

/** A signature: the key id it claims, and which key made it. */
type Made = readonly [keyId: string, key: number];

/** Half of them are what they claim. */
const anyMade = (ids: readonly string[], keys: number) =>
  fc.tuple(fc.constantFrom(...ids, 'stranger'), fc.oneof(fc.constant(undefined), fc.nat(keys)));

const madeBy = (ids: ReadonlyMap<string, number>, made: readonly [string, number | undefined][]): readonly Made[] =>
  made.map(([keyId, key]) => [keyId, key ?? ids.get(keyId) ?? 0]);

/** Section 9.1, said again; a test knows who made what. */
function model(role: RoleKeys, ids: ReadonlyMap<string, number>, by: readonly Made[]): number | string {
  const named = new Set(role.keyIds.map((keyId) => ids.get(keyId)));
  const have = new Set(
    by.flatMap(([keyId, key]) => (role.keyIds.includes(keyId) && ids.get(keyId) === key ? [key] : [])),
  );
  if (!(Number.isInteger(role.threshold) && role.threshold > 0 && role.threshold <= named.size))
    return 'TRUST_THRESHOLD';
  return have.size < role.threshold ? 'TRUST_SIGNATURES' : have.size;
}

describe('SEC-2 over random key sets', () => {
  const KEYS = 5;
  const keyIds = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '__proto__'];

  it('SEC-2 100,000 cases: keys under several ids, strangers, doubles, bad signatures, odd thresholds (keys that cost nothing)', () => {
    const fakes = Array.from({ length: KEYS }, (_, mark) => new FakeKey(mark));
    let accepted = 0;
    fc.assert(
      fc.property(
        // Which key each id names; the role; its threshold; each signature as id and as the key that made it.
        fc.array(fc.nat(KEYS - 1), { minLength: keyIds.length, maxLength: keyIds.length }),
        fc.subarray(keyIds),
        fc.constantFrom(1, 2, 3, 2, 1, 4, 5, 6, 0, -1, 1.5, Number.NaN),
        fc.array(anyMade(keyIds, KEYS), { maxLength: 8 }),
        (named, ids, threshold, made) => {
          const known = new Map(keyIds.map((keyId, index) => [keyId, named[index] ?? 0]));
          const by = madeBy(known, made);
          const keys = new Map([...known].map(([keyId, mark]) => [keyId, fakes[mark]]));
          const signatures = by.map(([keyId, mark]) => ({ keyId, method: undefined, value: new Uint8Array([mark]) }));
          const actual = outcome({ keyIds: ids, threshold }, keys, { message: new Uint8Array(), signatures });
          expect(Array.isArray(actual) ? actual.length : actual).toBe(model({ keyIds: ids, threshold }, known, by));
          if (Array.isArray(actual)) accepted += 1;
        },
      ),
      { numRuns: 100_000 },
    );
    expect(accepted).toBeGreaterThan(10_000);
  });

  /** One key in every spelling of it that a document may hold. */
  function spellings(publicKey: PublicKey): readonly PublicKey[] {
    const { keytype, scheme, keyval } = JSON.parse(JSON.stringify(publicKey.json)) as Record<
      string,
      { public: string }
    >;
    const text = keyval?.public ?? '';
    const parse = (spelled: string, members: object = {}) =>
      parsePublicKey(jsonOf({ keytype, scheme, keyval: { public: spelled }, ...members }));
    if (!text.startsWith('-----')) return [parse(text), parse(text, { note: 'x' })];
    const der = createPublicKey(text).export({ type: 'spki', format: 'der' });
    const point = der.subarray(-65);
    const pemOf = (body: Buffer) => `-----BEGIN PUBLIC KEY-----\n${body.toString('base64')}\n-----END PUBLIC KEY-----`;
    const compressed = Buffer.concat([
      Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
      Buffer.from(ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'compressed') as Buffer),
    ]);
    return [parse(text), parse(text.replaceAll('\n', '\r\n')), parse(pemOf(der)), parse(pemOf(compressed))];
  }

  const p256 = importSigner(
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  );

  it('SEC-2 one key is one key in every spelling: compressed points, other line ends, other members', () => {
    for (const { publicKey } of [p256, testKey('a')]) {
      const all = spellings(publicKey);
      expect(new Set(all.map(({ fingerprint }) => fingerprint))).toEqual(new Set([publicKey.fingerprint]));
      const keys = new Map(all.map((key, index) => [`${index}`, key]));
      expect(
        outcome({ keyIds: [...keys.keys()], threshold: 2 }, keys, { message: new Uint8Array(), signatures: [] }),
      ).toBe('TRUST_THRESHOLD');
    }
  });

  it('SEC-2 2,000 cases with real keys, P-256 and Ed25519, in several spellings', async () => {
    const message = Buffer.from('message');
    const signers = [p256, testKey('a').signer, testKey('b').signer];
    const made = await Promise.all(signers.map((signer) => signer.sign(message)));
    const listed = signers.flatMap(({ publicKey }, index) => spellings(publicKey).map((key) => ({ key, index })));
    const keys = new Map(listed.map(({ key }, at) => [`k${at}`, key]));
    const ids = new Map(listed.map(({ index }, at) => [`k${at}`, index]));
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.subarray([...keys.keys()]),
        fc.constantFrom(1, 2, 1, 3, 2, 0, 4),
        fc.array(anyMade([...keys.keys()], signers.length), { maxLength: 8 }),
        (keyIds, threshold, claims) => {
          const by = madeBy(ids, claims);
          const signatures: Signature[] = by.map(([keyId, index]) => ({
            ...{ keyId, method: undefined },
            value: made[index] ?? new Uint8Array(64),
          }));
          const actual = outcome({ keyIds, threshold }, keys, { message, signatures });
          expect(Array.isArray(actual) ? actual.length : actual).toBe(model({ keyIds, threshold }, ids, by));
          if (Array.isArray(actual)) accepted += 1;
        },
      ),
      { numRuns: 2_000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });

  it('SEC-2 one RSA key with two schemes is one key', () => {
    const pem = generateKeyPairSync('rsa', { modulusLength: 2_048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    const [pss, pkcs1] = (['rsassa-pss-sha256', 'rsa-pkcs1v15-sha256'] as const).map(
      (scheme) => importSigner(pem, scheme).publicKey,
    );
    const keys = new Map([
      ['pss', pss],
      ['pkcs1', pkcs1],
    ]);
    const role = { keyIds: ['pss', 'pkcs1'], threshold: 2 };
    expect(refusalOf(() => requireSignatures(role, keys, { message: new Uint8Array(), signatures: [] }))).toMatchObject(
      {
        code: 'TRUST_THRESHOLD',
        detail: { distinct: 1 },
      },
    );
  });
});
