import { OtaError } from '../core/errors.ts';

export class ConfigError extends OtaError<
  'CONFIG_UNREADABLE' | 'CONFIG_SYNTAX' | 'CONFIG_UNKNOWN_KEY' | 'CONFIG_VALUE' | 'CONFIG_UNSAFE' | 'CONFIG_KEY_FILE'
> {
  readonly fault = 'caller';
}

/** A REST request that cannot be served as it is. */
export class ApiError extends OtaError<
  | 'API_UNAUTHENTICATED'
  | 'API_FORBIDDEN'
  | 'API_NOT_FOUND'
  | 'API_INVALID'
  | 'API_LENGTH_REQUIRED'
  | 'API_TOO_LARGE'
  | 'API_MEDIA_TYPE'
  | 'API_NO_ISSUER'
> {
  readonly fault = 'caller';
}

/** The process cannot start or go on as configured. */
export class ServerError extends OtaError<'SERVER_ADDRESS_IN_USE' | 'SERVER_DATA_DIR'> {
  readonly fault = 'environment';
}
