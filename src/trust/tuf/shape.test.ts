/** Shapes of signed members: what is no such thing is named by its place. */
import { describe, expect, it } from 'vitest';
import { refusalOf } from '../../../test/support/repository.ts';
import { asObject, JsonError, type JsonValue, parseJson } from '../../core/json.ts';
import { TrustError } from '../errors.ts';
import {
  describeTime,
  inRole,
  malformed,
  readFlag,
  readHashes,
  readName,
  readNames,
  readTime,
  readVersion,
  writeTime,
} from './shape.ts';

const AT = '/signed/x';
const json = (text: string) => parseJson(Buffer.from(text));

/** A refusal by shape, whether it is of JSON's kind or of ours, and the place it names. */
function placeOf(read: () => unknown): unknown {
  const error = refusalOf(read);
  expect(['JSON_SHAPE', 'TRUST_MALFORMED']).toContain(error.code);
  return error.detail.pointer;
}

describe('SEC-10 names', () => {
  it.each(['a', ' ', '.', '__proto__', 'x'.repeat(1_024)])('SEC-10 %j is one', (name) => {
    expect(readName(name, AT)).toBe(name);
  });

  it.each([[''], ['x'.repeat(1_025)], [undefined], [null], [1], [['a']]])('SEC-10 %j is none', (value) => {
    expect(placeOf(() => readName(value, AT))).toBe(AT);
  });

  it('SEC-10 says that it is none', () => {
    expect(refusalOf(() => readName('', AT)).message).toBe('/signed/x is no name');
  });

  it('SEC-10 a list of them is taken up to its limit', () => {
    expect(readNames(['b', 'a'], AT, 2)).toEqual(['b', 'a']);
    expect(readNames([], AT, 0)).toEqual([]);
    expect(refusalOf(() => readNames(['a', 'b', 'c'], AT, 2))).toMatchObject({
      code: 'TRUST_MALFORMED',
      message: '/signed/x has 3 entries, at most 2 are allowed',
      detail: { pointer: AT },
    });
  });

  it('SEC-10 a list does not name one of them twice', () => {
    expect(refusalOf(() => readNames(['a', 'b', 'a'], AT, 9))).toMatchObject({
      code: 'TRUST_MALFORMED',
      message: '/signed/x names something twice',
      detail: { pointer: AT },
    });
  });

  it('SEC-10 a list says which of its entries is none', () => {
    expect(placeOf(() => readNames(['a', ''], AT, 9))).toBe(`${AT}/1`);
    expect(placeOf(() => readNames('a', AT, 9))).toBe(AT);
  });
});

describe('SEC-10 times', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['2026-11-24T00:00:00Z', Date.UTC(2026, 10, 24)],
    ['2028-02-29T23:59:59Z', Date.UTC(2028, 1, 29, 23, 59, 59)],
    ['9999-12-31T23:59:59Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])('SEC-10 %s is one', (text, timeMs) => {
    expect(readTime(text, AT)).toBe(timeMs);
    expect(writeTime(timeMs)).toBe(text);
  });

  it('SEC-10 is written in whole seconds', () => {
    expect(writeTime(Date.UTC(2026, 10, 24) + 1_999)).toBe('2026-11-24T00:00:01Z');
  });

  it.each([
    [8.64e15, '+275760-09-13T00:00Z'],
    [8.64e15 + 1, '8640000000000001 ms after 1970, which is no date'],
    [Number.NaN, 'NaN ms after 1970, which is no date'],
    [0, '1970-01-01T00:00:00Z'],
  ])('SEC-10 %d of a clock is described as %s', (timeMs, text) => {
    expect(describeTime(timeMs)).toBe(text);
  });

  it.each([
    '',
    '+012026-11-24T00:00Z',
    '2026-11-24',
    '2026-11-24T00:00:00',
    '2026-11-24T00:00:00z',
    '2026-11-24 00:00:00Z',
    '2026-11-24T00:00:00.000Z',
    '2026-11-24T00:00:00+00:00',
    '2026-11-24T00:00Z',
    '2026-11-31T00:00:00Z',
    '2027-02-29T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-13-10T00:00:00Z',
    '2026-11-24T24:00:00Z',
    '2026-11-24T23:60:00Z',
    '2026-11-24T23:59:60Z',
    '12026-11-24T00:00:00Z',
    '+012026-11-24T00:00:00Z',
    ' 2026-11-24T00:00:00Z',
    '2026-11-24T00:00:00Z ',
    '2026-11-24T00:00:00Z\n',
  ])('SEC-10 %j is none', (text) => {
    expect(placeOf(() => readTime(text, AT))).toBe(AT);
  });

  it.each([[undefined], [null], [0], [1_764_000_000]])('SEC-10 %j is none', (value) => {
    expect(placeOf(() => readTime(value, AT))).toBe(AT);
  });

  it('SEC-10 a long one is not quoted whole', () => {
    expect(refusalOf(() => readTime('9'.repeat(1_000), AT)).message).toBe(`/signed/x is no time: ${'9'.repeat(32)}`);
  });
});

