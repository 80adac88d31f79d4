/**
 * Checkpoints: size and root of the tree, signed; and files of them, one after another.
 *
 * Spec: C2SP tlog-checkpoint. Stricter in one point: the log itself must have signed, with a key of its own name. Ours have no extension
 * lines; those of others are signed, and not looked at.
 */
import { concat, fromBase64, utf8Encode } from '../../core/bytes.ts';
import type { Signer } from '../../trust/keys.ts';
import { AuditError } from './errors.ts';
import { MAX_NOTE_BYTES } from './limits.ts';
import { linesOf } from './lines.ts';
import { HASH_BYTES } from './merkle.ts';
import { isKeyName, type NoteKey, openNote, signNote } from './note.ts';

export interface TreeHead {
  /** Name of the log. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

declare const verified: unique symbol;
/** A checkpoint whose signatures were verified. */
export interface Checkpoint extends TreeHead {
  /** Names of the keys that have signed it, of those that were given. */
  readonly signedBy: readonly string[];
  readonly [verified]: true;
}

/** Stands behind each checkpoint of a file: two empty lines, which no checkpoint has in itself. */
export const CHECKPOINT_END = '\n\n';

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** @throws {AuditError} AUDIT_KEY not an Ed25519 key, or no name for a log */
export function signCheckpoint({ origin, size, root }: TreeHead, signer: Signer): Promise<string> {
  return signNote(`${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`, [{ name: origin, signer }]);
}

/**
 * @throws {AuditError} AUDIT_CHECKPOINT not a checkpoint; AUDIT_SIGNATURE its log has not signed it with a trusted key, or a trusted key's
 * signature does not hold
 */
export function openCheckpoint(note: Uint8Array, keys: readonly NoteKey[]): Checkpoint {
  const { text, signedBy } = openNote(note, keys);
  // The text ends with a line end, so the last piece is empty; and none but that.
  const [origin = '', size = '', encoded = '', ...more] = text.split('\n');
  const root = fromBase64(encoded);
  const isFine = isKeyName(origin) && SIZE.test(size) && Number.isSafeInteger(Number(size));
  if (!isFine || root?.length !== HASH_BYTES || more.indexOf('') !== more.length - 1)
    throw new AuditError('AUDIT_CHECKPOINT', 'a checkpoint is not the name, the size and the root of a log');
  const names = signedBy.map(({ name }) => name);
  if (!names.includes(origin))
    throw new AuditError('AUDIT_SIGNATURE', `${origin} itself has not signed its checkpoint with a trusted key`);
  const checkpoint: Omit<Checkpoint, typeof verified> = { origin, size: Number(size), root, signedBy: names };
  return checkpoint as Checkpoint;
}

/**
 * The checkpoints of a file, each verified or with the reason why not. Passed over is only what a power cut leaves of one: its beginning,
 * either before the whole of it, or unfinished at the end of the file.
 * @throws {AuditError} AUDIT_CHECKPOINT a line, or a checkpoint, is longer than there can be
 */
export async function* openCheckpoints(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  keys: readonly NoteKey[],
): AsyncGenerator<Checkpoint | AuditError> {
  let failed: { readonly note: Uint8Array; readonly error: AuditError } | undefined;
  for await (const { note, isEnded } of notesIn(source)) {
    // Without its line end, which the next writer may have put there.
    if (
      failed &&
      !Buffer.from(note)
        .subarray(0, failed.note.length - 1)
        .equals(failed.note.subarray(0, -1))
    )
      yield failed.error;
    failed = undefined;
    try {
      yield openCheckpoint(note, keys);
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      failed = isEnded ? { note, error } : undefined;
    }
  }
  if (failed) yield failed.error;
}

/** What stands between two empty lines and more, each with its last line end. The last may lack them. */
async function* notesIn(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<{ readonly note: Uint8Array; readonly isEnded: boolean }> {
  const tooLong = () => new AuditError('AUDIT_CHECKPOINT', `a checkpoint has more than ${MAX_NOTE_BYTES} bytes`);
  const lineEnd = utf8Encode('\n');
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  let emptyLines = 0;
  for await (const line of linesOf(source, MAX_NOTE_BYTES, tooLong)) {
    emptyLines = line.length === 0 ? emptyLines + 1 : 0;
    if (emptyLines > 2 || (emptyLines > 0 && parts.length === 0)) continue;
    if (emptyLines === 2) {
      // The first of the two was taken for one inside.
      yield { note: concat(...parts.slice(0, -2)), isEnded: true };
      parts = [];
      sizeBytes = 0;
      continue;
    }
    parts.push(line.slice(), lineEnd);
    sizeBytes += line.length + 1;
    if (sizeBytes > MAX_NOTE_BYTES) throw tooLong();
  }
  if (parts.length > 0) yield { note: concat(...parts.slice(0, parts.length - 2 * emptyLines)), isEnded: false };
}
