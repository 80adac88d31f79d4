/** ULIDs: 48 bits of time, 80 random bits, 26 characters of Crockford's base 32 that sort by time. */
import type { Clock, Random } from './ports.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const FORM = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const RANDOM_BITS = 80n;
const RANDOM_BYTES = 10;

export function isUlid(text: string): boolean {
  return FORM.test(text);
}

/** Ids of one factory only ever grow: within a millisecond, and when the clock stands still or steps back (REL-11). */
export function createUlids({ clock, random }: { readonly clock: Clock; readonly random: Random }): () => string {
  let last = 0n;
  return () => {
    const noise = BigInt(`0x${Buffer.from(random.bytes(RANDOM_BYTES)).toString('hex')}`);
    const fresh = (BigInt(Math.max(0, Math.floor(clock.nowMs()))) << RANDOM_BITS) | noise;
    // 2^80 ids fit into one millisecond, so counting up cannot reach a time that matters.
    last = fresh > last ? fresh : last + 1n;
    return encode(last);
  };
}

function encode(value: bigint): string {
  let text = '';
  for (let shift = 125n; shift >= 0n; shift -= 5n) text += ALPHABET.charAt(Number((value >> shift) & 31n));
  return text;
}
