/** Foreign programs the tests run against, and where Debian keeps them. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['curl', 'curl'],
  ['openssl', 'openssl'],
  ['script', 'bsdutils'],
  ['strace', 'strace'],
]);

/** Names in SEALIFT_TEST_SKIP: what stands there may be missing, and its tests count as skipped. */
export function skipped(env: Readonly<Record<string, string | undefined>> = process.env): ReadonlySet<string> {
  return new Set(
    (env.SEALIFT_TEST_SKIP ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean),
  );
}

/** Path of a program, `undefined` when it is not on the PATH. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  return path
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((file) => isExecutable(file));
}

/** Installs what is missing when this is root on Debian. @throws {Error} saying what to install */
export function ensurePrograms(): void {
  const missing = [...PROGRAMS.keys()].filter((name) => !skipped().has(name) && findProgram(name) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => PROGRAMS.get(name) ?? name))];
  const canInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (!canInstall) {
    throw new Error(
      `The tests need ${missing.join(', ')}. Install the Debian packages ${packages.join(' ')} (or their like), ` +
        `or name what you go without in SEALIFT_TEST_SKIP.`,
    );
  }
  const options = { stdio: 'inherit' as const, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  execFileSync('apt-get', ['update'], options);
  execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], options);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
