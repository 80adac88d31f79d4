import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDir } from '../../test/support/ports.ts';
import { isSkipped } from '../../test/support/programs.ts';
import { printable } from '../core/text.ts';
import { firmwareImage } from '../lab/world.ts';
import { SigningError } from '../trust/repository/errors.ts';
import { parsePhase } from './commands/rollout.ts';
import { CliError, EXIT, exitCodeOf } from './exit.ts';
import { table } from './output.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

async function sealift(cwd: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { PATH: process.env.PATH ?? '', ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** `sealift serve` as a process of its own; what it prints first tells where it listens. */
async function serve(cwd: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, 'serve', '--json'], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.endsWith('}\n')) break;
  }
  return { child, ...(JSON.parse(text) as { managementUrl: string; cupsUrl: string; dataDir: string }) };
}

/** A server with a root that alice has signed alone. */
async function published() {
  const cwd = temporaryDir();
  const env: Record<string, string> = {
    SEALIFT_TRUST_VAULT_PASSPHRASE_FILE: 'pass',
    SEALIFT_MANAGEMENT_PORT: '0',
    SEALIFT_CUPS_PORT: '0',
    SEALIFT_HTTP_PORT: '0',
  };
  const ok = async (...args: string[]) => {
    const result = await sealift(cwd, [...args, '--json'], env);
    expect(result.code, `${args.join(' ')}: ${result.stderr}`).toBe(0);
    return JSON.parse(result.stdout) as Record<string, unknown>;
  };
  writeFileSync(join(cwd, 'pass'), 'a passphrase\n', { mode: 0o600 });
  const secret = ['--keys', 'keys', '--passphrase-file', 'pass'];
  await ok('trust', 'init', ...secret, '--name', 'alice');
  const server = await serve(cwd, env);
  env.SEALIFT_SERVER = server.managementUrl;
  const signer = join('keys', 'signer.pub.json');
  const draft = await ok('trust', 'ceremony', '--signer', signer, '--out', 'q');
  expect(draft).toMatchObject({ state: 'open', complete: false });
  expect(await ok('trust', 'show', 'q')).toMatchObject({ complete: false });
  const signed = await ok('trust', 'sign', 'q', ...secret, '--yes');
  expect(signed).toMatchObject({ signed: ['root', 'targets'], complete: true });
  expect(await ok('trust', 'import', 'q')).toMatchObject({ state: 'published', releaseId: null });
  return { cwd, env, ok, secret, server };
}

