import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { FileVault } from '../../adapters/files/vault.ts';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import type { Config } from '../../server/config.ts';
import { createLog } from '../../server/log.ts';
import { refuseKeyUnderMat, vaultFile } from '../../server/vault.ts';
import { packageVersion } from '../../server/version.ts';
import type { Vault } from '../../trust/vault.ts';
import { readPassphrase } from '../passphrase.ts';
import { verb } from '../verbs.ts';

export function addServeCommand(program: Command): void {
  verb(
    program,
    'serve',
    'run the server until SIGINT or SIGTERM',
    () => undefined,
    async ({ loadConfig, out }) => {
      const { config } = loadConfig();
      const vault = await openVault(config);
      // Loaded here: other commands start faster without the server.
      const { startServer } = await import('../../server/serve.ts');
      const server = await startServer(config, {
        ...{ clock: systemClock, random: systemRandom, version: packageVersion() },
        log: createLog(config.log.level),
        ...(vault ? { vault } : {}),
      });
      const { managementUrl, cupsUrl, httpUrl, dataDir } = server;
      out.result({ managementUrl, cupsUrl, httpUrl, dataDir }, () =>
        [
          `Sealift ${packageVersion()} serves`,
          `  REST API  ${managementUrl}/api/openapi.json`,
          `  CUPS      ${cupsUrl ? `${cupsUrl}/update-info` : 'off'}`,
          `  devices   ${httpUrl ? `${httpUrl}/repo/root.json` : 'off'}`,
          `  data in   ${dataDir} (API token: admin.token)`,
          ...(vault
            ? []
            : ['The vault is closed: nothing can be published or renewed. Set trust.vault.passphraseFile.']),
        ].join('\n'),
      );
      await stopSignal();
      await server.close();
      await vault?.close();
    },
  );
}

/** The vault, made at the first start; `undefined` when there is neither a passphrase file nor a terminal to ask on. */
async function openVault(config: Config): Promise<Vault | undefined> {
  const { passphraseFile } = config.trust.vault;
  if (passphraseFile === '' && !process.stdin.isTTY) return undefined;
  refuseKeyUnderMat(config);
  const file = vaultFile(config);
  const isNew = !existsSync(file);
  const passphrase = await readPassphrase({
    ...(passphraseFile === '' ? {} : { file: passphraseFile }),
    prompt: `${isNew ? 'New passphrase' : 'Passphrase'} of the vault of online keys`,
    isNew,
  });
  const ports = { clock: systemClock, random: systemRandom };
  if (!isNew) return FileVault.open(file, passphrase, ports);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return FileVault.create(file, passphrase, ports);
}

/** Resolves at the first SIGINT or SIGTERM. A second SIGINT ends the process at once; a repeated SIGTERM changes nothing. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.on('SIGTERM', () => resolve());
  });
}
