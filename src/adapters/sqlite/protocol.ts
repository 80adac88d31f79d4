/** Messages between the store and its threads. Values travel by structured clone: Maps and bytes arrive as they are. */
import type { StoreError } from '../../fleet/errors.ts';

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
  readonly code: StoreError['code'];
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly fix: string | undefined;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure };

/** First message of a thread. */
export type Started = { readonly started: true } | { readonly started: false; readonly failure: Failure };
