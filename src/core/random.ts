/** Numbers drawn from the port. */
import type { Random } from './ports.ts';

/** Evenly from 0 to below 1, in steps of 2^-32: what jitter is made of. */
export function drawShare(random: Random): number {
  return Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
}
