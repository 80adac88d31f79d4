/** Which delegations of a targets file speak for a path, in their order of priority (spec/uptane.md section 10). */
import type { Delegator } from './accept.ts';
import type { Dialect } from './dialect.ts';
import { binIndex, matcherOf, pathDigest } from './paths.ts';
import type { Delegation, Delegations } from './roles.ts';
import { Steps } from './steps.ts';

export interface Applicable {
  /** First to be searched comes first. */
  readonly next: readonly { readonly name: string; readonly delegator: Delegator }[];
  /** The last of `next` is terminating: whatever else waits is not searched. */
  readonly terminates: boolean;
}

const NONE: Applicable = { next: [], terminates: false };

/** @throws {TrustError} TRUST_LENGTH when that takes more steps than are left */
export function delegationsFor(
  delegations: Delegations | undefined,
  path: string,
  hardwareId: string | undefined,
  dialect: Dialect,
  steps = new Steps(),
): Applicable {
  if (!delegations) return NONE;
  const { keys, roles, succinct } = delegations;
  if (succinct) {
    const name = `${succinct.namePrefix}-${binIndex(path, succinct.bits)}`;
    return { next: [{ name, delegator: { keys, role: succinct } }], terminates: false };
  }
  const wanted = { digest: pathDigest(path), isMatchedBy: matcherOf(path, dialect.patterns, steps) };
  const applying = roles.filter((role) => coversPath(role, wanted, steps) && coversHardware(role, hardwareId, steps));
  const end = applying.findIndex(({ terminating }) => terminating);
  const next = end < 0 ? applying : applying.slice(0, end + 1);
  return { next: next.map((role) => ({ name: role.name, delegator: { keys, role } })), terminates: end >= 0 };
}

interface Wanted {
  readonly digest: string;
  readonly isMatchedBy: (pattern: string) => boolean;
}

function coversPath({ paths, hashPrefixes }: Delegation, { digest, isMatchedBy }: Wanted, steps: Steps): boolean {
  if (!hashPrefixes) return paths?.some(isMatchedBy) ?? false;
  steps.spend(hashPrefixes.length);
  return hashPrefixes.some((prefix) => digest.startsWith(prefix));
}

function coversHardware({ hardwareIds }: Delegation, hardwareId: string | undefined, steps: Steps): boolean {
  if (!hardwareIds) return true;
  steps.spend(hardwareIds.length);
  return hardwareIds.some((one) => one === hardwareId);
}
