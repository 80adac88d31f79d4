/** What is published: compiled, without tests, and it works. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/source.ts';

function run(program: string, ...args: string[]) {
  return spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 });
}

describe('SEC-30 the package', () => {
  it('SEC-30 is built from the sources, runs the whole demo, and holds no test', () => {
    const built = run(process.execPath, join('tools', 'build.ts'));
    expect(built.status, built.stdout + built.stderr).toBe(0);
    const demo = run(process.execPath, join('dist', 'cli', 'main.js'), 'demo', '--headless', '--json');
    expect(demo.status, demo.stderr).toBe(0);
    const { steps } = JSON.parse(demo.stdout) as { steps: { ok: boolean }[] };
    expect(steps.map(({ ok }) => ok)).toEqual(Array(10).fill(true));
    const [pack] = JSON.parse(run('npm', 'pack', '--dry-run', '--json', '--ignore-scripts').stdout) as {
      files: { path: string }[];
    }[];
    const files = pack?.files.map(({ path }) => path) ?? [];
    expect(files).toContain('dist/protocols/cups/client.d.ts');
    expect(files).toContain('docs/reference/errors.md');
    expect(files.filter((file) => /\.(?:test|contract)\.|^(?:src|test|tools)\//.test(file))).toEqual([]);
  });
});
