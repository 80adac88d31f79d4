/** What a release proof holds: which of the targets that are one image it names, and the files that lead to them. Pure. */
import { compareUtf8 } from '../core/bytes.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../trust/limits.ts';
import { isOwnRole } from '../trust/repository/draft.ts';
import { writeProof } from '../trust/tuf/proof.ts';
import type { ListedTarget } from './model.ts';
import type { ImageQuery, Publication } from './ports.ts';

/**
 * Ours first, then suppliers by turns, in the order of their delegations: however often one of them lists an image of somebody else,
 * it takes no place from us and one from each other. Who is no supplier any more is left out.
 * @param listed of each role in order of path
 */
export function inProofOrder(listed: readonly ListedTarget[], suppliers: readonly string[]): readonly ListedTarget[] {
  const own = listed.filter(({ role }) => isOwnRole(role)).toSorted(byPath);
  const byRole = Map.groupBy(listed, ({ role }) => role);
  const turns = suppliers.flatMap((name) => (byRole.get(name) ?? []).map((target, turn) => ({ target, turn })));
  return [...own, ...turns.toSorted((one, other) => one.turn - other.turn).map(({ target }) => target)];
}

/** @param stored before the publication @returns what is listed after it */
export function listedAfter(
  stored: readonly ListedTarget[],
  files: Publication['files'],
  { sha256, hardware, limit }: ImageQuery,
): readonly ListedTarget[] {
  const replaced = new Map(files.flatMap(({ role, targets }) => (targets ? [[role, targets] as const] : [])));
  const fresh = [...replaced].flatMap(([role, targets]) =>
    targets
      .filter((one) => one.sha256 === sha256 && (hardware === undefined || one.hardwareIds.includes(hardware)))
      .toSorted(byPath)
      .slice(0, limit)
      .map((one) => ({ ...one, role })),
  );
  return [...stored.filter(({ role }) => !replaced.has(role)), ...fresh];
}

/** Grows path by path, within what a device reads of a proof. */
export class ProofContent {
  readonly #files: Map<string, Uint8Array>;
  readonly #paths = new Set<string>();
  #bytes: number;

  /** @param above what every proof holds: roots but the first, which devices have, and the other top roles */
  constructor(above: ReadonlyMap<string, Uint8Array>) {
    this.#files = new Map([...above].filter(([name]) => name !== '1.root.json'));
    this.#bytes = FRAME_BYTES + sizeOf(this.#files);
  }

  get paths(): ReadonlySet<string> {
    return this.#paths;
  }

  get isFull(): boolean {
    return this.#paths.size === MAX_PROOF_PATHS;
  }

  /** @param files that lead to the path, by name; left out with it when both do not fit */
  add(path: string, files: ReadonlyMap<string, Uint8Array>): void {
    const more = new Map([...files].filter(([name]) => !this.#files.has(name)));
    const bytes = this.#bytes + sizeOf(more) + (this.#paths.has(path) ? 0 : quotedBytes(path));
    if (bytes > MAX_PROOF_BYTES || (this.isFull && !this.#paths.has(path))) return;
    this.#bytes = bytes;
    this.#paths.add(path);
    for (const [name, content] of more) this.#files.set(name, content);
  }

  write(): Uint8Array {
    return writeProof([...this.#paths], this.#files);
  }
}

/** Of a proof without documents and paths, and to spare. */
const FRAME_BYTES = 128;

function sizeOf(files: ReadonlyMap<string, Uint8Array>): number {
  return [...files].reduce((sum, [name, { length }]) => sum + quotedBytes(name) + 1 + length, 0);
}

/** With its quotes and a comma. */
function quotedBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) + 1;
}

function byPath({ path: one }: Pick<ListedTarget, 'path'>, { path: other }: Pick<ListedTarget, 'path'>): number {
  return compareUtf8(one, other);
}
