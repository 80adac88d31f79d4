/**
 * Bad input, file by file: ambiguous, endless, climbing (damage.property.test.ts has the damaged). For each the outcome is a refusal
 * that names the role, and what is stored is what was stored. What can be signed is properly signed here: nothing is refused for its
 * signature alone.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  refusalOf,
  signedBy,
  TestRepository,
  type TestTargets,
  targetOf,
  withMembers,
} from '../../../test/support/repository.ts';
import { key, ROLES, role, type Victim, victimOf } from '../../../test/support/victim.ts';
import { concat, utf8Encode } from '../../core/bytes.ts';
import { MAX_ROOT_BYTES, MAX_SNAPSHOT_BYTES, MAX_TARGETS_BYTES, MAX_TIMESTAMP_BYTES } from '../limits.ts';

/** A file around any text, which is signed as it stands. */
function fileAround(signed: string): Uint8Array {
  const sig = Buffer.from(key.sign(utf8Encode(signed))).toString('hex');
  return utf8Encode(`{"signatures":[{"keyid":"${key.publicKey.keyId}","sig":"${sig}"}],"signed":${signed}}`);
}

function signedTextOf(file: Uint8Array): string {
  const text = Buffer.from(file).toString();
  return text.slice(text.indexOf('"signed":') + '"signed":'.length, -1);
}

describe.each(ROLES)('SEC-10 an ambiguous %s, signed', (name) => {
  let victim: Victim;
  let text: string;
  beforeEach(() => {
    victim = victimOf(name);
    text = signedTextOf(victim.good);
  });
  const member = (added: string) => text.replace('{', `{${added},`);

  it.each([
    ...['2.0', '2e0', '20e-1', '0.2e1', '2.0e0', '02', '-2', '-0', '+2', '0x2', '1e999', 'NaN', 'Infinity'],
    ...['9007199254740992', '9007199254740993', '-1', '0', '1'.repeat(400), '"2"', 'null', 'true', '[2]', '{}', '""'],
    ...['2,"version":2', '2,"\\u0076ersion":2'],
  ])('SEC-10 of version %s is refused', (spelled) => {
    const signed = text.replace('"version":2', `"version":${spelled}`);
    expect(signed).not.toBe(text);
    expect(victim.refuse(fileAround(signed)).code).toBe('TRUST_MALFORMED');
  });

  it.each([
    ['a member twice', '"_type":"root"'],
    ['an unknown member twice', '"x":1,"x":1'],
    ['a prototype twice', '"__proto__":1,"__proto__":2'],
    ['a member twice, further down, escaped', '"x":{"a":1,"\\u0061":2}'],
    ['a fraction', '"x":1.5'],
    ['an exponent', '"x":1e2'],
    ['a number that is not exact', '"x":9007199254740992'],
    ['half a character', '"x":"\\ud800"'],
    ['a control character', '"x":"\u0001"'],
    ['a line break in a text', '"x":"a\nb"'],
    ['single quotes', "'x':1"],
    ['no quotes', 'x:1'],
    ['an unknown word', '"x":undefined'],
    ['a comma too many', '"x":[1,]'],
    ['a comment', '/* */"x":1'],
    ['nesting of 65 levels', `"x":${'['.repeat(63)}${']'.repeat(63)}`],
    ['lists without end', `"x":${'['.repeat(5_000)}`],
    ['objects without end', `"x":${'{"":'.repeat(3_500)}`],
  ])('SEC-10 with %s is refused', (_what, added) => {
    expect(victim.refuse(fileAround(member(added))).code).toBe('TRUST_MALFORMED');
  });

  it.each(['[]', '"signed"', 'null', '7', '{}'])('SEC-10 that is %s is refused', (signed) => {
    expect(victim.refuse(fileAround(signed)).code).toBe('TRUST_MALFORMED');
  });

  it.each<[string, (good: Uint8Array) => Uint8Array]>([
    ['with a byte order mark', (good) => concat(new Uint8Array([0xef, 0xbb, 0xbf]), good)],
    ['with something behind it', (good) => concat(good, utf8Encode('{}'))],
    ['with a zero behind it', (good) => concat(good, new Uint8Array(1))],
    ['in ill-formed UTF-8', (good) => concat(good.subarray(0, -1), new Uint8Array([0xc3, 0x7d]))],
    ['in UTF-16', (good) => new Uint8Array(Buffer.from(Buffer.from(good).toString(), 'utf16le'))],
    [
      'with a second signed part',
      (good) => utf8Encode(Buffer.from(good).toString().replace('"signed":', '"signed":{},"signed":')),
    ],
    [
      'with a second list of signatures',
      (good) => utf8Encode(Buffer.from(good).toString().replace('{', '{"signatures":[],')),
    ],
    [
      'with 65 signatures',
      () =>
        utf8Encode(
          JSON.stringify({
            signatures: Array.from({ length: 65 }, (_, at) => ({ keyid: `${at}`, sig: '' })),
            signed: {},
          }),
        ),
    ],
  ])('SEC-10 %s is refused', (_what, change) => {
    expect(victim.refuse(change(victim.good)).code).toBe('TRUST_MALFORMED');
  });

  it('SEC-7 of another type is refused', () => {
    for (const type of ['root', 'timestamp', 'snapshot', 'targets', 'mirrors', '', 'Root']) {
      const signed = text.replace(/"_type":"[a-z]+"/, `"_type":"${type}"`);
      if (signed !== text) expect(victim.refuse(fileAround(signed)).code).toBe('TRUST_MALFORMED');
    }
  });

  it('SEC-7 signed, with the same nesting and none of this, is taken', () => {
    const bytes = fileAround(member(`"":${'['.repeat(62)}${']'.repeat(62)}`));
    expect(victim.accept(bytes)).toBe(bytes);
  });
});

