import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Decode, utf8Encode } from '../../core/bytes.ts';
import { type AuditEntry, encodeEntry, readEntry } from './entry.ts';
import { AuditError } from './errors.ts';
import { MAX_APPROVALS, MAX_ENTRY_BYTES, MAX_ID_CHARACTERS, MAX_KIND_CHARACTERS, MAX_VALUE_BYTES } from './limits.ts';
import { entry as auditEntry } from './store.contract.ts';

const text = utf8Decode(encodeEntry(auditEntry())) ?? '';
const readText = (leaf: string) => readEntry(utf8Encode(leaf));

const word = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,20}$/);
const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const reference = fc.record({ kind: word, id });
const value = fc.dictionary(
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.oneof(fc.maxSafeInteger(), id, fc.boolean()),
  {
    maxKeys: 4,
  },
);
const anyEntry: fc.Arbitrary<AuditEntry> = fc.record({
  ...{ tenant: id, actor: reference, object: reference, before: fc.option(value), after: fc.option(value) },
  what: fc.tuple(word, word).map((words) => words.join('.')),
  digest: fc.option(fc.constant('0f'.repeat(32))),
  ...{ approvals: fc.array(id, { maxLength: 3 }), atMs: fc.maxSafeNat(), requestId: fc.option(id) },
});

