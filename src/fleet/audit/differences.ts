/**
 * What became of entries, told from two lists: the hashes of the leaves that were logged, and those of the entries that are there now.
 *
 * An entry that stands where it was logged is forgotten at once. What is kept are hashes that have not found their twin yet, so that one
 * entry more or less, which moves all that follow, costs no more than itself.
 */
import { toHex } from '../../core/bytes.ts';
import { MAX_DIFFERENCES } from './limits.ts';

export type Difference = 'changed' | 'deleted' | 'inserted' | 'reordered' | 'truncated';

/** Places [from, to): of the leaves that were logged for `deleted` and `truncated`, of the entries that are there for the others. */
export interface DifferentRange {
  readonly kind: Difference;
  readonly from: number;
  readonly to: number;
}

/** Entries from `entry` on are the leaves from `leaf` on, so many of them. */
interface Run {
  readonly entry: number;
  readonly leaf: number;
  length: number;
}

/** Places of one hash; equal entries are met in their order. */
interface Waiting {
  readonly places: number[];
  met: number;
}

export class Differences {
  readonly #leaves = new Map<string, Waiting>();
  readonly #entries = new Map<string, Waiting>();
  #unmatched = 0;
  readonly #runs: Run[] = [];

  /** Whether there are more than can be told apart. */
  get areTooMany(): boolean {
    return this.#unmatched + this.#runs.length > MAX_DIFFERENCES;
  }

  /** A leaf that was logged at this place. */
  logged(index: number, hash: Uint8Array): void {
    this.#meet(toHex(hash), this.#entries, this.#leaves, index, (entry) => this.#match(entry, index));
  }

  /** An entry that is there. @param hash `undefined` for what cannot be one */
  found(index: number, hash: Uint8Array | undefined): void {
    const name = hash ? toHex(hash) : `illegible ${index}`;
    this.#meet(name, this.#leaves, this.#entries, index, (leaf) => this.#match(index, leaf));
  }

  /** @param size leaves that were logged */
  ranges(size: number): readonly DifferentRange[] {
    const missing = new Set(placesIn(this.#leaves));
    const strange = new Set(placesIn(this.#entries));
    const deleted = rangesOf(
      'deleted',
      [...missing].filter((index) => !strange.has(index)),
    );
    const found = [
      ...rangesOf(
        'changed',
        [...strange].filter((index) => missing.has(index)),
      ),
      ...rangesOf(
        'inserted',
        [...strange].filter((index) => !missing.has(index)),
      ),
      ...deleted.map((range) => (range.to === size ? { ...range, kind: 'truncated' as const } : range)),
      ...this.#disorder(),
    ];
    return found.length > 0 ? found : this.#displaced();
  }

  #meet(
    name: string,
    others: Map<string, Waiting>,
    own: Map<string, Waiting>,
    index: number,
    match: (other: number) => void,
  ): void {
    if (this.areTooMany) return;
    const waiting = others.get(name);
    const other = waiting?.places[waiting.met];
    if (waiting && other !== undefined) {
      waiting.met += 1;
      if (waiting.met === waiting.places.length) others.delete(name);
      this.#unmatched -= 1;
      match(other);
    } else {
      const queue = own.get(name);
      if (queue) queue.places.push(index);
      else own.set(name, { places: [index], met: 0 });
      this.#unmatched += 1;
    }
  }

  #match(entry: number, leaf: number): void {
    const last = this.#runs.at(-1);
    if (last && entry === last.entry + last.length && leaf === last.leaf + last.length) last.length += 1;
    else this.#runs.push({ entry, leaf, length: 1 });
  }

  /** Entries at other places than they were logged at, although none came or went before them. */
  #displaced(): readonly DifferentRange[] {
    const runs = this.#runs.filter(({ entry, leaf }) => entry !== leaf);
    return runs.map(({ entry, length }) => ({ kind: 'reordered', from: entry, to: entry + length }));
  }

  /** From the first entry that stands before one that was logged earlier, to the last that stands behind one that was logged later. */
  #disorder(): readonly DifferentRange[] {
    const runs = this.#runs.toSorted((one, other) => one.entry - other.entry);
    let [from, to, highest] = [-1, -1, -1];
    for (const { entry, leaf, length } of runs) {
      if (leaf < highest) to = entry + length;
      highest = Math.max(highest, leaf);
    }
    if (to < 0) return [];
    let lowest = Number.POSITIVE_INFINITY;
    for (const { entry, leaf } of runs.toReversed()) {
      if (leaf > lowest) from = entry;
      lowest = Math.min(lowest, leaf);
    }
    return [{ kind: 'reordered', from, to }];
  }
}

function placesIn(waiting: ReadonlyMap<string, Waiting>): readonly number[] {
  return [...waiting.values()].flatMap(({ places, met }) => places.slice(met));
}

function rangesOf(kind: Difference, indexes: readonly number[]): DifferentRange[] {
  const found: { kind: Difference; from: number; to: number }[] = [];
  for (const index of indexes.toSorted((one, other) => one - other)) {
    const last = found.at(-1);
    if (last?.to === index) last.to += 1;
    else found.push({ kind, from: index, to: index + 1 });
  }
  return found;
}
