import { describe, expect, it } from 'vitest';
import { payloadLines, progressLines } from './progress.ts';

const file = { role: 'targets', authority: 'targets', need: 2, signed: ['alice'], missing: [] };

describe('DESIGN-6 how far a request is', () => {
  it('DESIGN-6 names who has signed, and who could', () => {
    expect(progressLines([file, { ...file, signed: [], missing: ['bob', 'carol'] }])).toEqual([
      'targets (targets): 1 of 2 have signed: alice; could still: nobody',
      'targets (targets): 0 of 2 have signed: nobody; could still: bob, carol',
    ]);
  });

  it('DESIGN-6 asks nobody for more than is needed', () => {
    expect(progressLines([{ ...file, need: 1, missing: ['bob'] }])).toEqual([
      'targets (targets): 1 of 1 have signed: alice',
    ]);
  });

  it('DESIGN-6 names artifacts whose own signature is missing', () => {
    const waiting = { path: 'fw/1', key: 'ab'.repeat(64) };
    expect(payloadLines([waiting])).toEqual(['fw/1 still needs a signature by payload key abababababababab']);
    expect(payloadLines(Array(14).fill(waiting)).at(-1)).toBe('... and 2 more artifacts');
  });

  it('DESIGN-6 says how many files it leaves out', () => {
    expect(progressLines(Array(12).fill(file))).toHaveLength(12);
    const lines = progressLines(Array(300).fill(file));
    expect(lines).toHaveLength(13);
    expect(lines.at(-1)).toBe('... and 288 more files');
  });

  it('SEC-28 a request steers no terminal, whoever it says has signed', () => {
    const [line] = progressLines([{ ...file, role: 'a\u001b[2J', authority: 'b\u202e', signed: ['eve\nalice'] }]);
    expect(line).toBe('a\\u001b[2J (b\\u202e): 1 of 2 have signed: eve\\u000aalice; could still: nobody');
  });
});
