/** Steps of a test run: each is a command with a verdict; tests inside of it are counted. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '..');
export const REPORT_DIR = join(ROOT, '.test-report');

export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Step {
  readonly name: string;
  run(): Promise<Count>;
}

const PASSED: Count = { passed: 1, failed: 0, skipped: 0 };
const FAILED: Count = { passed: 0, failed: 1, skipped: 0 };

/** A command under our own Node that passes with exit code 0 and counts as one test. */
export function commandStep(name: string, args: readonly string[]): Step {
  return { name, run: async () => ((await runNode(args)) === 0 ? PASSED : FAILED) };
}

/** A function that passes unless it throws; the message says what to do. */
export function checkStep(name: string, check: () => void | Promise<void>): Step {
  return {
    name,
    async run() {
      try {
        await check();
        return PASSED;
      } catch (error) {
        process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
        return FAILED;
      }
    },
  };
}

/** Vitest; every test counts. A run that crashes, or runs no test, is a failure. */
export function vitestStep(name: string, args: readonly string[], node = process.execPath): Step {
  return {
    name,
    async run() {
      mkdirSync(REPORT_DIR, { recursive: true });
      const report = join(REPORT_DIR, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`);
      rmSync(report, { force: true });
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
      const code = await runNode(['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args], node);
      return countReport(readReport(report), code);
    },
  };
}

/** @param report Vitest's JSON, `undefined` when there is none */
export function countReport(report: unknown, exitCode: number | null): Count {
  const {
    numPassedTests = 0,
    numFailedTests = 0,
    numPendingTests = 0,
    numTodoTests = 0,
  } = (report ?? {}) as Record<string, number>;
  const count = { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  // A file that does not load has no tests to fail; its run must not look green.
  const isBroken = exitCode !== 0 && count.failed === 0;
  return isBroken || count.passed + count.failed === 0 ? { ...count, failed: count.failed + 1 } : count;
}

/** Runs all steps, whatever fails, and prints the closing line. @returns exit code */
export async function runSteps(steps: readonly Step[]): Promise<number> {
  const counts: Count[] = [];
  for (const step of steps) {
    process.stdout.write(`\n== ${step.name}\n`);
    const startedMs = performance.now();
    const count = await step.run();
    counts.push(count);
    const verdict = count.failed === 0 ? 'ok' : 'FAILED';
    process.stdout.write(`== ${step.name}: ${verdict}, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s\n`);
  }
  const sum = (key: keyof Count) => counts.reduce((total, count) => total + count[key], 0);
  process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`);
  return sum('failed') === 0 ? 0 : 1;
}

export function runNode(args: readonly string[], node = process.execPath): Promise<number | null> {
  return new Promise((done, fail) => {
    const child = spawn(node, args, { cwd: ROOT, stdio: 'inherit' });
    child.on('error', fail);
    child.on('close', done);
  });
}

function readReport(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
