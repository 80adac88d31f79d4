import { OtaError } from '../core/errors.ts';

/** What was signed does not hold, or nobody we trust has signed it. `detail.role` names the file that was looked at. */
export class TrustError extends OtaError<
  | 'TRUST_KEY'
  | 'TRUST_MALFORMED'
  | 'TRUST_UNSUPPORTED'
  | 'TRUST_SIGNATURES'
  | 'TRUST_THRESHOLD'
  | 'TRUST_ROLLBACK'
  | 'TRUST_EXPIRED'
  | 'TRUST_MIX_AND_MATCH'
  | 'TRUST_MISSING'
  | 'TRUST_LENGTH'
  | 'TRUST_TARGET_UNKNOWN'
  | 'TRUST_IMAGE_HASH'
> {
  readonly fault = 'peer';
}

/** The vault was asked for something that cannot be. */
export class VaultError extends OtaError<
  | 'VAULT_PASSPHRASE'
  | 'VAULT_EXISTS'
  | 'VAULT_LABEL'
  | 'VAULT_KEY_UNKNOWN'
  | 'VAULT_KEY_EXISTS'
  | 'VAULT_FULL'
  | 'VAULT_CLOSED'
> {
  readonly fault = 'caller';
}

/** What keeps the vault is missing, altered, unsafe or failing. */
export class VaultStorageError extends OtaError<
  'VAULT_MISSING' | 'VAULT_DAMAGED' | 'VAULT_VERSION' | 'VAULT_MODE' | 'VAULT_BUSY' | 'VAULT_IO'
> {
  readonly fault = 'environment';
}
