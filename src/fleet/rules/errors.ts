import { OtaError } from '../../core/errors.ts';

/**
 * A rule that somebody wrote makes no sense; nothing was started.
 *
 * `detail`: of a filter `column` (from 1), `found` and `expected`; of the others `pointer` (JSON pointer of the member).
 */
export class RulesError extends OtaError<
  | 'FILTER_SYNTAX'
  | 'FILTER_FIELD'
  | 'FILTER_OPERATOR'
  | 'FILTER_VALUE'
  | 'FILTER_LIMIT'
  | 'WINDOW_MISSING'
  | 'WINDOW_INVALID'
  | 'WINDOW_ZONE'
  | 'HALT_RULE_MISSING'
  | 'HALT_RULE_INVALID'
  | 'GATE_INVALID'
> {
  readonly fault = 'caller';
}
