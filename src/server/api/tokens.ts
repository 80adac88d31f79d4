/** API tokens: made, listed, revoked. What a token is, is said once. */

import { isName } from '../../core/text.ts';
import { DAY_MS } from '../../core/time.ts';
import type { ApiToken } from '../../fleet/model.ts';
import { sha256Hex } from '../../trust/payload.ts';
import { PERMISSIONS } from '../access.ts';
import { ApiError } from '../errors.ts';
import { newToken } from '../token.ts';
import { operation } from './operation.ts';
import { page, pageRequest, time } from './paging.ts';
import { IdParams, NewTokenAnswer, Page, PageQuery, PrincipalAnswer, TokenAnswer, TokenBody } from './schemas.ts';

export const TOKEN_OPERATIONS = [
  operation({
    id: 'createToken',
    method: 'POST',
    url: '/tokens',
    permission: 'token.write',
    summary: 'Make an API token; it is shown in this answer, and never again',
    body: TokenBody,
    status: 201,
    answer: NewTokenAnswer,
    async run({ store, tenant, clock, random, nextId }, { body }) {
      const { name, role, days } = body;
      if (!isName(name))
        throw new ApiError('API_INVALID', 'the name of a token is 1 to 64 visible characters', {
          fix: 'Name who or what uses it: ci-publisher',
        });
      const nowMs = clock.nowMs();
      const token = newToken(random);
      const created: ApiToken = {
        ...{ tenant, name, role, id: nextId(), digest: sha256Hex(Buffer.from(token)) },
        ...{ createdAtMs: nowMs, revokedAtMs: null, expiresAtMs: days === undefined ? null : nowMs + days * DAY_MS },
      };
      await store.createToken(created);
      return { ...tokenAnswer(created), token };
    },
  }),
  operation({
    id: 'listTokens',
    method: 'GET',
    url: '/tokens',
    permission: 'token.read',
    summary: 'All API tokens, oldest first; not what they are, but whose, and what they may do',
    query: PageQuery,
    status: 200,
    answer: Page(TokenAnswer),
    run: async ({ store, tenant }, { query }) =>
      page(query, tokenAnswer, await store.tokens(tenant, pageRequest(query))),
  }),
  operation({
    id: 'revokeToken',
    method: 'POST',
    url: '/tokens/:id([0-9A-Z]+)::revoke',
    permission: 'token.write',
    summary: 'Take a token its rights, from the next request on',
    params: IdParams,
    status: 200,
    answer: TokenAnswer,
    async run({ store, tenant, clock }, { params }) {
      const token = await store.revokeToken(tenant, params.id, clock.nowMs());
      if (token) return tokenAnswer(token);
      throw new ApiError('API_NOT_FOUND', `there is no API token ${params.id}`, { fix: 'See: sealift token list' });
    },
  }),
  operation({
    id: 'getPrincipal',
    method: 'GET',
    url: '/whoami',
    permission: 'self.read',
    summary: 'Whose token this is, and what it may do',
    status: 200,
    answer: PrincipalAnswer,
    run: async (_ports, { principal }) => {
      const { tenant, role, tokenId, name } = principal;
      return { tenant, role, tokenId, name, permissions: [...PERMISSIONS[role]] };
    },
  }),
];

function tokenAnswer({ id, name, role, createdAtMs, expiresAtMs, revokedAtMs }: ApiToken) {
  const maybe = (ms: number | null) => (ms === null ? null : time(ms));
  return {
    ...{ id, name, role, createdAt: time(createdAtMs) },
    ...{ expiresAt: maybe(expiresAtMs), revokedAt: maybe(revokedAtMs) },
  };
}
