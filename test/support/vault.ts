/** A vault in memory, for tests that are not about vaults. */
import { generateSigner, importSigner, type Signer } from '../../src/trust/keys.ts';
import type { Vault, VaultKey } from '../../src/trust/vault.ts';
import { checkLabel } from '../../src/trust/vault-format.ts';

export class MemoryVault implements Vault {
  readonly signers = new Map<string, Signer>();

  async keys(): Promise<readonly VaultKey[]> {
    return [...this.signers].map(([label, { publicKey }]) => ({ label, publicKey, createdAtMs: 0 }));
  }

  async signer(label: string): Promise<Signer> {
    const signer = this.signers.get(label);
    if (!signer) throw new Error(`no key ${label}`);
    return signer;
  }

  async generate(label: string, scheme: Parameters<Vault['generate']>[1]) {
    return this.#add(label, generateSigner(scheme).signer);
  }

  async import(label: string, pem: string) {
    return this.#add(label, importSigner(pem));
  }

  async destroy(label: string): Promise<void> {
    this.signers.delete(label);
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  #add(label: string, signer: Signer) {
    checkLabel(label);
    this.signers.set(label, signer);
    return signer.publicKey;
  }
}