describe('SEC-10 hashes, versions, truth', () => {
  it('SEC-10 hashes are lower-case hex by algorithm; algorithms nobody knows are kept', () => {
    const hashes = readHashes(json('{"sha256":"00ff","__proto__":"ab"}'), AT);
    expect([...hashes]).toEqual([
      ['sha256', '00ff'],
      ['__proto__', 'ab'],
    ]);
  });

  it.each([
    ['{"sha256":"0"}', `${AT}/sha256`],
    ['{"sha256":"0F"}', `${AT}/sha256`],
    ['{"sha256":"0g"}', `${AT}/sha256`],
    ['{"sha256":" 0f"}', `${AT}/sha256`],
    ['{"sha256":"0f\\n"}', `${AT}/sha256`],
    ['{"sha256":""}', `${AT}/sha256`],
    ['{"sha256":1}', `${AT}/sha256`],
    ['{}', AT],
    ['[]', AT],
    ['null', AT],
  ])('SEC-10 %s are no hashes', (text, place) => {
    expect(placeOf(() => readHashes(json(text), AT))).toBe(place);
  });

  it('SEC-7 no hashes say what is wrong', () => {
    expect(refusalOf(() => readHashes(json('{}'), AT)).message).toBe('/signed/x names no hash');
    expect(refusalOf(() => readHashes(json('{"a":"x"}'), AT)).message).toBe('/signed/x/a is not lower-case hex');
  });

  it.each([1, 2, Number.MAX_SAFE_INTEGER])('SEC-3 version %d is one', (version) => {
    expect(readVersion(new Map([['version', version]]), AT)).toBe(version);
  });

  it.each([[0], [-1], ['1'], [null], [undefined], [true]])('SEC-3 version %j is none', (version) => {
    const members = version === undefined ? [] : [['version', version] as const];
    expect(placeOf(() => readVersion(new Map<string, JsonValue>(members), AT))).toBe(`${AT}/version`);
  });

  it('SEC-10 a flag is true or false, and left out it is false', () => {
    const flag = (text: string) => readFlag(asObject(json(text), ''), 'x', '/signed');
    expect([flag('{"x":true}'), flag('{"x":false}'), flag('{}')]).toEqual([true, false, false]);
    for (const value of ['null', '0', '1', '"true"', '""', '[]'])
      expect(placeOf(() => flag(`{"x":${value}}`))).toBe(AT);
    expect(refusalOf(() => flag('{"x":1}')).message).toBe('/signed/x is not true or false');
  });
});

describe('SEC-6 refusals say which file they concern', () => {
  it('SEC-6 what comes out goes through', () => {
    expect(inRole('targets', () => 7)).toBe(7);
  });

  it('SEC-6 a refusal by JSON becomes one of ours, with its place and its cause', () => {
    const cause = new JsonError('JSON_SYNTAX', 'a value is missing', { detail: { offset: 7 } });
    const error = refusalOf(() =>
      inRole('targets', () => {
        throw cause;
      }),
    );
    expect(error).toMatchObject({ code: 'TRUST_MALFORMED', detail: { role: 'targets', offset: 7 }, cause });
    expect(error.message).toBe('targets: a value is missing');
  });

  it('SEC-6 one of ours keeps what it says', () => {
    const original = new TrustError('TRUST_EXPIRED', 'expired', { fix: 'Sign it again.', detail: { nowMs: 1 } });
    const error = refusalOf(() =>
      inRole('targets', () => {
        throw original;
      }),
    );
    expect(error).toMatchObject({ code: 'TRUST_EXPIRED', message: 'expired', fix: 'Sign it again.' });
    expect(error.detail).toEqual({ role: 'targets', nowMs: 1 });
    expect('cause' in error).toBe(false);
  });

  it('SEC-6 the role that was named first stays, and so does a cause', () => {
    const cause = new Error('underneath');
    const error = refusalOf(() =>
      inRole('root', () =>
        inRole('timestamp', () => {
          throw new TrustError('TRUST_KEY', 'bad key', { cause });
        }),
      ),
    );
    expect(error).toMatchObject({ detail: { role: 'timestamp' }, cause });
    expect(error.fix).toBeUndefined();
  });

  it('SEC-6 what is not a refusal is a mistake of ours, and not dressed up as one', () => {
    const bug = new TypeError('bug');
    expect(() =>
      inRole('root', () => {
        throw bug;
      }),
    ).toThrow(bug);
  });

  it('SEC-10 malformed names the place', () => {
    expect(malformed(AT, 'is odd')).toMatchObject({
      code: 'TRUST_MALFORMED',
      message: '/signed/x is odd',
      detail: { pointer: AT },
    });
  });
});
