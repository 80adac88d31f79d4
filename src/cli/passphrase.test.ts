import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { temporaryDir } from '../../test/support/ports.ts';
import { isSkipped } from '../../test/support/programs.ts';
import { findProgram } from '../../tools/programs.ts';
import { MAX_PASSPHRASE_BYTES } from '../trust/limits.ts';
import { sha256Hex } from '../trust/payload.ts';
import { confirm, readPassphrase } from './passphrase.ts';

const SECRET = 'correct h\u00f6rse battery staple';
const ASK = join(import.meta.dirname, '../../test/support/ask-passphrase.ts');

function fromFile(content: string | Uint8Array, mode = 0o600): Promise<string> {
  const file = join(temporaryDir(), 'passphrase');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return readPassphrase({ file, prompt: 'unused' });
}

/** A terminal at which all of `typed` is there at once. */
function typing(typed: string, isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY });
  input.end(typed);
  const output = new PassThrough();
  return { input, output, shown: () => String(output.read() ?? '') };
}

describe('SEC-21 a passphrase from a file', () => {
  it.each([
    [`${SECRET}`, SECRET],
    [`${SECRET}\n`, SECRET],
    [`${SECRET}\r\n`, SECRET],
    [' spaces stay ', ' spaces stay '],
    ['x'.repeat(MAX_PASSPHRASE_BYTES), 'x'.repeat(MAX_PASSPHRASE_BYTES)],
  ])('SEC-21 is its one line: %j', async (content, passphrase) => {
    expect(await fromFile(content)).toBe(passphrase);
  });

  it.each([
    '',
    '\n',
    'two\nlines',
    'one\n\n',
    'a\0b',
    'x'.repeat(MAX_PASSPHRASE_BYTES + 1),
    `${'x'.repeat(MAX_PASSPHRASE_BYTES)}x\n`,
  ])('SEC-21 refuses %j', async (content) => {
    await expect(fromFile(content)).rejects.toMatchObject({
      code: 'CLI_FILE',
      fix: expect.stringContaining('one line') as string,
    });
  });

  it('SEC-21 refuses what is not text, and quotes nothing', async () => {
    const refusal = await fromFile(Buffer.from('secret \xff', 'latin1')).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'CLI_FILE' });
    expect(String((refusal as Error).stack)).not.toContain('secret');
  });

  it.each(['640', '604', '620', '644', '666'])('SEC-21 refuses a file of mode %s', async (mode) => {
    await expect(fromFile(SECRET, Number.parseInt(mode, 8))).rejects.toMatchObject({
      ...{ code: 'CLI_FILE', fix: expect.stringContaining('chmod 600') as string },
    });
  });

  it('SEC-21 says which file is missing or no file', async () => {
    const missing = join(temporaryDir(), 'none');
    await expect(readPassphrase({ file: missing, prompt: 'x' })).rejects.toThrow(missing);
    const folder = temporaryDir();
    await expect(readPassphrase({ file: folder, prompt: 'x' })).rejects.toMatchObject({ code: 'CLI_FILE' });
  });
});

describe('SEC-21 a passphrase from a person', () => {
  it('SEC-21 is asked for once, or twice when it is new', async () => {
    const once = typing(`${SECRET}\n`);
    expect(await readPassphrase({ prompt: 'Passphrase' }, once)).toBe(SECRET);
    expect(once.shown()).toBe('Passphrase: \n');
    const twice = typing(`${SECRET}\n${SECRET}\n`);
    expect(await readPassphrase({ prompt: 'Passphrase', isNew: true }, twice)).toBe(SECRET);
    expect(twice.shown()).toBe('Passphrase: \nPassphrase, again: \n');
  });

  it('SEC-21 can be corrected while it is typed', async () => {
    const corrected = typing('stable\x7f\x7f\x7fple\n');
    expect(await readPassphrase({ prompt: 'Passphrase' }, corrected)).toBe('staple');
  });

  it.each([
    ['nothing', '\n', false, 'that is no passphrase'],
    ['too much', `${'x'.repeat(MAX_PASSPHRASE_BYTES + 1)}\n`, false, 'that is no passphrase'],
    ['two that differ', `${SECRET}\nother\n`, true, 'differ'],
    ['an end instead of a line', '', false, 'no passphrase was typed'],
    ['only the first of two', `${SECRET}\n`, true, 'no passphrase was typed'],
  ])('SEC-21 is refused after %s', async (_what, typed, isNew, message) => {
    const terminal = typing(typed);
    const refusal = await readPassphrase({ prompt: 'Passphrase', isNew }, terminal).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'CLI_USAGE', message: expect.stringContaining(message) as string });
    expect(`${terminal.shown()}${String((refusal as Error).stack)}`).not.toContain(SECRET);
  });

  it('SEC-21 is not taken from a pipe, and the error says what to do', async () => {
    await expect(readPassphrase({ prompt: 'Passphrase' }, typing(`${SECRET}\n`, false))).rejects.toMatchObject({
      ...{ code: 'CLI_USAGE', fix: expect.stringContaining('file of mode 0600') as string },
    });
  });
});

describe('DESIGN-6 a confirmation', () => {
  it.each(['y\n', 'Y\n', 'yes\n'])('DESIGN-6 is given by %j', async (typed) => {
    const terminal = typing(typed);
    await confirm('Sign this?', 'unused', terminal);
    expect(terminal.shown()).toContain('Sign this? [y/N] ');
  });

  it.each([
    ['n\n', true],
    ['\n', true],
    ['yesterday\n', true],
    ['', true],
    ['y\n', false],
  ])('DESIGN-6 is not given by %j at a terminal: %j', async (typed, isTTY) => {
    const refusal = { code: 'CLI_USAGE', fix: 'Repeat it with --yes.' };
    await expect(confirm('Sign this?', 'Repeat it with --yes.', typing(typed, isTTY))).rejects.toMatchObject(refusal);
  });
});

describe.skipIf(isSkipped('script'))('SEC-21 a real terminal', () => {
  /** Types each text once its prompt is there. */
  async function dialogue(
    argument: string,
    answers: readonly string[],
  ): Promise<{ shown: string; code: number | null }> {
    const command = `'${process.execPath}' '${ASK}' ${argument}`;
    const child = spawn(findProgram('script') ?? 'script', ['-qec', command, '/dev/null']);
    let shown = '';
    let answered = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
      const prompts = shown.split(': ').length - 1;
      for (; answered < Math.min(prompts, answers.length); answered += 1) child.stdin.write(answers[answered]);
    });
    await once(child, 'close');
    return { shown, code: child.exitCode };
  }

  it('SEC-21 shows the prompts and nothing of what is typed', async () => {
    const { shown, code } = await dialogue('new', [`${SECRET}\r`, `${SECRET}\r`]);
    expect(code).toBe(0);
    expect(shown.replaceAll('\r', '')).toBe(`Passphrase: \nPassphrase, again: \n${sha256Hex(Buffer.from(SECRET))}`);
  });

  it('SEC-21 Ctrl-C ends it as a signal would', async () => {
    const { shown, code } = await dialogue('once', ['corr\x03']);
    expect(code).toBe(130);
    expect(shown).not.toContain('corr');
  });
});
