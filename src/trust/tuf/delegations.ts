/** Which delegations of a targets file speak for a path, in their order of priority (spec/uptane.md section 10). */
import type { Delegator } from './accept.ts';
import type { Dialect } from './dialect.ts';
import { binIndex, matchesPattern, pathDigest } from './paths.ts';
import type { Delegation, Delegations } from './roles.ts';

export interface Applicable {
  /** First to be searched comes first. */
  readonly next: readonly { readonly name: string; readonly delegator: Delegator }[];
  /** The last of `next` is terminating: whatever else waits is not searched. */
  readonly terminates: boolean;
}

const NONE: Applicable = { next: [], terminates: false };

export function delegationsFor(
  delegations: Delegations | undefined,
  path: string,
  hardwareId: string | undefined,
  dialect: Dialect,
): Applicable {
  if (!delegations) return NONE;
  const { keys, roles, succinct } = delegations;
  if (succinct) {
    const name = `${succinct.namePrefix}-${binIndex(path, succinct.bits)}`;
    return { next: [{ name, delegator: { keys, role: succinct } }], terminates: false };
  }
  const digest = pathDigest(path);
  const applying = roles.filter((role) => coversPath(role, path, digest, dialect) && coversHardware(role, hardwareId));
  const end = applying.findIndex(({ terminating }) => terminating);
  const next = end < 0 ? applying : applying.slice(0, end + 1);
  return { next: next.map((role) => ({ name: role.name, delegator: { keys, role } })), terminates: end >= 0 };
}

function coversPath({ paths, hashPrefixes }: Delegation, path: string, digest: string, { patterns }: Dialect): boolean {
  if (hashPrefixes) return hashPrefixes.some((prefix) => digest.startsWith(prefix));
  return paths?.some((pattern) => matchesPattern(pattern, path, patterns)) ?? false;
}

function coversHardware({ hardwareIds }: Delegation, hardwareId: string | undefined): boolean {
  return hardwareIds === undefined || (hardwareId !== undefined && hardwareIds.includes(hardwareId));
}
