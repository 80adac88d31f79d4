/** Messages between the store and its threads. Values travel by structured clone: Maps and bytes arrive as they are. */
import { AuditError } from '../../fleet/audit/errors.ts';
import { StoreError } from '../../fleet/errors.ts';

export interface WorkerSetup {
  readonly path: string;
  readonly mode: 'write' | 'read';
}

export interface Job {
  readonly id: number;
  readonly operation: string;
  readonly parameters: readonly unknown[];
}

export interface Failure {
  readonly code: StoreError['code'] | AuditError['code'];
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly fix: string | undefined;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

/** First message of a thread. */
export type Started = { readonly started: true } | { readonly started: false; readonly failure: Failure };

export function describe(error: unknown): Failure {
  if (error instanceof StoreError || error instanceof AuditError) {
    return { code: error.code, message: error.message, detail: error.detail, fix: error.fix };
  }
  return {
    code: 'STORE_IO',
    message: `the database failed: ${error instanceof Error ? error.message : String(error)}`,
    detail: {},
    fix: 'Look at the disk of the data folder: space, permissions, errors.',
  };
}

export function errorFrom({ code, message, detail, fix }: Failure): StoreError | AuditError {
  const options = { detail, ...(fix === undefined ? {} : { fix }) };
  return isOfAudit(code) ? new AuditError(code, message, options) : new StoreError(code, message, options);
}

function isOfAudit(code: Failure['code']): code is AuditError['code'] {
  return code.startsWith('AUDIT_');
}