describe('SEC-10 an endless file', () => {
  it.each([
    ['root', MAX_ROOT_BYTES],
    ['timestamp', MAX_TIMESTAMP_BYTES],
    ['snapshot', MAX_SNAPSHOT_BYTES],
    ['targets', MAX_TARGETS_BYTES],
    ['supplier', MAX_TARGETS_BYTES],
  ] as const)('SEC-10 %s of %d bytes and one is refused unread', (name, maxBytes) => {
    const victim = victimOf(name);
    const padded = (length: number) => concat(victim.good, new Uint8Array(length - victim.good.length).fill(0x20));
    expect(victim.refuse(padded(maxBytes + 1))).toMatchObject({
      code: 'TRUST_LENGTH',
      detail: { length: maxBytes + 1, max: maxBytes },
    });
    expect(victim.accept(padded(maxBytes))).toHaveLength(maxBytes);
  });
});

describe('SEC-13 names that reach for a prototype', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];

  it.each(NAMES)('SEC-13 %s is a role, a key, a target and a member like any other', (name) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const repository = new TestRepository();
    const supplier: TestTargets = { ...role, targets: new Map([[name, targetOf(name)]]) };
    repository.delegated.set(name, supplier);
    repository.top.delegations = [
      { name, keys: [key.publicKey], threshold: 1, terminating: false, paths: [name], hardwareIds: [name] },
    ];
    repository.publish();
    repository.rewrite('targets', { [name]: { polluted: true } });
    expect(repository.device().find(name, name)?.role).toBe(name);
    expect(repository.device().find(name, 'other')).toBeUndefined();
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect('polluted' in {}).toBe(false);
  });

  it.each(NAMES)('SEC-13 %s is not there where nobody put it', (name) => {
    const repository = new TestRepository();
    repository.publish();
    expect(repository.device().find(name)).toBeUndefined();
    repository.top.delegations = [{ name, keys: [key.publicKey], threshold: 1, terminating: false, paths: ['*'] }];
    repository.renew();
    expect(refusalOf(() => repository.device().find('x'))).toMatchObject({
      code: 'TRUST_MISSING',
      detail: { role: name },
    });
  });
});

describe('SEC-11 paths that climb', () => {
  it.each(['../x', 'a/../../x', '..', './x', '/../x', 'a/..', 'a\u007f', 'a\u0085'])(
    'SEC-11 %j is refused, of the top and of a supplier',
    (path) => {
      for (const name of ['targets', 'supplier'] as const) {
        const victim = victimOf(name);
        const targets = { [path]: { hashes: { sha256: 'ab' }, length: 1 } };
        const signed = withMembers(victim.good, { targets });
        expect(victim.refuse(signedBy(signed, key))).toMatchObject({
          code: 'TRUST_MALFORMED',
          detail: { pointer: '/signed/targets' },
        });
      }
    },
  );
});
