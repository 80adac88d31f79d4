/** Operations of the image repository and its signing events; see operations.ts. */
import { sql } from 'kysely';
import { StoreError } from '../../fleet/errors.ts';
import type { ListedTarget, Release, RepositoryHead, SigningEvent } from '../../fleet/model.ts';
import type { ImageQuery, IntentState, PageRequest, Publication, SigningIntent } from '../../fleet/ports.ts';
import type { Statements } from './connection.ts';
import { query } from './query.ts';
import { eventFrom, eventValues, releaseValues } from './rows.ts';
import type { Tables } from './schema.ts';

const SQL = {
  repository: query((db, slot) => db.selectFrom('repository').selectAll().where('tenant', '=', slot('tenant'))),
  setRepository: query((db, slot) =>
    db
      .insertInto('repository')
      .values({ tenant: slot('tenant'), revision: slot<number>('revision'), versions: slot('versions') })
      .onConflict((conflict) =>
        conflict.column('tenant').doUpdateSet({ revision: slot<number>('revision'), versions: slot('versions') }),
      ),
  ),
  metadata: query((db, slot) =>
    db
      .selectFrom('metadata')
      .select('bytes')
      .where('tenant', '=', slot('tenant'))
      .where('role', '=', slot('role'))
      .where('version', '=', slot<number>('version')),
  ),
  lastBeforeGap: query((db, slot) =>
    db
      .selectFrom('metadata as one')
      .leftJoin('metadata as next', (join) =>
        join
          .onRef('next.tenant', '=', 'one.tenant')
          .onRef('next.role', '=', 'one.role')
          .on((on) => on('next.version', '=', on('one.version', '+', 1))),
      )
      .select('one.version')
      .where('one.tenant', '=', slot('tenant'))
      .where('one.role', '=', slot('role'))
      .where('next.version', 'is', null)
      .orderBy('one.version')
      .limit(1),
  ),
  insertMetadata: query((db, slot) =>
    db
      .insertInto('metadata')
      .values({
        ...{ tenant: slot('tenant'), role: slot('role') },
        ...{ version: slot<number>('version'), bytes: slot<Uint8Array>('bytes') },
      })
      .onConflict((conflict) => conflict.doNothing()),
  ),
  targetsOf: query((db, slot) =>
    db
      .selectFrom((from) =>
        from
          .selectFrom('target')
          .selectAll()
          // Counted in each role by itself: whatever one lists, it takes no place from another.
          .select(sql<number>`row_number() over (partition by role order by path)`.as('place'))
          .where('tenant', '=', slot('tenant'))
          .where('sha256', '=', slot('sha256'))
          .where(
            sql<boolean>`(${slot('hardware')} is null or ${slot('hardware')} in (select value from json_each(hardware_ids)))`,
          )
          .as('one'),
      )
      .selectAll()
      .where('place', '<=', slot<number>('limit'))
      .orderBy('role')
      .orderBy('path'),
  ),
  clearTargets: query((db, slot) =>
    db.deleteFrom('target').where('tenant', '=', slot('tenant')).where('role', '=', slot('role')),
  ),
  insertTarget: query((db, slot) =>
    db.insertInto('target').values({
      ...{ tenant: slot('tenant'), role: slot('role'), path: slot('path') },
      ...{ sha256: slot('sha256'), hardware_ids: slot('hardware_ids') },
    }),
  ),
  insertIntent: query((db, slot) =>
    db.insertInto('signing_intent').values({
      ...{ tenant: slot('tenant'), id: slot('id'), what: slot('what'), state: slot<IntentState>('state') },
      ...{ at_ms: slot<number>('at_ms'), closed_at_ms: null },
    }),
  ),
  closeIntent: query((db, slot) =>
    db
      .updateTable('signing_intent')
      .set({ state: slot<IntentState>('state'), closed_at_ms: slot<number>('at_ms') })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id'))
      .where('state', '=', 'open'),
  ),
  abandonIntents: query((db, slot) =>
    db
      .updateTable('signing_intent')
      .set({ state: 'abandoned', closed_at_ms: slot<number>('at_ms') })
      .where('tenant', '=', slot('tenant'))
      .where('state', '=', 'open'),
  ),
  intents: query((db, slot) =>
    db
      .selectFrom('signing_intent')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  insertRelease: query((db, slot) =>
    db
      .insertInto('release')
      .values({
        ...{ tenant: slot('tenant'), id: slot('id'), component: slot('component'), version: slot('version') },
        ...{ version_key: slot('version_key'), artifacts: slot('artifacts'), signed_by: slot('signed_by') },
        ...{ signing_event_id: slot('signing_event_id'), created_at_ms: slot<number>('created_at_ms') },
      })
      .onConflict((conflict) => conflict.doNothing()),
  ),
  insertEvent: query((db, slot) =>
    db.insertInto('signing_event').values({
      ...{
        tenant: slot('tenant'),
        id: slot('id'),
        state: slot<SigningEvent['state']>('state'),
        reason: slot('reason'),
      },
      ...{ request: slot<Uint8Array>('request'), digest: slot('digest'), release: slot<string | null>('release') },
      ...{ release_id: slot<string | null>('release_id'), revision: slot<number>('revision') },
      ...{ created_at_ms: slot<number>('created_at_ms'), updated_at_ms: slot<number>('updated_at_ms') },
    }),
  ),
  event: query((db, slot) =>
    db.selectFrom('signing_event').selectAll().where('tenant', '=', slot('tenant')).where('id', '=', slot('id')),
  ),
  events: query((db, slot) =>
    db
      .selectFrom('signing_event')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  openEvents: query((db, slot) =>
    db
      .selectFrom('signing_event')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('state', '=', 'open')
      .orderBy('id'),
  ),
  updateEvent: query((db, slot) =>
    db
      .updateTable('signing_event')
      .set({
        ...{ state: slot<SigningEvent['state']>('state'), request: slot<Uint8Array>('request') },
        ...{ release_id: slot<string | null>('release_id'), revision: slot<number>('revision') },
        updated_at_ms: slot<number>('updated_at_ms'),
      })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id'))
      .where('revision', '=', slot<number>('expected')),
  ),
};

export const REPOSITORY_READS = {
  repository: (on: Statements, tenant: string): RepositoryHead | undefined => {
    const row = SQL.repository.first(on, { tenant });
    return row && { tenant, revision: row.revision, versions: new Map(JSON.parse(row.versions) as [string, number][]) };
  },
  metadata: (on: Statements, tenant: string, role: string, version: number) =>
    SQL.metadata.first(on, { tenant, role, version })?.bytes,
  freeVersion: (on: Statements, tenant: string, role: string) =>
    (SQL.lastBeforeGap.first(on, { tenant, role })?.version ?? 0) + 1,
  targetsOf: (on: Statements, tenant: string, { sha256, hardware, limit }: ImageQuery) =>
    SQL.targetsOf.all(on, { tenant, sha256, hardware: hardware ?? null, limit }).map(targetFrom),
  intents: (on: Statements, tenant: string, { after = '', limit }: PageRequest) =>
    SQL.intents
      .all(on, { tenant, after, limit })
      .map(({ id, what, state, at_ms }) => ({ tenant, id, what, state, atMs: at_ms })),
  signingEvent: (on: Statements, tenant: string, id: string): SigningEvent | undefined => {
    const row = SQL.event.first(on, { tenant, id });
    return row && eventFrom(row);
  },
  signingEvents: (on: Statements, tenant: string, { after = '', limit }: PageRequest) =>
    SQL.events.all(on, { tenant, after, limit }).map(eventFrom),
  openSigningEvents: (on: Statements, tenant: string) => SQL.openEvents.all(on, { tenant }).map(eventFrom),
};

export const REPOSITORY_WRITES = {
  openIntent(on: Statements, { tenant, id, what, atMs }: SigningIntent): void {
    SQL.insertIntent.run(on, { tenant, id, what, state: 'open', at_ms: atMs });
  },
  abandonIntent(on: Statements, tenant: string, id: string, atMs: number): void {
    SQL.closeIntent.run(on, { tenant, id, state: 'abandoned', at_ms: atMs });
  },
  abandonIntents: (on: Statements, tenant: string, atMs: number): number =>
    SQL.abandonIntents.run(on, { tenant, at_ms: atMs }),
  createSigningEvent(on: Statements, event: SigningEvent): void {
    SQL.insertEvent.run(on, eventValues(event));
  },
  updateSigningEvent(on: Statements, next: SigningEvent): void {
    if (SQL.updateEvent.run(on, { ...eventValues(next), expected: next.revision - 1 }) === 1) return;
    throw new StoreError('STORE_CONFLICT', `signing event ${next.id} was changed by somebody else`, {
      fix: 'Look at it again, then send what you have once more.',
    });
  },
  publish(on: Statements, { head, files, intentId, event, release, atMs }: Publication): void {
    const { tenant, revision } = head;
    if (revision !== (SQL.repository.first(on, { tenant })?.revision ?? 0) + 1)
      throw new StoreError('STORE_CONFLICT', 'somebody else published meanwhile', { fix: 'Send it again.' });
    SQL.setRepository.run(on, { tenant, revision, versions: JSON.stringify([...head.versions]) });
    for (const file of files) publishFile(on, tenant, file);
    SQL.closeIntent.run(on, { tenant, id: intentId, state: 'done', at_ms: atMs });
    if (event) REPOSITORY_WRITES.updateSigningEvent(on, event);
    if (release) insertRelease(on, release);
  },
};

function publishFile(
  on: Statements,
  tenant: string,
  { role, version, bytes, targets }: Publication['files'][number],
): void {
  if (SQL.insertMetadata.run(on, { tenant, role, version, bytes }) === 0)
    throw new StoreError('STORE_CONFLICT', `${role} ${version} was published before`, {
      fix: 'Look at what is published (sealift trust status), and draft the change anew.',
    });
  if (!targets) return;
  SQL.clearTargets.run(on, { tenant, role });
  for (const { path, sha256, hardwareIds } of targets) {
    SQL.insertTarget.run(on, { tenant, role, path, sha256, hardware_ids: JSON.stringify(hardwareIds) });
  }
}

function insertRelease(on: Statements, release: Release): void {
  if (SQL.insertRelease.run(on, releaseValues(release)) === 1) return;
  const { component, version } = release;
  throw new StoreError('STORE_DUPLICATE', `release ${version} of ${component} exists`, {
    detail: { component, version },
    fix: 'Give the release a version of its own: what was approved never changes.',
  });
}

function targetFrom({ role, path, sha256, hardware_ids }: Tables['target']): ListedTarget {
  return { role, path, sha256, hardwareIds: JSON.parse(hardware_ids) as string[] };
}
