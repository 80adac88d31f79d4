import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Call, callsIn, type Fault, runWithFault, type Traced, traceOf } from '../../../test/support/calls.ts';
import { leaks } from '../../../test/support/canary.ts';
import { temporaryDir } from '../../../test/support/ports.ts';
import { isSkipped } from '../../../test/support/programs.ts';
import { NEW_PASSPHRASE, PASSPHRASE, ports } from '../../../test/support/vault-writer.ts';
import { generateSigner } from '../../trust/keys.ts';
import { MAX_VAULT_BYTES, MIN_SCRYPT_N } from '../../trust/limits.ts';
import { describeVault } from '../../trust/vault.contract.ts';
import { takeLock } from './lock.ts';
import { FileVault } from './vault.ts';

const WRITER = join(import.meta.dirname, '../../../test/support/vault-writer.ts');

async function closedAtEnd(opening: Promise<FileVault>): Promise<FileVault> {
  const vault = await opening;
  onTestFinished(() => vault.close());
  return vault;
}
const create = (path: string) => closedAtEnd(FileVault.create(path, PASSPHRASE, ports, MIN_SCRYPT_N));
const open = (path: string, passphrase = PASSPHRASE) => closedAtEnd(FileVault.open(path, passphrase, ports));
const labelsOf = async (vault: FileVault) => (await vault.keys()).map(({ label }) => label);
const newPath = () => join(temporaryDir(), 'vault.json');

describeVault('FileVault', async () => {
  const path = newPath();
  return { vault: await create(path), reopen: () => open(path) };
});

describe('SEC-21 the file of a vault', () => {
  it('SEC-21 is 0600 like all beside it, whatever the umask, and is never overwritten by a new one', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const path = newPath();
    const vault = await create(path);
    await vault.generate('snapshot', 'ed25519');
    expect(modesIn(join(path, '..'))).toEqual({ 'vault.json': 0o600, 'vault.json.lock': 0o600 });
    const content = readFileSync(path);
    await expect(create(path)).rejects.toMatchObject({ code: 'VAULT_EXISTS' });
    expect(readFileSync(path)).toEqual(content);
  });

  it.each(['640', '604', '620', '602', '610', '601', '644', '666'])('SEC-21 is not read with mode %s', async (mode) => {
    const path = newPath();
    const vault = await create(path);
    chmodSync(path, Number.parseInt(mode, 8));
    const refusal = { code: 'VAULT_MODE', fix: expect.stringContaining(`chmod 600 ${path}`) as string };
    await expect(open(path)).rejects.toMatchObject(refusal);
    await expect(vault.keys()).rejects.toMatchObject(refusal);
    await expect(vault.generate('snapshot', 'ed25519')).rejects.toMatchObject(refusal);
    chmodSync(path, 0o400);
    await open(path);
  });

  it('SEC-21 holds neither keys nor passphrase in the clear', async () => {
    const path = newPath();
    const vault = await create(path);
    const pems = (['ed25519', 'ecdsa', 'rsa', 'ml-dsa'] as const).map((type) => generateSigner(type).pem);
    for (const [index, pem] of pems.entries()) await vault.import(`canary-${index}`, pem);
    const text = readFileSync(path, 'utf8');
    const { ciphertext } = JSON.parse(text) as { ciphertext: string };
    for (const form of [text, Buffer.from(ciphertext, 'hex').toString('latin1')]) {
      expect(leaks(form, pems)).toEqual([]);
      expect(form).not.toContain('canary');
      expect(form).not.toContain(PASSPHRASE);
    }
  });

  it('SEC-21 is not written through a link that somebody laid where the draft goes', async () => {
    const path = newPath();
    const vault = await create(path);
    const elsewhere = join(temporaryDir(), 'elsewhere');
    writeFileSync(elsewhere, 'theirs');
    symlinkSync(elsewhere, `${path}.draft`);
    await vault.generate('snapshot', 'ed25519');
    expect(readFileSync(elsewhere, 'utf8')).toBe('theirs');
    expect(await labelsOf(await open(path))).toEqual(['snapshot']);
  });

  it.each([
    ['is not there', () => undefined, 'VAULT_MISSING'],
    ['is empty', (path: string) => writeFileSync(path, '', { mode: 0o600 }), 'VAULT_DAMAGED'],
    [
      'is too large',
      (path: string) => writeFileSync(path, Buffer.alloc(MAX_VAULT_BYTES + 1), { mode: 0o600 }),
      'VAULT_DAMAGED',
    ],
    ['lies below a file', (path: string) => writeFileSync(join(path, '..'), ''), 'VAULT_IO'],
  ])('SEC-7 that %s is named', async (_what, prepare, code) => {
    const path = code === 'VAULT_IO' ? join(newPath(), 'vault.json') : newPath();
    prepare(path);
    await expect(open(path)).rejects.toMatchObject({ code, fix: expect.any(String) as string });
  });
});

