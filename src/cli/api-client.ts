/** The REST API as the CLI uses it. */
import { readFileSync } from 'node:fs';
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

  /** Sends bytes that go behind the `offset` that are there. */
  patchBytes<T>(path: string, offset: number, source: AsyncIterable<Uint8Array>, lengthBytes: number): Promise<T> {
    return this.#call('PATCH', path, {
      headers: {
        ...{ 'content-type': 'application/offset+octet-stream', 'content-length': String(lengthBytes) },
        'upload-offset': String(offset),
      },
      body: Readable.toWeb(Readable.from(source, { objectMode: false })) as ReadableStream<Uint8Array>,
      duplex: 'half',
    });
  }

  /** @throws {CliError} CLI_UNREACHABLE, CLI_API with the problem's code, text and fix */
  async #call<T>(method: string, path: string, init: RequestInit & { duplex?: 'half' }): Promise<T> {
    const { server, token } = this.#target;
    let answer: Response;
    let body: unknown;
    try {
      answer = await fetch(new URL(`/api/v1${path}`, server), {
        method,
        ...init,
        headers: { authorization: `Bearer ${token}`, ...init.headers },
      });
      const text = await answer.text();
      body = answer.ok ? JSON.parse(text) : problemIn(text);
    } catch (cause) {
      if (cause instanceof SyntaxError) throw cause;
      throw new CliError('CLI_UNREACHABLE', `no Sealift server answers at ${server}`, {
        cause,
        fix: 'Start one with "sealift serve", or name another with --server or SEALIFT_SERVER.',
      });
    }
    if (answer.ok) return body as T;
    throw apiError(answer, body as ProblemBody);
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

/** A proxy in between answers in words of its own. */
function problemIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function apiError({ status, headers }: Response, problem: ProblemBody): CliError {
  const [retryAfter = ''] = /^[0-9]{1,6}$/.exec(headers.get('retry-after') ?? '') ?? [];
  const pointers = (problem.errors ?? []).map(({ pointer, message }) => `${pointer || '/'} ${message}`);
  const text =
    pointers.length > 0 ? pointers.join('; ') : (problem.detail ?? `the server answered with status ${status}`);
  const named = problem.code === undefined ? text : `${text} (${problem.code}, request ${problem.requestId})`;
  return new CliError('CLI_API', named, {
    detail: { status, code: problem.code, ...(retryAfter === '' ? {} : { retryAfterSeconds: Number(retryAfter) }) },
    ...(problem.fix === undefined ? {} : { fix: problem.fix }),
  });
}
