import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, message, optionalBlock, rest, uint, utf8 } from './codec.ts';
import { WireError } from './errors.ts';

const u8 = uint(1, 'le');
const u16 = uint(2, 'be');
const u32 = uint(4, 'le');
const Inner = message({ crc: u32, body: rest(1, 12) });
const Everything = message({
  name: utf8(u8, 40),
  big: uint(6, 'be'),
  little: uint(3, 'le', 70_000),
  blob: bytes(u16, 300),
  inner: optionalBlock(u32, 5, 16, Inner),
});

const anyMessage = fc.record({
  name: fc.string({ unit: 'binary', maxLength: 10 }),
  big: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  little: fc.integer({ min: 0, max: 70_000 }),
  blob: fc.uint8Array({ maxLength: 300 }),
  inner: fc.option(
    fc.record({ crc: fc.integer({ min: 0, max: 2 ** 32 - 1 }), body: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
    { nil: undefined },
  ),
});

describe('SEC-9 messages as tables', () => {
  it('SEC-9 survive a round trip, both ways', () => {
    fc.assert(
      fc.property(anyMessage, (value) => {
        const wire = Everything.encode(value);
        expect(Everything.decode(wire)).toEqual(value);
        expect(Everything.encode(Everything.decode(wire))).toEqual(wire);
      }),
    );
  });

  it('SEC-9 refuse every proper prefix', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), (value, cut) => {
        const wire = Everything.encode(value);
        expect(() => Everything.decode(wire.subarray(0, cut % wire.length))).toThrow(WireError);
      }),
    );
  });

  it('SEC-9 answer noise with a value or a WireError, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        try {
          expect(Everything.encode(Everything.decode(noise))).toEqual(noise);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });

  it('SEC-9 refuse bytes after the end, but a prefix reader says where it stopped', () => {
    const wire = new Uint8Array([1, 2, 3, 4, 9]);
    const One = message({ value: u32 });
    expect(() => One.decode(wire)).toThrow(expect.objectContaining({ code: 'WIRE_TRAILING' }));
    expect(One.decodePrefix(wire)).toEqual({ value: { value: 0x0403_0201 }, consumed: 4 });
  });

  it('SEC-9 check a length before they slice: a huge one is refused, not allocated', () => {
    const Big = message({ blob: bytes(u32, 100) });
    expect(() => Big.decode(new Uint8Array([255, 255, 255, 255]))).toThrow(
      expect.objectContaining({ code: 'WIRE_LIMIT' }),
    );
    expect(() => Big.decode(new Uint8Array([100, 0, 0, 0, 1]))).toThrow(
      expect.objectContaining({ code: 'WIRE_TRUNCATED' }),
    );
  });

  it.each([
    ['a number out of range', () => u8.write(256)],
    ['a negative number', () => u8.write(-1)],
    ['a fraction', () => u32.write(1.5)],
    ['more than the field allows', () => uint(1, 'le', 7).write(8)],
    ['a lone surrogate', () => utf8(u8, 10).write('\ud800')],
  ])('SEC-9 write no %s', (_what, write) => {
    expect(write).toThrow(expect.objectContaining({ code: 'WIRE_VALUE' }));
  });

  it('SEC-9 refuse text that is not UTF-8 and numbers above the row limit', () => {
    expect(() => message({ text: utf8(u8, 9) }).decode(new Uint8Array([1, 0xff]))).toThrow(
      expect.objectContaining({ code: 'WIRE_VALUE' }),
    );
    expect(() => message({ n: uint(1, 'le', 7) }).decode(new Uint8Array([8]))).toThrow(
      expect.objectContaining({ code: 'WIRE_LIMIT' }),
    );
  });

  it('SEC-9 hand out copies: the buffer behind them may be used again', () => {
    for (const wire of [new Uint8Array([0, 1, 7, 8]), Buffer.from([0, 1, 7, 8])]) {
      const { blob, tail } = message({ blob: bytes(u16, 10), tail: rest(1, 1) }).decode(wire);
      wire.fill(0);
      expect([blob, tail]).toEqual([new Uint8Array([7]), new Uint8Array([8])]);
    }
  });
});
