/** The embedded store: SQLite in threads of its own, one that writes and some that read (docs/adr/0002). */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AuditStore } from '../../fleet/audit/ports.ts';
import type { Timers } from '../../fleet/coordination/scheduler.ts';
import { StoreError } from '../../fleet/errors.ts';
import type { Store } from '../../fleet/ports.ts';
import type { Statements } from './connection.ts';
import { MAX_WAITING_JOBS, READERS } from './limits.ts';
import { READS, WRITES } from './operations.ts';
import { errorFrom, type Job, type Reply, type Started, type WorkerSetup } from './protocol.ts';

export interface SqliteOptions {
  /** File of the database; it and those beside it have mode 0600. */
  readonly path: string;
  readonly readers?: number;
}

/** @throws {StoreError} STORE_NEWER, STORE_IO: the file is unchanged */
export async function openSqliteStore({
  path,
  readers = READERS,
}: SqliteOptions): Promise<Store & Timers & AuditStore> {
  const writer = await SqliteThread.start({ path, mode: 'write' });
  const pool = await Promise.all(Array.from({ length: readers }, () => SqliteThread.start({ path, mode: 'read' })));
  let turn = 0;
  const read = (operation: string, parameters: readonly unknown[]) => {
    turn = (turn + 1) % pool.length;
    return pool[turn]?.run(operation, parameters);
  };
  const close = async () => {
    // The last connection to close folds the log into the file, so the one that may write goes last.
    await Promise.all(pool.map((thread) => thread.close()));
    await writer.close();
  };
  const methods = [
    ...Object.keys(READS).map((name) => [name, (...parameters: unknown[]) => read(name, parameters)]),
    ...Object.keys(WRITES).map((name) => [name, (...parameters: unknown[]) => writer.run(name, parameters)]),
  ];
  return { ...(Object.fromEntries(methods) as Remote<typeof READS> & Remote<typeof WRITES>), close };
}

/** The operations as they look from here; the compiler holds them against the port. */
type Remote<Operations> = {
  [Name in keyof Operations]: Operations[Name] extends (on: Statements, ...parameters: infer Parameters) => infer Value
    ? (...parameters: Parameters) => Promise<Value>
    : never;
};

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class SqliteThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: StoreError | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (replies: readonly Reply[]) => {
      for (const reply of replies) this.#settle(reply);
    });
    worker.on('error', (cause: unknown) =>
      this.#end(new StoreError('STORE_IO', `a thread of the store died: ${String(cause)}`, { cause })),
    );
    worker.on('exit', () => this.#end(new StoreError('STORE_CLOSED', 'the store is closed')));
  }

  static async start(setup: WorkerSetup): Promise<SqliteThread> {
    // The file runs as .ts from a clone and as .js once compiled; it has the ending this one has.
    const worker = new Worker(new URL(`./worker${extname(import.meta.url)}`, import.meta.url), { workerData: setup });
    const first = await new Promise<Started>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if (first.started) return new SqliteThread(worker);
    await worker.terminate();
    throw errorFrom(first.failure);
  }

  run(operation: string, parameters: readonly unknown[]): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#waiting.size >= MAX_WAITING_JOBS) {
      const fix = 'Try again in a moment; if this stays, the disk is too slow for the load.';
      return Promise.reject(new StoreError('STORE_BUSY', `${MAX_WAITING_JOBS} operations wait for the disk`, { fix }));
    }
    const job: Job = { id: this.#nextId++, operation, parameters };
    return new Promise((resolve, reject) => {
      this.#waiting.set(job.id, { resolve, reject });
      this.#worker.postMessage(job);
    });
  }

  /** Jobs already given are still done: messages keep their order. */
  async close(): Promise<void> {
    if (this.#ended) return;
    const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage('close');
    await exited;
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('failure' in reply) waiting?.reject(errorFrom(reply.failure));
    else waiting?.resolve(reply.value);
  }

  #end(error: StoreError): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
