/** Keyset pages: a cursor is the id of the last item, encoded so that nobody builds one. */

import { isUlid } from '../../core/ulid.ts';
import type { PageRequest } from '../../fleet/ports.ts';
import { ApiError } from '../errors.ts';
import { DEFAULT_PAGE } from '../limits.ts';
import type { PageQuery } from './schemas.ts';

/** @throws {ApiError} API_INVALID the cursor is not one of ours */
export function pageRequest(query: PageQuery): PageRequest {
  const limit = query.limit ?? DEFAULT_PAGE;
  if (query.cursor === undefined) return { after: undefined, limit };
  const after = Buffer.from(query.cursor, 'base64url').toString('latin1');
  if (!isUlid(after)) {
    throw new ApiError('API_INVALID', 'the cursor is not from a page of ours', {
      fix: 'Pass nextCursor of the page before, unchanged.',
    });
  }
  return { after, limit };
}

export function page<T extends { readonly id: string }, A>(
  query: PageQuery,
  answer: (item: T) => A,
  items: readonly T[],
) {
  const last = items.length === (query.limit ?? DEFAULT_PAGE) ? items.at(-1) : undefined;
  return { items: items.map(answer), nextCursor: last ? Buffer.from(last.id).toString('base64url') : null };
}

/** RFC 3339 in UTC. */
export function time(ms: number): string {
  return new Date(ms).toISOString();
}
