/** The REST API for labs, which look at status codes and not at sentences. */

import { sha256Hex } from '../trust/payload.ts';

/** The server said no. */
export class LabRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(`${status} ${code}: ${detail}`);
    this.name = 'LabRefusal';
    this.status = status;
    this.code = code;
  }
}

export class LabApi {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  get<T>(path: string): Promise<T> {
    return this.#call<T>('GET', path);
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    return body === undefined
      ? this.#call<T>('POST', path)
      : this.#call<T>('POST', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#call<T>('PUT', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  async upload(content: Uint8Array): Promise<string> {
    const sha256 = sha256Hex(content);
    const headers = { 'content-type': 'application/octet-stream' };
    await this.#call('PUT', `/artifacts/${sha256}`, { headers, body: new Uint8Array(content) });
    return sha256;
  }

  /** @throws {LabRefusal} any status but 2xx */
  async #call<T>(method: string, path: string, init: RequestInit = {}): Promise<T> {
    const answer = await fetch(new URL(`/api/v1${path}`, this.#url), {
      ...init,
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...init.headers },
    });
    const body: unknown = await answer.json();
    if (answer.ok) return body as T;
    const { code = '', detail = '' } = body as { code?: string; detail?: string };
    throw new LabRefusal(answer.status, code, detail);
  }
}
