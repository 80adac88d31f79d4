/** Who a caller of the API is, and what each role may do. */
import type { Clock } from '../core/ports.ts';
import type { Role } from '../fleet/model.ts';
import type { Store } from '../fleet/ports.ts';
import { sha256Hex } from '../trust/payload.ts';
import type { Permission } from './api/operation.ts';
import { bearerToken, type TokenCheck } from './token.ts';

/** Somebody who has shown a credential. The tenant comes from it, never from the request. */
export interface Principal {
  readonly tenant: string;
  readonly role: Role;
  /** Of the token; `admin.token` for the one in the data folder. */
  readonly tokenId: string;
  readonly name: string;
}

const READ: readonly Permission[] = ['self.read', 'device.read', 'release.read', 'rollout.read', 'trust.read'];

/** Permissions by role. An operator steers rollouts and releases nothing; a publisher drafts releases and rolls nothing out. */
export const PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: READ,
  operator: [...READ, 'device.write', 'rollout.write'],
  publisher: [...READ, 'artifact.write', 'trust.write'],
  admin: [...READ, 'device.write', 'rollout.write', 'artifact.write', 'trust.write', 'token.read', 'token.write'],
};

export function may({ role }: Principal, permission: Permission): boolean {
  return PERMISSIONS[role].includes(permission);
}

/** Roles that have a permission, to say who could. */
export function rolesWith(permission: Permission): readonly string[] {
  return Object.entries(PERMISSIONS).flatMap(([role, permissions]) => (permissions.includes(permission) ? [role] : []));
}

export interface AccessPorts {
  readonly tenant: string;
  readonly store: Pick<Store, 'tokenByDigest'>;
  readonly clock: Clock;
  /** Whether a header carries the token of the data folder. */
  readonly isAdminToken: TokenCheck;
}

/**
 * Who an Authorization header belongs to; `undefined` for nobody. A revoked or expired token is nobody's from the next request on:
 * it is looked up each time.
 */
export function createAccess({ tenant, store, clock, isAdminToken }: AccessPorts) {
  return async (header: string | undefined): Promise<Principal | undefined> => {
    if (isAdminToken(header)) return { tenant, role: 'admin', tokenId: 'admin.token', name: 'admin' };
    const text = bearerToken(header);
    const token = text === undefined ? undefined : await store.tokenByDigest(sha256Hex(Buffer.from(text)));
    if (token?.tenant !== tenant || token.revokedAtMs !== null) return undefined;
    if (token.expiresAtMs !== null && token.expiresAtMs <= clock.nowMs()) return undefined;
    return { tenant, role: token.role, tokenId: token.id, name: token.name };
  };
}
