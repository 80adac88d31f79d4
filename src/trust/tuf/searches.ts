/** What the searches of one update have in common: a delegated file is read and verified once, however many of them come by. */
import { TrustError } from '../errors.ts';
import { MAX_WAYS_TO_ROLE } from '../limits.ts';
import type { Verified } from './accept.ts';
import type { Conversation } from './refresh.ts';
import type { Targets } from './roles.ts';
import type { RoleKeys } from './threshold.ts';

/** Gives the file, or throws what was thrown when it was read. */
type Outcome = () => Verified<Targets>;

export class Searches {
  /** By name, then by who may sign: two delegations to one role may name different keys. */
  readonly #outcomes = new Map<string, Map<RoleKeys, Outcome>>();
  /** One of them had visited as many roles as it may, and left others aside. */
  isCutShort = false;

  /**
   * @param authority the same object whenever it is the same delegation
   * @throws {TrustError} TRUST_LENGTH the role is reached in too many ways; those of `load`
   */
  *read(
    name: string,
    authority: RoleKeys,
    load: () => Conversation<Verified<Targets>>,
  ): Conversation<Verified<Targets>> {
    const outcomes = this.#outcomes.get(name) ?? new Map<RoleKeys, Outcome>();
    this.#outcomes.set(name, outcomes);
    const outcome = outcomes.get(authority) ?? (yield* outcomeOf(name, outcomes.size, load));
    outcomes.set(authority, outcome);
    return outcome();
  }
}

function* outcomeOf(
  name: string,
  waysBefore: number,
  load: () => Conversation<Verified<Targets>>,
): Conversation<Outcome> {
  // Not kept: it costs nothing to say again.
  if (waysBefore === MAX_WAYS_TO_ROLE) {
    throw new TrustError('TRUST_LENGTH', `more than ${MAX_WAYS_TO_ROLE} delegations lead to ${name.slice(0, 64)}`, {
      detail: { role: name },
      fix: 'Delegate to a role from one file, or give it a name of its own in each.',
    });
  }
  try {
    const file = yield* load();
    return () => file;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
