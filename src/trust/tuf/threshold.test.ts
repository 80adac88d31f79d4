/** The signature rule (spec/uptane.md section 9.1): distinct good keys are counted, and nothing else. */
import { describe, expect, it } from 'vitest';
import { FakeKey } from '../../../test/support/fake-keys.ts';
import { refusalOf } from '../../../test/support/repository.ts';
import type { SchemeName } from '../keys.ts';
import type { SignedMessage } from './envelope.ts';
import { type KeyTable, requirePossible, requireSignatures } from './threshold.ts';

const [one, two, three] = [new FakeKey(1), new FakeKey(2), new FakeKey(3)];
const keys: KeyTable = new Map([
  ['one', one],
  ['two', two],
  ['three', three],
  ['one again', one],
  ['unreadable', undefined],
  ['also unreadable', undefined],
]);

/** Signatures as `[key id, first byte]`. */
const envelope = (...signatures: readonly (readonly [string, number, string?])[]): SignedMessage => ({
  message: new Uint8Array([7]),
  signatures: signatures.map(([keyId, mark, method]) => ({ keyId, method, value: new Uint8Array([mark]) })),
});

describe('SEC-2 a threshold that can be met (9.1 a)', () => {
  it.each([
    [1, ['one']],
    [2, ['one', 'two']],
    [1, ['one', 'two']],
    [2, ['one', 'unreadable']],
    [2, ['unreadable', 'also unreadable']],
    [1, ['not in the table']],
  ])('SEC-2 %d of %j', (threshold, keyIds) => {
    expect(requirePossible({ keyIds, threshold }, keys)).toBeUndefined();
  });

  it.each([
    [0, ['one'], 1],
    [-1, ['one'], 1],
    [2, ['one'], 1],
    [1, [], 0],
    [0, [], 0],
    [3, ['one', 'two'], 2],
    [2, ['one', 'one again'], 1],
    [1.5, ['one', 'two'], 2],
    [Number.NaN, ['one', 'two'], 2],
    [Number.POSITIVE_INFINITY, ['one'], 1],
    [2 ** 53, ['one'], 1],
  ])('SEC-2 not %d of %j', (threshold, keyIds, distinct) => {
    const error = refusalOf(() => requirePossible({ keyIds, threshold }, keys));
    expect(error).toMatchObject({ code: 'TRUST_THRESHOLD', detail: { threshold, distinct } });
    expect(error.message).toBe(`${threshold} of ${distinct} keys must sign, which cannot be`);
  });

  it('SEC-2 it is looked at before any signature is', () => {
    const key = new FakeKey(1);
    const role = { keyIds: ['k'], threshold: 2 };
    expect(refusalOf(() => requireSignatures(role, new Map([['k', key]]), envelope(['k', 1])))).toMatchObject({
      code: 'TRUST_THRESHOLD',
    });
    expect(key.asked).toBe(0);
  });
});