describe('SEC-21 another passphrase', () => {
  it('SEC-21 opens the same keys; the old one opens nothing, and who had it open is told', async () => {
    const path = newPath();
    const vault = await create(path);
    const other = await open(path);
    const key = await vault.generate('snapshot', 'ed25519');
    await Promise.all([vault.changePassphrase(NEW_PASSPHRASE, MIN_SCRYPT_N), vault.generate('timestamp', 'ed25519')]);
    expect(await labelsOf(vault)).toEqual(['snapshot', 'timestamp']);
    await expect(open(path)).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
    await expect(other.keys()).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
    await expect(other.generate('late', 'ed25519')).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
    const [first] = await (await open(path, NEW_PASSPHRASE)).keys();
    expect(first?.publicKey.fingerprint).toBe(key.fingerprint);
  });

  it('SEC-21 is not empty', async () => {
    await expect(FileVault.create(newPath(), '', ports)).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
    const vault = await create(newPath());
    await expect(vault.changePassphrase('')).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
  });
});

describe('REL-2 two writers of one vault', () => {
  it('REL-2 two processes lose no key of each other', async () => {
    const path = newPath();
    await create(path);
    const wanted = Array.from({ length: 30 }, (_, index) => `key-${String(index).padStart(2, '0')}`);
    const runs = [0, 1].map((half) =>
      promisify(execFile)(process.execPath, [
        WRITER,
        path,
        'generate',
        ...wanted.filter((_, index) => index % 2 === half),
      ]),
    );
    // Nothing but what the program itself says: the modules below write to no stream.
    expect(await Promise.all(runs)).toEqual([1, 2].map(() => ({ stdout: 'done', stderr: '' })));
    expect(await labelsOf(await open(path))).toEqual(wanted);
  });

  /** Time passes when somebody waits, and only then. */
  function impatientClock() {
    let nowMs = 0;
    const sleep = async (ms: number) => {
      nowMs += ms;
    };
    return { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep };
  }

  it('REL-2 one that never ends is named, and nobody waits for it once it is gone', async () => {
    const path = newPath();
    const clock = impatientClock();
    await create(path);
    const vault = await closedAtEnd(FileVault.open(path, PASSPHRASE, { ...ports, clock }));
    const release = await takeLock(`${path}.lock`, clock);
    await expect(vault.generate('snapshot', 'ed25519')).rejects.toMatchObject({ code: 'VAULT_BUSY' });
    expect(clock.nowMs()).toBeGreaterThanOrEqual(5_000);
    expect(await vault.keys()).toEqual([]);
    release?.();
    await vault.generate('snapshot', 'ed25519');
  });

  it('REL-2 a vain attempt in the same process leaves the lock to its holder', async () => {
    const lock = join(temporaryDir(), 'lock');
    const clock = impatientClock();
    const isFree = () => {
      const script = `const { DatabaseSync } = require('node:sqlite'); new DatabaseSync(process.argv[1]).exec('BEGIN EXCLUSIVE')`;
      return spawnSync(process.execPath, ['-e', script, lock]).status === 0;
    };
    const release = await takeLock(lock, clock);
    expect(await takeLock(lock, clock)).toBeUndefined();
    expect(isFree()).toBe(false);
    release?.();
    expect(isFree()).toBe(true);
  });
});

interface Operation {
  readonly args: readonly string[];
  /** What opens the new state. */
  readonly passphrase?: string;
  /** Labels that one finds with it, or the code of the error: before the operation, and after. */
  readonly before: readonly string[] | string;
  readonly after: readonly string[];
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  create: { args: ['create'], before: 'VAULT_MISSING', after: [] },
  generate: { args: ['generate', 'new'], before: ['old'], after: ['new', 'old'] },
  destroy: { args: ['destroy', 'old'], before: ['old'], after: [] },
  'change of passphrase': {
    ...{ args: ['passphrase'], passphrase: NEW_PASSPHRASE },
    ...{ before: 'VAULT_PASSPHRASE', after: ['old'] },
  },
};

