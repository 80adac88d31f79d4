import { OtaError } from '../core/errors.ts';

/** What was signed does not hold, or nobody we trust has signed it. `detail.role` names the file that was looked at. */
export class TrustError extends OtaError<
  | 'TRUST_KEY'
  | 'TRUST_MALFORMED'
  | 'TRUST_UNSUPPORTED'
  | 'TRUST_SIGNATURES'
  | 'TRUST_THRESHOLD'
  | 'TRUST_ROLLBACK'
  | 'TRUST_EXPIRED'
  | 'TRUST_MIX_AND_MATCH'
  | 'TRUST_MISSING'
  | 'TRUST_LENGTH'
  | 'TRUST_TARGET_UNKNOWN'
  | 'TRUST_IMAGE_HASH'
> {
  readonly fault = 'peer';
}
