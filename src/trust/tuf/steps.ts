/** How much a search through delegations may cost (SEC-4): whoever may delegate chooses the patterns, and so the time they take. */
import { TrustError } from '../errors.ts';
import { MAX_SEARCH_STEPS } from '../limits.ts';

/** The steps of one search. One step looks at one character of a pattern or path, or at one entry of a list. */
export class Steps {
  #taken = 0;

  get taken(): number {
    return this.#taken;
  }

  /** @throws {TrustError} TRUST_LENGTH more than `MAX_SEARCH_STEPS` in all */
  spend(steps: number): void {
    this.#taken += steps;
    if (this.#taken <= MAX_SEARCH_STEPS) return;
    throw new TrustError('TRUST_LENGTH', `finding who speaks for one path takes more than ${MAX_SEARCH_STEPS} steps`, {
      detail: { max: MAX_SEARCH_STEPS },
      fix: 'Delegate by fewer or plainer patterns, such as acme/*, or by hash prefixes.',
    });
  }
}
