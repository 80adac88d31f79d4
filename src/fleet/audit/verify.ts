/**
 * Verifies an export of the log against checkpoints that were exported before, offline: all of it is read once, in order, and what is kept in
 * memory are the checkpoints and what is wrong.
 *
 * The checkpoints are the only thing that is trusted, by their signatures. Two questions are asked of every entry, whether it is what its leaf
 * says, and of all leaves, whether they lead to the roots that were signed. So a change is named for what it is as long as the hashes of the
 * log are those it had; where they were written anew to fit, they lead to another root, and the log is a fork of the one that was signed.
 */
import { equalBytes, toHex, utf8Encode } from '../../core/bytes.ts';
import { type Checkpoint, openCheckpoint, openCheckpoints } from './checkpoint.ts';
import { type Difference, Differences } from './differences.ts';
import { AuditError } from './errors.ts';
import {
  type EntryLine,
  type ExportHeader,
  type HiddenLine,
  readHeader,
  readLine,
  tooLongLine,
} from './export-lines.ts';
import { MAX_DIFFERENCES, MAX_FINDINGS, MAX_LEVEL, MAX_LINE_BYTES } from './limits.ts';
import { linesOf } from './lines.ts';
import { completeSubtrees, EMPTY_ROOT, Frontier, leafHash } from './merkle.ts';
import type { NoteKey } from './note.ts';

/**
 * `checkpoint`: one is damaged, or not signed by the log. `unproven`: a checkpoint, or everything, that this export cannot be held against.
 * `forked`: other hashes than those that were signed. The others say what became of entries.
 */
export type Wrong = Difference | 'checkpoint' | 'forked' | 'unproven';

export interface Finding {
  readonly wrong: Wrong;
  readonly text: string;
  /** Entries [from, to). */
  readonly from: number | null;
  readonly to: number | null;
}

export interface AuditReport {
  readonly holds: boolean;
  readonly origin: string;
  /** Whose entries were exported; `null` for all. Of one tenant, it is not shown that none is missing. */
  readonly tenant: string | null;
  /** Leaves of the tree. */
  readonly size: number;
  /** Entries that were shown. */
  readonly entries: number;
  /** Checkpoints that this log leads to. */
  readonly checkpoints: number;
  /** Leaves under the largest of them; nothing is proven of those behind. */
  readonly provenSize: number;
  readonly findings: readonly Finding[];
  /** How many there are beside those listed. */
  readonly moreFindings: number;
}

export interface VerifyInput {
  /** Bytes of the export, in pieces of any size; of the file of checkpoints likewise. */
  readonly exported: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly checkpoints: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly keys: readonly NoteKey[];
}

/** @throws {AuditError} AUDIT_EXPORT not an export at all; AUDIT_CHECKPOINT a file that cannot be one of checkpoints */
export async function verifyAudit({ exported, checkpoints, keys }: VerifyInput): Promise<AuditReport> {
  const lines = linesOf(exported, MAX_LINE_BYTES, tooLongLine);
  const first = await lines.next();
  if (first.done) throw new AuditError('AUDIT_EXPORT', 'the export is empty', { fix: 'Export it again.' });
  const header = readHeader(first.value);
  const findings = new Findings();
  const heads = await trustedHeads(header, checkpoints, keys, findings);
  const walk = new Walk(header, heads, findings);
  let number = 1;
  for await (const line of lines) {
    number += 1;
    walk.take(readLine(line, number));
  }
  return walk.report();
}

