/** Operations of API tokens; see operations.ts. */
import { StoreError } from '../../fleet/errors.ts';
import { MAX_TOKENS } from '../../fleet/limits.ts';
import type { ApiToken, Role } from '../../fleet/model.ts';
import type { PageRequest } from '../../fleet/ports.ts';
import type { Statements } from './connection.ts';
import { query } from './query.ts';
import type { Tables } from './schema.ts';

const SQL = {
  insert: query((db, slot) =>
    db
      .insertInto('api_token')
      .values({
        ...{ tenant: slot('tenant'), id: slot('id'), name: slot('name'), role: slot<Role>('role') },
        ...{ digest: slot('digest'), created_at_ms: slot<number>('created_at_ms') },
        ...{ expires_at_ms: slot<number | null>('expires_at_ms'), revoked_at_ms: slot<number | null>('revoked_at_ms') },
      })
      .onConflict((conflict) => conflict.doNothing()),
  ),
  inUse: query((db, slot) =>
    db
      .selectFrom('api_token')
      .select((expression) => expression.fn.countAll<number>().as('count'))
      .where('tenant', '=', slot('tenant'))
      .where('revoked_at_ms', 'is', null),
  ),
  byDigest: query((db, slot) => db.selectFrom('api_token').selectAll().where('digest', '=', slot('digest'))),
  byId: query((db, slot) =>
    db.selectFrom('api_token').selectAll().where('tenant', '=', slot('tenant')).where('id', '=', slot('id')),
  ),
  page: query((db, slot) =>
    db
      .selectFrom('api_token')
      .selectAll()
      .where('tenant', '=', slot('tenant'))
      .where('id', '>', slot('after'))
      .orderBy('id')
      .limit(slot<number>('limit')),
  ),
  revoke: query((db, slot) =>
    db
      .updateTable('api_token')
      .set({ revoked_at_ms: slot<number>('at_ms') })
      .where('tenant', '=', slot('tenant'))
      .where('id', '=', slot('id'))
      .where('revoked_at_ms', 'is', null),
  ),
};

export const TOKEN_READS = {
  tokenByDigest: (on: Statements, digest: string) => tokenFrom(SQL.byDigest.first(on, { digest })),
  tokens: (on: Statements, tenant: string, { after = '', limit }: PageRequest) =>
    SQL.page.all(on, { tenant, after, limit }).flatMap((row) => tokenFrom(row) ?? []),
};

export const TOKEN_WRITES = {
  createToken(on: Statements, token: ApiToken): void {
    const { tenant, id, name, role, digest, createdAtMs, expiresAtMs, revokedAtMs } = token;
    if (Number(SQL.inUse.first(on, { tenant })?.count) >= MAX_TOKENS)
      throw new StoreError('STORE_FULL', `there are ${MAX_TOKENS} API tokens, as many as may be`, {
        fix: 'Revoke some that nobody uses: sealift token revoke ID',
      });
    const row = { tenant, id, name, role, digest, created_at_ms: createdAtMs };
    if (SQL.insert.run(on, { ...row, expires_at_ms: expiresAtMs, revoked_at_ms: revokedAtMs }) === 1) return;
    throw new StoreError('STORE_DUPLICATE', `there is an API token called "${name}"`, {
      detail: { name },
      fix: 'Choose another name, or revoke that one first: sealift token list',
    });
  },
  revokeToken(on: Statements, tenant: string, id: string, atMs: number): ApiToken | undefined {
    SQL.revoke.run(on, { tenant, id, at_ms: atMs });
    return tokenFrom(SQL.byId.first(on, { tenant, id }));
  },
};

function tokenFrom(row: Tables['api_token'] | undefined): ApiToken | undefined {
  if (!row) return undefined;
  return {
    ...{ tenant: row.tenant, id: row.id, name: row.name, role: row.role, digest: row.digest },
    ...{ createdAtMs: row.created_at_ms, expiresAtMs: row.expires_at_ms, revokedAtMs: row.revoked_at_ms },
  };
}
