/** The documentation is held against the code: codes, settings, links; and the tutorial is run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configurationPage } from '../tools/reference.ts';
import { temporaryDir } from './support/ports.ts';
import { isSkipped } from './support/programs.ts';
import { ROOT, readSources } from './support/source.ts';

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

describe('DESIGN-6 reference pages', () => {
  it('DESIGN-6 every error code is explained, with its fault, and no other', () => {
    const classes = [...readSources(['src/**/*.ts'], /\.test\.ts$/).values()].flatMap((text) => [
      ...text.matchAll(/extends OtaError<([^>]*)>\s*\{\s*readonly fault = '(\w+)'/g),
    ]);
    const declared = classes.flatMap(([, union = '', fault]) =>
      [...union.matchAll(/'([A-Z0-9_]+)'/g)].map(([, code]) => `${code} ${fault}`),
    );
    const explained = [
      ...read('docs/reference/errors.md').matchAll(/^\| `([A-Z0-9_]+)` \| (\w+) \| \S.* \| \S.* \|$/gm),
    ].map(([, code, fault]) => `${code} ${fault}`);
    expect(declared.length).toBeGreaterThan(60);
    expect(explained.toSorted()).toEqual(declared.toSorted());
  });

  it('DESIGN-6 the configuration page is what the schema says', () => {
    expect(read('docs/reference/configuration.md')).toBe(configurationPage());
  });

  it('DESIGN-6 links lead somewhere', () => {
    const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
    const links = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, target = '']) => join(dirname(page), target)),
    );
    expect(links.length).toBeGreaterThan(8);
    expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
  });

  it('DESIGN-8 every command of the README is a script or a verb', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const used = [...read('README.md').matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !Object.hasOwn(scripts, name) && name !== 'and')).toEqual([]);
  });
});

describe.skipIf(isSkipped('curl'))('DESIGN-8 the tutorial', () => {
  it('DESIGN-8 "your first update" does what it says, word by word', async () => {
    const [management, cups] = [await freePort(), await freePort()];
    const blocks = [...read('docs/tutorials/first-update.md').matchAll(/```sh\n([\s\S]*?)```/g)].map(
      ([, block = '']) => block,
    );
    expect(blocks).toHaveLength(9);
    const script = blocks.join('\n').replaceAll('8080', String(management)).replaceAll('8443', String(cups));
    const env = {
      ...{
        PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
        HOME: temporaryDir(),
        TMPDIR: temporaryDir(),
      },
      ...{ SEALIFT_MANAGEMENT_PORT: String(management), SEALIFT_CUPS_PORT: String(cups) },
    };
    const child = spawn('bash', ['-e', '-u', '-m', '-c', script], { cwd: ROOT, env });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(child, 'close');
    expect(child.exitCode, output).toBe(0);
    for (const text of [
      /^Key [0-9a-f]{64} signs targets metadata\.$/m,
      /^Nothing to change\.$/m,
      /^Image [0-9a-f]{64} runs, on trial/m,
      /^1\.1\.0$/m,
      /1 confirmed/,
      /^NO {3}version\.differs/m,
    ]) {
      expect(output).toMatch(text);
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
