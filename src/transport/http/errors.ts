import { OtaError } from '../../core/errors.ts';

/** Why a request to another server brought no whole answer. */
export class HttpError extends OtaError<'HTTP_CONNECTION' | 'HTTP_IDLE' | 'HTTP_BODY_TOO_LARGE'> {
  readonly fault = 'peer';
}
