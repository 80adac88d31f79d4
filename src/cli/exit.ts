/** Exit codes of every command, and the errors that lead to them. */
import { isOtaError, OtaError } from '../core/errors.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  denied: 4,
  conflict: 5,
  verification: 6,
  timeout: 7,
  partial: 8,
  interrupted: 130,
} as const;

export class CliError extends OtaError<'CLI_USAGE' | 'CLI_UNREACHABLE' | 'CLI_API' | 'CLI_FILE'> {
  readonly fault = 'caller';
}

const BY_STATUS = new Map<number, number>([
  [400, EXIT.usage],
  [401, EXIT.denied],
  [403, EXIT.denied],
  [404, EXIT.notFound],
  [409, EXIT.conflict],
  [412, EXIT.conflict],
  [422, EXIT.verification],
]);

/** What a status is too coarse for; the same whether it was found here or by the server. */
const BY_CODE = new Map<string, number>([
  ['SIGNING_CHANGE', EXIT.usage],
  ['SIGNING_STALE', EXIT.conflict],
  ['RELEASE_NOT_ADMITTED', EXIT.conflict],
  ['VAULT_PASSPHRASE', EXIT.denied],
]);

/** Families of codes that mean "what was signed does not hold". */
const VERIFICATION = /^(?:TRUST|PAYLOAD|IMAGE|SIGNING|AUDIT)_/;

export function exitCodeOf(error: unknown): number {
  if (!isOtaError(error)) return EXIT.failure;
  if (error.code === 'CLI_USAGE' || error.code.startsWith('CONFIG_')) return EXIT.usage;
  const isRemote = error.code === 'CLI_API';
  const known = BY_CODE.get(isRemote ? String(error.detail.code) : error.code);
  if (known !== undefined) return known;
  if (isRemote) return BY_STATUS.get(Number(error.detail.status)) ?? EXIT.failure;
  return VERIFICATION.test(error.code) ? EXIT.verification : EXIT.failure;
}
