/**
 * The Merkle tree of the audit log: hashes, a tree that grows, proofs and their verification. Pure, and no I/O but what is passed in.
 *
 * Spec: RFC 9162 section 2.1, which is that of RFC 6962. What is stored are complete subtrees, two hashes per leaf: they never change, and
 * every root and every proof is made of some 2 log2(n) of them. Sizes and indexes go beyond 32 bits, so they are divided, not shifted.
 */
import { createHash } from 'node:crypto';
import { equalBytes } from '../../core/bytes.ts';
import { MAX_LEVEL } from './limits.ts';

/** The 2^`level` leaves from `index` x 2^`level` on; at level 0 a leaf itself. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

export interface HashedSubtree extends Subtree {
  readonly hash: Uint8Array;
}

/** Hashes of complete subtrees, in the order they were asked for; one call for all that a proof needs. */
export type ReadSubtrees = (wanted: readonly Subtree[]) => Promise<readonly Uint8Array[]>;

/** Leaves [begin, end). */
interface Range {
  readonly begin: number;
  readonly end: number;
}

export const HASH_BYTES = 32;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Root of a tree without leaves: the hash of nothing. */
export const EMPTY_ROOT: Uint8Array = sha256();

export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(LEAF, entry);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/** @param leaves hashes of leaves */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const frontier = new Frontier();
  for (const leaf of leaves) frontier.append(leaf);
  return frontier.root();
}

/** A tree that grows to the right. It keeps one hash per bit that is set in its size, which is all that further leaves and its root need. */
export class Frontier {
  #size: number;
  /** Of `completeSubtrees(0, size)`, largest first. */
  readonly #hashes: Uint8Array[];

  /** @param hashes those of `completeSubtrees(0, size)` */
  constructor(size = 0, hashes: readonly Uint8Array[] = []) {
    this.#size = size;
    this.#hashes = [...hashes];
  }

  get size(): number {
    return this.#size;
  }

  /**
   * @param hash of a leaf, or of a whole subtree of `level` where the size is a multiple of its leaves
   * @returns it and every subtree that it completes, from the lowest level up
   */
  append(hash: Uint8Array, level = 0): readonly HashedSubtree[] {
    let index = this.#size / 2 ** level;
    if (!Number.isSafeInteger(index)) throw new Error('no subtree of this level begins here');
    const completed = [{ level, index, hash }];
    let top = { level, hash };
    while (index % 2 === 1) {
      const left = this.#hashes.pop();
      if (!left) throw new Error('a frontier has fewer hashes than its size');
      top = { level: top.level + 1, hash: nodeHash(left, top.hash) };
      index = (index - 1) / 2;
      completed.push({ ...top, index });
    }
    this.#hashes.push(top.hash);
    this.#size += 2 ** level;
    return completed;
  }

