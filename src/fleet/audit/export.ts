/** Writes the log as lines that can be verified offline: all of it, or what concerns one tenant, with hashes in the place of the rest. */
import { concat, utf8Encode } from '../../core/bytes.ts';
import { isLegible, writeEntryLine, writeHeader, writeHiddenLine } from './export-lines.ts';
import { EXPORT_BATCH, MAX_LEVEL, MAX_LINE_HASHES } from './limits.ts';
import { completeSubtrees } from './merkle.ts';
import type { AuditRecord, AuditStore } from './ports.ts';

export interface ExportOptions {
  /** Name of the log. */
  readonly origin: string;
  /** Whose entries; all of them by default. */
  readonly tenant?: string;
  /**
   * Sizes of the checkpoints that an export of one tenant is to be verified against, beside the last one: hashes that stand for the entries
   * of others are cut there. An export of all needs none.
   */
  readonly provenSizes?: readonly number[];
}

type Source = Pick<AuditStore, 'auditSize' | 'auditRecords' | 'auditSubtrees' | 'auditCheckpoint'>;

const LINE_END = utf8Encode('\n');

/**
 * Lines, each with its end. Entries that are sequenced while it runs are left out. Whatever the store holds is written down as it is, also
 * where it makes no sense: to judge it is for who verifies.
 */
export async function* exportAudit(store: Source, options: ExportOptions): AsyncGenerator<Uint8Array> {
  for await (const line of linesFrom(store, options)) yield concat(line, LINE_END);
}

async function* linesFrom(store: Source, options: ExportOptions): AsyncGenerator<Uint8Array> {
  const { origin, tenant, provenSizes = [] } = options;
  // The checkpoint first: what it is over is then in the tree.
  const checkpoint = (await store.auditCheckpoint()) ?? null;
  const size = await store.auditSize();
  yield writeHeader({ origin, size, tenant: tenant ?? null, checkpoint });
  const cuts = [...new Set([...provenSizes, sizeIn(checkpoint), size])].toSorted((one, other) => one - other);
  let next = 0;
  for (let isMore = true; isMore; ) {
    const records = await store.auditRecords({ from: next, limit: EXPORT_BATCH, tenant });
    isMore = records.length === EXPORT_BATCH;
    const leaves = await store.auditSubtrees(records.map(({ index }) => ({ level: 0, index })));
    for (const [at, record] of records.entries()) {
      const leaf = leaves[at];
      // Sequenced meanwhile, by somebody who gave it a hash.
      if (record.index >= size && leaf) return;
      yield* hidden(store, next, Math.min(record.index, size), { cuts, isAll: tenant === undefined });
      yield writeEntryLine({ index: record.index, entry: legible(record), leaf });
      next = record.index + 1;
    }
  }
  yield* hidden(store, next, size, { cuts, isAll: tenant === undefined });
}

/** Leaves [from, to), in lines that end where a proven size does. */
async function* hidden(
  store: Source,
  from: number,
  to: number,
  { cuts, isAll }: { readonly cuts: readonly number[]; readonly isAll: boolean },
): AsyncGenerator<Uint8Array> {
  for (let begin = from; begin < to; ) {
    const cut = Math.min(to, firstAbove(cuts, begin) ?? to);
    // All tenants: nothing is hidden, so something is missing; told leaf by leaf, it can be said what.
    const end = isAll ? Math.min(cut, begin + MAX_LINE_HASHES) : cut;
    const hashes = await store.auditSubtrees(completeSubtrees(begin, end, isAll ? 0 : MAX_LEVEL));
    yield writeHiddenLine({ from: begin, to: end, hashes });
    begin = end;
  }
}

function legible({ leaf }: AuditRecord): Uint8Array | undefined {
  return isLegible(leaf) ? leaf : undefined;
}

/** What a checkpoint says of itself, believed as far as it costs nothing: it cuts a line in two. */
function sizeIn(checkpoint: string | null): number {
  const size = Number(checkpoint?.split('\n')[1]);
  return Number.isSafeInteger(size) && size > 0 ? size : 0;
}

function firstAbove(ascending: readonly number[], value: number): number | undefined {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return ascending[low];
}
