import { OtaError } from '../core/errors.ts';

/** What was signed does not hold, or nobody we trust has signed it. */
export class TrustError extends OtaError<
  | 'TRUST_KEY'
  | 'TRUST_MALFORMED'
  | 'TRUST_UNSUPPORTED'
  | 'TRUST_SIGNATURES'
  | 'TRUST_ROLLBACK'
  | 'TRUST_EXPIRED'
  | 'TRUST_THRESHOLD'
> {
  readonly fault = 'peer';
}
