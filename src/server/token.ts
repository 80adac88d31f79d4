/** The administrator's API token: made at the first start, mode 0600 in the data folder, where the local CLI finds it. */
import { timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSecretFile } from '../adapters/files/secret.ts';
import { utf8Encode } from '../core/bytes.ts';
import type { Random } from '../core/ports.ts';
import { TOKEN_BYTES } from './limits.ts';

/** The prefix lets secret scanners find a token that leaked. */
const PREFIX = 'sealift_';

export function tokenFile(dataDir: string): string {
  return join(dataDir, 'admin.token');
}

/** 43 characters behind the prefix. */
export function newToken(random: Random): string {
  return `${PREFIX}${Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url')}`;
}

export function loadAdminToken(dataDir: string, random: Random): string {
  const file = tokenFile(dataDir);
  if (!existsSync(file)) writeSecretFile(file, `${newToken(random)}\n`);
  return readFileSync(file, 'utf8').trim();
}

const BEARER = /^Bearer (sealift_[\w-]{43})$/;

/** The token that an Authorization header carries, if it can be one of ours. */
export function bearerToken(header: string | undefined): string | undefined {
  return BEARER.exec(header ?? '')?.[1];
}

export type TokenCheck = (header: string | undefined) => boolean;

/** Compares an Authorization header with the token; equal work for any header of the right length. */
export function createBearerCheck(token: string): TokenCheck {
  const expected = utf8Encode(`Bearer ${token}`);
  return (header) => {
    const given = utf8Encode(header ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
}
