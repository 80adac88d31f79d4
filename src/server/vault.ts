/** The vault of online keys: where it lies, and what stands in for it when nobody gave its passphrase. */
import { realpathSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { FleetError } from '../fleet/errors.ts';
import type { Vault } from '../trust/vault.ts';
import type { Config } from './config.ts';
import { ConfigError } from './errors.ts';

export function vaultFile({ dataDir, trust }: Config): string {
  return resolve(trust.vault.file === '' ? join(dataDir, 'vault.json') : trust.vault.file);
}

/** A passphrase beside the vault protects nothing. @throws {ConfigError} CONFIG_UNSAFE */
export function refuseKeyUnderMat(config: Config): void {
  const { passphraseFile } = config.trust.vault;
  if (passphraseFile === '') return;
  const file = realPath(passphraseFile);
  const folders = [realPath(config.dataDir), realPath(dirname(vaultFile(config)))];
  if (!folders.some((folder) => file.startsWith(folder + sep))) return;
  throw new ConfigError(
    'CONFIG_UNSAFE',
    `${passphraseFile} (trust.vault.passphraseFile) lies beside the vault it opens`,
    {
      fix: 'Keep the passphrase elsewhere: a mounted secret, or a folder that backups of the data folder do not hold.',
    },
  );
}

/** Where it lies in truth, behind links; what is not there yet is where it is said to be. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}

/** Without a passphrase the server serves what is published; it signs nothing and makes no keys. */
export const closedVault: Vault = {
  keys: () => Promise.resolve([]),
  signer: () => Promise.reject(closed()),
  generate: () => Promise.reject(closed()),
  import: () => Promise.reject(closed()),
  destroy: () => Promise.reject(closed()),
  close: () => Promise.resolve(),
};

function closed(): FleetError {
  return new FleetError('REPOSITORY_KEYS', 'the vault of online keys is closed', {
    fix: 'Set trust.vault.passphraseFile, or start the server on a terminal, which asks for the passphrase.',
  });
}
