import { spawnSync } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FREE_LEASE, logKey, ORIGIN } from '../../test/support/audit.ts';
import { openDirectStore } from '../../test/support/direct-store.ts';
import { FakeClock, temporaryDir } from '../../test/support/ports.ts';
import { CheckpointFile } from '../adapters/files/checkpoints.ts';
import { exportAudit } from '../fleet/audit/export.ts';
import { verifierKey } from '../fleet/audit/note.ts';
import { Sequencer } from '../fleet/audit/sequencer.ts';
import { entry } from '../fleet/audit/store.contract.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

/** A folder with the export of a log of ten entries, its checkpoint and its key. */
async function exported() {
  const cwd = temporaryDir();
  const store = await openDirectStore({ path: join(cwd, 'sealift.db') });
  onTestFinished(() => store.close());
  const { signer, key } = logKey();
  await store.appendAudit(Array.from({ length: 10 }, (_, number) => entry(number)));
  const sink = new CheckpointFile(join(cwd, 'checkpoints'));
  await new Sequencer({ store, lease: FREE_LEASE, clock: new FakeClock(), origin: ORIGIN, signer, sink }).round();
  await pipeline(exportAudit(store, { origin: ORIGIN }), createWriteStream(join(cwd, 'export')));
  await pipeline(exportAudit(store, { origin: ORIGIN, tenant: 'u' }), createWriteStream(join(cwd, 'tenant')));
  writeFileSync(join(cwd, 'log.vkey'), `${verifierKey(key)}\n`);
  const verify = (...args: readonly string[]) => {
    const all = ['audit', 'verify', ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...all], { cwd, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  return { cwd, verify };
}

const GIVEN = ['--checkpoints', 'checkpoints', '--key', 'log.vkey'];

describe('SEC-25 sealift audit verify', () => {
  it('SEC-25 says that everything holds, offline, and ends with 0', async () => {
    const { verify } = await exported();
    expect(verify('export', ...GIVEN)).toEqual({
      status: 0,
      stdout:
        'Log updates.example/audit: 10 entries, 10 of them shown (all tenants).\n1 checkpoints hold; the largest is over 10 entries.\nEverything holds.\n',
      stderr: '',
    });
    const { status, stdout } = verify('tenant', ...GIVEN, '--json');
    expect([status, JSON.parse(stdout)]).toEqual([
      0,
      {
        ...{ holds: true, origin: ORIGIN, tenant: 'u', size: 10, entries: 4, checkpoints: 1, provenSize: 10 },
        ...{ findings: [], moreFindings: 0 },
      },
    ]);
  });

  it('SEC-25 names what does not, and ends with 6', async () => {
    const { cwd, verify } = await exported();
    const text = readFileSync(join(cwd, 'export'), 'utf8');
    writeFileSync(join(cwd, 'changed'), text.replace('person4', 'mallory\\u001b[2J'));
    const changed = verify('changed', ...GIVEN);
    expect(changed.status).toBe(6);
    expect(changed.stdout).toContain('THE LOG DOES NOT HOLD.\n\nCHANGED    entry 4 is not what was logged.\n');
    const json = verify('changed', ...GIVEN, '--json');
    expect(json.status).toBe(6);
    expect(JSON.parse(json.stdout)).toMatchObject({
      holds: false,
      findings: [{ wrong: 'changed', from: 4, to: 5, text: 'entry 4 is not what was logged' }],
    });
    writeFileSync(join(cwd, 'cut'), text.split('\n').slice(0, -4).join('\n'));
    expect(verify('cut', ...GIVEN)).toMatchObject({
      status: 6,
      stdout: expect.stringContaining('TRUNCATED') as string,
    });
    writeFileSync(join(cwd, 'noise'), 'noise\n');
    const noise = verify('noise', ...GIVEN);
    expect([noise.status, noise.stderr]).toEqual([6, expect.stringContaining('[AUDIT_EXPORT]')]);
    const none = verify('export', '--checkpoints', 'noise', '--key', 'log.vkey');
    expect([none.status, none.stdout]).toEqual([6, expect.stringContaining('UNPROVEN')]);
  });

  it('SEC-25 says which file it cannot use', async () => {
    const { verify } = await exported();
    const code = (...args: string[]) => {
      const { status, stderr } = verify(...args);
      return [status, /\[(\w+)\]/.exec(stderr)?.[1]];
    };
    expect(code('none', ...GIVEN)).toEqual([1, 'CLI_FILE']);
    expect(code('export', '--checkpoints', 'none', '--key', 'log.vkey')).toEqual([1, 'CLI_FILE']);
    expect(code('export', '--checkpoints', 'checkpoints', '--key', 'none')).toEqual([1, 'CLI_FILE']);
    expect(code('export', '--checkpoints', 'checkpoints', '--key', 'checkpoints')).toEqual([1, 'CLI_FILE']);
    expect(verify('export').status).toBe(2);
  });
});
