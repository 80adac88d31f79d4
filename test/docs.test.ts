/** The documentation is held against the code: codes, settings, links; and the tutorial is run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import { configurationPage } from '../tools/reference.ts';
import { temporaryDir } from './support/ports.ts';
import { isSkipped } from './support/programs.ts';
import { ROOT, readSources, withoutComments } from './support/source.ts';

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

  it('DESIGN-6 every command that a page or a message names exists, and takes the options it is named with', () => {
    const pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: ROOT })];
    const texts = [
      ...pages.map((page) => [page, read(page).replaceAll('\\\n', ' ')] as const),
      ...[...readSources(['src/**/*.ts'], /\.test\.ts$/)].map(([file, text]) => [file, withoutComments(text)] as const),
    ];
    const named = texts.flatMap(([file, text]) => commandsIn(text).map((words) => ({ file, words })));
    expect(named.length).toBeGreaterThan(80);
    expect(named.flatMap(({ file, words }) => faultsOf(words).map((fault) => `${file}: ${fault}`))).toEqual([]);
  });

  it('DESIGN-8 every command of the README is a script or a verb', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const used = [...read('README.md').matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name = '']) => name);
    expect(used.filter((name) => !Object.hasOwn(scripts, name) && name !== 'and')).toEqual([]);
  });
});

/** Commands in a text, as words; those of `sealift` are known by a noun that follows. */
function commandsIn(text: string): readonly (readonly string[])[] {
  const nouns = new Set(createProgram().commands.map((command) => command.name()));
  return [...text.matchAll(/\bsealift ([a-z][^'"`;|)&#\n]*)/g)]
    .map(([, words = '']) => words.trim().split(/\s+/))
    .filter(([noun = '']) => nouns.has(noun));
}

/** What a user who typed these words would be told. */
function faultsOf(words: readonly string[]): readonly string[] {
  const said = `sealift ${words.join(' ')}`;
  const noun = createProgram().commands.find((command) => command.name() === words[0]);
  const [, next = ''] = words;
  const isPlain = /^[a-z][a-z-]*$/.test(next);
  const verb = noun?.commands.find((command) => command.name() === next);
  if (noun && noun.commands.length > 0 && isPlain && !verb) return [`${said}: there is no such verb`];
  const { options = [] } = verb ?? noun ?? {};
  const taken = words.filter((word) => word.startsWith('--')).map((word) => word.split(/[=.,]/)[0] ?? '');
  return taken
    .filter((option) => option !== '--help' && !options.some(({ long }) => long === option))
    .map((option) => `${said}: takes no ${option}`);
}

describe.skipIf(isSkipped('curl', 'openssl'))('DESIGN-8 the tutorials', () => {
  it.each([
    [
      'first-update',
      [
        /^alice signs with key [0-9a-f]{8} \(root\) and [0-9a-f]{8} \(targets\)\.$/m,
        /^Nothing to change\.$/m,
        /^Image [0-9a-f]{64} runs, on trial/m,
        /^1\.1\.0$/m,
        /1 confirmed/,
        /^NO {3}version\.differs/m,
      ],
    ],
    [
      'two-people',
      [
        /^root \(the new root\): 0 of 2 have signed: nobody; could still: alice \([0-9a-f]{8}\), bob/m,
        /^root +1 +2 of 3 +alice, bob, carol +by people$/m,
        /^targets \(targets\): 1 of 2 have signed: alice; could still: bob, carol$/m,
        /^refused with exit code 6$/m,
        /^approval\.tosign$/m,
        /^Release [0-9A-Z]{26} is admitted\.$/m,
        /^2$/m,
        /^firmware\/1\.1\.0\/corecell$/m,
        /^nothing expires soon$/m,
      ],
    ],
    [
      '../how-to/sign-with-another-tool',
      [
        /^bob signs with key [0-9a-f]{8} \(root\) and [0-9a-f]{8} \(targets\)\.$/m,
        /^request: sign the bytes of tosign\/approval\.tosign with the same key$/m,
        /^root \(the new root\): 1 of 1 have signed: bob \([0-9a-f]{8}\)$/m,
        /^Signing event [0-9A-Z]{26} is published\.$/m,
        /^Release [0-9A-Z]{26} is admitted\.$/m,
      ],
    ],
  ])('DESIGN-8 "%s" does what it says, word by word', async (name, expected) => {
    const blocks = [...read(`docs/tutorials/${name}.md`).matchAll(/```sh\n([\s\S]*?)```/g)].map(
      ([, block = '']) => block,
    );
    expect(blocks.length).toBeGreaterThan(3);
    const { code, output } = await runShell(blocks.join('\n'));
    expect(code, output).toBe(0);
    for (const text of expected) expect(output).toMatch(text);
  });
});

/** As a person would, from the clone, with nothing but what the tutorial names; listeners on ports of its own. */
async function runShell(script: string): Promise<{ code: number | null; output: string }> {
  const ports = {
    MANAGEMENT: [8080, await freePort()],
    CUPS: [8443, await freePort()],
    HTTP: [8081, await freePort()],
  };
  // Jobs in groups of their own, as at a terminal: `kill %1` then reaches the server itself, and none outlives the script.
  let text = `set -m; trap 'kill %1 2>&- || true; wait' EXIT\n${script}`;
  const env: Record<string, string> = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`,
    ...{ HOME: temporaryDir(), TMPDIR: temporaryDir() },
  };
  for (const [listener, [usual, free]] of Object.entries(ports)) {
    text = text.replaceAll(String(usual), String(free));
    env[`SEALIFT_${listener}_PORT`] = String(free);
  }
  const child = spawn('bash', ['-e', '-u', '-c', text], { cwd: ROOT, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  await once(child, 'close');
  return { code: child.exitCode, output };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
