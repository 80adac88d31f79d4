/** The rollouts there are, indexed so that a decision looks only at those of its tenant and component. */
import type { Release, Rollout } from './model.ts';

export interface Candidate {
  readonly rollout: Rollout;
  readonly release: Release;
}

export class Plan {
  readonly #byKey = new Map<string, Candidate[]>();

  constructor(candidates: readonly Candidate[] = []) {
    for (const candidate of candidates) this.set(candidate);
  }

  /** Adds a rollout, or replaces the one with its id. */
  set(candidate: Candidate): void {
    const { tenant, component } = candidate.release;
    const key = keyOf(tenant, component);
    const others = (this.#byKey.get(key) ?? []).filter(({ rollout }) => rollout.id !== candidate.rollout.id);
    const sorted = [...others, candidate].toSorted((left, right) => (left.rollout.id < right.rollout.id ? 1 : -1));
    this.#byKey.set(key, sorted);
  }

  /** Newest first. */
  candidates(tenant: string, component: string): readonly Candidate[] {
    return this.#byKey.get(keyOf(tenant, component)) ?? [];
  }

  /** Components any rollout of the tenant concerns. */
  components(tenant: string): string[] {
    return [...this.#byKey.keys()]
      .filter((key) => key.startsWith(`${tenant}\0`))
      .map((key) => key.slice(tenant.length + 1));
  }

  release(tenant: string, id: string): Release | undefined {
    return [...this.#byKey.values()].flat().find(({ release }) => release.tenant === tenant && release.id === id)
      ?.release;
  }
}

function keyOf(tenant: string, component: string): string {
  return `${tenant}\0${component}`;
}