describe.skipIf(isSkipped('strace'))('REL-3 the file of a vault, call by call', () => {
  let template: string;
  beforeAll(async () => {
    const atEnd: (() => void | Promise<void>)[] = [];
    template = join(
      temporaryDir((cleanup) => atEnd.push(cleanup)),
      'vault.json',
    );
    const vault = await FileVault.create(template, PASSPHRASE, ports, MIN_SCRYPT_N);
    await vault.generate('old', 'ed25519');
    return async () => {
      for (const cleanup of atEnd) await cleanup();
    };
  });

  /** A vault as it is before the operation, and the operation on it. */
  function prepare({ args, before }: Operation): { path: string; traced: Traced } {
    const dir = temporaryDir();
    const path = join(dir, 'vault.json');
    if (before !== 'VAULT_MISSING') copyFileSync(template, path);
    const paths = [dir, path, `${path}.draft`, `${path}.lock`];
    return { path, traced: { script: WRITER, args: [path, ...args], paths } };
  }

  /** It is the old or the new state, the new one if that was acknowledged; private, without left-overs; and it goes on from there. */
  async function stateAfter(path: string, operation: Operation, output: string): Promise<'old' | 'new'> {
    const { passphrase, before, after } = operation;
    for (const mode of Object.values(modesIn(join(path, '..')))) expect(mode).toBe(0o600);
    const found = await open(path, passphrase).then(labelsOf, (error: unknown) => (error as { code?: unknown }).code);
    const isNew = output === 'done' || isDeepStrictEqual(found, after);
    expect(found).toEqual(isNew ? after : before);
    const vault = await (!isNew && before === 'VAULT_MISSING'
      ? create(path)
      : open(path, isNew ? passphrase : PASSPHRASE));
    await vault.generate('later', 'ed25519');
    expect(readdirSync(join(path, '..')).toSorted()).toEqual(['vault.json', 'vault.json.lock']);
    return isNew ? 'new' : 'old';
  }

  async function enumerate(operation: Operation, fault: Fault) {
    const calls = callsIn(await traceOf(prepare(operation).traced, temporaryDir()));
    expect(calls.length).toBeGreaterThanOrEqual(8);
    const outcomes: { call: Call; output: string; state: string }[] = [];
    for (const call of calls) {
      const { path, traced } = prepare(operation);
      const output = (await runWithFault(traced, call, fault)).stdout.toString();
      outcomes.push({ call, output, state: await stateAfter(path, operation, output) });
    }
    return outcomes;
  }

  it.each(Object.entries(OPERATIONS))(
    'REL-2 a %s is written aside with mode 0600, synced, renamed, and the folder is synced',
    async (_name, operation) => {
      const { path, traced } = prepare(operation);
      const trace = (await traceOf(traced, temporaryDir())).map((line) => line.replace(/^[0-9]+ +/, ''));
      const steps = [
        `openat(AT_FDCWD, "${path}.draft", O_WRONLY|O_CREAT|O_EXCL|O_TRUNC|O_CLOEXEC, 0600)`,
        ...['write(', 'fsync(', `rename("${path}.draft", "${path}")`],
        ...[`openat(AT_FDCWD, "${join(path, '..')}", O_RDONLY|O_CLOEXEC)`, 'fsync('],
      ];
      expect(trace.slice(-steps.length).map((line, index) => line.slice(0, steps[index]?.length))).toEqual(steps);
    },
  );

  it.each(Object.entries(OPERATIONS))(
    'REL-3 killed before any call, a %s leaves the old or the new state',
    async (_name, operation) => {
      const outcomes = await enumerate(operation, 'signal=KILL');
      expect(outcomes.filter(({ output }) => output !== '')).toEqual([]);
      expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(['old', 'new']));
    },
  );

  it.each(Object.entries(OPERATIONS))(
    'REL-4 whichever call fails, a %s says so, leaves no half, and works again',
    async (_name, operation) => {
      const outcomes = await enumerate(operation, 'error=EIO');
      expect(outcomes.filter(({ output }) => output !== 'VAULT_IO')).toEqual([]);
      // Only where the folder could not be synced after the renaming is the new state there in spite of the error.
      const isNew = outcomes.filter(({ state }) => state === 'new').map(({ call }) => call.name);
      expect(isNew.toSorted()).toEqual(['fsync', 'openat']);
    },
  );
});

describe('REL-4 a full disk', () => {
  it.skipIf(isSkipped('root'))('REL-4 is named, the keys stay, and it works again', async () => {
    const dir = temporaryDir();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]);
    onTestFinished(() => void execFileSync('umount', [dir]));
    const path = join(dir, 'vault.json');
    const vault = await create(path);
    await vault.generate('snapshot', 'ed25519');
    writeFileSync(join(dir, 'filler'), Buffer.alloc(48 * 1_024));
    const fill = (async () => {
      for (let index = 0; index < 100; index += 1) await vault.generate(`pq-${index}`, 'ml-dsa-44');
    })();
    await expect(fill).rejects.toMatchObject({ code: 'VAULT_IO', fix: expect.stringContaining('disk full') as string });
    const kept = await labelsOf(vault);
    expect(kept).toContain('snapshot');
    expect(readdirSync(dir).toSorted()).toEqual(['filler', 'vault.json', 'vault.json.lock']);
    writeFileSync(join(dir, 'filler'), '');
    await vault.generate('later', 'ed25519');
    expect(await labelsOf(await open(path))).toEqual(['later', ...kept]);
  });
});

function modesIn(dir: string): Record<string, number> {
  return Object.fromEntries(readdirSync(dir).map((name) => [name, statSync(join(dir, name)).mode & 0o777]));
}
