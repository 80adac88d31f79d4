/** The envelope (spec/uptane.md section 3.2): bounded, unambiguous, and not believed. */
import { describe, expect, it } from 'vitest';
import { refusalOf, signedBy, testKey } from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical-json.ts';
import { MAX_SIGNATURE_CHARACTERS, MAX_SIGNATURES } from '../limits.ts';
import { AKTUALIZR, REFERENCE, TUF1 } from './dialect.ts';
import { readEnvelope } from './envelope.ts';

const MAX_BYTES = 100_000;
const fileOf = (signatures: unknown, signed: unknown = {}) => utf8Encode(JSON.stringify({ signatures, signed }));
const read = (bytes: Uint8Array, dialect = TUF1) => readEnvelope(bytes, MAX_BYTES, dialect);
const ofKeys = (count: number) => Array.from({ length: count }, (_, index) => ({ keyid: `k${index}`, sig: 'ab' }));

describe('SEC-7 the envelope', () => {
  it('SEC-7 gives what was signed, the bytes that signatures cover, and who claims to have signed', () => {
    const key = testKey('one');
    const signed = { version: 1, _type: 'x', 'unknown to us': ['kept'] };
    const envelope = read(signedBy(signed, key));
    expect(envelope.message).toEqual(canonicalJson(signed));
    expect(envelope.signed.get('unknown to us')).toEqual(['kept']);
    expect(envelope.document.get('signed')).toBe(envelope.signed);
    expect(envelope.signatures).toEqual([
      { keyId: key.publicKey.keyId, method: undefined, value: key.sign(canonicalJson(signed)) },
    ]);
  });

  it('SEC-7 the bytes that signatures cover do not depend on how the file is written', () => {
    const spaced = utf8Encode('{ "signed" : { "b" : "\\u0041", "a" : 1 } , "signatures" : [ ] }');
    expect(Buffer.from(read(spaced).message).toString()).toBe('{"a":1,"b":"A"}');
  });

  it('SEC-7 without any signature it is an envelope still: who must have signed is decided elsewhere', () => {
    expect(read(fileOf([])).signatures).toEqual([]);
  });

  it('SEC-7 members we do not know are let be', () => {
    expect(read(fileOf([{ keyid: 'k', sig: 'ab', other: 1 }])).signatures).toHaveLength(1);
    expect(read(utf8Encode('{"signatures":[],"signed":{},"other":1}')).signed.size).toBe(0);
  });
});

describe('SEC-10 the envelope is bounded', () => {
  it('SEC-10 by its bytes: as many as are allowed, and not one more', () => {
    const bytes = fileOf([]);
    expect(readEnvelope(bytes, bytes.length, TUF1).signatures).toEqual([]);
    expect(refusalOf(() => readEnvelope(bytes, bytes.length - 1, TUF1))).toMatchObject({
      code: 'TRUST_LENGTH',
      message: `${bytes.length} bytes where at most ${bytes.length - 1} are allowed`,
      detail: { length: bytes.length, max: bytes.length - 1 },
    });
  });

  it('SEC-10 and not by what JSON documents are allowed elsewhere', () => {
    const bytes = fileOf([], { long: 'x'.repeat(5 * 2 ** 20) });
    expect(readEnvelope(bytes, bytes.length, TUF1).signed.size).toBe(1);
  });

  it('SEC-10 by its signatures: 64, and not one more', () => {
    expect(MAX_SIGNATURES).toBe(64);
    expect(read(fileOf(ofKeys(64))).signatures).toHaveLength(64);
    expect(refusalOf(() => read(fileOf(ofKeys(65))))).toMatchObject({
      code: 'TRUST_MALFORMED',
      message: '/signatures has 65 entries, at most 64 are allowed',
      detail: { pointer: '/signatures' },
    });
  });

  it('SEC-10 by the characters of one signature', () => {
    const ofLength = (length: number) => fileOf([{ keyid: 'k', sig: 'a'.repeat(length) }]);
    expect(read(ofLength(MAX_SIGNATURE_CHARACTERS)).signatures[0]?.value).toHaveLength(MAX_SIGNATURE_CHARACTERS / 2);
    expect(read(ofLength(MAX_SIGNATURE_CHARACTERS + 2)).signatures).toEqual([
      { keyId: 'k', method: undefined, value: undefined },
    ]);
  });
});

