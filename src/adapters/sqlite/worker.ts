/**
 * A thread with one connection. The writer commits all jobs that wait as one transaction (group commit): one fsync for many
 * answers. No job is answered before it is on disk.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openForReading, openForWriting, Statements } from './connection.ts';
import { READS, WRITES } from './operations.ts';
import { describe, errorFrom, type Job, type Reply, type Started, type WorkerSetup } from './protocol.ts';

type Operations = Readonly<Record<string, (on: Statements, ...parameters: never[]) => unknown>>;

const port = parentPort;
if (!port) throw new Error('worker.ts runs as a worker thread');
const { path, mode } = workerData as WorkerSetup;

try {
  const db = mode === 'write' ? openForWriting(path) : openForReading(path);
  const statements = new Statements(db);
  const run =
    mode === 'write'
      ? commitTogether(db, statements)
      : (jobs: readonly Job[]) => jobs.map((job) => attempt(READS, statements, job));
  serve(run);
  process.once('exit', () => db.close());
  port.postMessage({ started: true } satisfies Started);
} catch (error) {
  port.postMessage({ started: false, failure: describe(error) } satisfies Started);
}

function serve(run: (jobs: readonly Job[]) => readonly Reply[]): void {
  let waiting: Job[] = [];
  port?.on('message', (job: Job | 'close') => {
    if (job === 'close') {
      // Behind the commit that may be due: what was asked before is still answered.
      setImmediate(() => port.close());
      return;
    }
    if (waiting.push(job) > 1) return;
    // Everything that has arrived by the end of this turn goes into one commit.
    setImmediate(() => {
      const jobs = waiting;
      waiting = [];
      port.postMessage(run(jobs));
    });
  });
}

function commitTogether(db: ReturnType<typeof openForWriting>, statements: Statements) {
  return (jobs: readonly Job[]): readonly Reply[] => {
    try {
      db.exec('BEGIN IMMEDIATE');
      const replies = jobs.map((job) => inSavepoint(db, statements, job));
      db.exec('COMMIT');
      return replies;
    } catch (error) {
      // Begin or commit failed, or SQLite gave the whole transaction up (disk full): nothing of it is there.
      if (db.isTransaction) db.exec('ROLLBACK');
      return jobs.map(({ id }) => ({ id, failure: describe(error) }));
    }
  };
}

function inSavepoint(db: ReturnType<typeof openForWriting>, statements: Statements, job: Job): Reply {
  db.exec('SAVEPOINT job');
  const reply = attempt(WRITES, statements, job);
  if ('failure' in reply) {
    if (!db.isTransaction) throw errorFrom(reply.failure);
    db.exec('ROLLBACK TO job');
  }
  db.exec('RELEASE job');
  return reply;
}

function attempt(operations: Operations, statements: Statements, { id, operation, parameters }: Job): Reply {
  try {
    const run = operations[operation];
    if (!run) throw new Error(`there is no operation ${operation}`);
    return { id, value: run(statements, ...(parameters as never[])) };
  } catch (error) {
    return { id, failure: describe(error) };
  }
}
