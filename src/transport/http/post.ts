/** One HTTP(S) POST on a connection of its own, the answer as a stream: what small devices do. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface TlsIdentity {
  /** PEM or DER; one or more CA certificates. */
  readonly trust: string | Uint8Array;
  readonly crt?: string | Uint8Array;
  readonly key?: string | Uint8Array;
}

export interface PostRequest {
  /** http(s)://host:port */
  readonly uri: string;
  readonly path: string;
  /** Name and value, in the order they are sent. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

export interface PostAnswer {
  readonly status: number;
  /** `undefined` when the header is missing or not a plain number. */
  readonly contentLength: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export type Post = (request: PostRequest, signal?: AbortSignal) => Promise<PostAnswer>;

/**
 * Verifies the server against `tls.trust` and its name; redirects are not followed. `idleTimeoutMs` without a byte ends the
 * connection with an error, before or within the body.
 */
export function createPost(options: { readonly tls?: TlsIdentity; readonly idleTimeoutMs: number }): Post {
  return (request, signal) =>
    new Promise((resolve, reject) => {
      const url = new URL(request.path, request.uri);
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const outgoing = send(
        url,
        {
          method: 'POST',
          agent: false,
          headers: request.headers.flat(),
          timeout: options.idleTimeoutMs,
          ...(signal ? { signal } : {}),
          ...tlsOptions(options.tls),
        },
        (answer) => {
          resolve({ status: answer.statusCode ?? 0, contentLength: contentLength(answer), body: answer });
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no byte for ${options.idleTimeoutMs} ms`)));
      outgoing.on('error', reject);
      outgoing.end(request.body);
    });
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
