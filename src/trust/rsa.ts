/** Which RSA keys are fit for use, in metadata and in certificates alike. */
import type { KeyObject } from 'node:crypto';
import { MAX_RSA_BITS, MAX_RSA_EXPONENT, MIN_RSA_BITS, MIN_RSA_EXPONENT } from './limits.ts';

/** Why this one is not; `undefined` when it is. */
export function rsaProblem(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS)
    return `an RSA key of ${modulusLength} bits where ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are allowed`;
  if (publicExponent < MIN_RSA_EXPONENT || publicExponent > MAX_RSA_EXPONENT || publicExponent % 2n === 0n)
    return 'an RSA key with an unsafe public exponent';
  return undefined;
}
