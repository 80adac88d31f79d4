/**
 * What only a person may say. Passphrases come from a file that its owner alone may read, or from a terminal; never from an argument or a variable of
 * the environment, which histories keep and other processes can see.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { readSecretFile } from '../adapters/files/secret.ts';
import { utf8Decode, utf8Encode } from '../core/bytes.ts';
import { MAX_PASSPHRASE_BYTES } from '../trust/limits.ts';
import { CliError } from './exit.ts';

export interface PassphraseRequest {
  /** Where it lies; without, a person is asked. */
  readonly file?: string | undefined;
  /** What is asked for, without a colon. */
  readonly prompt: string;
  /** Asks twice: a slip in a new passphrase locks everybody out. Default: false. */
  readonly isNew?: boolean;
}

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Not standard output, which belongs to results. */
  readonly output: NodeJS.WritableStream;
}

const YES = /^y(?:es)?$/i;
const CONTROL = /\p{Cc}/u;

/**
 * @throws {CliError} CLI_FILE the file is missing, open to others, or holds no passphrase; CLI_USAGE there is no terminal, nothing
 * was typed, or not the same twice
 */
export async function readPassphrase(
  request: PassphraseRequest,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<string> {
  return request.file === undefined ? ask(request, terminal) : fromFile(request.file);
}

/**
 * Returns when a person says yes.
 * @param fix what to do where nobody can be asked, or after a no @throws {CliError} CLI_USAGE
 */
export async function confirm(
  question: string,
  fix: string,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  const refusal = (message: string) => new CliError('CLI_USAGE', message, { fix });
  if (input.isTTY !== true) throw refusal('a confirmation is needed, and there is no terminal to ask at');
  const reader = createInterface({ input, output, historySize: 0 });
  reader.setPrompt(`${question} [y/N] `);
  reader.prompt();
  try {
    const { value } = await reader[Symbol.asyncIterator]().next();
    if (!YES.test(value ?? '')) throw refusal('nothing was confirmed');
  } finally {
    reader.close();
  }
}

async function fromFile(file: string): Promise<string> {
  const found = await readSecretFile(file, MAX_PASSPHRASE_BYTES + '\r\n'.length).catch((cause: unknown) => {
    throw new CliError('CLI_FILE', `${file} cannot be read`, { cause, fix: 'Check the path and who may read it.' });
  });
  switch (found.state) {
    case 'missing':
      throw new CliError('CLI_FILE', `there is no passphrase file ${file}`, { fix: 'Correct its path.' });
    case 'exposed':
      throw new CliError('CLI_FILE', `others than its owner may read or change the passphrase file ${file}`, {
        fix: `chmod 600 ${file}. If somebody may have read it, choose another passphrase.`,
      });
    default: {
      const text = found.state === 'read' ? utf8Decode(found.bytes)?.replace(/\r?\n$/, '') : undefined;
      if (text !== undefined && isPassphrase(text)) return text;
      throw new CliError('CLI_FILE', `${file} holds no passphrase`, {
        fix: `Write it there as one line of text, 1 to ${MAX_PASSPHRASE_BYTES} bytes.`,
      });
    }
  }
}

async function ask({ prompt, isNew = false }: PassphraseRequest, terminal: Terminal): Promise<string> {
  if (terminal.input.isTTY !== true) {
    throw new CliError('CLI_USAGE', 'a passphrase is needed, and there is no terminal to ask at', {
      fix: 'Write it into a file of mode 0600 and name that file, or run this at a terminal.',
    });
  }
  const [passphrase = '', again = passphrase] = await askHidden(
    isNew ? [prompt, `${prompt}, again`] : [prompt],
    terminal,
  );
  if (!isPassphrase(passphrase)) {
    throw new CliError('CLI_USAGE', 'that is no passphrase', {
      fix: `Type 1 to ${MAX_PASSPHRASE_BYTES} bytes of text.`,
    });
  }
  if (passphrase !== again) {
    throw new CliError('CLI_USAGE', 'the two passphrases differ', { fix: 'Start again, and type the same twice.' });
  }
  return passphrase;
}

/** One line for each prompt. The terminal echoes nothing, since readline does that itself, into the void. */
async function askHidden(prompts: readonly string[], { input, output }: Terminal): Promise<readonly string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
  // In this mode the terminal makes no signal of Ctrl-C.
  reader.on('SIGINT', () => {
    reader.close();
    process.kill(process.pid, 'SIGINT');
  });
  const lines = reader[Symbol.asyncIterator]();
  const answers: string[] = [];
  try {
    for (const prompt of prompts) {
      output.write(`${prompt}: `);
      const line = await lines.next();
      output.write('\n');
      if (line.done) throw new CliError('CLI_USAGE', 'no passphrase was typed', { fix: 'Type one and press Enter.' });
      answers.push(line.value);
    }
    return answers;
  } finally {
    reader.close();
  }
}

/** One line of text. Control characters cannot be typed at a prompt: a file that has some is another file. */
function isPassphrase(text: string): boolean {
  return text !== '' && utf8Encode(text).length <= MAX_PASSPHRASE_BYTES && !CONTROL.test(text);
}
