import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeClock, seededRandom } from '../../test/support/ports.ts';
import { testWorld } from '../../test/support/world.ts';
import { DAY_MS } from '../core/time.ts';
import { type ApiToken, ROLES, type Role } from '../fleet/model.ts';
import type { World } from '../lab/world.ts';
import { sha256Hex } from '../trust/payload.ts';
import { createAccess, may, PERMISSIONS, rolesWith } from './access.ts';
import type { Permission } from './api/operation.ts';
import { OPERATIONS } from './api/routes.ts';
import { newToken } from './token.ts';

const ULID = '01KABCDEFGHJKMNPQRSTVWXYZ0';
const pathOf = (url: string) => `/api/v1${url.replaceAll(/:(id|sha256)(\([^)]*\))?/g, ULID).replace('::', ':')}`;

async function ask(world: World, token: string, path: string, method = 'GET', body?: object) {
  const answer = await fetch(new URL(path, world.server.managementUrl), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

const adminOf = (world: World) => readFileSync(join(world.server.dataDir, 'admin.token'), 'utf8').trim();

async function tokenOf(world: World, role: Role, more: object = {}) {
  const made = await ask(world, adminOf(world), '/api/v1/tokens', 'POST', { name: `a ${role}`, role, ...more });
  expect(made.status).toBe(201);
  return made.json as { id: string; token: string };
}

describe('SEC-17 what a role may do', () => {
  it('SEC-17 each role x operation: what is not in the table is refused, what is in it is not', async () => {
    const world = await testWorld();
    const refused: string[] = [];
    for (const role of ROLES) {
      const { token } = await tokenOf(world, role);
      for (const { id, method, url, permission } of OPERATIONS) {
        // Without a body, or with an id of nothing: whoever may gets as far as that.
        const { status, json } = await ask(world, token, pathOf(url), method);
        const isForbidden = status === 403;
        expect([role, id, isForbidden]).toEqual([role, id, !PERMISSIONS[role].includes(permission)]);
        expect(status).not.toBe(401);
        if (!isForbidden) continue;
        expect(json).toMatchObject({ code: 'API_FORBIDDEN', fix: expect.stringContaining('admin') as string });
        refused.push(`${role} ${id}`);
      }
    }
    expect(refused.length).toBeGreaterThan(20);
    expect(refused.filter((one) => one.startsWith('admin '))).toEqual([]);
  });

  it('SEC-17 reading changes nothing, every permission is used, and nobody but an administrator makes tokens', () => {
    const used = new Set(OPERATIONS.map(({ permission }) => permission));
    expect([...used].toSorted()).toEqual([...PERMISSIONS.admin].toSorted());
    expect(PERMISSIONS.viewer.every((one) => one.endsWith('.read'))).toBe(true);
    for (const role of ROLES) expect(PERMISSIONS[role]).toEqual(expect.arrayContaining([...PERMISSIONS.viewer]));
    expect(rolesWith('token.write')).toEqual(['admin']);
    const publisher = { tenant: 't', role: 'publisher', tokenId: '', name: '' } as const;
    expect(may(publisher, 'rollout.write')).toBe(false);
    expect(may({ ...publisher, role: 'operator' }, 'trust.write')).toBe(false);
    expect(may(publisher, 'no.such' as Permission)).toBe(false);
  });
});

describe('SEC-16 API tokens', () => {
  it('SEC-16 are shown once, work until they are revoked, and not for one request more', async () => {
    const world = await testWorld();
    const { id, token } = await tokenOf(world, 'operator');
    expect(token).toMatch(/^sealift_[\w-]{43}$/);
    const who = await ask(world, token, '/api/v1/whoami');
    expect(who.json).toMatchObject({ role: 'operator', tokenId: id, name: 'a operator' });
    const listed = await ask(world, adminOf(world), '/api/v1/tokens');
    expect(JSON.stringify(listed.json)).not.toContain(token.slice(8));
    expect(listed.json.items).toMatchObject([{ id, name: 'a operator', revokedAt: null }]);
    const revoke = () => ask(world, adminOf(world), `/api/v1/tokens/${id}:revoke`, 'POST');
    const first = await revoke();
    expect(first.json.revokedAt).not.toBeNull();
    expect((await ask(world, token, '/api/v1/whoami')).status).toBe(401);
    // Again changes nothing; the name is free.
    expect((await revoke()).json).toEqual(first.json);
    await tokenOf(world, 'operator');
  });

  it.each([
    [{ name: 'x', role: 'root' }, 400],
    [{ name: '', role: 'viewer' }, 400],
    [{ name: 'a\u0000', role: 'viewer' }, 400],
    [{ name: 'x', role: 'viewer', days: 0 }, 400],
    [{ name: 'x', role: 'viewer', days: 3_651 }, 400],
    [{ name: 'x' }, 400],
  ])('SEC-16 %j is refused', async (body, status) => {
    const world = await testWorld();
    expect((await ask(world, adminOf(world), '/api/v1/tokens', 'POST', body)).status).toBe(status);
  });

  it('SEC-16 two of one name are refused, and so is what was never one', async () => {
    const world = await testWorld();
    await tokenOf(world, 'viewer');
    const again = await ask(world, adminOf(world), '/api/v1/tokens', 'POST', { name: 'a viewer', role: 'viewer' });
    expect(again).toMatchObject({ status: 409, json: { code: 'STORE_DUPLICATE' } });
    const unknown = await ask(world, adminOf(world), `/api/v1/tokens/${ULID}:revoke`, 'POST');
    expect(unknown).toMatchObject({ status: 404, json: { code: 'API_NOT_FOUND' } });
  });
});

describe('SEC-18 whose a header is', () => {
  const clock = new FakeClock(1_800_000_000_000);
  const text = newToken(seededRandom('token'));
  const token: ApiToken = {
    ...{ tenant: 't', id: ULID, name: 'ci', role: 'publisher', digest: sha256Hex(Buffer.from(text)) },
    ...{ createdAtMs: 0, expiresAtMs: clock.nowMs() + DAY_MS, revokedAtMs: null },
  };
  const access = (stored: Partial<ApiToken> = {}) => {
    const found = { ...token, ...stored };
    const store = { tokenByDigest: async (digest: string) => (digest === found.digest ? found : undefined) };
    return createAccess({ tenant: 't', store, clock, isAdminToken: (header) => header === 'Bearer admin' });
  };

  it('SEC-18 of a token: its tenant and role', async () => {
    expect(await access()(`Bearer ${text}`)).toEqual({ tenant: 't', role: 'publisher', tokenId: ULID, name: 'ci' });
    expect(await access()('Bearer admin')).toMatchObject({ role: 'admin', tenant: 't' });
  });

  it.each<[string, string | undefined, Partial<ApiToken>]>([
    ['nothing', undefined, {}],
    ['another scheme', `Basic ${text}`, {}],
    ['two tokens', `Bearer ${text} ${text}`, {}],
    ['a token with something behind it', `Bearer ${text}x`, {}],
    ['another token', `Bearer ${text.slice(0, -1)}${text.endsWith('x') ? 'y' : 'x'}`, {}],
    ['a token of another tenant', `Bearer ${text}`, { tenant: 'u' }],
    ['a token that was revoked', `Bearer ${text}`, { revokedAtMs: 1 }],
    ['a token at the very instant it expires', `Bearer ${text}`, { expiresAtMs: clock.nowMs() }],
    ['its digest', `Bearer ${token.digest}`, {}],
  ])('SEC-18 of %s: nobody', async (_what, header, stored) => {
    expect(await access(stored)(header)).toBeUndefined();
  });
});
