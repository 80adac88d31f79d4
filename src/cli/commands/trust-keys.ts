/** The keys of one signer, and the passphrases that vaults open with. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { FileVault } from '../../adapters/files/vault.ts';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import { printable } from '../../core/text.ts';
import type { SchemeName } from '../../trust/keys.ts';
import { CliError } from '../exit.ts';
import { readPassphrase } from '../passphrase.ts';
import { makeSigner, SIGNER_FILES } from '../signer-folder.ts';
import { verb } from '../verbs.ts';

const SCHEMES: readonly SchemeName[] = ['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256', 'ml-dsa-44'];

interface InitOptions {
  readonly keys: string;
  readonly name: string;
  readonly passphraseFile?: string;
  readonly scheme: string;
}

interface PassphraseOptions {
  readonly keys?: string;
  readonly vault?: string;
  readonly passphraseFile?: string;
  readonly newPassphraseFile?: string;
}

export function addKeyCommands(trust: Command): void {
  verb<InitOptions>(
    trust,
    'init',
    'make the keys of one signer in a new folder',
    (command) =>
      command
        .requiredOption('--keys <dir>', 'folder for the keys; keep it offline')
        .requiredOption('--name <name>', 'who this is, as others will see it')
        .option('--passphrase-file <file>', 'file with the passphrase; without it you are asked')
        .option('--scheme <scheme>', `kind of key: ${SCHEMES.join(', ')}`, 'ed25519'),
    async ({ out }, _args, { keys, name, passphraseFile, scheme }) => {
      const kind = SCHEMES.find((one) => one === scheme);
      if (!kind)
        throw new CliError('CLI_USAGE', `"${scheme}" is no kind of key`, { fix: `Use one of: ${SCHEMES.join(', ')}` });
      const passphrase = await readPassphrase({
        file: passphraseFile,
        prompt: `New passphrase for the keys of ${printable(name)}`,
        isNew: true,
      });
      const { root, targets } = await makeSigner(keys, name, passphrase, kind);
      out.result({ keys, name, rootKeyId: root.keyId, targetsKeyId: targets.keyId }, () =>
        [
          `${printable(name)} signs with key ${root.keyId.slice(0, 8)} (root) and ${targets.keyId.slice(0, 8)} (targets).`,
          `  ${join(keys, SIGNER_FILES.public)}  public: give it to whoever runs the ceremony`,
          `  ${join(keys, SIGNER_FILES.cups)}  public: gateways hold one such file as sig-0.key`,
          `  ${join(keys, SIGNER_FILES.vault)}  secret, and useless without the passphrase: keep both offline, and apart`,
        ].join('\n'),
      );
    },
  );
  verb<PassphraseOptions>(
    trust,
    'passphrase',
    'change the passphrase of a vault; copies of the file that were made before still open with the old one',
    (command) =>
      command
        .option('--keys <dir>', 'the folder of a signer')
        .option('--vault <file>', 'the vault of a server; restart the server with the new passphrase')
        .option('--passphrase-file <file>', 'file with the passphrase as it is; without it you are asked')
        .option('--new-passphrase-file <file>', 'file with the new one; without it you are asked'),
    async ({ out }, _args, { keys, vault, passphraseFile, newPassphraseFile }) => {
      if ((keys === undefined) === (vault === undefined))
        throw new CliError('CLI_USAGE', 'one vault has to be named', {
          fix: 'Write --keys DIR (a signer) or --vault FILE (a server).',
        });
      const file = keys === undefined ? (vault ?? '') : join(keys, SIGNER_FILES.vault);
      const ports = { clock: systemClock, random: systemRandom };
      const old = await readPassphrase({ file: passphraseFile, prompt: `Passphrase of ${file}` });
      const opened = await FileVault.open(file, old, ports);
      try {
        const isNew = { prompt: `New passphrase of ${file}`, isNew: true };
        await opened.changePassphrase(await readPassphrase({ file: newPassphraseFile, ...isNew }));
        out.result({ vault: file }, () => `${file} opens with the new passphrase.`);
      } finally {
        await opened.close();
      }
    },
  );
}
