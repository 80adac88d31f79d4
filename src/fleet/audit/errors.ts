import { OtaError } from '../../core/errors.ts';

/** What was read, or is to be written, is not what it should be. */
export class AuditError extends OtaError<
  'AUDIT_ENTRY' | 'AUDIT_LIMIT' | 'AUDIT_KEY' | 'AUDIT_CHECKPOINT' | 'AUDIT_SIGNATURE' | 'AUDIT_EXPORT'
> {
  readonly fault = 'peer';
}

/** The log itself, or the place its checkpoints go to, is not as it was left. */
export class AuditLogError extends OtaError<'AUDIT_FORKED' | 'AUDIT_IO'> {
  readonly fault = 'environment';
}
