/** The signature rule that holds everywhere (spec/uptane.md section 9.1, SEC-2). */
import { TrustError } from '../errors.ts';
import type { PublicKey } from '../keys.ts';
import type { Signature, SignedMessage } from './envelope.ts';

/** Keys by the id under which a document lists them. A key of a kind we do not know is `undefined`: listed, but never counted. */
export type KeyTable = ReadonlyMap<string, PublicKey | undefined>;

export interface RoleKeys {
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** What each method name demands of the key's scheme; a name that is missing here counts for nothing. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ['ed25519', 'ed25519'],
  ['rsassa-pss', 'rsassa-pss-sha256'],
  ['rsassa-pss-sha256', 'rsassa-pss-sha256'],
]);

/** What a key is, whatever it is called; one we cannot read is told apart by its name alone. */
function identityOf(keyId: string, keys: KeyTable): string {
  return keys.get(keyId)?.fingerprint ?? `unreadable ${keyId}`;
}

/** Spec 9.1 a. @throws {TrustError} TRUST_THRESHOLD below 1, or more than there are distinct keys */
export function requirePossible({ keyIds, threshold }: RoleKeys, keys: KeyTable): void {
  const distinct = new Set(keyIds.map((keyId) => identityOf(keyId, keys))).size;
  if (Number.isSafeInteger(threshold) && threshold >= 1 && threshold <= distinct) return;
  throw new TrustError('TRUST_THRESHOLD', `${threshold} of ${distinct} keys must sign, which cannot be`, {
    detail: { threshold, distinct },
  });
}

/**
 * Spec 9.1 c to f. Strangers, wrong methods and bad signatures do not count and spoil nothing; one key counts once, under whatever
 * ids it is listed.
 * @returns the key ids that have signed, one per distinct key
 * @throws {TrustError} TRUST_THRESHOLD, TRUST_SIGNATURES fewer than the threshold
 */
export function requireSignatures(
  role: RoleKeys,
  keys: KeyTable,
  { message, signatures }: SignedMessage,
): readonly string[] {
  requirePossible(role, keys);
  const signedBy = new Map<string, string>();
  for (const signature of signatures) {
    const key = role.keyIds.includes(signature.keyId) ? keys.get(signature.keyId) : undefined;
    if (!key || signedBy.has(key.fingerprint) || !isMethodOf(signature, key)) continue;
    if (signature.value && key.verify(message, signature.value)) signedBy.set(key.fingerprint, signature.keyId);
  }
  if (signedBy.size >= role.threshold) return [...signedBy.values()];
  throw new TrustError('TRUST_SIGNATURES', `signed by ${signedBy.size} of the ${role.threshold} keys it needs`, {
    detail: { have: signedBy.size, need: role.threshold },
    fix: 'It must be signed by the keys its role names, and arrive exactly as it was signed.',
  });
}

function isMethodOf({ method }: Signature, key: PublicKey): boolean {
  return method === undefined || METHODS.get(method) === key.scheme;
}
