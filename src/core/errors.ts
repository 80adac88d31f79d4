/**
 * Errors with a stable code. A bare `Error` anywhere else means "our bug".
 *
 * `code` is API (listed in docs/reference/errors.md, a test compares the two); `fault` says who has to act.
 */

export type Fault = 'peer' | 'caller' | 'environment';

/** `fix` says in one sentence what the reader can do about it; `detail` carries ids and numbers, never secrets. */
export interface ErrorOptions {
  readonly cause?: unknown;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly fix?: string;
}

export abstract class OtaError<C extends string = string> extends Error {
  abstract readonly fault: Fault;
  readonly code: C;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly fix: string | undefined;

  constructor(code: C, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.detail = options.detail ?? {};
    this.fix = options.fix;
  }
}

/** Like `instanceof`, with a type that lint can follow. */
export function isOtaError(error: unknown): error is OtaError {
  return error instanceof OtaError;
}

/** Bytes that do not follow their format. */
export class WireError extends OtaError<'WIRE_TRUNCATED' | 'WIRE_TRAILING' | 'WIRE_LIMIT' | 'WIRE_VALUE'> {
  readonly fault = 'peer';
}

/** Asserts at compile time that a union has no branch left. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