describe('SEC-2 one key id signs once (9.1 b)', () => {
  it('SEC-2 a list with one twice is refused, whatever the signatures are', () => {
    const twice = fileOf([
      { keyid: 'k', sig: 'ab' },
      { keyid: 'other', sig: 'ab' },
      { keyid: 'k', sig: 'cd' },
    ]);
    expect(refusalOf(() => read(twice))).toMatchObject({
      code: 'TRUST_SIGNATURES',
      message: 'one key id stands twice among the signatures',
    });
  });
});

describe('SEC-10 what is no envelope', () => {
  it.each([
    ['a list', '[]', ''],
    ['no signed part', '{"signatures":[]}', '/signed'],
    ['a signed part that is a text', '{"signatures":[],"signed":"{}"}', '/signed'],
    ['no signatures', '{"signed":{}}', '/signatures'],
    ['signatures by key id', '{"signatures":{"k":"ab"},"signed":{}}', '/signatures'],
  ])('SEC-10 %s', (_what, text, pointer) => {
    expect(refusalOf(() => read(utf8Encode(text)))).toMatchObject({ code: 'JSON_SHAPE', detail: { pointer } });
  });

  it.each([
    ['nothing', null, '/signatures/1'],
    ['no key id', { sig: 'ab' }, '/signatures/1/keyid'],
    ['a number as key id', { keyid: 1, sig: 'ab' }, '/signatures/1/keyid'],
    ['an empty key id', { keyid: '', sig: 'ab' }, '/signatures/1/keyid'],
    ['a key id without end', { keyid: 'x'.repeat(1_025), sig: 'ab' }, '/signatures/1/keyid'],
    ['no signature', { keyid: 'k' }, '/signatures/1/sig'],
    ['a number as signature', { keyid: 'k', sig: 1 }, '/signatures/1/sig'],
  ])('SEC-10 a signature that is %s', (_what, signature, pointer) => {
    const error = refusalOf(() => read(fileOf([{ keyid: 'first', sig: 'ab' }, signature])));
    expect(['JSON_SHAPE', 'TRUST_MALFORMED']).toContain(error.code);
    expect(error.detail).toEqual({ pointer });
  });
});

describe('SEC-7 a signature that is not written as it should be counts for nothing (9.1 c, d)', () => {
  it.each([
    ['half a byte', TUF1, 'abc'],
    ['capital hex', TUF1, 'AB'],
    ['base64', TUF1, 'qrs='],
    ['hex of a longer kind', TUF1, 'ab'.repeat(3_309)],
    ['hex with a stray character', AKTUALIZR, 'ab!'],
    ['base64 in two lines', AKTUALIZR, 'QUJD\nQUJD'],
    ['base64url', AKTUALIZR, '-_-_'],
    ['stray bits', AKTUALIZR, 'QR=='],
    ['no padding', AKTUALIZR, 'QQ'],
    ['too much padding', AKTUALIZR, 'QQ==='],
  ])('SEC-7 %s: it is there, and holds for nobody', (_what, dialect, sig) => {
    const { signatures } = read(fileOf([{ keyid: 'stranger', method: 'ed25519', sig }]), dialect);
    expect(signatures).toMatchObject([{ keyId: 'stranger', value: undefined }]);
  });
});

describe('SEC-7 what signatures cover has control characters', () => {
  it.each([
    [TUF1, '{"a":"x\n\u001f\u00e9\\""}'],
    [REFERENCE, '{"a":"x\n\u001f\u00e9\\""}'],
    [AKTUALIZR, '{"a":"x\\n\\u001f\u00e9\\""}'],
  ])('SEC-7 as $name writes them', (dialect, message) => {
    expect(Buffer.from(read(fileOf([], { a: 'x\n\u001f\u00e9"' }), dialect).message).toString()).toBe(message);
  });
});

describe('SEC-7 methods', () => {
  it.each([
    [REFERENCE, 'abcd'],
    [AKTUALIZR, 'q80='],
  ])('SEC-7 of $name are read in any case', (dialect, sig) => {
    const { signatures } = read(fileOf([{ keyid: 'k', sig, method: 'RSASSA-PSS' }]), dialect);
    expect(signatures).toEqual([{ keyId: 'k', method: 'rsassa-pss', value: new Uint8Array([0xab, 0xcd]) }]);
  });

  it.each([REFERENCE, AKTUALIZR])('SEC-7 of $name must stand there', (dialect) => {
    expect(refusalOf(() => read(fileOf([{ keyid: 'k', sig: 'abcd' }]), dialect))).toMatchObject({
      code: 'JSON_SHAPE',
      detail: { pointer: '/signatures/0/method' },
    });
  });
});
