/** Arithmetic of signatures and curves for tests that need odd encodings and weak points. */
import { toHex } from '../../src/core/bytes.ts';

export const P256_ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

/** DER of an ECDSA signature on P-256, where every length takes one byte. */
export function readDer(signature: Uint8Array): { r: bigint; s: bigint } {
  const rLength = signature[3] ?? 0;
  const number = (bytes: Uint8Array) => BigInt(`0x${toHex(bytes)}`);
  return { r: number(signature.slice(4, 4 + rLength)), s: number(signature.slice(6 + rLength)) };
}

export function writeDer(r: bigint, s: bigint): Buffer {
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** A DER integer: minimal two's complement. */
export function integer(value: bigint): Buffer {
  const bits = 8n * BigInt(Math.ceil((value.toString(2).replace('-', '').length + 1) / 8));
  const hex = BigInt.asUintN(Number(bits), value)
    .toString(16)
    .padStart(Number(bits / 4n), '0');
  return Buffer.from([2, hex.length / 2, ...Buffer.from(hex, 'hex')]);
}

export const P25519 = 2n ** 255n - 19n;

/** 32 bytes as Ed25519 writes y, hex. */
export function littleEndian(value: bigint): string {
  return toHex(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').toReversed());
}

/** Both y of the points of order 8 on Curve25519 in Edwards form. */
export function orderEight(): bigint[] {
  // d y^4 + 2 y^2 - 1 = 0 for y^2 = (-1 +- sqrt(1 + d)) / d.
  const d = (P25519 - 121_665n) * power(121_666n, P25519 - 2n);
  const root = squareRoot(1n + d);
  const half = [root, P25519 - root].map((one) => ((one - 1n + P25519) * power(d, P25519 - 2n)) % P25519);
  return half
    .filter((square) => power(square, (P25519 - 1n) / 2n) === 1n)
    .flatMap((square) => {
      const y = squareRoot(square);
      return [y, P25519 - y];
    });
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, factor] = [1n, base % P25519];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * factor) % P25519;
    factor = (factor * factor) % P25519;
  }
  return result;
}

/** p is 5 mod 8. */
function squareRoot(square: bigint): bigint {
  const root = power(square, (P25519 + 3n) / 8n);
  return (root * root - square) % P25519 === 0n ? root : (root * power(2n, (P25519 - 1n) / 4n)) % P25519;
}
