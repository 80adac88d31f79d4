import { once } from 'node:events';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SkippingClock, seededRandom, temporaryDir } from '../../test/support/ports.ts';
import { testWorld } from '../../test/support/world.ts';
import { sha256Hex } from '../trust/payload.ts';
import { ApiClient } from './api-client.ts';
import { MAX_UPLOAD_BACKOFF_MS, MAX_UPLOAD_FAILURES, UPLOAD_PIECE_BYTES } from './limits.ts';
import { drawProgress } from './output.ts';
import { uploadFile } from './upload.ts';

/** A file of `length` bytes that repeat nowhere. */
function fileOf(length: number) {
  const content = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) content.writeUInt32LE(Math.imul(at + 1, 2_654_435_761) >>> 0, at);
  const file = join(temporaryDir(), 'image');
  writeFileSync(file, content);
  return { file, content, sha256: sha256Hex(content), lengthBytes: length };
}

function portsOf(clock = new SkippingClock()) {
  const waits: number[] = [];
  const sent: number[] = [];
  return {
    ...{ clock, waits, sent, random: seededRandom('upload') },
    onRetry: (_reason: string, waitMs: number) => void waits.push(waitMs),
    onSent: (bytes: number) => void sent.push(bytes),
  };
}

/** A proxy that cuts a connection once so many bytes have gone up it: one number for each connection. */
async function cuttingProxy(target: string, cuts: readonly number[]) {
  const moved = { bytes: 0 };
  const left = [...cuts];
  const proxy = createTcpServer((socket) => {
    const upstream = connect(Number(new URL(target).port), '127.0.0.1');
    let room = left.shift() ?? Number.POSITIVE_INFINITY;
    socket.on('data', (chunk: Buffer) => {
      const taken = chunk.subarray(0, Math.min(chunk.length, room));
      room -= taken.length;
      moved.bytes += taken.length;
      upstream.write(taken);
      if (room > 0) return;
      socket.destroy();
      upstream.end(() => upstream.destroy());
    });
    upstream.on('data', (chunk: Buffer) => socket.write(chunk));
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.end());
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, moved };
}

