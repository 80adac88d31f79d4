/** Which root a device goes by: the one it was provisioned with, or the one it has followed the chain to. Pure. */
import { acceptFirstRoot } from '../trust/tuf/accept.ts';
import { TUF1 } from '../trust/tuf/dialect.ts';
import type { Stored } from '../trust/tuf/refresh.ts';
import { DeviceError } from './errors.ts';

/** What to do about a root that does not hold. */
const FIXES = {
  TRUST_DAMAGED: 'Remove what was saved: the device begins anew with the root it was provisioned with.',
  TRUST_NO_ROOT: 'Provision the device with the root of the repository again, exactly as it was signed.',
} as const;

/**
 * The newer root wins, and of two with one version the pinned: whoever provisions a device again holds it in his hands. The other roles
 * stay, so that their versions do not go back; what does not hold under the new root counts as none (refresh.ts).
 * @throws {DeviceError} TRUST_DAMAGED the stored root does not hold in itself; TRUST_NO_ROOT the pinned one does not
 */
export function provisioned(stored: Stored | undefined, pinned: Uint8Array | undefined): Stored | undefined {
  const storedVersion = stored ? rootVersion(stored.get('root') ?? new Uint8Array(), 'TRUST_DAMAGED') : 0;
  if (!pinned || storedVersion > rootVersion(pinned, 'TRUST_NO_ROOT')) return stored;
  return new Map([...(stored ?? []), ['root', pinned]]);
}

function rootVersion(bytes: Uint8Array, otherwise: keyof typeof FIXES): number {
  try {
    return acceptFirstRoot(bytes, { dialect: TUF1, nowMs: undefined }).value.version;
  } catch (cause) {
    const which = otherwise === 'TRUST_DAMAGED' ? 'saved' : 'provisioned';
    throw new DeviceError(otherwise, `the ${which} root does not hold`, { cause, fix: FIXES[otherwise] });
  }
}
