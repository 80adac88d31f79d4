/** Programs under measurement and their load, each a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface Child {
  readonly pid: number;
  /** The next line of standard output, parsed as JSON. */
  nextLine(): Promise<unknown>;
  send(line: unknown): void;
  stop(): Promise<void>;
}

const TASKSET = '/usr/bin/taskset';

/** Runs a TypeScript program under our own Node, on one processor where the system can pin. */
export function startProgram(
  file: URL,
  args: readonly string[],
  options: { readonly cpu: number; readonly env?: Readonly<Record<string, string>> },
): Child {
  const command = [process.execPath, file.pathname, ...args];
  const pinned = existsSync(TASKSET) ? [TASKSET, '-c', String(options.cpu), ...command] : command;
  const [program = '', ...rest] = pinned;
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...options.env } });
  return wrap(child, file.pathname);
}

function wrap(child: ChildProcess, name: string): Child {
  if (!child.stdout || !child.stdin || child.pid === undefined) throw new Error(`${name} did not start`);
  const { stdin, pid } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid,
    async nextLine() {
      const { value, done } = (await lines.next()) as { value: string; done?: boolean };
      if (done) throw new Error(`${name} ended early (exit code ${child.exitCode})`);
      return JSON.parse(value) as unknown;
    },
    send: (line) => stdin.write(`${JSON.stringify(line)}\n`),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    },
  };
}
