/**
 * What the store can do, as named operations that run inside a worker thread: synchronous, on one connection.
 *
 * Each write runs in a savepoint of a group commit (worker.ts), so that it can look before it writes.
 */
import { isOpen, moves } from '../../fleet/attempt.ts';
import { StoreError } from '../../fleet/errors.ts';
import type { Attempt, AttemptState, Contact, Device, DeviceView, Rollout } from '../../fleet/model.ts';
import type { PageRequest } from '../../fleet/ports.ts';
import { AUDIT_READS, AUDIT_WRITES } from './audit-operations.ts';
import type { Statements } from './connection.ts';
import { query } from './query.ts';
import { REPOSITORY_READS, REPOSITORY_WRITES } from './repository-operations.ts';
import {
  attemptFrom,
  attemptValues,
  contactValues,
  deviceFrom,
  deviceValues,
  releaseFrom,
  rolloutFrom,
  rolloutValues,
} from './rows.ts';
import { SCHEDULER_READS, SCHEDULER_WRITES } from './scheduler-operations.ts';
import type { Tables } from './schema.ts';
import { TOKEN_READS, TOKEN_WRITES } from './token-operations.ts';

const SQL = {
  insertDevice: query((db, slot) =>
    db
      .insertInto('device')
      .values({
        ...{ tenant: slot('tenant'), id: slot('id'), protocol: slot('protocol'), identity: slot('identity') },
        ...{ hardware: slot('hardware'), groups: slot('groups'), installed: '[]', facts: '[]' },
        ...{ created_at_ms: slot<number>('created_at_ms'), last_seen_at_ms: null },
      })
      .onConflict((conflict) => conflict.doNothing()),
  ),
  device: query((db, slot) =>
    db.selectFrom('device').selectAll().where('tenant', '=', slot('tenant')).where('id', '=', slot('id')),
  ),
  deviceByIdentity: query((db, slot) =>
    db
      .selectFrom('device')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('protocol', '=', slot('protocol'))
      .where('identity', '=', slot('identity')),
  ),
  devices: query((db, slot) =>
    db
      .selectFrom('device')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  updateContact: query((db, slot) =>
    db
      .updateTable('device')
      .set({ installed: slot('installed'), facts: slot('facts'), last_seen_at_ms: slot<number>('at_ms') })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id')),
  ),
  updateSeen: query((db, slot) =>
    db
      .updateTable('device')
      .set({ last_seen_at_ms: slot<number>('at_ms') })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id'))
      .where((where) =>
        where.or([where('last_seen_at_ms', 'is', null), where('last_seen_at_ms', '<', slot<number>('at_ms'))]),
      ),
  ),
  release: query((db, slot) =>
    db.selectFrom('release').selectAll().where('tenant', '=', slot('tenant')).where('id', '=', slot('id')),
  ),
  releases: query((db, slot) =>
    db
      .selectFrom('release')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  insertRollout: query((db, slot) =>
    db.insertInto('rollout').values({
      ...{ tenant: slot('tenant'), id: slot('id'), release_id: slot('release_id'), phases: slot('phases') },
      ...{ open_phases: slot<number>('open_phases'), state: slot<Rollout['state']>('state') },
      ...{ revision: slot<number>('revision'), created_at_ms: slot<number>('created_at_ms') },
    }),
  ),
  rollout: query((db, slot) =>
    db.selectFrom('rollout').selectAll().where('tenant', '=', slot('tenant')).where('id', '=', slot('id')),
  ),
  rollouts: query((db, slot) =>
    db
      .selectFrom('rollout')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  allRollouts: query((db) => db.selectFrom('rollout').selectAll().orderBy('id')),
  updateRollout: query((db, slot) =>
    db
      .updateTable('rollout')
      .set({
        ...{ phases: slot('phases'), open_phases: slot<number>('open_phases') },
        ...{ state: slot<Rollout['state']>('state'), revision: slot<number>('revision') },
      })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id'))
      .where('revision', '=', slot<number>('expected')),
  ),
  insertAttempt: query((db, slot) =>
    db.insertInto('attempt').values({
      ...{ tenant: slot('tenant'), id: slot('id'), device_id: slot('device_id'), rollout_id: slot('rollout_id') },
      ...{ release_id: slot('release_id'), component: slot('component'), to_version: slot('to_version') },
      ...{ from_version: slot<string | null>('from_version'), state: slot<AttemptState>('state') },
      ...{ is_open: slot<number>('is_open'), offered_at_ms: slot<number>('offered_at_ms') },
      updated_at_ms: slot<number>('updated_at_ms'),
    }),
  ),
  attempt: query((db, slot) =>
    db.selectFrom('attempt').selectAll().where('tenant', '=', slot('tenant')).where('id', '=', slot('id')),
  ),
  openAttempts: query((db, slot) =>
    db
      .selectFrom('attempt')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('device_id', '=', slot('device_id'))
      .where('is_open', '=', 1)
      .orderBy('component'),
  ),
  attemptsOfDevice: query((db, slot) =>
    db
      .selectFrom('attempt')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('device_id', '=', slot('device_id'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  attemptsOfRollout: query((db, slot) =>
    db
      .selectFrom('attempt')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('rollout_id', '=', slot('rollout_id'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  attempts: query((db, slot) =>
    db
      .selectFrom('attempt')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  moveAttempt: query((db, slot) =>
    db
      .updateTable('attempt')
      .set({
        state: slot<AttemptState>('state'),
        is_open: slot<number>('is_open'),
        updated_at_ms: slot<number>('updated_at_ms'),
      })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id')),
  ),
  count: query((db, slot) =>
    db
      .insertInto('attempt_count')
      .values({
        ...{ tenant: slot('tenant'), rollout_id: slot('rollout_id') },
        ...{ state: slot<AttemptState>('state'), count: slot<number>('by') },
      })
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'rollout_id', 'state'])
          .doUpdateSet((set) => ({ count: set('attempt_count.count', '+', slot<number>('by')) })),
      ),
  ),
  counts: query((db, slot) =>
    db
      .selectFrom('attempt_count')
      .select(['state', 'count'])
      .where('tenant', '=', slot('tenant'))
      .where('rollout_id', '=', slot('rollout_id'))
      .where('count', '>', 0),
  ),
};

/** Run on reading connections; each is a snapshot of its own. */
export const READS = {
  device: (on: Statements, tenant: string, id: string) => view(on, SQL.device.first(on, { tenant, id })),
  deviceByIdentity: (on: Statements, tenant: string, protocol: string, identity: string) =>
    view(on, SQL.deviceByIdentity.first(on, { tenant, protocol, identity })),
  devices: (on: Statements, tenant: string, page: PageRequest) =>
    SQL.devices.all(on, { tenant, ...keyset(page) }).flatMap((row) => view(on, row) ?? []),
  release: (on: Statements, tenant: string, id: string) => mapped(releaseFrom, SQL.release.first(on, { tenant, id })),
  releases: (on: Statements, tenant: string, page: PageRequest) =>
    SQL.releases.all(on, { tenant, ...keyset(page) }).map(releaseFrom),
  rollout: (on: Statements, tenant: string, id: string) => mapped(rolloutFrom, SQL.rollout.first(on, { tenant, id })),
  rollouts: (on: Statements, tenant: string, page: PageRequest) =>
    SQL.rollouts.all(on, { tenant, ...keyset(page) }).map(rolloutFrom),
  plan: (on: Statements) =>
    SQL.allRollouts.all(on, {}).flatMap((row) => {
      const release = READS.release(on, row.tenant, row.release_id);
      return release ? [{ rollout: rolloutFrom(row), release }] : [];
    }),
  attempts: (on: Statements, tenant: string, filter: AttemptFilter, page: PageRequest) => {
    const { deviceId, rolloutId } = filter;
    const bounds = { tenant, ...keyset(page) };
    const rows =
      deviceId !== undefined
        ? SQL.attemptsOfDevice.all(on, { ...bounds, device_id: deviceId })
        : rolloutId !== undefined
          ? SQL.attemptsOfRollout.all(on, { ...bounds, rollout_id: rolloutId })
          : SQL.attempts.all(on, bounds);
    return rows.map(attemptFrom);
  },
  attemptCounts: (on: Statements, tenant: string, rolloutId: string) =>
    new Map(SQL.counts.all(on, { tenant, rollout_id: rolloutId }).map(({ state, count }) => [state, count])),
  ...REPOSITORY_READS,
  ...TOKEN_READS,
  ...SCHEDULER_READS,
  ...AUDIT_READS,
};

/** Run on the one writing connection; a throw undoes this operation alone. */
export const WRITES = {
  createDevice(on: Statements, device: Device): void {
    if (SQL.insertDevice.run(on, deviceValues(device)) === 1) return;
    const { protocol, identity } = device;
    throw new StoreError('STORE_DUPLICATE', `a device with protocol ${protocol} and identity ${identity} exists`, {
      detail: { protocol, identity },
      fix: 'See: sealift device list',
    });
  },
  recordContact(
    on: Statements,
    device: Device,
    contact: Pick<Contact, 'installed' | 'facts'>,
    atMs: number,
  ): DeviceView {
    const { tenant, id } = device;
    SQL.updateContact.run(on, { tenant, id, ...contactValues(contact), at_ms: atMs });
    for (const row of SQL.openAttempts.all(on, { tenant, device_id: id })) {
      const attempt = attemptFrom(row);
      if (contact.installed.get(attempt.component) === attempt.toVersion) moveTo(on, attempt, 'confirmed', atMs);
    }
    const now = READS.device(on, tenant, id);
    if (!now) throw new StoreError('STORE_CONFLICT', `device ${id} is gone`);
    return now;
  },
  recordSeen(on: Statements, seen: readonly { tenant: string; deviceId: string; atMs: number }[]): void {
    for (const { tenant, deviceId, atMs } of seen) SQL.updateSeen.run(on, { tenant, id: deviceId, at_ms: atMs });
  },
  createRollout(on: Statements, rollout: Rollout): void {
    SQL.insertRollout.run(on, rolloutValues(rollout));
  },
  updateRollout(on: Statements, next: Rollout): void {
    if (SQL.updateRollout.run(on, { ...rolloutValues(next), expected: next.revision - 1 }) === 1) return;
    throw new StoreError('STORE_CONFLICT', `rollout ${next.id} was changed by somebody else`, {
      fix: 'Look at it again, then decide.',
    });
  },
  openAttempt(on: Statements, attempt: Attempt): { attempt: Attempt; cancelled: Attempt | undefined } | undefined {
    const { tenant, deviceId, component } = attempt;
    if (SQL.rollout.first(on, { tenant, id: attempt.rolloutId })?.state !== 'running') return undefined;
    const open = SQL.openAttempts.all(on, { tenant, device_id: deviceId }).map(attemptFrom);
    const before = open.find((one) => one.component === component);
    if (before?.releaseId === attempt.releaseId) return { attempt: before, cancelled: undefined };
    const cancelled = before && moveTo(on, before, 'cancelled', attempt.offeredAtMs);
    SQL.insertAttempt.run(on, attemptValues(attempt));
    SQL.count.run(on, { tenant, rollout_id: attempt.rolloutId, state: attempt.state, by: 1 });
    return { attempt, cancelled };
  },
  moveAttempt(on: Statements, tenant: string, id: string, to: AttemptState, atMs: number) {
    const row = SQL.attempt.first(on, { tenant, id });
    if (!row) return undefined;
    const attempt = attemptFrom(row);
    const moved = moves(attempt.state, to);
    return { attempt: moved ? moveTo(on, attempt, to, atMs) : attempt, moved };
  },
  ...REPOSITORY_WRITES,
  ...TOKEN_WRITES,
  ...SCHEDULER_WRITES,
  ...AUDIT_WRITES,
};

type AttemptFilter = { readonly deviceId?: string; readonly rolloutId?: string };

function moveTo(on: Statements, attempt: Attempt, state: AttemptState, atMs: number): Attempt {
  const { tenant, id, rolloutId } = attempt;
  SQL.moveAttempt.run(on, { tenant, id, state, is_open: isOpen(state) ? 1 : 0, updated_at_ms: atMs });
  SQL.count.run(on, { tenant, rollout_id: rolloutId, state: attempt.state, by: -1 });
  SQL.count.run(on, { tenant, rollout_id: rolloutId, state, by: 1 });
  return { ...attempt, state, updatedAtMs: atMs };
}

function view(on: Statements, row: Tables['device'] | undefined): DeviceView | undefined {
  if (!row) return undefined;
  return deviceFrom(row, SQL.openAttempts.all(on, { tenant: row.tenant, device_id: row.id }).map(attemptFrom));
}

function keyset({ after, limit }: PageRequest): { after: string; limit: number } {
  return { after: after ?? '', limit };
}

function mapped<Row, T>(map: (row: Row) => T, row: Row | undefined): T | undefined {
  return row === undefined ? undefined : map(row);
}
