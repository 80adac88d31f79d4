/** Damaged files: every one that begins like a good one, every byte of it changed. Refused, and what is stored is what was stored. */
import { describe, expect, it } from 'vitest';
import { ROLES, victimOf } from '../../../test/support/victim.ts';
import { concat, utf8Encode } from '../../core/bytes.ts';

describe.each(ROLES)('SEC-7 a damaged %s', (name) => {
  const victim = victimOf(name);
  const { good } = victim;

  it('SEC-7 cut off at any byte is refused', () => {
    for (let length = 0; length < good.length; length += 1) {
      expect(victim.refuse(good.subarray(0, length)).code).toBe('TRUST_MALFORMED');
    }
  });

  it('SEC-7 with a bit of any byte flipped is refused', () => {
    for (let at = 0; at < good.length; at += 1) {
      const damaged = good.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      victim.refuse(damaged);
    }
  });

  it('SEC-7 with a byte more at any place is refused', () => {
    for (let at = 0; at < good.length; at += 7) {
      victim.refuse(concat(good.subarray(0, at), utf8Encode('0'), good.subarray(at)));
    }
  });

  it('SEC-7 undamaged is taken', () => {
    expect(victim.accept(good)).toBe(good);
  });
});
