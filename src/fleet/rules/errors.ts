import { OtaError } from '../../core/errors.ts';

/**
 * A rule that somebody wrote makes no sense; nothing was started.
 *
 * `detail`: `column` (from 1), `found` and `expected`.
 */
export class RulesError extends OtaError<
  'FILTER_SYNTAX' | 'FILTER_FIELD' | 'FILTER_OPERATOR' | 'FILTER_VALUE' | 'FILTER_LIMIT'
> {
  readonly fault = 'caller';
}
