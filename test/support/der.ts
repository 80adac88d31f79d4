/** Writes DER, and what is nearly DER: tests decide what is wrong with it. */
import { concat, utf8Encode } from '../../src/core/bytes.ts';

export function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const body = concat(...content);
  return concat(Uint8Array.of(tag, ...lengthOctets(body.length)), body);
}

export function sequence(...members: readonly Uint8Array[]): Uint8Array {
  return tlv(0x30, ...members);
}

export function integer(value: bigint | number): Uint8Array {
  let bytes = 1;
  while (BigInt.asIntN(8 * bytes, BigInt(value)) !== BigInt(value)) bytes += 1;
  const digits = BigInt.asUintN(8 * bytes, BigInt(value)).toString(16);
  return tlv(0x02, Buffer.from(digits.padStart(2 * bytes, '0'), 'hex'));
}

export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  return tlv(0x06, ...[40 * first + second, ...others].map(base128));
}

export function octets(...content: readonly Uint8Array[]): Uint8Array {
  return tlv(0x04, ...content);
}

export function bits(unusedBits: number, ...content: readonly Uint8Array[]): Uint8Array {
  return tlv(0x03, Uint8Array.of(unusedBits), ...content);
}

export function text(tag: number, value: string): Uint8Array {
  return tlv(tag, utf8Encode(value));
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octetsOf: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) octetsOf.unshift(rest % 0x100);
  return [0x80 + octetsOf.length, ...octetsOf];
}

function base128(arc: number): Uint8Array {
  const septets = [arc % 0x80];
  for (let rest = Math.floor(arc / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    septets.unshift(0x80 + (rest % 0x80));
  return Uint8Array.from(septets);
}