/** Checkpoints of this log by size, one of each, in ascending order. */
async function trustedHeads(
  { origin, checkpoint }: ExportHeader,
  file: VerifyInput['checkpoints'],
  keys: readonly NoteKey[],
  findings: Findings,
): Promise<readonly Checkpoint[]> {
  const heads = new Map<number, Checkpoint>();
  let number = 0;
  const take = (opened: Checkpoint | AuditError, name: string) => {
    if (opened instanceof AuditError) return findings.add('checkpoint', `${name} does not count: ${opened.message}`);
    if (opened.origin !== origin) return findings.add('checkpoint', `${name} is one of ${opened.origin}`);
    const other = heads.get(opened.size);
    if (other && !equalBytes(other.root, opened.root))
      findings.add('forked', `two checkpoints of ${opened.size} entries are signed, with different roots`);
    else heads.set(opened.size, opened);
  };
  for await (const opened of openCheckpoints(file, keys)) {
    number += 1;
    take(opened, `checkpoint ${number} of the file`);
  }
  if (heads.size === 0) findings.add('unproven', 'there is no checkpoint of this log to hold the export against');
  if (checkpoint !== null) take(opening(checkpoint, keys), 'the checkpoint in the export');
  return [...heads.values()].toSorted((one, other) => one.size - other.size);
}

function opening(checkpoint: string, keys: readonly NoteKey[]): Checkpoint | AuditError {
  try {
    return openCheckpoint(utf8Encode(checkpoint), keys);
  } catch (error) {
    if (error instanceof AuditError) return error;
    throw error;
  }
}

class Findings {
  readonly listed: Finding[] = [];
  more = 0;

  add(wrong: Wrong, text: string, from: number | null = null, to: number | null = null): void {
    if (this.listed.length < MAX_FINDINGS) this.listed.push({ wrong, text, from, to });
    else this.more += 1;
  }
}

/** Goes through the lines of an export, and through the checkpoints with them. */
class Walk {
  readonly #header: ExportHeader;
  readonly #heads: readonly Checkpoint[];
  readonly #findings: Findings;
  readonly #differences = new Differences();
  /** The tree of the stored hashes; `undefined` from the first leaf on of which there is none. */
  #tree: Frontier | undefined = new Frontier();
  /** Leaves that were walked past, hashes of theirs or not. */
  #next = 0;
  #entries = 0;
  #head = 0;
  #held = 0;
  #passedOver = 0;
  #provenSize = 0;
  #isForked = false;
  /** Places that no line had when it was their turn. */
  readonly #skipped: { readonly from: number; readonly to: number }[] = [];

  constructor(header: ExportHeader, heads: readonly Checkpoint[], findings: Findings) {
    this.#header = header;
    this.#heads = heads;
    this.#findings = findings;
    this.#holdHeads();
  }

