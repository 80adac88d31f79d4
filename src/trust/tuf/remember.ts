/** Which files a device remembers after an update, so that no older one of them is believed again (SEC-3). */
import { MAX_DELEGATED_ROLES, MAX_STORED_BYTES } from '../limits.ts';
import type { Stored, Visited } from './refresh.ts';
import { isTopRole, TOP_ROLES } from './roles.ts';

/**
 * The top-level roles; then the delegated ones on the way to what was found, and those remembered before, as many as one search visits
 * and as there is room for.
 */
export function remembered(stored: Stored, visited: readonly Pick<Visited, 'role' | 'bytes'>[]): Stored {
  const kept = new Map([...stored].filter(([role]) => isTopRole(role)));
  let room = MAX_STORED_BYTES;
  for (const bytes of kept.values()) room -= bytes.length;
  for (const [role, bytes] of [...visited.map((one) => [one.role, one.bytes] as const), ...stored]) {
    if (kept.has(role)) continue;
    room -= bytes.length + sizeOfName(role);
    if (room < 0 || kept.size === TOP_ROLES.length + MAX_DELEGATED_ROLES) return kept;
    kept.set(role, bytes);
  }
  return kept;
}

/** At least what a name, and the signs around it, take in a JSON file, in the bytes that are base64 of that many. */
function sizeOfName(role: string): number {
  return 8 * (role.length + 2);
}
