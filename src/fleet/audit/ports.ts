/** What the audit log needs from outside. Every store runs the contract suite `describeAuditStore`. */
import type { AuditEntry } from './entry.ts';
import type { Subtree } from './merkle.ts';

/** A leaf at its place in the log. */
export interface AuditRecord {
  readonly index: number;
  /** Canonical JSON of the entry, as it is stored; nothing is checked when it is read. */
  readonly leaf: Uint8Array;
}

/**
 * The one log of a server, with entries of all tenants. An entry is appended, durably, and gets its place later: several processes may
 * append at once, while one after the other gives out places. Each call is one transaction, as with `Store`.
 */
export interface AuditStore {
  /**
   * All or none, in this order; places are given in the order of appending.
   * @throws {AuditError} AUDIT_ENTRY, AUDIT_LIMIT
   */
  appendAudit(entries: readonly AuditEntry[]): Promise<void>;
  /**
   * Gives the oldest entries without a place, at most `limit` of them, the next indexes, and stores the subtrees that they complete.
   * Two callers at once never give one index twice. Returns how many it were.
   */
  sequenceAudit(limit: number): Promise<number>;
  /** Leaves in the tree. */
  auditSize(): Promise<number>;
  /** Those of one tenant, or of all, from index `from` on, in order. */
  auditRecords(query: AuditQuery): Promise<readonly AuditRecord[]>;
  /** Hashes of complete subtrees, in the order of `wanted`: one keyed read each. `undefined` where there is none. */
  auditSubtrees(wanted: readonly Subtree[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Takes the place of the last. @throws {StoreError} STORE_CONFLICT the last one is of a larger tree */
  saveAuditCheckpoint(checkpoint: {
    readonly size: number;
    readonly note: string;
    readonly atMs: number;
  }): Promise<void>;
  /** The last one that was saved. */
  auditCheckpoint(): Promise<string | undefined>;
}

export interface AuditQuery {
  readonly from: number;
  readonly limit: number;
  /** `undefined` for all. */
  readonly tenant: string | undefined;
}

/** Where checkpoints go so that the server cannot take them back: only ever appended to. */
export interface CheckpointSink {
  /** The newest that is there as a whole; `undefined` when there is none. @throws {AuditLogError} AUDIT_IO */
  last(): Promise<string | undefined>;
  /** Durable on return. @throws {AuditLogError} AUDIT_IO */
  append(note: string): Promise<void>;
}
