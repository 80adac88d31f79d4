import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALICE, answered, BOB, LATER_MS, listing, PaperRepository } from '../../../test/support/paper.ts';
import { NOW_MS, refusalOf } from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { type CanonicalInput, wireJson } from '../../core/canonical-json.ts';
import { asObject, type JsonObject, type JsonValue, parseJson } from '../../core/json.ts';
import { MAX_PAYLOADS, MAX_REQUEST_BYTES, MAX_REQUEST_FILES } from '../limits.ts';
import { renewedFiles, roleOf } from './draft.ts';
import { SigningError } from './errors.ts';
import {
  approvalMessage,
  type Collected,
  merged,
  readRequest,
  requestOf,
  type SigningRequest,
  writeRequest,
} from './request.ts';

const repository = new PaperRepository(1);
const { files, payload } = listing(repository, 'fw/1', 'image', ['cd'.repeat(64)]);

/** A request with all that one can hold, signed by two. */
async function fullRequest(): Promise<SigningRequest> {
  const all = [...renewedFiles(repository.read(), ['targets'], LATER_MS), ...files];
  const request = await answered(repository.request(all, { payloads: [payload] }), ALICE, BOB);
  const made = { path: payload.path, key: payload.keys[0] ?? '', value: new Uint8Array([1, 2]) };
  return { ...request, collected: { ...request.collected, payloadSignatures: [made] } };
}

const FULL = await fullRequest();
const WRITTEN = writeRequest(FULL);

/** Reads, or is refused by name; anything else is thrown on. */
function readOrRefused(bytes: Uint8Array): SigningRequest | SigningError {
  try {
    return readRequest(bytes);
  } catch (error) {
    if (error instanceof SigningError && error.code === 'SIGNING_FORMAT') return error;
    throw error;
  }
}

