/** Foreign programs, run without a shell. One that is missing fails its test, unless SEALIFT_TEST_SKIP names it. */
import { execFile } from 'node:child_process';
import { findProgram, PROGRAMS, skipped } from '../../tools/programs.ts';

export interface Finished {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** For `describe.skipIf`: only what the person who runs the tests has named. */
export function isSkipped(...programs: readonly string[]): boolean {
  return programs.some((program) => skipped().has(program));
}

export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; input?: Uint8Array } = {},
): Promise<Finished> {
  const file = findProgram(program);
  if (file === undefined)
    throw new Error(`${program} is not installed: apt-get install ${PROGRAMS.get(program) ?? program}`);
  return new Promise((resolve) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, encoding: 'buffer', maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr: stderr.toString() });
      },
    );
    // A program that ends without reading its input is no failure.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? new Uint8Array());
  });
}
