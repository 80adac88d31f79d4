/** The write-type system calls of a program on some paths, one by one: to kill it before each of them, or to make each fail. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, run } from './programs.ts';

const CALLS = [
  ...['openat', 'write', 'pwrite64', 'writev', 'pwritev', 'fsync', 'fdatasync', 'ftruncate', 'fchmod', 'chmod'],
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'link', 'linkat', 'mkdir', 'mkdirat'],
];

/** The `nth` call of this name that one thread makes, from 1. */
export interface Call {
  readonly name: string;
  readonly nth: number;
}

/** What happens at a call, in the words of strace. */
export type Fault = 'signal=KILL' | 'error=EIO' | 'error=ENOSPC';

/** A program of ours, and the only paths whose calls count. */
export interface Traced {
  readonly script: string;
  readonly args: readonly string[];
  readonly paths: readonly string[];
}

/** Runs it to its end. @returns lines of strace, `THREAD CALL(ARGUMENTS) = RESULT` @param dir where they are kept meanwhile */
export async function traceOf(traced: Traced, dir: string): Promise<readonly string[]> {
  const file = join(dir, 'trace');
  const { code, stderr } = await strace(traced, '-o', file);
  if (code !== 0) throw new Error(`the run without a fault failed: ${stderr}`);
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}

/** Every call in a trace, by name. */
export function callsIn(trace: readonly string[]): readonly Call[] {
  const counts = new Map<string, number>();
  for (const line of trace) {
    const [, thread = '', name = ''] = /^([0-9]+) +([a-z0-9]+)\(/.exec(line) ?? [];
    counts.set(`${thread} ${name}`, (counts.get(`${thread} ${name}`) ?? 0) + 1);
  }
  return CALLS.flatMap((name) => {
    const most = Math.max(0, ...[...counts].filter(([key]) => key.endsWith(` ${name}`)).map(([, count]) => count));
    return Array.from({ length: most }, (_, index) => ({ name, nth: index + 1 }));
  });
}

/** Runs it with a fault in place of one call: the call is not made. */
export function runWithFault(traced: Traced, { name, nth }: Call, fault: Fault): Promise<Finished> {
  return strace(traced, '-o', '/dev/null', '-e', `inject=${name}:${fault}:when=${nth}`);
}

/** With one thread for files, so that counting per thread is counting per program. */
function strace({ script, args, paths }: Traced, ...options: readonly string[]): Promise<Finished> {
  return run('strace', [
    ...['-f', '-qq', '-E', 'UV_THREADPOOL_SIZE=1', '-e', `trace=${CALLS.join(',')}`],
    ...paths.flatMap((path) => ['-P', path]),
    ...options,
    ...[process.execPath, script, ...args],
  ]);
}
