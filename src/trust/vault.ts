import type { PublicKey, SchemeName, Signer } from './keys.ts';
export interface VaultKey {
  readonly label: string;
  readonly publicKey: PublicKey;
  readonly createdAtMs: number;
}
export interface Vault {
  keys(): Promise<readonly VaultKey[]>;
  signer(label: string): Promise<Signer>;
  generate(label: string, scheme: SchemeName): Promise<PublicKey>;
  import(label: string, pem: string): Promise<PublicKey>;
  destroy(label: string): Promise<void>;
  close(): Promise<void>;
}
