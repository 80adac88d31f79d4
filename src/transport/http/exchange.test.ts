import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createExchange, readAll } from './exchange.ts';

/** Milliseconds: longer than a test may take, so that it is never this that ends a connection. */
const PATIENT_MS = 300_000;
/** Milliseconds after which a server that stopped is given up. */
const HASTY_MS = 20;

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answering(listener: RequestListener): Promise<string> {
  return listening(createServer(listener));
}

function get(uri: string, idleTimeoutMs = PATIENT_MS, signal?: AbortSignal) {
  return createExchange({ idleTimeoutMs })({ method: 'GET', uri, path: '/x', headers: [['Host', 'h']] }, signal);
}

/** Sends four bytes of eight. */
function half(reply: ServerResponse): void {
  reply.writeHead(200, { 'content-length': 8 }).write('half');
}

describe('CUPS-3.1 one request', () => {
  const post = {
    method: 'POST',
    headers: [
      ['B', '1'],
      ['A', '2'],
      ['Content-Length', '2'],
    ],
    body: Buffer.from('{}'),
  } as const;
  const bare = { method: 'GET', headers: [['Host', 'h']] } as const;

  it.each([
    [post, 'POST /x HTTP/1.1\r\nB: 1\r\nA: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'],
    [bare, 'GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'],
  ])('CUPS-3.1 has the headers that were given, in their order: %j', async (request, expected) => {
    let text = '';
    const server = createTcpServer((socket) => {
      socket.on('data', (chunk) => {
        text += chunk.toString();
        if (text.length >= expected.length) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const uri = await listening(server);
    const answer = await createExchange({ idleTimeoutMs: PATIENT_MS })({ ...request, uri, path: '/x' });
    expect(answer).toMatchObject({ status: 200, contentLength: 2 });
    expect(Buffer.from(await readAll(answer.body, 2)).toString()).toBe('ok');
    expect(text).toBe(expected);
  });

  it('CUPS-14 takes a redirect for an answer', async () => {
    const uri = await answering((_request, reply) => void reply.writeHead(302, { location: '/y' }).end());
    expect(await get(uri)).toMatchObject({ status: 302 });
  });

  it('REL-19 is over when its caller says so, whatever is left of the body', async () => {
    const ended = Promise.withResolvers<void>();
    const uri = await answering((_request, reply) => {
      reply.on('close', () => ended.resolve());
      half(reply);
    });
    (await get(uri)).close();
    await ended.promise;
  });
});

describe('REL-25 servers that do not answer', () => {
  it.each<[string, () => Promise<string>, string]>([
    ['is not there', async () => 'http://127.0.0.1:1', 'HTTP_CONNECTION'],
    ['has no address', async () => 'nowhere', 'HTTP_CONNECTION'],
    ['says nothing', () => answering(() => undefined), 'HTTP_IDLE'],
    ['hangs up', () => answering((request) => void request.socket.destroy()), 'HTTP_CONNECTION'],
  ])('REL-25 one that %s is an error with a code', async (_what, serve, code) => {
    await expect(get(await serve(), HASTY_MS)).rejects.toMatchObject({ name: 'HttpError', code });
  });

  it('REL-25 one that stops half-way is given up', async () => {
    const { body } = await get(await answering((_request, reply) => half(reply)), HASTY_MS);
    await expect(readAll(body, 8)).rejects.toMatchObject({ name: 'HttpError', code: 'HTTP_IDLE' });
  });

  it('REL-25 one that breaks off is not taken for one that is done', async () => {
    const uri = await answering((_request, reply) => {
      half(reply);
      reply.socket?.end();
    });
    const { body } = await get(uri);
    await expect(readAll(body, 8)).rejects.toMatchObject({ name: 'HttpError', code: 'HTTP_CONNECTION' });
  });

  it('REL-25 is not waited for when the caller gives up', async () => {
    const stop = new AbortController();
    const uri = await answering(() => stop.abort());
    await expect(get(uri, PATIENT_MS, stop.signal)).rejects.toMatchObject({ code: 'HTTP_CONNECTION' });
  });
});

describe('REL-19 a body that is read as a whole', () => {
  it('REL-19 may have as many bytes as its caller allows, and not one more', async () => {
    const uri = await answering((_request, reply) => void reply.end('12345678'));
    expect(await readAll((await get(uri)).body, 8)).toHaveLength(8);
    await expect(readAll((await get(uri)).body, 7)).rejects.toMatchObject({ code: 'HTTP_BODY_TOO_LARGE' });
  });

  it('REL-19 ends the connection of a server that never ends', async () => {
    const ended = Promise.withResolvers<void>();
    const uri = await answering((_request, reply) => {
      reply.on('close', () => ended.resolve());
      const more = (): void => {
        if (!reply.destroyed) reply.write('x'.repeat(1_000), more);
      };
      more();
    });
    await expect(readAll((await get(uri)).body, 100_000)).rejects.toMatchObject({ code: 'HTTP_BODY_TOO_LARGE' });
    await ended.promise;
  });
});
