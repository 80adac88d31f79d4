/** Which root a device goes by: the one it was provisioned with, or the one it has followed the chain to. Pure. */
import { TrustError } from '../trust/errors.ts';
import { sha256Hex } from '../trust/payload.ts';
import { acceptFirstRoot, acceptNextRoot, type Verified } from '../trust/tuf/accept.ts';
import { TUF1 } from '../trust/tuf/dialect.ts';
import type { Stored } from '../trust/tuf/refresh.ts';
import type { Root } from '../trust/tuf/roles.ts';
import { DeviceError } from './errors.ts';
import { MAX_KNOWN_ROOTS } from './limits.ts';

/** What an adapter saves, all at once. */
export interface SavedTrust {
  readonly stored: Stored;
  /** SHA-256, hex, of the roots this device has gone by: provisioned with, or followed a chain to. Newest last. */
  readonly roots: readonly string[];
}

/** What to do about a root that does not hold. */
const FIXES = {
  TRUST_DAMAGED: 'Remove what was saved: the device begins anew with the root it was provisioned with.',
  TRUST_NO_ROOT: 'Provision the device with the root of the repository again, exactly as it was signed.',
} as const;
const CONTEXT = { dialect: TUF1, nowMs: undefined };

/**
 * What was saved, as long as the pinned root is one that this device has gone by. Any other one is a new beginning, whatever its
 * version: whoever provisions a device again holds it in his hands, and nothing that another repository has signed may count there.
 * Only the next root of the same chain leaves the other roles, so that their versions do not go back; what does not hold under it
 * counts as none (refresh.ts).
 *
 * The bytes decide, not the signatures: one company's people may sign the roots of two repositories.
 * @throws {DeviceError} TRUST_DAMAGED the stored root does not hold in itself; TRUST_NO_ROOT the pinned one does not
 */
export function provisioned(saved: SavedTrust | undefined, pinned: Uint8Array | undefined): Stored | undefined {
  return begun(saved, pinned)?.stored;
}

/** What is to be saved after `saved`; with it the device has gone by the pinned root and the one in `stored`. @throws as `provisioned` */
export function withStored(saved: SavedTrust | undefined, pinned: Uint8Array | undefined, stored: Stored): SavedTrust {
  const before = begun(saved, pinned)?.roots ?? [];
  const now = new Set([stored.get('root'), pinned].flatMap((root) => (root ? [sha256Hex(root)] : [])));
  return { stored, roots: [...before.filter((root) => !now.has(root)), ...now].slice(-MAX_KNOWN_ROOTS) };
}

function begun(saved: SavedTrust | undefined, pinned: Uint8Array | undefined): SavedTrust | undefined {
  const root = saved && rootOf(saved.stored.get('root') ?? new Uint8Array(), 'TRUST_DAMAGED');
  if (!pinned) return saved;
  rootOf(pinned, 'TRUST_NO_ROOT');
  if (saved?.roots.includes(sha256Hex(pinned))) return saved;
  if (saved && root && isNext(root, pinned))
    return { stored: new Map([...saved.stored, ['root', pinned]]), roots: saved.roots };
  return { stored: new Map([['root', pinned]]), roots: [] };
}

/** A root further ahead may be of the same chain too, but nothing at hand shows it. */
function isNext(root: Verified<Root>, pinned: Uint8Array): boolean {
  try {
    acceptNextRoot(root, pinned, CONTEXT);
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

function rootOf(bytes: Uint8Array, otherwise: keyof typeof FIXES): Verified<Root> {
  try {
    return acceptFirstRoot(bytes, CONTEXT);
  } catch (cause) {
    const which = otherwise === 'TRUST_DAMAGED' ? 'saved' : 'provisioned';
    throw new DeviceError(otherwise, `the ${which} root does not hold`, { cause, fix: FIXES[otherwise] });
  }
}