  root(): Uint8Array {
    return fold(this.#hashes);
  }
}

/**
 * The largest complete subtrees that leaves [begin, end) are made of, left to right.
 * @param maxLevel none above it; 0 for the leaves one by one
 */
export function completeSubtrees(begin: number, end: number, maxLevel = MAX_LEVEL): readonly Subtree[] {
  const found: Subtree[] = [];
  for (let at = begin; at < end; ) {
    let level = 0;
    while (level < maxLevel && at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level += 1;
    found.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return found;
}

/** The root that the tree had, or has, with `size` leaves. */
export async function rootAt(size: number, read: ReadSubtrees): Promise<Uint8Array> {
  return fold(await read(completeSubtrees(0, size)));
}

/** That leaf `index` is one of the first `size`. RFC 9162 section 2.1.3.1. */
export function inclusionProof(index: number, size: number, read: ReadSubtrees): Promise<readonly Uint8Array[]> {
  return hashesOf(inclusionRanges(index, size), read);
}

/** That the tree of `oldSize` leaves is the beginning of the one of `size`. RFC 9162 section 2.1.4.1. */
export function consistencyProof(oldSize: number, size: number, read: ReadSubtrees): Promise<readonly Uint8Array[]> {
  return hashesOf(consistencyRanges(oldSize, size), read);
}

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  /** Hash of the leaf. */
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** RFC 9162 section 2.1.3.2. */
export function verifyInclusion({ index, size, leaf, proof, root }: Inclusion): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  const ranges = inclusionRanges(index, size);
  if (ranges.length !== proof.length || !proof.every(isHash)) return false;
  let hash = leaf;
  for (const [at, { begin }] of ranges.entries()) {
    const sibling = proof[at] ?? EMPTY_ROOT;
    hash = begin > index ? nodeHash(hash, sibling) : nodeHash(sibling, hash);
  }
  return equalBytes(hash, root);
}

export interface Consistency {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** RFC 9162 section 2.1.4.2; beyond it, the empty tree is the beginning of every other, and a tree of itself, both without a proof. */
export function verifyConsistency({ oldSize, oldRoot, size, root, proof }: Consistency): boolean {
  if (!isCount(oldSize) || !isCount(size) || oldSize > size) return false;
  const ranges = consistencyRanges(oldSize, size);
  if (ranges.length !== proof.length || !proof.every(isHash)) return false;
  if (oldSize === 0) return equalBytes(oldRoot, EMPTY_ROOT) && (size > 0 || equalBytes(root, EMPTY_ROOT));
  // A tree whose size is a power of two is a subtree of the later one, and its root is known already.
  const isGiven = oldSize === size || ranges[0]?.begin === oldSize;
  const start = isGiven ? oldRoot : (proof[0] ?? EMPTY_ROOT);
  let [old, now] = [start, start];
  for (const [at, { begin }] of ranges.entries()) {
    if (at === 0 && !isGiven) continue;
    const sibling = proof[at] ?? EMPTY_ROOT;
    if (begin < oldSize) old = nodeHash(sibling, old);
    now = begin < oldSize ? nodeHash(sibling, now) : nodeHash(now, sibling);
  }
  return equalBytes(old, oldRoot) && equalBytes(now, root);
}

/** Siblings from the leaf up to the root. */
function inclusionRanges(index: number, size: number): readonly Range[] {
  const found: Range[] = [];
  let [begin, end] = [0, size];
  while (end - begin > 1) {
    const middle = begin + leftSize(end - begin);
    if (index < middle) {
      found.push({ begin: middle, end });
      end = middle;
    } else {
      found.push({ begin, end: middle });
      begin = middle;
    }
  }
  return found.toReversed();
}

/** What the old tree ends with, unless the old tree is that whole part; then siblings up to the root. */
function consistencyRanges(oldSize: number, size: number): readonly Range[] {
  if (oldSize === 0) return [];
  const found: Range[] = [];
  let [begin, end] = [0, size];
  while (end !== oldSize) {
    const middle = begin + leftSize(end - begin);
    if (oldSize <= middle) {
      found.push({ begin: middle, end });
      end = middle;
    } else {
      found.push({ begin, end: middle });
      begin = middle;
    }
  }
  if (begin > 0) found.push({ begin, end });
  return found.toReversed();
}

async function hashesOf(ranges: readonly Range[], read: ReadSubtrees): Promise<readonly Uint8Array[]> {
  const parts = ranges.map(({ begin, end }) => completeSubtrees(begin, end));
  const hashes = await read(parts.flat());
  let at = 0;
  return parts.map(({ length }) => {
    at += length;
    return fold(hashes.slice(at - length, at));
  });
}

/** Root over complete subtrees that become smaller from left to right. */
function fold(hashes: readonly Uint8Array[]): Uint8Array {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** Leaves of the left half of a tree of `size` > 1: the largest power of two below it. */
function leftSize(size: number): number {
  let left = 1;
  while (left * 2 < size) left *= 2;
  return left;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Of another length, two hashes side by side could be read as two others. */
function isHash(bytes: Uint8Array): boolean {
  return bytes.length === HASH_BYTES;
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