describe('SEC-25 an audit entry', () => {
  it('SEC-25 says who, what, to which object, digest, before and after, approvals, when, by which request', () => {
    expect(text).toBe(
      '{"actor":{"id":"person1","kind":"user"},"after":{"revision":1,"state":"halted"},"approvals":["alice","bob"],"atMs":1001,' +
        `"before":{"state":"running"},"digest":"${'ab'.repeat(32)}","object":{"id":"P1","kind":"rollout"},` +
        '"requestId":"request1","tenant":"t","v":1,"what":"rollout.halted"}',
    );
  });

  it('SEC-25 survives a round trip, has one spelling, and is one line', () => {
    fc.assert(
      fc.property(anyEntry, (entry) => {
        const leaf = encodeEntry(entry);
        expect(encodeEntry(readEntry(leaf))).toEqual(leaf);
        expect(leaf.includes(0x0a)).toBe(false);
        const { before: _before, after: _after, ...rest } = entry;
        expect(readEntry(leaf)).toMatchObject(rest);
      }),
    );
  });

  it('SEC-10 every proper prefix is refused, and every other spelling of the same', () => {
    for (let length = 0; length < text.length; length += 1)
      expect(() => readText(text.slice(0, length))).toThrow(AuditError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(() => readEntry(noise)).toThrow(AuditError);
      }),
    );
  });

  it.each([
    ['white space', text.replace('{', '{ ')],
    ['members in another order', `{"what":"rollout.halted",${text.slice(1, text.lastIndexOf(',"what"'))}}`],
    ['a member more', text.replace('"v":1', '"v":1,"vv":1')],
    ['a member more within', text.replace('"kind":"user"', '"kind":"user","kinds":1')],
    ['a member twice', text.replace('"v":1', '"v":1,"v":1')],
    ['a member less', text.replace('"digest":null,', '').replace(/"digest":"[^"]*",/, '')],
    ['before left out', text.replace('"before":{"state":"running"},', '')],
    ['an escape nobody needs', text.replace('person1', '\\u0070erson1')],
    ['another version', text.replace('"v":1', '"v":2')],
    ['a fraction', text.replace('1001', '1001.0')],
    ['a time before 1970', text.replace('1001', '-1')],
    ['a list', `[${text}]`],
    ['something behind', `${text}\n`],
    ['a text for a number', text.replace('1001', '"1001"')],
    ['a digest in capitals', text.replace('abab', 'ABab')],
    ['a code of one word', text.replace('rollout.halted', 'halted')],
    ['a kind with a space', text.replace('"kind":"user"', '"kind":"a user"')],
    ['an actor without an id', text.replace('"id":"person1"', '"id":""')],
    ['an approval that is no text', text.replace('"alice"', '1')],
    ['a byte order mark', `\ufeff${text}`],
  ])('SEC-10 %s is refused', (_what, other) => {
    expect(other).not.toBe(text);
    expect(() => readText(other)).toThrow(expect.objectContaining({ code: 'AUDIT_ENTRY' }));
  });

  /** `length` is that of the part; the rest of the entry is as it always is. */
  const BOUNDS: readonly (readonly [string, number, (length: number) => Partial<AuditEntry>])[] = [
    ['tenant', MAX_ID_CHARACTERS, (length) => ({ tenant: 'x'.repeat(length) })],
    ['what', MAX_KIND_CHARACTERS, (length) => ({ what: `a.${'x'.repeat(length - 2)}` })],
    ['actor.kind', MAX_KIND_CHARACTERS, (length) => ({ actor: { kind: 'x'.repeat(length), id: 'a' } })],
    ['actor.id', MAX_ID_CHARACTERS, (length) => ({ actor: { kind: 'user', id: 'x'.repeat(length) } })],
    ['object.kind', MAX_KIND_CHARACTERS, (length) => ({ object: { kind: 'x'.repeat(length), id: 'a' } })],
    ['object.id', MAX_ID_CHARACTERS, (length) => ({ object: { kind: 'rollout', id: 'x'.repeat(length) } })],
    ['requestId', MAX_ID_CHARACTERS, (length) => ({ requestId: 'x'.repeat(length) })],
    ['approvals', MAX_APPROVALS, (length) => ({ approvals: Array<string>(length).fill('x') })],
    ['approvals', MAX_ID_CHARACTERS, (length) => ({ approvals: ['x'.repeat(length)] })],
    ['before', MAX_VALUE_BYTES, (length) => ({ before: 'x'.repeat(length - 2) })],
    ['after', MAX_VALUE_BYTES, (length) => ({ after: ['é'.repeat((length - 4) / 2)] })],
    ['before', MAX_VALUE_BYTES, (length) => ({ before: '"'.repeat((length - 2) / 2) })],
  ];

  it.each(BOUNDS)(
    'SEC-25 %s has at most %i, so that no document and no secret file gets in by mistake',
    (member, limit, part) => {
      const fits = encodeEntry(auditEntry(1, part(limit)));
      expect(encodeEntry(readEntry(fits))).toEqual(fits);
      const isEven = member === 'before' || member === 'after' ? 2 : 1;
      expect(() => encodeEntry(auditEntry(1, part(limit + isEven)))).toThrow(
        expect.objectContaining({ code: 'AUDIT_LIMIT', detail: expect.objectContaining({ member, limit }) as unknown }),
      );
    },
  );

  it('SEC-25 a whole entry has at most 16 kB, written or read', () => {
    const approvals = Array<string>(MAX_APPROVALS).fill('x'.repeat(MAX_ID_CHARACTERS));
    const much = auditEntry(1, { approvals });
    expect(() => encodeEntry(much)).toThrow(
      expect.objectContaining({ code: 'AUDIT_LIMIT', detail: expect.objectContaining({ member: 'entry' }) as unknown }),
    );
    expect(() => readEntry(new Uint8Array(MAX_ENTRY_BYTES + 1))).toThrow(
      expect.objectContaining({ code: 'AUDIT_LIMIT' }),
    );
  });

  it.each([
    ['a fraction', { after: { share: 0.5 } }],
    ['half a character', { after: { name: '\ud800' } }],
    ['half a character in an id', { requestId: '\ud800' }],
    ['a time that is no integer', { atMs: 1.5 }],
    ['a digest that is none', { digest: 'ab' }],
    ['no tenant', { tenant: '' }],
    ['a value too deep', { before: JSON.parse(`${'['.repeat(70)}${']'.repeat(70)}`) as [] }],
  ])('SEC-10 %s is not written', (_what, changes) => {
    expect(() => encodeEntry(auditEntry(1, changes))).toThrow(expect.objectContaining({ code: 'AUDIT_ENTRY' }));
  });
});
