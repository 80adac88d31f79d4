import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordingLog, temporaryDir } from '../../test/support/ports.ts';
import { testWorld } from '../../test/support/world.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import { firmwareImage, type World } from '../lab/world.ts';
import { generateSigner } from '../trust/keys.ts';
import { OPERATIONS } from './api/routes.ts';
import { loadConfig } from './config.ts';
import { startServer } from './serve.ts';

const ULID = '01KABCDEFGHJKMNPQRSTVWXYZ0';
const image = firmwareImage('1.1.0');

async function call(world: World, path: string, init: RequestInit & { token?: string } = {}) {
  const token = init.token ?? readFileSync(join(world.server.dataDir, 'admin.token'), 'utf8').trim();
  const answer = await fetch(new URL(path, world.server.managementUrl), {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  });
  const text = await answer.text();
  return {
    status: answer.status,
    type: answer.headers.get('content-type') ?? '',
    text,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}

const post = (world: World, path: string, body: unknown) =>
  call(world, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

const device = { protocol: 'cups', identity: '::a1', hardware: 'hw' };

describe('SEC-16 the API token', () => {
  it('SEC-16 is made once, 0600, and every operation wants it', async () => {
    const world = await testWorld();
    const file = join(world.server.dataDir, 'admin.token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toMatch(/^sealift_[\w-]{43}\n$/);
    for (const { method, url } of OPERATIONS) {
      const path = `/api/v1${url.replaceAll(/:(id|sha256)(\([^)]*\))?/g, ULID).replace('::', ':')}`;
      for (const token of ['', 'wrong', 'sealift_'.padEnd(51, 'x')]) {
        const { status, json } = await call(world, path, { method, token });
        expect([method, path, status, json().code]).toEqual([method, path, 401, 'API_UNAUTHENTICATED']);
      }
    }
  });

  it('SEC-17 every operation names its permission, once', () => {
    expect(new Set(OPERATIONS.map(({ id }) => id)).size).toBe(OPERATIONS.length);
    expect(OPERATIONS.filter(({ method, permission }) => (method === 'GET') !== permission.endsWith('.read'))).toEqual(
      [],
    );
  });
});

describe('DESIGN-6 bad input gets a problem that says what to do', () => {
  let world: World;
  const cleanups: (() => void | Promise<void>)[] = [];
  beforeAll(async () => {
    world = await testWorld((cleanup) => cleanups.unshift(cleanup));
  });
  afterAll(async () => {
    for (const cleanup of cleanups) await cleanup();
  });

  it.each([
    ['/api/v1/nowhere', undefined, 404, 'API_NOT_FOUND'],
    ['/nowhere', undefined, 404, 'API_NOT_FOUND'],
    [`/api/v1/devices/${ULID}`, undefined, 404, 'API_NOT_FOUND'],
    ['/api/v1/devices/../../etc/passwd', undefined, 404, 'API_NOT_FOUND'],
    ['/api/v1/devices/1', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices/%ff', undefined, 400, 'API_INVALID'],
    [`/api/v1/devices/${ULID}/decision`, undefined, 404, 'DEVICE_UNKNOWN'],
    [`/api/v1/releases/${ULID}`, undefined, 404, 'API_NOT_FOUND'],
    [`/api/v1/rollouts/${ULID}`, undefined, 404, 'API_NOT_FOUND'],
    [`/api/v1/rollouts/${ULID}:halt`, {}, 404, 'ROLLOUT_UNKNOWN'],
    [`/api/v1/artifacts/${'a'.repeat(64)}`, undefined, 404, 'API_NOT_FOUND'],
    ['/api/v1/artifacts/abc', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices?limit=0', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices?limit=1001', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices?limit=x', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices?cursor=x', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices?page=2', undefined, 400, 'API_INVALID'],
    ['/api/v1/devices', '{', 400, 'API_INVALID'],
    ['/api/v1/devices', '', 400, 'API_INVALID'],
    ['/api/v1/devices', [], 400, 'API_INVALID'],
    ['/api/v1/devices', { ...device, extra: 1 }, 400, 'API_INVALID'],
    ['/api/v1/devices', { ...device, hardware: 7 }, 400, 'API_INVALID'],
    ['/api/v1/devices', { ...device, protocol: 'telepathy' }, 400, 'API_INVALID'],
    ['/api/v1/devices', { ...device, identity: 'x' }, 422, 'CUPS_BAD_REQUEST'],
    ['/api/v1/devices', '{"__proto__":{"x":1}}', 400, 'API_INVALID'],
    ['/api/v1/rollouts', { releaseId: ULID, phases: [{ name: 'a', share: 1 }] }, 422, 'RELEASE_UNKNOWN'],
    ['/api/v1/rollouts', { releaseId: ULID, phases: [{ name: 'a', share: 1, group: 'g' }] }, 400, 'API_INVALID'],
    ['/api/v1/rollouts', { releaseId: ULID, phases: [] }, 400, 'API_INVALID'],
  ])('DESIGN-6 %s with %j: %i %s', async (path, body, status, code) => {
    const answer = body === undefined ? await call(world, path) : await post(world, path, body);
    const problem = answer.json();
    const wanted = code === 'RELEASE_UNKNOWN' ? 404 : status;
    expect([answer.status, problem.code, answer.type]).toEqual([
      wanted,
      code,
      'application/problem+json; charset=utf-8',
    ]);
    expect(problem).toMatchObject({
      title: code,
      status: wanted,
      detail: expect.any(String) as string,
      requestId: expect.stringMatching(/^[0-9A-Z]{26}$/) as string,
    });
  });

  it('DESIGN-6 a wrong member is named by its JSON pointer', async () => {
    const { json } = await post(world, '/api/v1/devices', { ...device, hardware: 'a b' });
    expect(json().errors).toMatchObject([{ pointer: '/hardware' }]);
  });

  const phases = (phase: unknown) => ({ releaseId: ULID, phases: [phase] });
  it.each([
    ['trust/signing-events', { kind: 'renew', days: 9_999 }, ['/days must be <= 7300']],
    [
      'trust/signing-events',
      { kind: 'undelegate', days: 1.5 },
      [' must have required properties supplier', '/days must be integer'],
    ],
    [
      'trust/signing-events',
      { kind: 'delete', days: 9_999 },
      ['/kind must be one of root, release, remove, delegate, undelegate, renew'],
    ],
    [
      'trust/signing-events',
      { days: 9_999 },
      ['/kind must be one of root, release, remove, delegate, undelegate, renew'],
    ],
    ['trust/signing-events', [], [' must be an object']],
    ['trust/signing-events', '"renew"', [' must be an object']],
    ['rollouts', phases({ name: 'a', share: 2 }), ['/phases/0/share must be <= 1']],
    ['rollouts', phases({ name: 'a b', group: 'g' }), ['/phases/0/name must match pattern']],
  ])('DESIGN-6 %s with %j: what is wrong is named, and nothing else', async (path, body, said) => {
    const problem = (await post(world, `/api/v1/${path}`, body)).json();
    expect(problem).toMatchObject({ code: 'API_INVALID', status: 400 });
    const errors = problem.errors as { pointer: string; message: string }[];
    expect(errors.map(({ pointer, message }, index) => `${pointer} ${message}`.slice(0, said[index]?.length))).toEqual(
      said,
    );
  });

  it('DESIGN-6 a reason is said once, though it has a cause', async () => {
    const answer = await call(world, `/api/v1/trust/signing-events/${ULID}/request`, {
      ...{ method: 'PUT', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ request: '{"format":1,"format":2}' }),
    });
    expect(answer.json()).toMatchObject({ code: 'SIGNING_FORMAT', detail: expect.stringContaining('twice') as string });
    expect(String(answer.json().detail).split('twice')).toHaveLength(2);
    const climbing = { kind: 'remove', paths: ['a/../b'] };
    const { detail } = (await post(world, '/api/v1/trust/signing-events', climbing)).json();
    expect(detail).toBe('"a/../b" is no target path');
  });

  it('REL-19 a body of 9 MB and a chunked upload are refused', async () => {
    expect((await post(world, '/api/v1/devices', `{"x":"${'x'.repeat(9_000_000)}"}`)).status).toBe(413);
    const body = new Blob(['abc']).stream();
    const init = { method: 'PUT', headers: { 'content-type': 'application/octet-stream' }, body, duplex: 'half' };
    expect((await call(world, `/api/v1/artifacts/${'a'.repeat(64)}`, init as RequestInit)).status).toBe(411);
  });

  it('REL-5 an upload that is not what it says stores nothing', async () => {
    const path = `/api/v1/artifacts/${'a'.repeat(64)}`;
    const answer = await call(world, path, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: 'other',
    });
    expect([answer.status, answer.json().code]).toEqual([422, 'BLOB_DIGEST']);
    expect((await call(world, path)).status).toBe(404);
  });

  it('DESIGN-6 the page behind a problem is there', async () => {
    const { json } = await call(world, '/api/v1/devices/1');
    const page = await call(world, String(json().type));
    expect([page.status, page.text.includes('API_INVALID')]).toEqual([200, true]);
  });
});

describe('DESIGN-6 the API', () => {
  it('DESIGN-6 describes itself: every operation, with its schemas', async () => {
    const world = await testWorld();
    const document = (await call(world, '/api/openapi.json')).json() as {
      openapi: string;
      paths: Record<string, Record<string, { operationId: string; responses: object }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(operations.map(({ operationId }) => operationId).toSorted()).toEqual(
      OPERATIONS.map(({ id }) => id).toSorted(),
    );
    expect(Object.keys(document.paths)).toContain('/api/v1/rollouts/{id}:halt');
    expect(operations.every(({ responses }) => 'default' in responses)).toBe(true);
  });

  it('DESIGN-6 pages without gaps', async () => {
    const world = await testWorld();
    for (const identity of ['::a1', '::a2', '::a3']) await post(world, '/api/v1/devices', { ...device, identity });
    const first = (await call(world, '/api/v1/devices?limit=2')).json() as {
      items: { identity: string }[];
      nextCursor: string;
    };
    const second = (await call(world, `/api/v1/devices?limit=2&cursor=${first.nextCursor}`)).json() as typeof first;
    expect([...first.items, ...second.items].map(({ identity }) => identity)).toEqual([
      '00000000000000a1',
      '00000000000000a2',
      '00000000000000a3',
    ]);
    expect(second.nextCursor).toBeNull();
    expect((await post(world, '/api/v1/devices', device)).json()).toMatchObject({
      code: 'STORE_DUPLICATE',
      status: 409,
    });
  });

  it('CUPS-11 issues a certificate for a key that never left its owner', async () => {
    const world = await testWorld();
    const { id } = (await post(world, '/api/v1/devices', device)).json();
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' });
    const answer = await post(world, `/api/v1/devices/${String(id)}/certificates`, { publicKey: pem });
    const { certificate, trust } = answer.json() as { certificate: string; trust: string };
    const parsed = new X509Certificate(certificate);
    expect(parsed.subject).toBe('CN=00000000000000a1');
    expect(parsed.verify(new X509Certificate(trust).publicKey)).toBe(true);
    expect(answer.text).not.toContain('PRIVATE');
    expect((await post(world, `/api/v1/devices/${String(id)}/certificates`, { publicKey: 'x' })).json()).toMatchObject({
      code: 'API_INVALID',
    });
  });

  it('DESIGN-6 health and metrics need no token and name no device', async () => {
    const world = await testWorld();
    const { eui, client } = await world.addGateway({ eui: '00000000000000a1', groups: [], version: '1.0.0' });
    await (await client()).check();
    await call(world, '/api/v1/devices');
    const open = await Promise.all(
      ['/livez', '/readyz', '/metrics'].map((path) => fetch(new URL(path, world.server.managementUrl))),
    );
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200]);
    const metrics = (await open[2]?.text()) ?? '';
    expect(metrics).toMatch(
      /sealift_request_duration_seconds_count\{listener="cups",route="\/update-info",status="200"\} 1/,
    );
    expect(metrics).toContain('sealift_build_info{version=');
    expect(metrics).not.toContain(eui);
  });

  it('SEC-28 hostile text from a device stays one JSON line, and logs carry no secrets', async () => {
    const world = await testWorld();
    const gateway = await world.addGateway({
      eui: '00000000000000a1',
      groups: [],
      version: 'evil"}\n{"code":"FORGED\u001b[2J',
    });
    await (await gateway.client()).check();
    await world.api.upload(image);
    const text = world.log.entries.map((entry) => JSON.stringify(entry)).join('\n');
    expect(text.split('\n').every((line) => typeof JSON.parse(line) === 'object')).toBe(true);
    expect(text).not.toContain(readFileSync(join(world.server.dataDir, 'admin.token'), 'utf8').trim());
    expect(text).not.toContain('PRIVATE');
  });
});

describe('DESIGN-6 starting and stopping', () => {
  const ports = { clock: systemClock, random: systemRandom, log: recordingLog(), version: 'test' };
  const config = (env: Record<string, string>) =>
    loadConfig({ SEALIFT_MANAGEMENT_PORT: '0', SEALIFT_CUPS_PORT: '0', SEALIFT_HTTP_PORT: '0', ...env }).config;

  it.each([
    [{ SEALIFT_MANAGEMENT_HOST: '0.0.0.0' }, 'CONFIG_UNSAFE'],
    [{ SEALIFT_MANAGEMENT_TLS_CERT_FILE: '/x' }, 'CONFIG_VALUE'],
    [{ SEALIFT_CUPS_TLS_CERT_FILE: '/x' }, 'CONFIG_VALUE'],
    [
      { SEALIFT_CUPS_TLS_CERT_FILE: '/x', SEALIFT_CUPS_TLS_KEY_FILE: '/y', SEALIFT_CUPS_TLS_CLIENT_CA_FILE: '/z' },
      'CONFIG_KEY_FILE',
    ],
    [{ SEALIFT_HTTP_TLS_CERT_FILE: '/x' }, 'CONFIG_VALUE'],
    [{ SEALIFT_TRUST_VAULT_PASSPHRASE_FILE: 'sealift-data/pass', SEALIFT_DATA_DIR: 'sealift-data' }, 'CONFIG_UNSAFE'],
    [{ SEALIFT_CUPS_HOST: '203.0.113.7' }, 'SERVER_ADDRESS_IN_USE'],
    [{ SEALIFT_DATA_DIR: '/dev/null/data' }, 'SERVER_DATA_DIR'],
  ])('DESIGN-6 %j is refused with %s, and nothing is left running', async (env, code) => {
    const settings = config({ SEALIFT_DATA_DIR: join(temporaryDir(), 'data'), ...env });
    await expect(startServer(settings, ports)).rejects.toMatchObject({ code });
  });

  it('SEC-21 a passphrase that lies beside its vault behind a link is found there', async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, 'data'));
    writeFileSync(join(dir, 'data', 'pass'), 'x');
    symlinkSync(join(dir, 'data', 'pass'), join(dir, 'pass'));
    const settings = config({
      SEALIFT_DATA_DIR: join(dir, 'data'),
      SEALIFT_TRUST_VAULT_PASSPHRASE_FILE: join(dir, 'pass'),
    });
    await expect(startServer(settings, ports)).rejects.toMatchObject({ code: 'CONFIG_UNSAFE' });
  });

  it.each([
    [0o755, 1],
    [0o720, 1],
    [0o711, 0],
    [0o700, 0],
  ])('SEC-21 a data folder of mode %o that is there already: %i warning', async (mode, warnings) => {
    const dir = temporaryDir();
    chmodSync(dir, mode);
    const log = recordingLog();
    const server = await startServer(config({ SEALIFT_DATA_DIR: dir }), { ...ports, log });
    await server.close();
    const said = log.entries.filter(({ code }) => code === 'DATA_DIR_OPEN');
    expect(said).toHaveLength(warnings);
    for (const entry of said)
      expect(entry).toMatchObject({
        mode: mode.toString(8),
        fix: `Others than its owner may read or change it: chmod 700 ${dir}`,
      });
    expect(statSync(dir).mode & 0o777).toBe(mode);
  });

  it('SEC-7 without a vault nothing is signed, and without a root nothing is admitted', async () => {
    const server = await startServer(config({ SEALIFT_DATA_DIR: join(temporaryDir(), 'data') }), ports);
    const token = readFileSync(join(server.dataDir, 'admin.token'), 'utf8').trim();
    const draft = async (change: unknown) => {
      const answer = await fetch(new URL('/api/v1/trust/signing-events', server.managementUrl), {
        ...{ method: 'POST', body: JSON.stringify(change) },
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      });
      return ((await answer.json()) as { code: string }).code;
    };
    const keys = [{ name: 'alice', key: generateSigner('ed25519').signer.publicKey.json }];
    const role = { threshold: 1, keys };
    expect(await draft({ kind: 'root', root: role, targets: role })).toBe('REPOSITORY_KEYS');
    const artifacts = [{ hardware: 'hw', sha256: 'ab'.repeat(32) }];
    expect(await draft({ kind: 'release', component: 'firmware', version: '1.1.0', artifacts })).toBe(
      'REPOSITORY_MISSING',
    );
    expect((await fetch(new URL('/repo/timestamp.json', server.httpUrl))).status).toBe(404);
    await server.close();
    await expect(fetch(server.managementUrl)).rejects.toThrow();
  });

  it('SEC-24 with another vault than the one that was published with, it says so, and serves what is there', async () => {
    const world = await testWorld();
    const status = async (managementUrl: string) => {
      const token = readFileSync(join(world.server.dataDir, 'admin.token'), 'utf8').trim();
      const get = async (path: string) => {
        const answer = await fetch(new URL(path, managementUrl), { headers: { authorization: `Bearer ${token}` } });
        return (await answer.json()) as Record<string, unknown>;
      };
      return [await get('/readyz'), await get('/readyz?verbose'), (await get('/api/v1/trust/repository')).keysProblem];
    };
    expect(await status(world.server.managementUrl)).toEqual([
      { status: 'ok' },
      { status: 'ok', keysProblem: null },
      null,
    ]);
    await world.server.close();
    const log = recordingLog();
    const server = await startServer(config({ SEALIFT_DATA_DIR: world.server.dataDir }), { ...ports, log });
    const problem = 'the vault holds 0 of the 1 keys that snapshot needs';
    expect(await status(server.managementUrl)).toEqual([
      { status: 'ok' },
      { status: 'ok', keysProblem: problem },
      problem,
    ]);
    expect((await fetch(new URL('/repo/timestamp.json', server.httpUrl))).status).toBe(200);
    expect(log.entries.filter(({ code }) => code === 'REPOSITORY_KEYS')).toMatchObject([{ error: problem }]);
    await server.close();
  });

  it('REL-24 what was there is there after a restart', async () => {
    const settings = config({ SEALIFT_DATA_DIR: join(temporaryDir(), 'data') });
    const first = await startServer(settings, ports);
    const token = readFileSync(join(first.dataDir, 'admin.token'), 'utf8').trim();
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    await fetch(new URL('/api/v1/devices', first.managementUrl), {
      method: 'POST',
      headers,
      body: JSON.stringify(device),
    });
    const ca = readFileSync(join(first.dataDir, 'pki', 'ca.crt.pem'));
    await first.close();
    const second = await startServer(settings, ports);
    const devices = (await (await fetch(new URL('/api/v1/devices', second.managementUrl), { headers })).json()) as {
      items: unknown[];
    };
    await second.close();
    expect(devices.items).toHaveLength(1);
    expect(readFileSync(join(second.dataDir, 'pki', 'ca.crt.pem'))).toEqual(ca);
  });
});