describe('SEC-2 signatures that count (9.1 c to f)', () => {
  const role = { keyIds: ['one', 'two', 'three'], threshold: 2 };

  it.each([
    [
      'just enough',
      [
        ['one', 1],
        ['two', 2],
      ],
      ['one', 'two'],
    ],
    [
      'in any order',
      [
        ['two', 2],
        ['one', 1],
      ],
      ['two', 'one'],
    ],
    [
      'more than needed',
      [
        ['one', 1],
        ['two', 2],
        ['three', 3],
      ],
      ['one', 'two', 'three'],
    ],
    [
      'beside one by a stranger',
      [
        ['stranger', 1],
        ['one', 1],
        ['two', 2],
      ],
      ['one', 'two'],
    ],
    [
      'beside one that does not hold',
      [
        ['three', 9],
        ['one', 1],
        ['two', 2],
      ],
      ['one', 'two'],
    ],
  ] as const)('SEC-2 are %s', (_what, signatures, signedBy) => {
    expect(requireSignatures(role, keys, envelope(...signatures))).toEqual(signedBy);
  });

  it.each([
    ['none', [], 0],
    ['one too few', [['one', 1]], 1],
    [
      'one of them by the key of another',
      [
        ['one', 1],
        ['two', 1],
      ],
      1,
    ],
    [
      'one of them by a stranger',
      [
        ['one', 1],
        ['stranger', 2],
      ],
      1,
    ],
    [
      'one of them by a key in the table that the role does not name',
      [
        ['one', 1],
        ['one again', 1],
      ],
      1,
    ],
    [
      'both bad',
      [
        ['one', 2],
        ['two', 1],
      ],
      0,
    ],
  ] as const)('SEC-2 are too few: %s', (_what, signatures, have) => {
    const error = refusalOf(() => requireSignatures(role, keys, envelope(...signatures)));
    expect(error).toMatchObject({ code: 'TRUST_SIGNATURES', detail: { have, need: 2 } });
    expect(error.message).toBe(`signed by ${have} of the 2 keys it needs`);
    expect(error.fix).toMatch(/signed by the keys its role names/);
  });

  it('SEC-2 one key counts once, under the first id it signs with, and is asked once', () => {
    const key = new FakeKey(1);
    const table = new Map([
      ['a', key],
      ['b', key],
      ['two', two],
    ]);
    const both = { keyIds: ['a', 'b', 'two'], threshold: 2 };
    const signed = envelope(['a', 1], ['b', 1]);
    expect(refusalOf(() => requireSignatures(both, table, signed))).toMatchObject({ detail: { have: 1, need: 2 } });
    expect(key.asked).toBe(1);
    expect(requireSignatures({ ...both, threshold: 1 }, table, signed)).toEqual(['a']);
  });

  it('SEC-2 one key may fail under one id and hold under another', () => {
    const both = { keyIds: ['one', 'one again'], threshold: 1 };
    expect(requireSignatures(both, keys, envelope(['one', 9], ['one again', 1]))).toEqual(['one again']);
  });

  it('SEC-7 a key that cannot be read never counts', () => {
    const some = { keyIds: ['unreadable', 'one'], threshold: 1 };
    expect(requireSignatures(some, keys, envelope(['unreadable', 0], ['one', 1]))).toEqual(['one']);
    expect(refusalOf(() => requireSignatures(some, keys, envelope(['unreadable', 0])))).toMatchObject({
      code: 'TRUST_SIGNATURES',
    });
  });

  it('SEC-7 the key is given the signed bytes and the whole signature', () => {
    const seen: unknown[] = [];
    const key = new FakeKey(1);
    key.verify = (message, signature) => seen.push(message, signature) > 0;
    const signed = { ...envelope(), signatures: [{ keyId: 'k', method: undefined, value: new Uint8Array([1, 2]) }] };
    requireSignatures({ keyIds: ['k'], threshold: 1 }, new Map([['k', key]]), signed);
    expect(seen).toEqual([new Uint8Array([7]), new Uint8Array([1, 2])]);
  });
});

describe('SEC-7 a method that is named must be that of the key (9.1, no downgrade)', () => {
  const counts = (scheme: SchemeName, method: string | undefined) => {
    const key = new FakeKey(1, scheme);
    const signatures = [{ keyId: 'k', method, value: new Uint8Array([1]) }];
    try {
      return requireSignatures({ keyIds: ['k'], threshold: 1 }, new Map([['k', key]]), { ...envelope(), signatures });
    } catch {
      return key.asked;
    }
  };

  it.each([
    ['ed25519', 'ed25519'],
    ['rsassa-pss-sha256', 'rsassa-pss'],
    ['rsassa-pss-sha256', 'rsassa-pss-sha256'],
    ['ed25519', undefined],
    ['ecdsa-sha2-nistp256', undefined],
    ['ml-dsa-44', undefined],
  ] as const)('SEC-7 %s signs by %s', (scheme, method) => {
    expect(counts(scheme, method)).toEqual(['k']);
  });

  it.each([
    ['ed25519', 'rsassa-pss'],
    ['ed25519', ''],
    ['ed25519', '__proto__'],
    ['rsassa-pss-sha256', 'ed25519'],
    ['rsa-pkcs1v15-sha256', 'rsassa-pss'],
    ['rsa-pkcs1v15-sha256', 'rsa-pkcs1v15-sha256'],
    ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'],
    ['ml-dsa-44', 'ml-dsa-44'],
  ] as const)('SEC-7 %s does not sign by %j, and is not even asked', (scheme, method) => {
    expect(counts(scheme, method)).toBe(0);
  });
});

describe('SEC-2 a signature that cannot be decoded (9.1 c, d)', () => {
  it('SEC-2 holds for nobody, and spoils nothing', () => {
    const role = { keyIds: ['one', 'two'], threshold: 1 };
    const odd = { keyId: 'one', method: undefined, value: undefined };
    const alone = { message: new Uint8Array([7]), signatures: [odd] };
    expect(refusalOf(() => requireSignatures(role, keys, alone))).toMatchObject({
      ...{ code: 'TRUST_SIGNATURES', detail: { have: 0, need: 1 } },
    });
    const { signatures } = envelope(['two', 2]);
    expect(requireSignatures(role, keys, { ...alone, signatures: [odd, ...signatures] })).toEqual(['two']);
  });
});
