/** Runs a program under the right Node, setting up first what is missing: node tools/run.mjs FILE [ARG ...] */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { SetupError, setUp } from './setup.mjs';

/** A terminal sends its interrupt to the program as well; sending it again would read as "end at once". */
const FORWARDED = process.stdin.isTTY ? ['SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Never returns: the process ends as the program does. */
export async function runUnderRuntime(file, args) {
  let runtime;
  try {
    runtime = await setUp();
  } catch (error) {
    process.stderr.write(`${error instanceof SetupError ? error.message : String(error.stack ?? error)}\n`);
    process.exit(1);
  }
  const child = spawn(runtime, [file, ...args], { stdio: 'inherit' });
  // The program decides when to end, and we follow.
  process.on('SIGINT', () => undefined);
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${runtime} cannot be started: ${error.message}. Remove .runtime/ and run it again.\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const [file, ...args] = process.argv.slice(2);
  await runUnderRuntime(file, args);
}
