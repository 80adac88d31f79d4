import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './steps.ts';

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { version?: string; integrity?: string; resolved?: string; hasInstallScript?: boolean; link?: boolean }
    >
  >;
}
interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
/** Folders with a package.json and a package-lock.json. */
const PACKAGES = ['.', 'runtime/default', 'runtime/next', 'tools/mutation'];
const MAX_SERVER_DEPENDENCIES = 25;

describe('SEC-29 dependencies', () => {
  it.each(PACKAGES)('SEC-29 %s pins every package by content, from no address, without install scripts', (folder) => {
    const entries = Object.entries((JSON.parse(read(join(folder, 'package-lock.json'))) as Lock).packages).filter(
      ([path]) => path !== '',
    );
    expect(entries.length).toBeGreaterThan(3);
    const bad = entries.filter(
      ([, { version = '', integrity = '', resolved, hasInstallScript, link }]) =>
        !/^[0-9]/.test(version) ||
        !integrity.startsWith('sha512-') ||
        resolved !== undefined ||
        hasInstallScript ||
        link,
    );
    expect(bad.map(([path]) => path)).toEqual([]);
  });

  it.each(PACKAGES)('SEC-29 %s names exact versions only', (folder) => {
    const manifest = JSON.parse(read(join(folder, 'package.json'))) as Manifest;
    const { dependencies, devDependencies, optionalDependencies } = manifest;
    const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
    expect(all.length).toBeGreaterThan(0);
    expect(all.filter(([, version]) => !/^[0-9]+\.[0-9]+\.[0-9]+$/.test(version))).toEqual([]);
  });

  it('SEC-29 no script of a package runs on installation, ours neither', () => {
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
    const { scripts = {} } = JSON.parse(read('package.json')) as Manifest;
    expect(Object.keys(scripts).filter((name) => /^(?:pre|post)?(?:install|prepare|pack|publish)/.test(name))).toEqual(
      [],
    );
  });

  it('SEC-29 the server has at most 25 direct dependencies, and each has its reason written down', () => {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read('package.json')) as Manifest;
    expect(Object.keys(dependencies).length).toBeLessThanOrEqual(MAX_SERVER_DEPENDENCIES);
    const page = read('docs/explanation/dependencies.md');
    const explained = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = '']) => name);
    expect(explained.toSorted()).toEqual([...Object.keys(dependencies), ...Object.keys(devDependencies)].toSorted());
    expect(page).toContain(`${Object.keys(dependencies).length} direct dependencies`);
  });
});