describe('DESIGN-6 the command line', () => {
  it('DESIGN-6 takes a release from a signing key to a gateway, and explains itself', async () => {
    const { cwd, env, ok, secret, server } = await published();
    writeFileSync(join(cwd, 'fw.bin'), firmwareImage('1.1.0'));
    const artifact = ['--version', '1.1.0', '--artifact', 'corecell=fw.bin', '--sig-key', join('keys', 'sig-0.key')];
    const draft = await ok('release', 'create', ...artifact, '--out', 'r');
    expect(draft.changes).toContainEqual(
      expect.stringMatching(/^adds firmware\/1\.1\.0\/corecell: firmware 1\.1\.0, for corecell, /),
    );
    await ok('trust', 'sign', 'r', ...secret, '--file', 'fw.bin', '--yes');
    const { releaseId } = await ok('trust', 'import', 'r');
    expect((await sealift(cwd, ['trust', 'import', 'r'], env)).code).toBe(EXIT.conflict);
    expect((await sealift(cwd, ['trust', 'expire-check'], env)).stdout).toBe('Nothing expires soon.\n');
    expect((await sealift(cwd, ['trust', 'status'], env)).stdout).toMatch(/^targets +2 +1 of 1 +alice +by people$/m);
    const device = await ok(
      'device',
      'create',
      '--protocol',
      'cups',
      '--identity',
      '::a1',
      '--hardware',
      'corecell',
      '--group',
      'canary',
      '--credentials',
      'gw',
    );
    writeFileSync(join(cwd, 'gw', 'cups.uri'), server.cupsUrl);
    writeFileSync(join(cwd, 'gw', 'version.txt'), '1.0.0\n');
    writeFileSync(join(cwd, 'gw', 'sig-0.key'), readFileSync(join(cwd, 'keys', 'sig-0.key')));
    const rollout = await ok(
      'rollout',
      'create',
      '--release',
      String(releaseId),
      '--phase',
      'canary=group:canary',
      '--phase',
      'all=share:100%',
    );
    const gateway = ['client', 'cups', '--home', 'gw', '--eui', '::a1', '--once'];
    rmSync(join(cwd, 'gw', 'release-root.json'));
    const unproven = await sealift(cwd, gateway, env);
    expect(unproven).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('export-root') as string });
    await ok('trust', 'export-root', '--out', join('gw', 'release-root.json'));
    expect(await ok(...gateway)).toMatchObject({
      kind: 'installed',
      provenance: { path: 'firmware/1.1.0/corecell' },
    });
    expect(await ok(...gateway)).toEqual({ kind: 'unchanged' });
    expect(readFileSync(join(cwd, 'gw', 'version.txt'), 'utf8')).toBe('1.1.0\n');
    expect(await ok('rollout', 'get', String(rollout.id))).toMatchObject({
      attempts: [{ state: 'confirmed', count: 1 }],
    });
    const why = await sealift(cwd, ['device', 'why', String(device.id)], env);
    expect(why.stdout).toMatch(/^NO {3}version\.differs .* it runs 1\.1\.0, the release is 1\.1\.0$/m);
    expect((await sealift(cwd, ['device', 'list'], env)).stdout).toMatch(
      /00000000000000a1 +corecell +canary +firmware 1\.1\.0 +20/,
    );
    expect((await sealift(cwd, ['rollout', 'advance', String(rollout.id)], env)).stdout).toContain(
      'all     100.00 % of all devices  open',
    );
    expect((await sealift(cwd, ['rollout', 'advance', String(rollout.id)], env)).code).toBe(EXIT.conflict);
    expect((await sealift(cwd, ['rollout', 'halt', String(rollout.id)], env)).stdout).toContain('halted');
    server.child.kill('SIGTERM');
    await once(server.child, 'exit');
    expect(server.child.exitCode).toBe(0);
  });

  it.skipIf(isSkipped('openssl'))(
    'CUPS-8 artifacts wait for their own signatures, by keys here and elsewhere',
    async () => {
      const { cwd, ok, env, secret } = await published();
      const run = (...args: string[]) => execFileSync('openssl', args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
      run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'own.pem');
      const spki = run('ec', '-in', 'own.pem', '-pubout', '-outform', 'DER');
      writeFileSync(join(cwd, 'own.key'), spki.subarray(-64));
      writeFileSync(join(cwd, 'fw.bin'), firmwareImage('1.1.0'));
      writeFileSync(join(cwd, 'other.bin'), firmwareImage('1.1.1'));
      const keys = ['--sig-key', join('keys', 'sig-0.key'), '--sig-key', 'own.key'];
      const paths = ['--artifact', 'hw=fw.bin', '--path', 'hw=radio/1'];
      await ok('release', 'create', '--version', '1.1.0', ...paths, ...keys, '--out', 'r');

      const stray = await sealift(cwd, ['trust', 'sign', 'r', ...secret, '--file', 'other.bin', '--yes']);
      expect(stray).toMatchObject({
        code: EXIT.verification,
        stderr: expect.stringContaining('not asked for') as string,
      });
      const forgot = await sealift(cwd, ['trust', 'sign', 'r', ...secret, '--yes', '--json']);
      expect(forgot.stderr).toContain('Not signed: the artifact radio/1.');
      expect(JSON.parse(forgot.stdout)).toMatchObject({ signed: ['targets'], notAtHand: ['radio/1'], complete: false });
      const shown = await sealift(cwd, ['trust', 'show', 'r', '--out-dir', join('for', 'token')]);
      expect(shown.stdout).toMatch(/^targets \(targets\): 1 of 1 have signed: alice \([0-9a-f]{8}\)$/m);
      expect(shown.stdout.match(/^radio\/1 still needs a signature by payload key/gm)).toHaveLength(2);
      expect(shown.stdout).toMatch(/^request: sign the bytes of for\/token\/approval\.tosign with the same key$/m);

      run('dgst', '-sha512', '-sign', 'own.pem', '-out', 'own.sig', 'fw.bin');
      run('dgst', '-sha512', '-sign', 'own.pem', '-out', 'wrong.sig', 'other.bin');
      const attach = ['trust', 'attach-payload', 'r', '--path', 'radio/1', '--key', 'own.key', '--file', 'fw.bin'];
      expect((await sealift(cwd, [...attach, '--signature', 'wrong.sig'])).code).toBe(EXIT.verification);
      expect(await ok(...attach, '--signature', 'own.sig')).toMatchObject({ complete: false });
      expect(await ok('trust', 'sign', 'r', ...secret, '--file', 'fw.bin', '--yes')).toMatchObject({ complete: true });
      expect(await ok('trust', 'import', 'r')).toMatchObject({ state: 'published' });

      const lost = await sealift(cwd, ['trust', 'renew', '--days', '200', '--out', join('nodir', 'q'), '--json'], env);
      expect(lost).toMatchObject({
        code: EXIT.failure,
        stderr: expect.stringContaining('there is no folder') as string,
      });
      expect((await ok('trust', 'events')) as unknown).toHaveLength(2);
    },
  );

  it('SEC-17 a token from the command line does what its role may, and nothing once it is revoked', async () => {
    const { cwd, env, ok } = await published();
    expect(await ok('whoami')).toMatchObject({ role: 'admin', tokenId: 'admin.token' });
    const create = ['token', 'create', '--name', 'ci', '--role', 'publisher', '--days', '30'];
    const { id } = await ok(...create, '--out', 'ci.token');
    expect(statSync(join(cwd, 'ci.token')).mode & 0o777).toBe(0o600);
    const taken = await sealift(cwd, ['token', 'create', '--name', 'x', '--role', 'viewer', '--out', 'ci.token'], env);
    expect(taken).toMatchObject({ code: EXIT.failure, stderr: expect.stringContaining('is there already') as string });
    expect(await sealift(cwd, create, env)).toMatchObject({ code: EXIT.conflict });
    const publisher = { ...env, SEALIFT_TOKEN: readFileSync(join(cwd, 'ci.token'), 'utf8').trim() };
    expect((await sealift(cwd, ['whoami'], publisher)).stdout).toMatch(/^ci, publisher: .*trust\.write/);
    const halt = await sealift(cwd, ['rollout', 'halt', String(id)], publisher);
    expect(halt).toMatchObject({ code: EXIT.denied, stderr: expect.stringContaining('operator or admin') as string });
    expect((await sealift(cwd, ['token', 'list'], env)).stdout).toMatch(/ci +publisher +20\S+ +20\S+ +-$/m);
    await ok('token', 'revoke', String(id));
    expect((await sealift(cwd, ['whoami'], publisher)).code).toBe(EXIT.denied);
  });

  it('DESIGN-6 what cannot be read, written or made is named, without a stack', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'pass'), 'a passphrase\n', { mode: 0o600 });
    writeFileSync(join(cwd, 'file'), '');
    mkdirSync(join(cwd, 'open'));
    chmodSync(join(cwd, 'open'), 0o777);
    const init = (keys: string, name = 'alice') => [
      ...['trust', 'init', '--keys', keys, '--name', name, '--passphrase-file', 'pass'],
    ];
    for (const [args, text] of [
      [init('file'), 'file is no folder'],
      [init(join('file', 'below')), 'cannot be made (ENOTDIR)'],
      [init('/proc/nope'), 'cannot be made (ENOENT)'],
      [init('open'), 'chmod 700 open'],
      [init('k', ''), 'no name to sign under'],
      [init('k', 'x'.repeat(65)), 'no name to sign under'],
      [init('k', 'ev\u001b[31mil'), '"ev\\u001b[31mil" is no name'],
      [init('k', '\u3164'), '"\\u3164" is no name'],
      [['trust', 'passphrase', '--passphrase-file', 'pass'], 'one vault has to be named'],
      [['trust', 'passphrase', '--vault', 'file', '--passphrase-file', 'pass'], 'VAULT_'],
    ] as const) {
      const { code, stderr } = await sealift(cwd, args);
      expect([code === EXIT.ok, stderr]).toEqual([false, expect.stringContaining(text)]);
      expect(stderr).not.toContain('    at ');
    }
  });

  it('SEC-21 a passphrase is changed: the old one opens nothing any more', async () => {
    const cwd = temporaryDir();
    for (const name of ['old', 'new']) writeFileSync(join(cwd, name), `${name} passphrase\n`, { mode: 0o600 });
    await sealift(cwd, ['trust', 'init', '--keys', 'k', '--name', 'alice', '--passphrase-file', 'old']);
    const change = ['trust', 'passphrase', '--keys', 'k', '--passphrase-file', 'old', '--new-passphrase-file', 'new'];
    expect((await sealift(cwd, change)).stdout).toBe('k/keys.vault.json opens with the new passphrase.\n');
    expect(await sealift(cwd, change)).toMatchObject({
      ...{ code: EXIT.denied, stderr: expect.stringContaining('VAULT_PASSPHRASE') as string },
    });
  });

  it.each([
    [['--help'], EXIT.ok, 'Usage: sealift'],
    [['--version'], EXIT.ok, '0.1.0'],
    [['rollout', '--help'], EXIT.ok, 'halt'],
    [[], EXIT.usage, 'Usage: sealift'],
    [['rolout'], EXIT.usage, 'Did you mean rollout?'],
    [['device', 'create'], EXIT.usage, "required option '--protocol <name>' not specified"],
    [['device', 'list', '--colour'], EXIT.usage, "unknown option '--colour'"],
    [['rollout', 'create', '--release', 'x', '--phase', 'all'], EXIT.failure, 'API token'],
    [['device', 'list'], EXIT.failure, 'there is no API token'],
    [['trust', 'sign', 'nowhere', '--keys', 'k'], EXIT.failure, 'cannot be read'],
    [['trust', 'init', '--keys', 'k', '--name', 'n', '--scheme', 'x'], EXIT.usage, '"x" is no kind of key'],
    [['trust', 'init', '--keys', 'k', '--name', 'n'], EXIT.usage, 'no terminal to ask at'],
    [['trust', 'ceremony', '--out', 'o'], EXIT.failure, 'API token'],
    [['release', 'create', '--version', '1', '--artifact', 'x', '--out', 'o'], EXIT.failure, 'API token'],
    [['client', 'cups', '--home', '.', '--eui', 'x', '--once'], EXIT.failure, 'is not the EUI of a router'],
    [['client', 'cups', '--home', '.', '--eui', '::1', '--interval', '0'], EXIT.usage, 'no number of seconds'],
    [['client', 'cups', '--home', '.', '--eui', '::1', '--release-proof', 'no'], EXIT.usage, 'required, off'],
    [['bench', 'sleep'], EXIT.usage, 'There is: cups, trust'],
    [['config', 'check', '--config', 'nowhere.yaml'], EXIT.usage, 'cannot be read'],
  ])('DESIGN-6 %j ends with %i', async (args, code, text) => {
    const result = await sealift(temporaryDir(), args);
    expect([result.code, result.stdout + result.stderr]).toEqual([code, expect.stringContaining(text)]);
    expect(result.stderr).not.toContain('    at ');
  });

  it('DESIGN-6 says which setting came from where', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'sealift.yaml'), 'cups: { port: 9443 }\n');
    const { stdout } = await sealift(cwd, ['config', 'view', '--origin'], { SEALIFT_LOG_LEVEL: 'warn' });
    expect(stdout).toMatch(/cups\.port +9443 +file/);
    expect(stdout).toMatch(/log\.level +warn +SEALIFT_LOG_LEVEL/);
  });

  it('SEC-21 keys are never overwritten, lie in one vault of mode 0600, and no output holds any', async () => {
    const cwd = temporaryDir();
    writeFileSync(join(cwd, 'pass'), 'a passphrase\n', { mode: 0o600 });
    const init = ['trust', 'init', '--keys', 'keys', '--name', 'alice', '--passphrase-file', 'pass'];
    const made = await sealift(cwd, init);
    expect(made.stdout + made.stderr).not.toMatch(/PRIVATE|a passphrase/);
    const vault = join(cwd, 'keys', 'keys.vault.json');
    const before = readFileSync(vault);
    expect(statSync(vault).mode & 0o777).toBe(0o600);
    expect(await sealift(cwd, init)).toMatchObject({
      code: EXIT.failure,
      stderr: expect.stringContaining('holds keys already') as string,
    });
    expect(readFileSync(vault)).toEqual(before);
    writeFileSync(join(cwd, 'open'), 'a passphrase\n', { mode: 0o644 });
    const exposed = ['trust', 'init', '--keys', 'other', '--name', 'bob', '--passphrase-file', 'open'];
    expect((await sealift(cwd, exposed)).stderr).toContain('chmod 600');
  });
});

