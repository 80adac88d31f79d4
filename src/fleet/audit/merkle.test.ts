import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, utf8Encode } from '../../core/bytes.ts';
import {
  completeSubtrees,
  consistencyProof,
  EMPTY_ROOT,
  Frontier,
  inclusionProof,
  leafHash,
  nodeHash,
  type ReadSubtrees,
  rootAt,
  rootOf,
  type Subtree,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';

/** RFC 9162 section 2.1 word by word, with lists that are cut in two: slow, and nothing in common with what it is held against. */
const naive = {
  split(n: number): number {
    let k = 1;
    while (k * 2 < n) k *= 2;
    return k;
  },
  root(leaves: readonly Uint8Array[]): Uint8Array {
    const [first] = leaves;
    if (!first) return new Uint8Array(createHash('sha256').digest());
    if (leaves.length === 1) return first;
    const k = naive.split(leaves.length);
    const hash = createHash('sha256').update(Buffer.from([1]));
    hash.update(naive.root(leaves.slice(0, k))).update(naive.root(leaves.slice(k)));
    return new Uint8Array(hash.digest());
  },
  path(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
    if (leaves.length === 1) return [];
    const k = naive.split(leaves.length);
    if (m < k) return [...naive.path(m, leaves.slice(0, k)), naive.root(leaves.slice(k))];
    return [...naive.path(m - k, leaves.slice(k)), naive.root(leaves.slice(0, k))];
  },
  subproof(m: number, leaves: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
    if (m === leaves.length) return isWhole ? [] : [naive.root(leaves)];
    const k = naive.split(leaves.length);
    if (m <= k) return [...naive.subproof(m, leaves.slice(0, k), isWhole), naive.root(leaves.slice(k))];
    return [...naive.subproof(m - k, leaves.slice(k), false), naive.root(leaves.slice(0, k))];
  },
};

const LEAVES = Array.from({ length: 5_000 }, (_, number) => leafHash(utf8Encode(`entry ${number}`)));

/** All complete subtrees of the first leaves, as a store keeps them. */
function stored(size: number): ReadSubtrees {
  const hashes = new Map<string, Uint8Array>();
  const frontier = new Frontier();
  for (const leaf of LEAVES.slice(0, size)) {
    for (const { level, index, hash } of frontier.append(leaf)) hashes.set(`${level} ${index}`, hash);
  }
  return async (wanted) =>
    wanted.map(({ level, index }) => {
      const hash = hashes.get(`${level} ${index}`);
      if (!hash) throw new Error(`nobody stored ${level} ${index}`);
      return hash;
    });
}

const READ = stored(LEAVES.length);
const ROOTS = Array.from({ length: 201 }, (_, size) => naive.root(LEAVES.slice(0, size)));
const root = (size: number) => ROOTS[size] ?? naive.root(LEAVES.slice(0, size));

describe('SEC-25 the Merkle tree', () => {
  it('SEC-25 has the roots of RFC 6962 as its implementations publish them', () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const leaves = inputs.map((hex) => leafHash(Buffer.from(hex, 'hex')));
    const roots = Array.from({ length: 9 }, (_, size) => toHex(rootOf(leaves.slice(0, size))));
    expect(roots).toEqual([
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
      'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
      '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
      'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
      '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
    ]);
  });

  it('SEC-25 has the root of the definition at every size to 200, grown leaf by leaf, restored, and read from stored subtrees', async () => {
    const frontier = new Frontier();
    for (let size = 0; size <= 200; size += 1) {
      expect(frontier.root()).toEqual(root(size));
      expect(rootOf(LEAVES.slice(0, size))).toEqual(root(size));
      expect(await rootAt(size, READ)).toEqual(root(size));
      const restored = new Frontier(size, await READ(completeSubtrees(0, size)));
      const leaf = LEAVES[size] ?? EMPTY_ROOT;
      expect(restored.append(leaf)).toEqual(frontier.append(leaf));
      expect([restored.size, restored.root()]).toEqual([size + 1, frontier.root()]);
    }
  });

  it('SEC-25 proves each leaf of every size to 200 as the definition does', async () => {
    for (let size = 1; size <= 200; size += 1) {
      const leaves = LEAVES.slice(0, size);
      const indexes = size <= 40 ? leaves.keys() : [0, 1, size >> 1, size - 2, size - 1, (size * 7) % size];
      for (const index of indexes) {
        const proof = await inclusionProof(index, size, READ);
        expect(proof).toEqual(naive.path(index, leaves));
        const leaf = LEAVES[index] ?? EMPTY_ROOT;
        expect(verifyInclusion({ index, size, leaf, proof, root: root(size) })).toBe(true);
      }
    }
  });

  it('SEC-25 proves that each size to 200 continues those before as the definition does', async () => {
    for (let size = 1; size <= 200; size += 1) {
      const leaves = LEAVES.slice(0, size);
      for (let oldSize = 1; oldSize <= size; oldSize += size <= 70 ? 1 : 13) {
        const proof = await consistencyProof(oldSize, size, READ);
        expect(proof).toEqual(naive.subproof(oldSize, leaves, true));
        expect(verifyConsistency({ oldSize, oldRoot: root(oldSize), size, root: root(size), proof })).toBe(true);
      }
    }
  });

  it('SEC-25 the same at random sizes to 5,000, and no other leaf, place, size, root or proof is taken', async () => {
    const sizes = fc.integer({ min: 1, max: LEAVES.length });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, someIndex, someOld) => {
        const index = someIndex % size;
        const oldSize = 1 + (someOld % size);
        const leaves = LEAVES.slice(0, size);
        const now = await rootAt(size, READ);
        expect(now).toEqual(naive.root(leaves));
        const proof = await inclusionProof(index, size, READ);
        expect(proof).toEqual(naive.path(index, leaves));
        const inclusion = { index, size, leaf: LEAVES[index] ?? EMPTY_ROOT, proof, root: now };
        expect(verifyInclusion(inclusion)).toBe(true);
        const cutUp = proof.map((hash, at) => (at === 0 ? hash.subarray(1) : hash));
        const others = [[...proof, EMPTY_ROOT], proof.slice(1), proof.toReversed(), cutUp];
        for (const wrong of [
          ...[{ leaf: EMPTY_ROOT }, { root: EMPTY_ROOT }, { index: index + 1 }, { index: -1 }, { index: 0.5 }],
          ...[{ index: size }, { index: 0, size: 0 }],
          ...others.filter((other) => !isDeepStrictEqual(other, proof)).map((other) => ({ proof: other })),
        ])
          expect(verifyInclusion({ ...inclusion, ...wrong })).toBe(false);
        const before = await rootAt(oldSize, READ);
        const consistency = {
          oldSize,
          oldRoot: before,
          size,
          root: now,
          proof: await consistencyProof(oldSize, size, READ),
        };
        expect(consistency.proof).toEqual(naive.subproof(oldSize, leaves, true));
        expect(verifyConsistency(consistency)).toBe(true);
        for (const wrong of [
          { oldRoot: EMPTY_ROOT },
          { root: EMPTY_ROOT },
          { oldSize: size + 1 },
          { oldSize: oldSize - 1 },
          { proof: [...consistency.proof, EMPTY_ROOT] },
        ])
          expect(verifyConsistency({ ...consistency, ...wrong })).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('SEC-25 the empty tree is the beginning of every other, and no other root is that of it', async () => {
    expect(await rootAt(0, READ)).toEqual(EMPTY_ROOT);
    const given = { oldSize: 0, oldRoot: EMPTY_ROOT, size: 3, root: root(3), proof: [] };
    expect(verifyConsistency(given)).toBe(true);
    expect(verifyConsistency({ ...given, oldRoot: root(1) })).toBe(false);
    expect(verifyConsistency({ ...given, proof: [root(1)] })).toBe(false);
    expect(verifyConsistency({ ...given, size: 0, root: EMPTY_ROOT })).toBe(true);
    expect(verifyConsistency({ ...given, size: 0 })).toBe(false);
  });

  it('SEC-25 whole subtrees grow the same tree as their leaves do, and nowhere but where they begin', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 300 }), fc.nat({ max: 300 }), async (one, other) => {
        const [cut, size] = [Math.min(one, other), Math.max(one, other)];
        const frontier = new Frontier();
        for (const { level, index } of [...completeSubtrees(0, cut), ...completeSubtrees(cut, size)]) {
          expect(frontier.size).toBe(index * 2 ** level);
          const [hash = EMPTY_ROOT] = await READ([{ level, index }]);
          frontier.append(hash, level);
        }
        expect([frontier.size, frontier.root()]).toEqual([size, await rootAt(size, READ)]);
      }),
    );
    expect(() => new Frontier(1, [EMPTY_ROOT]).append(EMPTY_ROOT, 1)).toThrow('no subtree of this level begins here');
    expect(() => new Frontier(1, []).append(EMPTY_ROOT)).toThrow('fewer hashes than its size');
  });

  it('SEC-25 goes beyond 32 bits', async () => {
    const size = 2 ** 40 + 2 ** 33 + 5;
    const hash = ({ level, index }: Subtree) => leafHash(utf8Encode(`${level} ${index}`));
    let reads = 0;
    const read: ReadSubtrees = async (wanted) => {
      reads += wanted.length;
      return wanted.map(hash);
    };
    const parts = completeSubtrees(0, size);
    expect(parts.map(({ level }) => level)).toEqual([40, 33, 2, 0]);
    const [top, upper, lower, leaf] = parts.map(hash);
    if (!top || !upper || !lower || !leaf) throw new Error('four parts');
    const all = await rootAt(size, read);
    expect(all).toEqual(nodeHash(top, nodeHash(upper, nodeHash(lower, leaf))));
    const proof = await inclusionProof(size - 1, size, read);
    expect(proof).toEqual([lower, upper, top]);
    expect(verifyInclusion({ index: size - 1, size, leaf, proof, root: all })).toBe(true);
    reads = 0;
    expect(await inclusionProof(12_345_678_901, size, read)).toHaveLength(41);
    expect(reads).toBeLessThanOrEqual(2 * 41);
    expect(new Frontier(size, parts.map(hash)).append(leaf).map(({ level }) => level)).toEqual([0, 1]);
  });
});
