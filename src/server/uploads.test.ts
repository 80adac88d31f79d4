/** Artifacts in parts over the REST API, through breaks and kills; and the scrub of a running server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recordingLog, temporaryDir } from '../../test/support/ports.ts';
import { testWorld } from '../../test/support/world.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import type { LogEntry } from '../core/ports.ts';
import { MAX_OPEN_UPLOADS } from '../fleet/limits.ts';
import { sha256Hex } from '../trust/payload.ts';
import { loadConfig } from './config.ts';
import { startServer } from './serve.ts';

const MAIN = join(import.meta.dirname, '../cli/main.ts');
const OFFSET_STREAM = 'application/offset+octet-stream';
const content = Buffer.from('artifact '.repeat(5_000));
const sha256 = sha256Hex(content);

interface Served {
  readonly managementUrl: string;
  readonly dataDir: string;
}

function callerOf({ managementUrl, dataDir }: Served) {
  const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
  return async (method: string, path: string, init: RequestInit & { duplex?: 'half' } = {}) => {
    const answer = await fetch(new URL(`/api/v1/artifacts${path}`, managementUrl), {
      ...init,
      method,
      headers: { authorization: `Bearer ${token}`, ...init.headers },
    });
    const text = await answer.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: answer.status, headers: answer.headers, body };
  };
}
type Caller = ReturnType<typeof callerOf>;

function open(call: Caller, bytes: Uint8Array = content) {
  const body = JSON.stringify({ sha256: sha256Hex(bytes), lengthBytes: bytes.length });
  return call('POST', '/uploads', { headers: { 'content-type': 'application/json' }, body });
}

function patch(call: Caller, id: unknown, offset: number, bytes: Uint8Array) {
  const headers = { 'content-type': OFFSET_STREAM, 'upload-offset': String(offset) };
  return call('PATCH', `/uploads/${String(id)}`, { headers, body: new Uint8Array(bytes) });
}

describe('DESIGN-6 uploads in parts', () => {
  it('DESIGN-6 are opened, gone on with, looked at, and end as an artifact', async () => {
    const call = callerOf((await testWorld()).server);
    const { status, headers, body } = await open(call);
    expect([status, headers.get('location'), body.offset]).toEqual([
      201,
      `/api/v1/artifacts/uploads/${String(body.id)}`,
      0,
    ]);
    expect((await patch(call, body.id, 0, content.subarray(0, 20_000))).body).toMatchObject({ offset: 20_000 });
    const head = await call('HEAD', `/uploads/${String(body.id)}`);
    expect(['upload-offset', 'upload-length', 'cache-control'].map((name) => head.headers.get(name))).toEqual([
      '20000',
      String(content.length),
      'no-store',
    ]);
    expect((await call('GET', `/uploads/${String(body.id)}`)).body).toMatchObject({ sha256, offset: 20_000 });
    expect((await open(call)).body).toMatchObject({ id: body.id, offset: 20_000 });
    expect((await call('GET', `/${sha256}`)).status).toBe(404);
    const last = await patch(call, body.id, 20_000, content.subarray(20_000));
    expect([last.status, last.headers.get('upload-offset')]).toEqual([200, String(content.length)]);
    expect((await call('GET', `/${sha256}`)).body).toEqual({ sha256, lengthBytes: content.length });
    expect((await call('GET', `/uploads/${String(body.id)}`)).body.code).toBe('UPLOAD_UNKNOWN');
  });

  it('DESIGN-6 say what is wrong, and what to do', async () => {
    const call = callerOf((await testWorld()).server);
    const { id } = (await open(call)).body;
    const stranger = '01KABCDEFGHJKMNPQRSTVWXYZ0';
    const json = { 'content-type': 'application/json', 'upload-offset': '0' };
    const raw = { 'content-type': OFFSET_STREAM };
    const cases: readonly (readonly [number, string, Awaited<ReturnType<Caller>>])[] = [
      [409, 'UPLOAD_OFFSET', await patch(call, id, 5, content)],
      [422, 'BLOB_LENGTH', await patch(call, id, 0, Buffer.concat([content, content]))],
      [404, 'UPLOAD_UNKNOWN', await patch(call, stranger, 0, content)],
      [404, 'UPLOAD_UNKNOWN', await call('DELETE', `/uploads/${stranger}`)],
      [400, 'API_INVALID', await call('GET', '/uploads/..%2f..%2fetc')],
      [400, 'API_INVALID', await call('PATCH', `/uploads/${String(id)}`, { headers: raw, body: 'x' })],
      [415, 'API_MEDIA_TYPE', await call('PATCH', `/uploads/${String(id)}`, { headers: json, body: '{}' })],
      [415, 'API_MEDIA_TYPE', await call('PUT', `/${sha256}`, { headers: raw, body: 'x' })],
      [415, 'API_MEDIA_TYPE', await call('PUT', `/${sha256}`, { headers: json, body: '{}' })],
      [422, 'BLOB_DIGEST', await patch(call, id, 0, Buffer.alloc(content.length))],
    ];
    for (const [status, code, answer] of cases) {
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.body.fix ?? answer.body.errors).toBeDefined();
    }
    // What did not hash to its name is gone.
    expect((await call('GET', `/uploads/${String(id)}`)).status).toBe(404);
  });

  it('REL-19 are refused beyond their number with a time to come again, and can be ended', async () => {
    const call = callerOf((await testWorld()).server);
    const ids = [];
    for (let index = 0; index < MAX_OPEN_UPLOADS; index += 1)
      ids.push((await open(call, Buffer.alloc(index + 1))).body.id);
    const refused = await open(call);
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'BLOB_BUSY', '30']);
    expect((await call('DELETE', `/uploads/${String(ids[0])}`)).status).toBe(204);
    expect((await open(call)).status).toBe(201);
  });
});

/** A server in a process of its own, to be killed. */
async function serve(dir: string): Promise<Served & { readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--json'], {
    cwd: dir,
    env: {
      ...{ PATH: process.env.PATH ?? '', SEALIFT_MANAGEMENT_PORT: '0' },
      ...{ SEALIFT_CUPS_ENABLED: 'false', SEALIFT_HTTP_ENABLED: 'false' },
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.endsWith('}\n')) break;
  }
  return { child, ...(JSON.parse(text) as Served) };
}

