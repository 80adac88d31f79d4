import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64 } from './bytes.ts';

describe('SEC-7 base64', () => {
  it('SEC-7 reads what was written, and of all texts only that', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(fromBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes);
      }),
    );
    const letters = fc.string({ unit: fc.constantFrom(...'AQg+/= -_9'), maxLength: 9 });
    fc.assert(
      fc.property(letters, (text) => {
        const bytes = fromBase64(text);
        if (bytes) expect(Buffer.from(bytes).toString('base64')).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ...['A', 'AAAAA', 'AA', 'AAA', 'AA=', 'AA===', 'AAAA=', '=', 'A==='], //  impossible lengths
    ...['AB==', 'AAB='], //                                                  bits that do not count
    ...['AA==AAAA', ' AAAA', 'AA AA', 'AAAA\n', 'AA-_', 'AA\u00c4A'],
  ])('SEC-7 takes no other spelling: %j', (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });
});