describe('DESIGN-6 small parts', () => {
  it.each([
    ['canary=group:one', { name: 'canary', group: 'one' }],
    ['half=share:50%', { name: 'half', share: 0.5 }],
    ['some=share:0.25', { name: 'some', share: 0.25 }],
  ])('DESIGN-6 phase %s', (text, phase) => {
    expect(parsePhase(text)).toEqual(phase);
  });

  it.each(['canary', 'a=share:', 'a=share:x', 'a=b:c', '=group:x', 'a=share:1e9'])('DESIGN-6 no phase: %j', (text) => {
    expect(() => parsePhase(text)).toThrow(expect.objectContaining({ code: 'CLI_USAGE' }));
  });

  it('SEC-28 text from devices cannot steer a terminal', () => {
    expect(printable('a\u001b[2J\u202eb\n')).toBe('a\\u001b[2J\\u202eb\\u000a');
    expect(
      table(
        ['one', 'two'],
        [
          ['\u001b', ''],
          ['x', 'y'],
        ],
      ),
    ).toBe('one     two\n\\u001b  -\nx       y');
  });

  it.each<[string, number]>([
    ['SIGNING_CHANGE', EXIT.usage],
    ['RELEASE_NOT_ADMITTED', EXIT.conflict],
    ['SIGNING_STALE', EXIT.conflict],
    ['SIGNING_ROOT', EXIT.verification],
    ['SIGNING_ALTERED', EXIT.verification],
  ])('DESIGN-6 %s ends alike, found here or by the server', (code, exit) => {
    const remote = new CliError('CLI_API', '', { detail: { status: 422, code } });
    expect(exitCodeOf(remote)).toBe(exit);
    if (code.startsWith('SIGNING_')) expect(exitCodeOf(new SigningError(code as 'SIGNING_ROOT', ''))).toBe(exit);
  });

  it('DESIGN-6 an error of ours that nobody foresaw is a failure', () => {
    expect(exitCodeOf(new Error('bug'))).toBe(EXIT.failure);
  });
});
