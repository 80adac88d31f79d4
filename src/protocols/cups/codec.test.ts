import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8Encode } from '../../core/bytes.ts';
import { OtaError, WireError } from '../../core/errors.ts';
import { decodeRequest, decodeResponse, encodeRequest, NO_UPDATE, NOTHING, ResponseHead } from './codec.ts';
import { splitSegment } from './credentials.ts';
import { formatId6, parseId6 } from './id6.ts';
import { uriObjection } from './uri.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const anyUri = fc.string({ unit: 'binary-ascii', maxLength: 127 });
const anyHead = fc.record({
  cupsUri: anyUri,
  tcUri: anyUri,
  cupsCred: fc.uint8Array({ maxLength: 900 }),
  tcCred: fc.uint8Array({ maxLength: 900 }),
  signature: fc.option(fc.record({ keyCrc: u32, der: fc.uint8Array({ minLength: 4, maxLength: 128 }) }), {
    nil: undefined,
  }),
  updateLength: fc.nat(),
});

describe('CUPS-4 response head', () => {
  it('CUPS-4 survives a round trip, both ways', () => {
    fc.assert(
      fc.property(anyHead, (head) => {
        const wire = ResponseHead.encode(head);
        expect(ResponseHead.decode(wire)).toEqual(head);
        expect(ResponseHead.encode(ResponseHead.decode(wire))).toEqual(wire);
      }),
    );
  });

  it('CUPS-4 refuses every proper prefix', () => {
    fc.assert(
      fc.property(anyHead, fc.nat(), (head, cut) => {
        const wire = ResponseHead.encode(head);
        expect(() => ResponseHead.decode(wire.subarray(0, cut % wire.length))).toThrow(WireError);
      }),
    );
  });

  it('CUPS-4 answers noise with a value or a WireError, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (noise) => {
        try {
          decodeResponse(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('CUPS-4 "nothing to change" is 14 zero bytes', () => {
    expect(NO_UPDATE).toEqual(new Uint8Array(14));
    expect(decodeResponse(NO_UPDATE)).toEqual({ head: NOTHING, update: new Uint8Array(), trailingBytes: 0 });
  });

  it('CUPS-4 the sizes of the seed log come out', () => {
    const first = ResponseHead.encode({ ...NOTHING, cupsUri: 'x'.repeat(22), cupsCred: new Uint8Array(911) });
    expect(first).toHaveLength(947);
    const signature = { keyCrc: 1, der: new Uint8Array(70) };
    const second = ResponseHead.encode({
      ...NOTHING,
      tcUri: 'x'.repeat(20),
      tcCred: new Uint8Array(900),
      signature,
      updateLength: 83,
    });
    expect(second.length + 83).toBe(1_091);
  });

  it('CUPS-4 takes up to 64 bytes after the update, not more', () => {
    expect(decodeResponse(new Uint8Array(14 + 64)).trailingBytes).toBe(64);
    expect(() => decodeResponse(new Uint8Array(14 + 65))).toThrow(expect.objectContaining({ code: 'WIRE_LIMIT' }));
  });
});

const request = {
  ...{
    router: '00000000000000a1',
    cupsUri: 'https://localhost:6040',
    tcUri: '',
    cupsCredCrc: 4_294_967_295,
    tcCredCrc: 0,
  },
  ...{ station: '2.0.6', model: 'linux', package: '1.0.0', keys: [1, 4_294_967_295] },
};

describe('CUPS-3 request', () => {
  it('CUPS-3.2 is written as a Station writes it', () => {
    expect(Buffer.from(encodeRequest(request)).toString()).toBe(
      '{"router":"::a1","cupsUri":"https://localhost:6040","tcUri":null,"cupsCredCrc":4294967295,"tcCredCrc":0,' +
        '"station":"2.0.6","model":"linux","package":"1.0.0","keys":[1,4294967295]}',
    );
  });

  it('CUPS-3.2 survives a round trip', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.toWellFormed());
    const anyEui = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((value) => value.toString(16).padStart(16, '0'));
    fc.assert(
      fc.property(
        fc.record({
          router: anyEui,
          cupsUri: anyText,
          tcUri: anyText,
          cupsCredCrc: u32,
          tcCredCrc: u32,
          station: anyText,
          model: anyText,
          package: fc.option(anyText),
          keys: fc.array(u32, { maxLength: 64 }),
        }),
        (value) => {
          expect(decodeRequest(encodeRequest(value))).toEqual(value);
        },
      ),
    );
  });

  it('CUPS-3.2 order, unknown members, null, empty and missing text do not matter', () => {
    const odd =
      '{"future":{"x":1.5},"keys":[],"package":null,"cupsCredCrc":1,"tcCredCrc":2,"cupsUri":null,"router":"00-00-00-00-00-00-00-A1"}';
    expect(decodeRequest(utf8Encode(odd))).toEqual({
      ...{ router: '00000000000000a1', cupsUri: '', tcUri: '', cupsCredCrc: 1, tcCredCrc: 2 },
      ...{ station: '', model: '', package: null, keys: [] },
    });
  });

  it.each([
    ['no JSON', '{"router"'],
    ['no object', '[]'],
    ['no router', '{"cupsCredCrc":1,"tcCredCrc":2}'],
    ['EUI zero', '{"router":"::0","cupsCredCrc":1,"tcCredCrc":2}'],
    ['a signed CRC', '{"router":"::1","cupsCredCrc":-1,"tcCredCrc":2}'],
    ['a CRC as text', '{"router":"::1","cupsCredCrc":"1","tcCredCrc":2}'],
    ['a CRC of 33 bits', '{"router":"::1","cupsCredCrc":4294967296,"tcCredCrc":2}'],
    ['a fraction of a CRC', '{"router":"::1","cupsCredCrc":1.5,"tcCredCrc":2}'],
    ['a missing CRC', '{"router":"::1","tcCredCrc":2}'],
    ['keys that are none', '{"router":"::1","cupsCredCrc":1,"tcCredCrc":2,"keys":{}}'],
    ['too many keys', `{"router":"::1","cupsCredCrc":1,"tcCredCrc":2,"keys":[${Array(65).fill(1).join()}]}`],
    ['a package of 257 characters', `{"router":"::1","cupsCredCrc":1,"tcCredCrc":2,"package":"${'x'.repeat(257)}"}`],
    ['a package that is a number', '{"router":"::1","cupsCredCrc":1,"tcCredCrc":2,"package":1}'],
    ['the router twice', '{"router":"::1","router":"::2","cupsCredCrc":1,"tcCredCrc":2}'],
    ['17 kB', `{"router":"::1","cupsCredCrc":1,"tcCredCrc":2,"x":"${'x'.repeat(17_000)}"}`],
  ])('CUPS-3.2 refuses %s', (_what, text) => {
    expect(() => decodeRequest(utf8Encode(text))).toThrow(OtaError);
  });
});

describe('CUPS-3.2 ID6', () => {
  it('CUPS-3.2 every EUI comes back from its spelling', () => {
    const group = fc.oneof(
      fc.constant('0000'),
      fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16).padStart(4, '0')),
    );
    fc.assert(
      fc.property(fc.tuple(group, group, group, group), (groups) => {
        const eui = groups.join('');
        fc.pre(!/^0+$/.test(eui));
        expect(parseId6(formatId6(eui))).toBe(eui);
        expect(formatId6(eui).length).toBeLessThanOrEqual(19);
      }),
    );
  });

  it.each([
    '',
    ':',
    ':::',
    '1:2:3',
    '1:2:3:4:5',
    '1::2::3',
    '12345:1:1:1',
    'g::1',
    '1:2:3:4::',
    '0',
    '::0',
    ' ::1',
    '::1\n',
  ])('CUPS-3.2 refuses %j', (text) => {
    expect(() => parseId6(text)).toThrow(expect.objectContaining({ code: 'CUPS_BAD_REQUEST' }));
  });

  it.each([
    ['1:2::', '0001000200000000'],
    ['::1:2', '0000000000010002'],
    ['1::2:3', '0001000000020003'],
  ])('CUPS-3.2 takes any single ::, as in %s', (text, eui) => {
    expect(parseId6(text)).toBe(eui);
  });
});

describe('CUPS-5 credential segments', () => {
  it('CUPS-5 noise gives a set or a WireError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        for (const segment of [noise, new Uint8Array([0x30, ...noise])]) {
          try {
            splitSegment(segment);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
    );
  });
});

describe('CUPS-13 URIs', () => {
  it.each(['https://gw.example:443', 'http://127.0.0.1:1', 'https://[::1]:65535'])('CUPS-13 takes %s', (uri) => {
    expect(uriObjection('cups', uri)).toBeUndefined();
  });

  it.each([
    '',
    'https://host:0',
    'https://host:65536',
    'https://host:1/',
    'https://user@host:1',
    'https://ho st:1',
    'https://host:1\n',
    'HTTPS://host:1',
  ])('CUPS-13 refuses %j', (uri) => {
    expect(uriObjection('cups', uri)).toBeTypeOf('string');
  });
});
