import { OtaError } from '../../core/errors.ts';

export class CoordinationError extends OtaError<'LEASE_LOST' | 'COORDINATION_FULL'> {
  readonly fault = 'environment';
}
