/**
 * Gives entries their places, and lets the world know: every so often it signs the tree as it stands.
 *
 * It signs no tree that does not continue the last one that was exported (RFC 9162 section 2.1.4), so that a database that somebody changed, or
 * that was restored from a backup, ends the line of checkpoints instead of forking it.
 */
import { utf8Encode } from '../../core/bytes.ts';
import type { Clock } from '../../core/ports.ts';
import type { PublicKey, Signer } from '../../trust/keys.ts';
import type { Lease } from '../coordination/lease.ts';
import { type Checkpoint, openCheckpoint, signCheckpoint, type TreeHead } from './checkpoint.ts';
import { AuditLogError } from './errors.ts';
import { LEASE_MS, MAX_BATCHES, MAX_UNSIGNED_MS, ROUND_INTERVAL_MS, SEQUENCE_BATCH } from './limits.ts';
import { consistencyProof, rootAt, type Subtree, verifyConsistency } from './merkle.ts';
import type { AuditStore, CheckpointSink } from './ports.ts';

export interface SequencerPorts {
  readonly store: AuditStore;
  readonly lease: Pick<Lease, 'hold'>;
  readonly clock: Clock;
  /** Name of the log, and of its key. */
  readonly origin: string;
  /** Ed25519. */
  readonly signer: Signer;
  /** Keys that have signed for this log before. */
  readonly formerKeys?: readonly PublicKey[];
  readonly sink: CheckpointSink;
}

export interface Round {
  /** Entries that have got their places. */
  readonly sequenced: number;
  /** Leaves under the checkpoint that was signed; `undefined` when none was due. */
  readonly signedSize: number | undefined;
}

export class Sequencer {
  readonly #ports: SequencerPorts;
  /** When it was last due, by the monotonic clock. */
  #signedAtMs: number | undefined;

  constructor(ports: SequencerPorts) {
    this.#ports = ports;
  }

  /**
   * To be called every `ROUND_INTERVAL_MS`: with that, whatever is sequenced is under an exported checkpoint within `MAX_UNSIGNED_MS`.
   * @returns `undefined` when somebody else holds the lease
   * @throws {AuditLogError} AUDIT_FORKED the log does not continue what was exported: nothing is signed until somebody has looked; AUDIT_IO. {CoordinationError} LEASE_LOST
   */
  async round(): Promise<Round | undefined> {
    const outcome = await this.#ports.lease.hold('audit-sequencer', LEASE_MS, async ({ signal }) => {
      const { store, clock } = this.#ports;
      const nowMs = clock.monotonicMs();
      const isDue = this.#signedAtMs === undefined || nowMs - this.#signedAtMs >= MAX_UNSIGNED_MS - ROUND_INTERVAL_MS;
      // First, since what a changed database gets on top of it would only be harder to sort out.
      const exported = isDue ? await this.#exportSaved() : undefined;
      let sequenced = 0;
      for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
        signal.throwIfAborted();
        const count = await store.sequenceAudit(SEQUENCE_BATCH);
        sequenced += count;
        if (count < SEQUENCE_BATCH) break;
      }
      signal.throwIfAborted();
      const signedSize = isDue ? await this.#sign(exported) : undefined;
      if (isDue) this.#signedAtMs = nowMs;
      return { sequenced, signedSize };
    });
    return outcome.isHeld ? outcome.value : undefined;
  }

  /** @returns the newest that is exported, after what a crash or a full disk has kept back */
  async #exportSaved(): Promise<Checkpoint | undefined> {
    const { store, sink } = this.#ports;
    const now = await this.#head(await store.auditSize());
    const last = await sink.last();
    const exported = this.#own(last);
    if (exported) await this.#requireContinued(exported, now);
    const note = await store.auditCheckpoint();
    const saved = this.#own(note);
    if (note === undefined || !saved || note === last) return exported;
    if (exported && saved.size < exported.size) throw forked(exported, saved.size);
    await this.#requireContinued(saved, now);
    await sink.append(note);
    return saved;
  }

  async #sign(exported: Checkpoint | undefined): Promise<number | undefined> {
    const { store, sink, signer, clock } = this.#ports;
    const size = await store.auditSize();
    if (size === (exported?.size ?? 0)) return undefined;
    const head = await this.#head(size);
    if (exported) await this.#requireContinued(exported, head);
    const note = await signCheckpoint(head, signer);
    // Saved first: what was exported is always known here, and what is cut off on its way out is exported again, byte by byte.
    await store.saveAuditCheckpoint({ size, note, atMs: clock.nowMs() });
    await sink.append(note);
    return size;
  }

  /** @throws {AuditLogError} AUDIT_FORKED */
  async #requireContinued(before: TreeHead, now: TreeHead): Promise<void> {
    if (before.size > now.size) throw forked(before, now.size);
    const proof = await consistencyProof(before.size, now.size, this.#read);
    const heads = { oldSize: before.size, oldRoot: before.root, size: now.size, root: now.root };
    if (!verifyConsistency({ ...heads, proof })) throw forked(before, now.size);
  }

  async #head(size: number): Promise<TreeHead> {
    return { origin: this.#ports.origin, size, root: await rootAt(size, this.#read) };
  }

  /** @throws {AuditError} AUDIT_SIGNATURE, AUDIT_CHECKPOINT: somebody else wrote there, or the key is another one */
  #own(note: string | undefined): Checkpoint | undefined {
    if (note === undefined) return undefined;
    const { origin, signer, formerKeys = [] } = this.#ports;
    const keys = [signer.publicKey, ...formerKeys].map((publicKey) => ({ name: origin, publicKey }));
    return openCheckpoint(utf8Encode(note), keys);
  }

  readonly #read = async (wanted: readonly Subtree[]): Promise<readonly Uint8Array[]> =>
    (await this.#ports.store.auditSubtrees(wanted)).map((hash, at) => {
      if (hash) return hash;
      const { level, index } = wanted[at] ?? {};
      throw new AuditLogError('AUDIT_FORKED', `hash ${index} of level ${level} is gone from the audit log`, {
        detail: { level, index },
        fix: FIX,
      });
    });
}

const FIX =
  'Keep the database and the exported checkpoints as they are, and find out who changed the database. If it was restored from a backup, the log ends here.';

function forked({ size }: TreeHead, now: number): AuditLogError {
  return new AuditLogError(
    'AUDIT_FORKED',
    `the audit log of ${now} entries does not continue the exported checkpoint of ${size}`,
    { detail: { exported: size, size: now }, fix: FIX },
  );
}
