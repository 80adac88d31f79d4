/**
 * Tables of the embedded store, and how they came to be.
 *
 * Every table carries its tenant first, but those of the audit log, which is one for all. A migration is never edited once it was
 * released; a new one is added at the end.
 */
import type { Generated } from 'kysely';
import type { AttemptState, Role, RolloutState, SigningState } from '../../fleet/model.ts';
import type { IntentState } from '../../fleet/ports.ts';

/** JSON text of values that are only ever read and written whole. */
type Json = string;

export interface Tables {
  device: {
    tenant: string;
    id: string;
    protocol: string;
    identity: string;
    hardware: string;
    groups: Json;
    installed: Json;
    facts: Json;
    created_at_ms: number;
    last_seen_at_ms: number | null;
  };
  release: {
    tenant: string;
    id: string;
    component: string;
    version: string;
    /** Sorts as versions do. */
    version_key: string;
    artifacts: Json;
    signing_event_id: string;
    signed_by: Json;
    created_at_ms: number;
  };
  repository: { tenant: string; revision: number; versions: Json };
  metadata: { tenant: string; role: string; version: number; bytes: Uint8Array };
  target: { tenant: string; role: string; path: string; sha256: string; hardware_ids: Json };
  signing_intent: {
    tenant: string;
    id: string;
    what: string;
    state: IntentState;
    at_ms: number;
    closed_at_ms: number | null;
  };
  signing_event: {
    tenant: string;
    id: string;
    state: SigningState;
    reason: string;
    request: Uint8Array;
    digest: string;
    release: Json | null;
    release_id: string | null;
    revision: number;
    created_at_ms: number;
    updated_at_ms: number;
  };
  api_token: {
    tenant: string;
    id: string;
    name: string;
    role: Role;
    digest: string;
    created_at_ms: number;
    expires_at_ms: number | null;
    revoked_at_ms: number | null;
  };
  rollout: {
    tenant: string;
    id: string;
    release_id: string;
    phases: Json;
    open_phases: number;
    state: RolloutState;
    revision: number;
    created_at_ms: number;
  };
  attempt: {
    tenant: string;
    id: string;
    device_id: string;
    rollout_id: string;
    release_id: string;
    component: string;
    from_version: string | null;
    to_version: string;
    state: AttemptState;
    /** 1 while the state is not terminal. */
    is_open: number;
    offered_at_ms: number;
    updated_at_ms: number;
  };
  /** Attempts per state, kept with each move (design section 5 rule 4). */
  attempt_count: { tenant: string; rollout_id: string; state: AttemptState; count: number };
  timer: {
    tenant: string;
    name: string;
    key: string;
    payload: string;
    /** On the scheduler's own clock; null once it was set aside. */
    due_ms: number | null;
    runs: number;
    revision: number;
  };
  /** One row: where the scheduler's clock was, and what the wall clock said then. */
  scheduler_time: { id: number; time_ms: number; wall_ms: number };
  /** Entries that wait for their place in the log, in the order in which they were appended. */
  audit_pending: { seq: Generated<number>; tenant: string; leaf: Uint8Array };
  audit_entry: { leaf_index: number; tenant: string; leaf: Uint8Array };
  /** Complete subtrees of the log's tree, leaves at level 0; none ever changes. */
  audit_subtree: { level: number; position: number; hash: Uint8Array };
  /** The last alone. */
  audit_checkpoint: { size: number; note: string; at_ms: number };
}

/** "SEAL": tells `file` and us whose database this is. */
export const APPLICATION_ID = 0x5345_414c;

