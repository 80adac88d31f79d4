/** The REST API as the CLI uses it. */
import { createReadStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { tokenFile } from '../server/token.ts';
import { CliError } from './exit.ts';

export interface ApiTarget {
  /** http(s)://host:port */
  readonly server: string;
  readonly token: string;
}

export interface ProblemBody {
  readonly code?: string;
  readonly detail?: string;
  readonly fix?: string;
  readonly requestId?: string;
  readonly errors?: readonly { pointer: string; message: string }[];
}

export class ApiClient {
  readonly #target: ApiTarget;

  constructor(target: ApiTarget) {
    this.#target = target;
  }

  get<T>(path: string): Promise<T> {
    return this.#call('GET', path, {});
  }

  /** All pages of a list. */
  async list<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `?cursor=${encodeURIComponent(cursor)}`;
      const answer: { items: T[]; nextCursor: string | null } = await this.get(path + query);
      items.push(...answer.items);
      cursor = answer.nextCursor;
    }
    return items;
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    if (body === undefined) return this.#call('POST', path, {});
    return this.#call('POST', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#call('PUT', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  putFile<T>(path: string, file: string, lengthBytes: number): Promise<T> {
    return this.#call('PUT', path, {
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(lengthBytes) },
      body: Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>,
      duplex: 'half',
    });
  }

  /** @throws {CliError} CLI_UNREACHABLE, CLI_API with the problem's code, text and fix */
  async #call<T>(method: string, path: string, init: RequestInit & { duplex?: 'half' }): Promise<T> {
    const { server, token } = this.#target;
    let answer: Response;
    try {
      answer = await fetch(new URL(`/api/v1${path}`, server), {
        method,
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      });
    } catch (cause) {
      throw new CliError('CLI_UNREACHABLE', `no Sealift server answers at ${server}`, {
        cause,
        fix: 'Start one with "sealift serve", or name another with --server or SEALIFT_SERVER.',
      });
    }
    if (answer.ok) return (await answer.json()) as T;
    throw apiError(answer.status, (await answer.json().catch(() => ({}))) as ProblemBody);
  }
}

/** Token from the variable, or from the data folder of a server on this machine. @throws {CliError} CLI_FILE */
export function findToken(env: Readonly<Record<string, string | undefined>>, dataDir: string): string {
  const { SEALIFT_TOKEN: token } = env;
  if (token !== undefined) return token;
  const file = tokenFile(dataDir);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CliError('CLI_FILE', `there is no API token: ${file} cannot be read`, {
      cause,
      fix: 'Run this in the folder where the server was started, or set SEALIFT_DATA_DIR or SEALIFT_TOKEN.',
    });
  }
}

function apiError(status: number, problem: ProblemBody): CliError {
  const pointers = (problem.errors ?? []).map(({ pointer, message }) => `${pointer || '/'} ${message}`);
  const text =
    pointers.length > 0 ? pointers.join('; ') : (problem.detail ?? `the server answered with status ${status}`);
  const named = problem.code === undefined ? text : `${text} (${problem.code}, request ${problem.requestId})`;
  return new CliError('CLI_API', named, {
    detail: { status, code: problem.code },
    ...(problem.fix === undefined ? {} : { fix: problem.fix }),
  });
}