describe('SEC-9 signing requests', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 40 });
  const anySigned: fc.Arbitrary<CanonicalInput> = fc.dictionary(anyText, fc.oneof(anyText, fc.maxSafeInteger()));
  const anyBytes = fc.uint8Array({ maxLength: 80 });
  const anyRequest = fc.record({
    id: anyText,
    createdAtMs: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1_000),
    reason: anyText,
    base: fc
      .dictionary(
        anyText,
        anySigned.map((json) => wireJson(json)),
      )
      .map((all) => new Map(Object.entries(all))),
    files: fc.array(
      fc.record({
        role: anyText,
        version: fc.integer({ min: 1 }),
        more: fc.dictionary(fc.constantFrom('a', 'b'), anyText),
      }),
      { maxLength: 4 },
    ),
    payloads: fc.array(fc.record({ path: anyText, keys: fc.array(anyText, { maxLength: 3 }), lengthBytes: fc.nat() }), {
      maxLength: 3,
    }),
    signatures: fc.array(fc.record({ role: anyText, keyId: anyText, value: anyBytes }), { maxLength: 3 }),
    payloadSignatures: fc.array(fc.record({ path: anyText, key: anyText, value: anyBytes }), { maxLength: 3 }),
    approvals: fc.array(fc.tuple(anyText, anyBytes), { maxLength: 3 }).map((all) => new Map(all)),
  });

  it('SEC-9 survive a round trip, digest and all', () => {
    fc.assert(
      fc.property(anyRequest, ({ files, payloads, signatures, payloadSignatures, approvals, ...body }) => {
        const request = requestOf(
          {
            ...body,
            files: files.map(({ role, version, more }) => ({ role, version, signed: { version, ...more } })),
            payloads: payloads.map((one) => ({ ...payload, ...one })),
          },
          { signatures, payloadSignatures, approvals },
        );
        const written = writeRequest(request);
        const read = readRequest(written);
        expect(read.digest).toBe(request.digest);
        expect(read.collected).toEqual(request.collected);
        expect(Buffer.from(writeRequest(read)).equals(written)).toBe(true);
      }),
    );
  });

  it('SEC-9 one that travelled is what was written', () => {
    const read = readRequest(WRITTEN);
    expect(read.digest).toBe(FULL.digest);
    expect(read.collected).toEqual(FULL.collected);
    expect(read.body).toMatchObject({ id: FULL.body.id, createdAtMs: NOW_MS, reason: 'because', payloads: [payload] });
    expect(read.body.base).toEqual(FULL.body.base);
    expect(read.body.files.map(({ role, version }) => [role, version])).toEqual([
      ['targets', 2],
      [roleOf('fw/1', 1), 2],
    ]);
  });

  it('SEC-9 no proper prefix is one', () => {
    fc.assert(
      fc.property(fc.nat({ max: WRITTEN.length - 1 }), (cut) => {
        expect(readOrRefused(WRITTEN.subarray(0, cut))).toBeInstanceOf(SigningError);
      }),
      { numRuns: 200 },
    );
  });

  it('SEC-9 noise is answered with a refusal', () => {
    const start = utf8Encode('{"approvals":{},"body":{"base":{');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, hasStart) => {
        expect(readOrRefused(hasStart ? Buffer.concat([start, noise]) : noise)).toBeInstanceOf(SigningError);
      }),
      { numRuns: 500 },
    );
  });

  it('SEC-7 a flipped bit is refused, or changes the digest, or a signature', () => {
    const before = readRequest(WRITTEN);
    fc.assert(
      fc.property(fc.nat({ max: WRITTEN.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const altered = WRITTEN.slice();
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        const read = readOrRefused(altered);
        if (read instanceof SigningError || read.digest !== before.digest) return;
        expect(read.collected).not.toEqual(before.collected);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('SEC-10 what is no signing request', () => {
  const document = (): JsonObject => asObject(parseJson(WRITTEN), '');
  const body = () => asObject(document().get('body'), '/body');
  const withBody = (name: string, value: JsonValue | undefined) => withMember('body', withIn(body(), name, value));
  const withIn = (object: JsonObject, name: string, value: JsonValue | undefined): JsonObject => {
    const others = [...object].filter(([other]) => other !== name);
    return new Map(value === undefined ? others : [...others, [name, value]]);
  };
  const withMember = (name: string, value: JsonValue | undefined) => wireJson(withIn(document(), name, value));
  const object = (value: unknown) => parseJson(utf8Encode(JSON.stringify(value)));
  const [sha256, keys] = ['ab'.repeat(32), ['00']];
  const asked = { path: 'a', sha256, length: 1, scheme: 'cups-p256-sha512', keys };

  it.each<[string, Uint8Array, string]>([
    ['another document', utf8Encode('{}'), 'another kind of document'],
    ['a list', utf8Encode('[]'), ''],
    ['text after its end', Buffer.concat([WRITTEN, utf8Encode('{}')]), 'after the end'],
    ['a byte order mark before it', Buffer.concat([utf8Encode('\ufeff'), WRITTEN]), ''],
    ['a member twice', utf8Encode('{"format":"sealift-signing-request","format":"x"}'), 'stands twice'],
    ['another format', withMember('format', 'sealift-release'), 'another kind of document'],
    ['a later version', withMember('version', 2), 'another version of sealift'],
    ['a version in words', withMember('version', '1'), 'another version of sealift'],
    ['no body', withMember('body', undefined), '/body'],
    ['no signatures', withMember('signatures', undefined), '/signatures'],
    [
      'a signature that is no hex',
      withMember('signatures', object([{ role: 'a', keyid: 'b', sig: 'XY' }])),
      'is not hex',
    ],
    [
      'half a byte as a signature',
      withMember('signatures', object([{ role: 'a', keyid: 'b', sig: 'abc' }])),
      'is not hex',
    ],
    ['a signature of no role', withMember('signatures', object([{ keyid: 'b', sig: 'ab' }])), '/signatures/0/role'],
    ['a payload signature of no key', withMember('payload_signatures', object([{ path: 'a', sig: 'ab' }])), '/0/key'],
    ['approvals as a list', withMember('approvals', []), '/approvals'],
    ['an approval that is no hex', withMember('approvals', object({ a: '-' })), 'is not hex'],
    ['no id', withBody('id', undefined), '/body/id'],
    ['a reason that is no text', withBody('reason', 1), '/body/reason'],
    ['a time that is none', withBody('created_at', '2026-11-31T00:00:00Z'), '/body/created_at'],
    ['a base that is a list', withBody('base', []), '/body/base'],
    ['files that are none', withBody('files', object({})), '/body/files'],
    ['a file without a version', withBody('files', object([{ role: 'a', signed: {} }])), '/signed/version'],
    ['a file of version 0', withBody('files', object([{ role: 'a', signed: { version: 0 } }])), '/signed/version'],
    ['a file with nothing to sign', withBody('files', object([{ role: 'a' }])), '/body/files/0/signed'],
    ['a payload of another kind', withBody('payloads', object([{ ...asked, scheme: 'x'.repeat(99) }])), 'kind xxx'],
    ['a payload without digest', withBody('payloads', object([{ ...asked, sha256: 'AB'.repeat(32) }])), 'is no digest'],
    ['a payload of no length', withBody('payloads', object([{ ...asked, length: -1 }])), '/payloads/0/length'],
    ['a payload for no list of keys', withBody('payloads', object([{ ...asked, keys: 'a' }])), '/payloads/0/keys'],
    [
      'too many files',
      withBody('files', object(Array(MAX_REQUEST_FILES + 1).fill({ role: 'a', signed: { version: 1 } }))),
      `at most ${MAX_REQUEST_FILES}`,
    ],
    ['too many payloads', withBody('payloads', object(Array(MAX_PAYLOADS + 1).fill(asked))), `at most ${MAX_PAYLOADS}`],
    ['a member more', withMember('note', 'Please hurry.'), 'more than is read'],
    ['a member more in its body', withBody('note', 'Please hurry.'), 'more than is read'],
    ['a member more in a payload', withBody('payloads', object([{ ...asked, note: '' }])), 'more than is read'],
    ['too much', new Uint8Array(MAX_REQUEST_BYTES + 1), `at most ${MAX_REQUEST_BYTES}`],
  ])('SEC-10 %s is refused', (_what, bytes, words) => {
    const { code, message, fix } = refusalOf(() => readRequest(bytes));
    expect(code).toBe('SIGNING_FORMAT');
    expect(message).toContain(words);
    expect(message.length).toBeLessThan(200);
    expect(fix).toContain('sealift trust export');
  });

  it('SEC-10 spaces between its members are no part of it', () => {
    const spaced = JSON.stringify(JSON.parse(Buffer.from(WRITTEN).toString()), null, 2);
    expect(readRequest(utf8Encode(`${spaced}\n`)).digest).toBe(FULL.digest);
  });

  it('SEC-13 names that JavaScript knows are names like others', () => {
    const files = object([{ role: '__proto__', signed: { version: 1, constructor: 'x' } }]);
    const read = readRequest(withBody('files', files));
    expect(read.body.files[0]?.role).toBe('__proto__');
  });
});

describe('DESIGN-4 signatures from several people', () => {
  const one = (value: number): Collected => ({
    signatures: [{ role: 'targets', keyId: 'a', value: new Uint8Array([value]) }],
    payloadSignatures: [{ path: 'p', key: 'k', value: new Uint8Array([value]) }],
    approvals: new Map([['a', new Uint8Array([value])]]),
  });

  it('DESIGN-4 what stands on both sides counts once, and the second side is kept', () => {
    expect(merged(one(1), one(2))).toEqual(one(2));
  });

  it('DESIGN-4 what stands on one side is kept', () => {
    const none: Collected = { signatures: [], payloadSignatures: [], approvals: new Map() };
    expect(merged(none, one(1))).toEqual(one(1));
    expect(merged(one(1), none)).toEqual(one(1));
    const other: Collected = {
      signatures: [
        { role: 'targets', keyId: 'b', value: new Uint8Array() },
        { role: 'root', keyId: 'a', value: new Uint8Array() },
      ],
      payloadSignatures: [{ path: 'p', key: 'other', value: new Uint8Array() }],
      approvals: new Map([['b', new Uint8Array()]]),
    };
    const both = merged(one(1), other);
    expect(both.signatures).toHaveLength(3);
    expect(both.payloadSignatures).toHaveLength(2);
    expect([...both.approvals.keys()]).toEqual(['a', 'b']);
  });

  it('SEC-7 an approval is no metadata: its type keeps it apart', () => {
    expect(Buffer.from(approvalMessage('ab')).toString()).toBe('{"_type":"sealift-approval","request":"ab"}');
  });
});
