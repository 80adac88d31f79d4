/** The device HTTP listener, over real sockets. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testWorld } from '../../test/support/world.ts';
import { firmwareImage, type World } from '../lab/world.ts';
import { sha256Hex } from '../trust/payload.ts';

const image = firmwareImage('1.1.0');
const sha256 = sha256Hex(image);
const cleanups: (() => void | Promise<void>)[] = [];
let world: World;

beforeAll(async () => {
  world = await testWorld((cleanup) => cleanups.unshift(cleanup));
  await world.release('1.1.0', image);
});
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** Not `fetch`, which tidies up paths before it sends them. */
function get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const { hostname, port } = new URL(world.server.httpUrl ?? '');
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
    const outgoing = request({ hostname, port, path, headers, method, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('REL-8 the repository as TUF clients read it', () => {
  it.each(['1.root.json', '2.targets.json', '2.snapshot.json'])(
    'REL-8 %s never changes under its name',
    async (name) => {
      const answer = await get(`/repo/${name}`);
      expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
      expect(answer.headers['cache-control']).toContain('immutable');
      expect(JSON.parse(answer.body.toString())).toMatchObject({ signed: { version: Number(name.charAt(0)) } });
    },
  );

  it.each([
    ['timestamp.json', 2],
    ['root.json', 1],
    ['targets.json', 2],
    ['snapshot.json', 2],
  ])('REL-8 %s is the newest, and asked for anew each time', async (name, version) => {
    const answer = await get(`/repo/${name}`);
    expect(answer.headers['cache-control']).toBe('no-cache');
    expect(JSON.parse(answer.body.toString())).toMatchObject({ signed: { version } });
  });

  it.each([
    '/repo/3.root.json',
    '/repo/0.root.json',
    '/repo/01.root.json',
    '/repo/1.timestamp.json',
    '/repo/999999999999999999999.root.json',
    '/repo/nobody.json',
    '/repo/__proto__.json',
    '/repo/%2e%2e%2fsealift.json',
    '/repo/..%2f..%2fvault.json',
    '/repo/../vault.json',
    '/repo/%00.json',
    '/repo/%ff.json',
    '/repo/%',
    '/%ff',
    '/repo/',
    '/repo/targets/../../vault.json',
    `/repo/targets/${sha256}`,
    '/artifacts/vault.json',
    '/artifacts/..%2fvault.json',
    `/artifacts/${'0'.repeat(64)}`,
    `/proofs/${sha256.toUpperCase()}`,
    '/nowhere',
  ])('SEC-11 there is no %s', async (path) => {
    const { status, headers, body } = await get(path);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body.toString()).toMatch(
      status === 404 ? /^(?:not found|no release proof for this digest)\n$/ : /^bad request\n$/,
    );
    expect([400, 404]).toContain(status);
  });
});

describe('REL-16 images', () => {
  const tag = `"${sha256}"`;

  it.each([`/artifacts/${sha256}`, `/repo/targets/firmware/1.1.0/${sha256}.demo-gateway`])(
    'REL-16 %s gives the whole, its digest, and any part of it',
    async (path) => {
      const whole = await get(path);
      expect(whole).toMatchObject({ status: 200, headers: { etag: tag, 'accept-ranges': 'bytes' } });
      expect(whole.headers['repr-digest']).toBe(`sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`);
      expect(sha256Hex(whole.body)).toBe(sha256);
      const part = await get(path, { range: 'bytes=2-5' });
      expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes 2-5/${image.length}` } });
      expect(part.body).toEqual(Buffer.from(image).subarray(2, 6));
      expect((await get(path, {}, 'HEAD')).headers['content-length']).toBe(String(image.length));
    },
  );

  it('REL-16 a part of another image is not a part of this one', async () => {
    const stale = await get(`/artifacts/${sha256}`, { range: 'bytes=2-5', 'if-range': '"other"' });
    expect(stale).toMatchObject({ status: 200 });
    expect((await get(`/artifacts/${sha256}`, { range: 'bytes=2-5', 'if-range': tag })).status).toBe(206);
    expect(await get(`/artifacts/${sha256}`, { range: `bytes=${image.length}-` })).toMatchObject({
      status: 416,
      headers: { 'content-range': `bytes */${image.length}` },
    });
    expect((await get(`/artifacts/${sha256}`, { 'if-none-match': tag })).status).toBe(304);
  });

  it('SEC-22 the proof of an image is at its digest, and of nothing else', async () => {
    const proof = await get(`/proofs/${sha256}`);
    expect(proof.status).toBe(200);
    expect(JSON.parse(proof.body.toString())).toMatchObject({ paths: ['firmware/1.1.0/demo-gateway'] });
    const { etag } = proof.headers;
    expect((await get(`/proofs/${sha256}`, { 'if-none-match': String(etag) })).status).toBe(304);
    expect((await get(`/proofs/${'0'.repeat(64)}`)).status).toBe(404);
  });

  it('SEC-22 the proof of an image can be had for one hardware', async () => {
    const proof = await get(`/proofs/${sha256}?hardware=demo-gateway`);
    expect(proof.body).toEqual((await get(`/proofs/${sha256}`)).body);
    expect((await get(`/proofs/${sha256}?hardware=other`)).status).toBe(404);
    expect((await get(`/proofs/${sha256}?hardware=`)).status).toBe(400);
  });
});
