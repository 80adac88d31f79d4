/** Files that a person names: what is wrong with one is said, with its path. */
import { createReadStream, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { writeFileDurably } from '../adapters/files/durable.ts';
import { writeSecretFile } from '../adapters/files/secret.ts';
import { JsonError, type JsonValue, parseJson } from '../core/json.ts';
import { TrustError } from '../trust/errors.ts';
import { CliError } from './exit.ts';

/** @throws {CliError} CLI_FILE */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** Of any length, piece by piece. @throws {CliError} CLI_FILE */
export async function* readChunks(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** @param otherwise what the file is then, e.g. `no list of roots` @throws {CliError} CLI_FILE */
export function readJson<T>(file: string, otherwise: string, read: (json: JsonValue) => T): T {
  try {
    return read(parseJson(readBytes(file)));
  } catch (cause) {
    if (!(cause instanceof JsonError) && !(cause instanceof TrustError)) throw cause;
    throw new CliError('CLI_FILE', `${file} is ${otherwise}`, { cause, fix: 'Check the path.' });
  }
}

/** Replaces the file. @param mode readable by all, unless said otherwise: it holds nothing secret @throws {CliError} CLI_FILE */
export async function writeOutput(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  try {
    await writeFileDurably(file, content, mode);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** Whether a file can be made there, before anything is done that would come to nothing. @throws {CliError} CLI_FILE */
export function requireFolderOf(file: string): void {
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw unwritable(file, undefined, `: there is no folder ${folder}`);
  if (existsSync(file) && statSync(file).isDirectory()) throw unwritable(file, undefined, ': it is a folder');
}

/** A new file for its owner alone. @throws {CliError} CLI_FILE */
export function writeSecret(file: string, content: string): void {
  try {
    writeSecretFile(file, content);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** Whether a new file can be made there: what is there already is never overwritten. @throws {CliError} CLI_FILE */
export function requireNew(file: string): void {
  requireFolderOf(file);
  if (existsSync(file)) throw new CliError('CLI_FILE', `${file} is there already`, { fix: 'Name a new file.' });
}

/** With the folders above it, private to this user where they are new. @throws {CliError} CLI_FILE */
export function makeFolder(dir: string): void {
  // One by one: where a folder can never be made (/proc), the recursive call does not end.
  const missing: string[] = [];
  for (let at = resolve(dir); !existsSync(at); at = dirname(at)) missing.unshift(at);
  try {
    for (const folder of missing) mkdirSync(folder, { mode: 0o700 });
    if (!statSync(dir).isDirectory()) throw new CliError('CLI_FILE', `${dir} is no folder`, { fix: 'Name a folder.' });
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError('CLI_FILE', `the folder ${dir} cannot be made${reasonOf(cause)}`, {
      cause,
      fix: 'Name a folder that you may write.',
    });
  }
}

function unreadable(file: string, cause: unknown): CliError {
  return new CliError('CLI_FILE', `${file} cannot be read${reasonOf(cause)}`, {
    cause,
    fix: 'Check the path and its permissions.',
  });
}

function unwritable(file: string, cause: unknown, reason = reasonOf(cause)): CliError {
  return new CliError('CLI_FILE', `${file} cannot be written${reason}`, {
    cause,
    fix: 'Name a file in a folder that exists and that you may write.',
  });
}

/** ` (ENOENT)`, or nothing. */
export function reasonOf(cause: unknown): string {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code === undefined ? '' : ` (${code})`;
}