describe('REL-16 sealift artifact upload', () => {
  it('REL-16 goes on by itself after each cut, and sends little twice', async () => {
    const { server } = await testWorld();
    const token = readFileSync(join(server.dataDir, 'admin.token'), 'utf8').trim();
    const file = fileOf(UPLOAD_PIECE_BYTES + 2_000_000);
    const proxy = await cuttingProxy(server.managementUrl, [3_000_000, 700_000, 5_000_000, 50_000]);
    const ports = portsOf();
    await uploadFile(new ApiClient({ server: proxy.url, token }), file, ports);
    const direct = new ApiClient({ server: server.managementUrl, token });
    expect(await direct.get(`/artifacts/${file.sha256}`)).toMatchObject({ lengthBytes: file.lengthBytes });
    expect(ports.waits).toHaveLength(4);
    expect(ports.sent.at(-1)).toBe(file.lengthBytes);
    // What was under way at a cut, and the heads of requests: how much that is depends on the load of the machine.
    expect(proxy.moved.bytes).toBeLessThan(1.25 * file.lengthBytes);
  });

  it('REL-16 goes on where another run broke off', async () => {
    const { server } = await testWorld();
    const api = new ApiClient({
      server: server.managementUrl,
      token: readFileSync(join(server.dataDir, 'admin.token'), 'utf8').trim(),
    });
    const file = fileOf(1_000_000);
    const { sha256, lengthBytes, content } = file;
    const { id } = await api.post<{ id: string }>('/artifacts/uploads', { sha256, lengthBytes });
    async function* first() {
      yield content.subarray(0, 600_000);
    }
    await api.patchBytes(`/artifacts/uploads/${id}`, 0, first(), 600_000);
    const ports = portsOf();
    await uploadFile(api, file, ports);
    expect(Math.min(...ports.sent)).toBeGreaterThan(600_000);
  });

  it('REL-20 waits longer each time, obeys Retry-After, and gives up after a number of failures', async () => {
    const { url } = await scripted((_request, response, calls) => {
      if (calls === 1) response.end(JSON.stringify({ id: 'x', offset: 0 }));
      else response.writeHead(503, calls === 3 ? { 'retry-after': '40' } : {}).end('busy');
    });
    const ports = portsOf();
    await expect(uploadFile(new ApiClient({ server: url, token: 't' }), fileOf(10), ports)).rejects.toMatchObject({
      code: 'CLI_API',
      detail: { status: 503 },
    });
    expect(ports.waits).toHaveLength(MAX_UPLOAD_FAILURES);
    expect(ports.waits[1]).toBe(40_000);
    expect(Math.max(...ports.waits)).toBeLessThanOrEqual(MAX_UPLOAD_BACKOFF_MS);
    expect(ports.clock.elapsedMs()).toBe(ports.waits.reduce((sum, wait) => sum + wait));
  });

  it('REL-16 takes a lost last answer for what it is: the artifact is there', async () => {
    const calls: string[] = [];
    const { url } = await scripted((request, response) => {
      calls.push(`${request.method} ${request.url}`);
      if (request.method === 'POST') response.end(JSON.stringify({ id: 'x', offset: 0 }));
      else if (request.method === 'PATCH') request.socket.destroy();
      else response.end('{}');
    });
    const file = fileOf(10);
    await uploadFile(new ApiClient({ server: url, token: 't' }), file, portsOf());
    expect(calls).toEqual([
      'POST /api/v1/artifacts/uploads',
      'PATCH /api/v1/artifacts/uploads/x',
      `GET /api/v1/artifacts/${file.sha256}`,
    ]);
  });

  it('DESIGN-6 says at once where nobody answers, what is refused for good, and that the file changed', async () => {
    const at = async (status: number, code: string) =>
      new ApiClient({
        ...{ token: 't' },
        server: (
          await scripted((request, response) => {
            if (request.method === 'POST') response.end(JSON.stringify({ id: 'x', offset: 0 }));
            else response.writeHead(status).end(JSON.stringify({ code }));
          })
        ).url,
      });
    const ports = portsOf();
    const nobody = new ApiClient({ server: 'http://127.0.0.1:9', token: 't' });
    await expect(uploadFile(nobody, fileOf(10), ports)).rejects.toMatchObject({ code: 'CLI_UNREACHABLE' });
    for (const [status, code] of [
      [503, 'BLOB_WRITE'],
      [422, 'BLOB_DIGEST'],
      [401, 'API_UNAUTHENTICATED'],
    ] as const) {
      await expect(uploadFile(await at(status, code), fileOf(10), ports)).rejects.toMatchObject({ detail: { code } });
    }
    const shrunk = fileOf(10);
    truncateSync(shrunk.file, 5);
    await expect(uploadFile(await at(409, 'UPLOAD_CUT'), shrunk, ports)).rejects.toMatchObject({ code: 'CLI_FILE' });
    expect(ports.waits).toEqual([]);
  });

  it('DESIGN-6 progress is drawn where a person looks, and nowhere else', () => {
    const written: string[] = [];
    const write = (text: string) => written.push(text);
    drawProgress({ write }, 'half');
    expect(written).toEqual([]);
    drawProgress({ isTTY: true, write }, 'half');
    drawProgress({ isTTY: true, write }, undefined);
    expect(written).toEqual(['\r\u001b[Khalf', '\r\u001b[K']);
  });
});

/** A server that answers as it is told; `calls` counts from 1. */
async function scripted(answer: (request: IncomingMessage, response: ServerResponse, calls: number) => void) {
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    const mine = calls;
    request.resume();
    request.once('end', () => answer(request, response, mine));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