describe('REL-1 an upload and a killed server', () => {
  it('REL-1 goes on after SIGKILL from what was acknowledged, or further on, and ends as the artifact', async () => {
    const dir = temporaryDir();
    const image = Buffer.alloc(3_000_000);
    for (let at = 0; at < image.length; at += 4) image.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
    let acknowledged = 0;
    let killed = 0;
    for (;;) {
      const { child, ...server } = await serve(dir);
      const call = callerOf(server);
      const { id, offset } = (await open(call, image)).body;
      expect(offset).toBeGreaterThanOrEqual(acknowledged);
      acknowledged = Number(offset);
      if (killed === 3) {
        expect((await patch(call, id, acknowledged, image.subarray(acknowledged))).status).toBe(200);
        expect((await call('GET', `/${sha256Hex(image)}`)).body.lengthBytes).toBe(image.length);
        child.kill('SIGKILL');
        break;
      }
      // One part is acknowledged; of the next one some has been sent when the server dies.
      const next = acknowledged + 500_000;
      acknowledged = Number((await patch(call, id, acknowledged, image.subarray(acknowledged, next))).body.offset);
      async function* half() {
        yield image.subarray(next, next + 100_000);
        child.kill('SIGKILL');
        await once(child, 'close');
        yield image.subarray(next + 100_000);
      }
      const headers = { 'content-type': OFFSET_STREAM, 'upload-offset': String(next) };
      const body = Readable.toWeb(Readable.from(half())) as ReadableStream<Uint8Array>;
      await expect(call('PATCH', `/uploads/${String(id)}`, { headers, body, duplex: 'half' })).rejects.toThrow();
      killed += 1;
    }
    expect(acknowledged).toBeGreaterThanOrEqual(1_500_000);
  });
});

describe('REL-5 the scrub of a server', () => {
  async function rotten(env: Record<string, string>) {
    const dataDir = temporaryDir();
    mkdirSync(join(dataDir, 'blobs', sha256.slice(0, 2)), { recursive: true });
    writeFileSync(join(dataDir, 'blobs', sha256.slice(0, 2), sha256), 'rotten');
    const log = recordingLog();
    const told = Promise.withResolvers<LogEntry>();
    const error = (entry: LogEntry) => {
      log.error(entry);
      told.resolve(entry);
    };
    const ports = { random: systemRandom, log: { ...log, error }, version: 'test' };
    // All that is stored was checked a year ago.
    const clock = { ...systemClock, nowMs: () => Date.now() + 365 * 24 * 3_600_000 };
    const { config } = loadConfig({
      ...{ SEALIFT_DATA_DIR: dataDir, SEALIFT_MANAGEMENT_PORT: '0', SEALIFT_CUPS_ENABLED: 'false' },
      ...{ SEALIFT_HTTP_ENABLED: 'false', ...env },
    });
    const server = await startServer(config, { ...ports, clock });
    onTestFinished(() => server.close());
    return { server, log, told: told.promise };
  }

  it('REL-5 finds a bad artifact, tells of it in log and metric, and serves it no more', async () => {
    const { server, told } = await rotten({});
    expect(await told).toMatchObject({
      ...{ code: 'BLOB_BAD', sha256, reason: 'changed', isAside: true, found: sha256Hex(Buffer.from('rotten')) },
    });
    expect(await (await fetch(new URL('/metrics', server.managementUrl))).text()).toContain(
      'sealift_bad_blobs_total{reason="changed"} 1',
    );
    const call = callerOf(server);
    expect((await call('GET', `/${sha256}`)).status).toBe(404);
    await call('PUT', `/${sha256}`, { headers: { 'content-type': 'application/octet-stream' }, body: content });
    expect((await call('GET', `/${sha256}`)).status).toBe(200);
  });

  it('REL-5 is switched off by 0 days', async () => {
    const { server, log } = await rotten({ SEALIFT_BLOBS_SCRUB_DAYS: '0' });
    await server.close();
    expect(log.entries.filter(({ code }) => code === 'BLOB_BAD')).toEqual([]);
  });
});
