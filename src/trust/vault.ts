/**
 * Keys behind labels: kept, made and destroyed, whatever keeps them (an encrypted file, a hardware token). The server's vault holds
 * online keys alone (design section 4); those of people who sign lie in vaults of their own, offline.
 */
import type { PublicKey, SchemeName, Signer } from './keys.ts';

export interface VaultKey {
  /** 1 to 64 characters of `a-z 0-9 . _ -`, the first a letter or digit. */
  readonly label: string;
  readonly publicKey: PublicKey;
  readonly createdAtMs: number;
}

/**
 * Each change is atomic, and durable when its promise resolves (REL-2). A rejection means that nothing has changed; with VAULT_IO
 * the old or the new state holds, and `keys()` tells which. Changes take turns, also those of several processes, and every call
 * sees the newest state. Nothing that is returned or thrown holds a private key (SEC-21).
 *
 * Every method: @throws {VaultError} VAULT_CLOSED after `close()`, VAULT_LABEL where one is given; {VaultStorageError} VAULT_IO, and
 * what an adapter adds
 */
export interface Vault {
  /** All keys, by label in ascending order. */
  keys(): Promise<readonly VaultKey[]>;
  /**
   * The signer stops, with the same errors, when its key is destroyed through this vault and when the vault is closed.
   * @throws {VaultError} VAULT_KEY_UNKNOWN
   */
  signer(label: string): Promise<Signer>;
  /** A fresh key. @throws {VaultError} VAULT_KEY_EXISTS, VAULT_FULL */
  generate(label: string, scheme: SchemeName): Promise<PublicKey>;
  /**
   * @param pem an unencrypted private key @param scheme for RSA keys, PSS by default
   * @throws {VaultError} VAULT_KEY_EXISTS, VAULT_FULL; {TrustError} TRUST_KEY, TRUST_UNSUPPORTED
   */
  import(label: string, pem: string, scheme?: SchemeName): Promise<PublicKey>;
  /** Its label may be used anew. Copies made before, such as backups, still hold the key. @throws {VaultError} VAULT_KEY_UNKNOWN */
  destroy(label: string): Promise<void>;
  /** Waits for changes under way, then forgets every secret. A second call does nothing. */
  close(): Promise<void>;
}
