import { OtaError } from '../core/errors.ts';

/** Why an image was not installed. What runs is unchanged. */
export class DeviceError extends OtaError<
  | 'IMAGE_LENGTH'
  | 'IMAGE_SIGNATURE'
  | 'IMAGE_REFUSED_BEFORE'
  | 'IMAGE_CHANGED'
  | 'IMAGE_COMPONENT'
  | 'IMAGE_DOWNGRADE'
  | 'SLOT_EMPTY'
  | 'TRIAL_OPEN'
  | 'JOURNAL_DAMAGED'
  | 'TRUST_DAMAGED'
  | 'TRUST_NO_ROOT'
> {
  readonly fault = 'peer';
}
