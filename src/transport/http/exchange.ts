/** One HTTP(S) request on a connection of its own, the answer as a stream: what small devices do. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { concat } from '../../core/bytes.ts';
import { HttpError } from './errors.ts';

export interface TlsIdentity {
  /** PEM or DER; one or more CA certificates. */
  readonly trust: string | Uint8Array;
  readonly crt?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  /** http(s)://host:port */
  readonly uri: string;
  readonly path: string;
  /** Name and value, in the order they are sent; Host is not added. */
  readonly headers: readonly (readonly [string, string])[];
  /** Default: none. */
  readonly body?: Uint8Array;
}

export interface HttpAnswer {
  readonly status: number;
  /** `undefined` when the header is missing or not a plain number. */
  readonly contentLength: number | undefined;
  /** @throws {HttpError} HTTP_CONNECTION, HTTP_IDLE while it is read */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection, whatever is left of the body. */
  close(): void;
}

/** @throws {HttpError} HTTP_CONNECTION, HTTP_IDLE */
export type Exchange = (request: HttpRequest, signal?: AbortSignal) => Promise<HttpAnswer>;

export interface ExchangeOptions {
  readonly tls?: TlsIdentity;
  /** Milliseconds without a byte that end the connection, before or within the body. */
  readonly idleTimeoutMs: number;
}

/** Verifies the server against `tls.trust` and its name; redirects are not followed. */
export function createExchange(options: ExchangeOptions): Exchange {
  return async (request, signal) => {
    try {
      return await send(request, options, signal);
    } catch (cause) {
      throw typed(cause);
    }
  };
}

/** All of a body. @throws {HttpError} HTTP_BODY_TOO_LARGE at the first byte that is too many; what `body` throws */
export async function readAll(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of body) {
    received += chunk.length;
    if (received > maxBytes) {
      throw new HttpError('HTTP_BODY_TOO_LARGE', `more than the ${maxBytes} bytes an answer may have here`, {
        detail: { maxBytes },
      });
    }
    chunks.push(chunk);
  }
  return concat(...chunks);
}

function send(request: HttpRequest, { tls, idleTimeoutMs }: ExchangeOptions, signal?: AbortSignal) {
  return new Promise<HttpAnswer>((resolve, reject) => {
    const url = new URL(request.path, request.uri);
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    let idle: HttpError | undefined;
    const outgoing: ClientRequest = start(
      url,
      {
        method: request.method,
        agent: false,
        headers: request.headers.flat(),
        timeout: idleTimeoutMs,
        ...(signal ? { signal } : {}),
        ...tlsOptions(tls),
      },
      (answer) => {
        resolve({
          status: answer.statusCode ?? 0,
          contentLength: contentLength(answer),
          body: bodyOf(answer, () => idle),
          close: () => outgoing.destroy(),
        });
      },
    );
    outgoing.on('timeout', () => {
      idle = new HttpError('HTTP_IDLE', `no byte for ${idleTimeoutMs} ms`, { detail: { idleTimeoutMs } });
      outgoing.destroy(idle);
    });
    outgoing.on('error', reject);
    outgoing.end(request.body);
  });
}

/** @param idle why the connection was ended, when it was us: the stream itself only says "aborted" */
async function* bodyOf(
  answer: AsyncIterable<Uint8Array>,
  idle: () => HttpError | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* answer;
  } catch (cause) {
    throw idle() ?? typed(cause);
  }
}

function typed(cause: unknown): HttpError {
  if (cause instanceof HttpError) return cause;
  return new HttpError('HTTP_CONNECTION', `the connection failed: ${String(cause)}`, { cause });
}

function tlsOptions(tls: TlsIdentity | undefined): object {
  if (!tls) return {};
  const { trust: ca, crt: cert, key } = tls;
  return { minVersion: 'TLSv1.2', ca, ...(cert && key ? { cert, key } : {}) };
}

function contentLength(answer: IncomingMessage): number | undefined {
  const text = answer.headers['content-length'];
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}
