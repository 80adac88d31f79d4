import { OtaError } from '../../core/errors.ts';

/** Why a signing request cannot be made, signed or taken in. What was signed before stays as it is. */
export class SigningError extends OtaError<
  | 'SIGNING_CHANGE'
  | 'SIGNING_FORMAT'
  | 'SIGNING_KEY'
  | 'SIGNING_ALTERED'
  | 'SIGNING_STALE'
  | 'SIGNING_FILE'
  | 'SIGNING_ROOT'
> {
  readonly fault = 'caller';
}
