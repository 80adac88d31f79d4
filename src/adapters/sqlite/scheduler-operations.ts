/** Operations of durable timers; see operations.ts. */
import type { DueTimer, SchedulerTime, Timer, TimerKey } from '../../fleet/coordination/scheduler.ts';
import type { Statements } from './connection.ts';
import { query } from './query.ts';
import type { Tables } from './schema.ts';

const SQL = {
  set: query((db, slot) =>
    db
      .insertInto('timer')
      .values({
        ...{ tenant: slot('tenant'), name: slot('name'), key: slot('key'), payload: slot('payload') },
        ...{ due_ms: slot<number>('due_ms'), runs: 0, revision: 1 },
      })
      .onConflict((conflict) =>
        conflict.columns(['tenant', 'name', 'key']).doUpdateSet((set) => ({
          ...{ payload: slot('payload'), due_ms: slot<number>('due_ms'), runs: 0 },
          revision: set('timer.revision', '+', 1),
        })),
      ),
  ),
  cancel: query((db, slot) =>
    db
      .deleteFrom('timer')
      .where('tenant', '=', slot('tenant'))
      .where('name', '=', slot('name'))
      .where('key', '=', slot('key')),
  ),
  due: query((db, slot) =>
    db
      .selectFrom('timer')
      .selectAll()
      .where('due_ms', 'is not', null)
      .where('due_ms', '<=', slot<number>('now_ms'))
      .orderBy('due_ms')
      .limit(slot<number>('limit')),
  ),
  begin: query((db, slot) =>
    db
      .updateTable('timer')
      .set((set) => ({
        due_ms: slot<number>('again_ms'),
        ...{ runs: set('runs', '+', 1), revision: set('revision', '+', 1) },
      }))
      .where('tenant', '=', slot('tenant'))
      .where('name', '=', slot('name'))
      .where('key', '=', slot('key')),
  ),
  end: query((db, slot) =>
    db
      .deleteFrom('timer')
      .where('tenant', '=', slot('tenant'))
      .where('name', '=', slot('name'))
      .where('key', '=', slot('key'))
      .where('revision', '=', slot<number>('revision')),
  ),
  delay: query((db, slot) =>
    db
      .updateTable('timer')
      .set((set) => ({ due_ms: slot<number | null>('due_ms'), revision: set('revision', '+', 1) }))
      .where('tenant', '=', slot('tenant'))
      .where('name', '=', slot('name'))
      .where('key', '=', slot('key'))
      .where('revision', '=', slot<number>('revision')),
  ),
  failed: query((db, slot) =>
    db
      .selectFrom('timer')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('due_ms', 'is', null)
      .orderBy('name')
      .orderBy('key')
      .limit(slot<number>('limit')),
  ),
  time: query((db) => db.selectFrom('scheduler_time').selectAll()),
  noteTime: query((db, slot) =>
    db
      .insertInto('scheduler_time')
      .values({ id: 1, time_ms: slot<number>('time_ms'), wall_ms: slot<number>('wall_ms') })
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet({ time_ms: slot<number>('time_ms'), wall_ms: slot<number>('wall_ms') }),
      ),
  ),
};

export const SCHEDULER_READS = {
  hasDueTimer: (on: Statements, nowMs: number): boolean =>
    SQL.due.first(on, { now_ms: Math.floor(nowMs), limit: 1 }) !== undefined,
  failedTimers: (on: Statements, tenant: string, limit: number) => SQL.failed.all(on, { tenant, limit }).map(timerFrom),
  schedulerTime: (on: Statements): SchedulerTime | undefined => {
    const row = SQL.time.first(on, {});
    return row && { timeMs: row.time_ms, wallMs: row.wall_ms };
  },
};

export const SCHEDULER_WRITES = {
  setTimer(on: Statements, { tenant, name, key, payload }: Timer, dueMs: number): void {
    SQL.set.run(on, { tenant, name, key, payload, due_ms: Math.ceil(dueMs) });
  },
  cancelTimer: (on: Statements, { tenant, name, key }: TimerKey): boolean =>
    SQL.cancel.run(on, { tenant, name, key }) === 1,
  beginTimers(on: Statements, nowMs: number, againMs: number, limit: number): readonly DueTimer[] {
    const due = SQL.due.all(on, { now_ms: Math.floor(nowMs), limit });
    for (const { tenant, name, key } of due) SQL.begin.run(on, { tenant, name, key, again_ms: Math.ceil(againMs) });
    return due.map((row) => timerFrom({ ...row, runs: row.runs + 1, revision: row.revision + 1 }));
  },
  endTimer: (on: Statements, { tenant, name, key }: TimerKey, revision: number): boolean =>
    SQL.end.run(on, { tenant, name, key, revision }) === 1,
  delayTimer: (on: Statements, { tenant, name, key }: TimerKey, revision: number, dueMs: number | undefined): boolean =>
    SQL.delay.run(on, { tenant, name, key, revision, due_ms: dueMs === undefined ? null : Math.ceil(dueMs) }) === 1,
  noteSchedulerTime(on: Statements, { timeMs, wallMs }: SchedulerTime): void {
    SQL.noteTime.run(on, { time_ms: Math.floor(timeMs), wall_ms: Math.floor(wallMs) });
  },
};

function timerFrom({ tenant, name, key, payload, due_ms, runs, revision }: Tables['timer']): DueTimer {
  return { tenant, name, key, payload, dueMs: due_ms ?? 0, runs, revision };
}