  take(line: EntryLine | HiddenLine): void {
    const from = 'index' in line ? line.index : line.from;
    if (from > this.#next && this.#next < this.#header.size) this.#skip(Math.min(from, this.#header.size));
    if (from < this.#next) this.#takeLate(line, from);
    else if ('index' in line) this.#takeEntry(line);
    else this.#takeHidden(line);
  }

  report(): AuditReport {
    const { origin, tenant, size } = this.#header;
    if (this.#next < size) {
      this.#findings.add('truncated', `the export ends before its entry ${this.#next} of ${size}`, this.#next, size);
      this.#tree = undefined;
    }
    this.#tellDifferences();
    const larger = this.#heads.filter((head) => head.size > size);
    const largest = larger.at(-1);
    if (largest) {
      const text = `the log ends after ${size} entries, and a signed checkpoint has ${largest.size}; if the export is older than that, export again`;
      this.#findings.add('truncated', text, size, largest.size);
    }
    if (this.#passedOver > 0)
      this.#findings.add(
        'unproven',
        `${this.#passedOver} checkpoints lie where this export hides entries; export again for their sizes`,
      );
    return {
      ...{ holds: this.#findings.listed.length === 0, origin, tenant, size },
      ...{ entries: this.#entries, checkpoints: this.#held, provenSize: this.#provenSize },
      ...{ findings: this.#findings.listed, moreFindings: this.#findings.more },
    };
  }

  #takeEntry({ index, entry, leaf }: EntryLine): void {
    this.#entries += 1;
    const hash = entry ? leafHash(entry) : undefined;
    this.#differences.found(index, hash);
    // Behind the end of the tree: an entry that never was logged.
    if (index >= this.#header.size) return;
    const logged = leaf ?? hash;
    if (logged) this.#differences.logged(index, logged);
    this.#grow(logged, 0, 1);
  }

  #takeHidden({ from, to, hashes }: HiddenLine): void {
    const isAll = this.#header.tenant === null;
    const isFine = to <= this.#header.size && (!isAll || to - from === hashes.length);
    const subtrees = isFine ? completeSubtrees(from, to, isAll ? 0 : MAX_LEVEL) : [];
    if (subtrees.length !== hashes.length)
      throw new AuditError('AUDIT_EXPORT', `${entriesOf({ from, to })} hidden under too few hashes, or too many`);
    for (const [at, { level }] of subtrees.entries()) {
      const hash = hashes[at];
      const index = this.#next;
      if (isAll && hash) this.#differences.logged(index, hash);
      if (!hash) this.#skip(index + 2 ** level);
      else this.#grow(hash, level, 2 ** level);
    }
  }

  /** A line whose place is behind us. */
  #takeLate(line: EntryLine | HiddenLine, from: number): void {
    const isOutOfOrder = this.#skipped.some((range) => from >= range.from && from < range.to);
    const text = isOutOfOrder ? `entry ${from} stands behind later ones` : `there is a second entry ${from}`;
    this.#findings.add(isOutOfOrder ? 'reordered' : 'inserted', text, from, 'index' in line ? from + 1 : line.to);
  }

  /** Places up to `to` of which there is nothing at all, and with them the root of every larger tree. */
  #skip(to: number): void {
    const range = { from: this.#next, to };
    if (this.#skipped.length < MAX_FINDINGS) this.#skipped.push(range);
    this.#findings.add('deleted', `${entriesOf(range)} missing, with all trace in the tree`, range.from, range.to);
    this.#tree = undefined;
    this.#next = to;
  }

  #grow(hash: Uint8Array | undefined, level: number, leaves: number): void {
    this.#next += leaves;
    if (!hash) this.#tree = undefined;
    this.#tree?.append(hash ?? EMPTY_ROOT, level);
    this.#holdHeads();
  }

  /** Holds the checkpoints of the size that was reached against the tree. One that lies within a subtree is passed over. */
  #holdHeads(): void {
    if (!this.#tree) return;
    const { size } = this.#tree;
    for (let head = this.#heads[this.#head]; head && head.size <= size; head = this.#heads[this.#head]) {
      this.#head += 1;
      if (head.size < size) this.#passedOver += 1;
      else this.#hold(head, this.#tree.root());
    }
  }

  #hold({ size, root }: Checkpoint, actual: Uint8Array): void {
    if (equalBytes(root, actual)) {
      this.#held += 1;
      this.#provenSize = size;
      return;
    }
    if (!this.#isForked) {
      const text = `the hashes of the first ${size} entries lead to root ${toHex(actual)}, and ${toHex(root)} was signed; the checkpoint of ${this.#provenSize} is the last that holds`;
      this.#findings.add('forked', text, this.#provenSize, size);
    }
    this.#isForked = true;
  }

  #tellDifferences(): void {
    if (this.#differences.areTooMany) {
      this.#findings.add('changed', `more than ${MAX_DIFFERENCES} entries are not what was logged`);
      return;
    }
    for (const range of this.#differences.ranges(this.#header.size))
      this.#findings.add(range.kind, `${entriesOf(range)} ${MEANING[range.kind]}`, range.from, range.to);
  }
}

const MEANING: Readonly<Record<Difference, string>> = {
  changed: 'not what was logged',
  deleted: 'missing',
  inserted: 'there without ever having been logged',
  reordered: 'not in the order in which they were logged',
  truncated: 'missing at the end',
};

function entriesOf({ from, to }: { readonly from: number; readonly to: number }): string {
  return to === from + 1 ? `entry ${from} is` : `entries ${from} to ${to - 1} are`;
}