/** Index + 1 is the version a migration leads to (`PRAGMA user_version`). */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE device (
    tenant TEXT NOT NULL, id TEXT NOT NULL,
    protocol TEXT NOT NULL, identity TEXT NOT NULL, hardware TEXT NOT NULL,
    groups TEXT NOT NULL, installed TEXT NOT NULL, facts TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL, last_seen_at_ms INTEGER,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX device_identity ON device (tenant, protocol, identity);

  CREATE TABLE release (
    tenant TEXT NOT NULL, id TEXT NOT NULL,
    component TEXT NOT NULL, version TEXT NOT NULL, version_key TEXT NOT NULL,
    artifacts TEXT NOT NULL, targets_version INTEGER NOT NULL, signed_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX release_version ON release (tenant, component, version);

  CREATE TABLE targets_seen (
    tenant TEXT NOT NULL PRIMARY KEY, version INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE rollout (
    tenant TEXT NOT NULL, id TEXT NOT NULL,
    release_id TEXT NOT NULL, phases TEXT NOT NULL, open_phases INTEGER NOT NULL,
    state TEXT NOT NULL, revision INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE attempt (
    tenant TEXT NOT NULL, id TEXT NOT NULL,
    device_id TEXT NOT NULL, rollout_id TEXT NOT NULL, release_id TEXT NOT NULL, component TEXT NOT NULL,
    from_version TEXT, to_version TEXT NOT NULL,
    state TEXT NOT NULL, is_open INTEGER NOT NULL,
    offered_at_ms INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX attempt_open ON attempt (tenant, device_id, component) WHERE is_open = 1;
  CREATE INDEX attempt_device ON attempt (tenant, device_id, id);
  CREATE INDEX attempt_rollout ON attempt (tenant, rollout_id, id);

  CREATE TABLE attempt_count (
    tenant TEXT NOT NULL, rollout_id TEXT NOT NULL, state TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (tenant, rollout_id, state)
  ) STRICT, WITHOUT ROWID;
  `,
  // Releases were admitted by metadata the server kept no copy of; none of them can be proven, so none stays.
  `
  DELETE FROM attempt_count; DELETE FROM attempt; DELETE FROM rollout; DROP TABLE release; DROP TABLE targets_seen;

  CREATE TABLE release (
    tenant TEXT NOT NULL, id TEXT NOT NULL,
    component TEXT NOT NULL, version TEXT NOT NULL, version_key TEXT NOT NULL,
    artifacts TEXT NOT NULL, signing_event_id TEXT NOT NULL, signed_by TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX release_version ON release (tenant, component, version);

  CREATE TABLE repository (
    tenant TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, versions TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE metadata (
    tenant TEXT NOT NULL, role TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (tenant, role, version)
  ) STRICT;

  CREATE TABLE target (
    tenant TEXT NOT NULL, role TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, hardware_ids TEXT NOT NULL,
    PRIMARY KEY (tenant, role, path)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX target_digest ON target (tenant, sha256);

  CREATE TABLE signing_intent (
    tenant TEXT NOT NULL, id TEXT NOT NULL, what TEXT NOT NULL, state TEXT NOT NULL,
    at_ms INTEGER NOT NULL, closed_at_ms INTEGER,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX signing_intent_open ON signing_intent (tenant, id) WHERE state = 'open';

  CREATE TABLE signing_event (
    tenant TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    request BLOB NOT NULL, digest TEXT NOT NULL, release TEXT, release_id TEXT,
    revision INTEGER NOT NULL, created_at_ms INTEGER NOT NULL, updated_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) STRICT;
  `,
  `
  CREATE TABLE api_token (
    tenant TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, digest TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL, expires_at_ms INTEGER, revoked_at_ms INTEGER,
    PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX api_token_digest ON api_token (digest);
  CREATE UNIQUE INDEX api_token_name ON api_token (tenant, name) WHERE revoked_at_ms IS NULL;
  `,
  // Durable timers (fleet/coordination/scheduler.ts).
  `
  CREATE TABLE timer (
    tenant TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    payload TEXT NOT NULL, due_ms INTEGER, runs INTEGER NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (tenant, name, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX timer_due ON timer (due_ms) WHERE due_ms IS NOT NULL;
  CREATE INDEX timer_failed ON timer (tenant, name, key) WHERE due_ms IS NULL;

  CREATE TABLE scheduler_time (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), time_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL
  ) STRICT;
  `,
  // One audit log for all tenants (fleet/audit/).
  `
  CREATE TABLE audit_pending (
    seq INTEGER NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, leaf BLOB NOT NULL
  ) STRICT;

  CREATE TABLE audit_entry (
    leaf_index INTEGER NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, leaf BLOB NOT NULL
  ) STRICT;
  CREATE INDEX audit_entry_tenant ON audit_entry (tenant, leaf_index);

  CREATE TABLE audit_subtree (
    level INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (level, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit_checkpoint (
    size INTEGER NOT NULL PRIMARY KEY, note TEXT NOT NULL, at_ms INTEGER NOT NULL
  ) STRICT;
  `,
];
