import { OtaError } from '../../core/errors.ts';

/** What a router sent that is not a CUPS request, or may not be asked by it. */
export class CupsRequestError extends OtaError<
  'CUPS_BAD_REQUEST' | 'CUPS_NOT_AUTHENTICATED' | 'CUPS_FOREIGN_ROUTER' | 'CUPS_UNKNOWN_ROUTER'
> {
  readonly fault = 'peer';
}

/** Why a station-side client gave up on an answer; what runs on the device is unchanged. */
export class CupsClientError extends OtaError<
  | 'CUPS_REJECTED'
  | 'CUPS_NO_LENGTH'
  | 'CUPS_LENGTH'
  | 'CUPS_UNSIGNED'
  | 'CUPS_CONNECTION'
  | 'CUPS_NO_ROOT'
  | 'CUPS_NO_PROOF'
> {
  readonly fault = 'peer';
}
