import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock, seededRandom } from '../../test/support/ports.ts';
import { createUlids, isUlid } from './ulid.ts';
import { compareVersions, isVersion, versionKey } from './version.ts';

describe('DESIGN-3 ULIDs', () => {
  it('DESIGN-3 grow, within a millisecond and when the clock steps back (REL-11)', () => {
    const clock = new FakeClock();
    const next = createUlids({ clock, random: seededRandom('ulid') });
    const ids: string[] = [];
    for (const step of [0, 0, 0, 5, -86_400_000 * 3_650, 0, 86_400_000 * 3_651]) {
      clock.advance(step);
      ids.push(next(), next());
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every(isUlid)).toBe(true);
  });

  it('DESIGN-3 begin with the time', () => {
    const next = createUlids({ clock: new FakeClock(0), random: seededRandom('zero') });
    expect(next().slice(0, 10)).toBe('0000000000');
  });

  it.each(['', '8ZZZZZZZZZZZZZZZZZZZZZZZZZ', '01kabcdefghjkmnpqrstvwxyz0', '01KABCDEFGHIJKLMNOPQRSTUVW'])(
    'DESIGN-3 are not %j',
    (text) => {
      expect(isUlid(text)).toBe(false);
    },
  );
});

const anySemver = fc
  .tuple(
    fc.tuple(fc.nat(30), fc.nat(30), fc.nat(30)),
    fc.array(fc.oneof(fc.nat(30).map(String), fc.stringMatching(/^[a-z-][0-9a-z-]{0,3}$/)), { maxLength: 3 }),
  )
  .map(([core, pre]) => ({ core, pre, text: core.join('.') + (pre.length > 0 ? `-${pre.join('.')}` : '') }));

/** SemVer 2.0.0 section 11, word by word. */
function semverOrder(left: { core: number[]; pre: string[] }, right: { core: number[]; pre: string[] }): number {
  for (const [index, part] of left.core.entries())
    if (part !== right.core[index]) return part - (right.core[index] ?? 0);
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (let index = 0; index < Math.max(left.pre.length, right.pre.length); index += 1) {
    const [a, b] = [left.pre[index], right.pre[index]];
    if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
    if (a === b) continue;
    const [aIsNumber, bIsNumber] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
    if (aIsNumber && bIsNumber) return Number(a) - Number(b);
    if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return 0;
}

describe('DESIGN-5 versions', () => {
  it('DESIGN-5 sort as SemVer says', () => {
    fc.assert(
      fc.property(anySemver, anySemver, (left, right) => {
        expect(Math.sign(compareVersions(left.text, right.text))).toBe(Math.sign(semverOrder(left, right)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('DESIGN-5 have keys that a database can sort by, for any version there is', () => {
    const anyVersion = fc.stringMatching(/^[!-.0-~]{1,64}$/).filter(isVersion);
    fc.assert(
      fc.property(anyVersion, anyVersion, anyVersion, (a, b, c) => {
        const sorted = [a, b, c].toSorted(compareVersions);
        expect([a, b, c].map(versionKey).toSorted()).toEqual(sorted.map(versionKey));
      }),
    );
  });

  it.each([
    ['1.9.0', '1.10.0', -1],
    ['1.2', '1.2.0', 0],
    ['1.0.0-rc1', '1.0.0', -1],
    ['1.0.0+a', '1.0.0+b', 0],
    ['2026.11.24', '2026.9.30', 1],
    ['99999999999999999999', '100000000000000000000', -1],
    ['1.0.0a', '1.0.0', 1],
  ])('DESIGN-5 compare %s with %s', (left, right, expected) => {
    expect(Math.sign(compareVersions(left, right))).toBe(expected);
    expect(Math.sign(compareVersions(right, left))).toBe(0 - expected);
  });

  it.each(['', ' 1', '1/2', 'ü', 'x'.repeat(65)])('DESIGN-5 are not %j', (text) => {
    expect(isVersion(text)).toBe(false);
  });
});
