/** Finds a private key in what a program wrote, however it is spelled. */
import { createPrivateKey } from 'node:crypto';
import { inspect } from 'node:util';

/** JWK members that hold the private half: ECDSA and Ed25519 `d`, RSA all six, ML-DSA `priv`. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'priv'];

const HEAD_BYTES = 12;

/**
 * Texts of which none may stand in any output: the lines of the PEM, and the first 12 bytes of each private number in hex, in decimal
 * bytes and in base64 at any alignment, so that a cut preview is found too.
 */
export function canaries(pem: string): readonly string[] {
  const lines = pem.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----'));
  const members = new Map(Object.entries(createPrivateKey(pem).export({ format: 'jwk' })));
  const secrets = PRIVATE_MEMBERS.map((name) => members.get(name)).filter((text) => typeof text === 'string');
  return [...lines, ...secrets.flatMap((text) => spellings(Buffer.from(text, 'base64url')))];
}

function spellings(secret: Buffer): readonly string[] {
  const head = secret.subarray(0, HEAD_BYTES);
  const shifted = [0, 1, 2].map((shift) => secret.subarray(shift, shift + HEAD_BYTES));
  return [
    ...[head.toString('hex'), [...head].join(','), [...head].join(', ')],
    ...shifted.flatMap((part) => [part.toString('base64'), part.toString('base64url')]),
  ];
}

/** Which canaries of these keys stand in `output`. */
export function leaks(output: string, pems: readonly string[]): readonly string[] {
  return pems.flatMap(canaries).filter((canary) => output.includes(canary));
}

/** A value in every form in which it could reach a log. */
export function everyPrintOf(value: unknown): string {
  const causes: unknown[] = [];
  for (let one = value; one instanceof Error; one = one.cause) causes.push(one.message, one.stack, { ...one });
  return [
    String(value),
    JSON.stringify(value),
    JSON.stringify(causes),
    inspect(value, {
      depth: Infinity,
      showHidden: true,
      maxStringLength: Infinity,
      maxArrayLength: Infinity,
      getters: true,
    }),
  ].join('\n');
}
