/** The rollouts there are, indexed so that a decision looks only at those of its tenant and component. */
import type { Artifact, Release, Rollout } from './model.ts';
import type { Endorsement } from './repository.ts';
import { isOver } from './rollout.ts';

export interface Candidate {
  readonly rollout: Rollout;
  readonly release: Release;
}

export class Plan {
  readonly #byKey = new Map<string, Candidate[]>();
  readonly #endorsements = new Map<string, Endorsement>();

  constructor(candidates: readonly Candidate[] = []) {
    for (const candidate of candidates) this.set(candidate);
  }

  /** Adds a rollout, or replaces the one with its id; one that is over leaves. */
  set(candidate: Candidate): void {
    const { tenant, component } = candidate.release;
    const key = keyOf(tenant, component);
    const others = (this.#byKey.get(key) ?? []).filter(({ rollout }) => rollout.id !== candidate.rollout.id);
    if (isOver(candidate.rollout)) {
      if (others.length > 0) this.#byKey.set(key, others);
      else this.#byKey.delete(key);
      return;
    }
    const sorted = [...others, candidate].toSorted((left, right) => (left.rollout.id < right.rollout.id ? 1 : -1));
    this.#byKey.set(key, sorted);
  }

  /** Newest first. */
  candidates(tenant: string, component: string): readonly Candidate[] {
    return this.#byKey.get(keyOf(tenant, component)) ?? [];
  }

  /** What the signed metadata says of an artifact now; `undefined` when nobody has signed it, or no longer does. */
  endorse(tenant: string, { targetPath, hardware }: Artifact, endorsement: Endorsement | undefined): void {
    const key = artifactKey(tenant, targetPath, hardware);
    if (endorsement) this.#endorsements.set(key, endorsement);
    else this.#endorsements.delete(key);
  }

  endorsement(tenant: string, { targetPath, hardware }: Artifact): Endorsement | undefined {
    return this.#endorsements.get(artifactKey(tenant, targetPath, hardware));
  }

  /** Releases of a tenant that any rollout is about. */
  releases(tenant: string): readonly Release[] {
    const all = [...this.#byKey.values()].flat().map(({ release }) => release);
    return all.filter((release) => release.tenant === tenant);
  }

  /** Components any rollout of the tenant concerns. */
  components(tenant: string): string[] {
    return [...this.#byKey.keys()]
      .filter((key) => key.startsWith(`${tenant}\0`))
      .map((key) => key.slice(tenant.length + 1));
  }

  release(tenant: string, id: string): Release | undefined {
    return this.releases(tenant).find((release) => release.id === id);
  }
}

function keyOf(tenant: string, component: string): string {
  return `${tenant}\0${component}`;
}

function artifactKey(tenant: string, targetPath: string, hardware: string): string {
  return `${tenant}\0${hardware}\0${targetPath}`;
}
