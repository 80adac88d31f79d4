/** The keys of one signer, and the passphrases that vaults open with. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { FileVault } from '../../adapters/files/vault.ts';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import { printable } from '../../core/text.ts';
import { importPublicKey, type SchemeName } from '../../trust/keys.ts';
import { CliError } from '../exit.ts';
import { readBytes } from '../files.ts';
import { readPassphrase } from '../passphrase.ts';
import { makeSigner, SIGNER_FILES, writePublicSigner } from '../signer-folder.ts';
import { verb } from '../verbs.ts';

const SCHEMES: readonly SchemeName[] = ['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256', 'ml-dsa-44'];

interface InitOptions {
  readonly keys: string;
  readonly name: string;
  readonly passphraseFile?: string;
  readonly scheme: string;
}

interface ImportOptions {
  readonly name: string;
  readonly root: string;
  readonly targets?: string;
  readonly scheme?: string;
  readonly out: string;
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
      const kind = schemeOf(scheme);
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
  verb<ImportOptions>(
    trust,
    'import-key',
    'make the public file of a signer whose keys lie elsewhere: in a token, or another tool',
    (command) =>
      command
        .requiredOption('--name <name>', 'who this is, as others will see it')
        .requiredOption('--root <file>', 'public key that signs roots, PEM')
        .option('--targets <file>', 'public key that signs releases, PEM (default: the same)')
        .option('--scheme <scheme>', `how they sign, where the kind of key leaves a choice: ${SCHEMES.join(', ')}`)
        .requiredOption('--out <file>', 'where the public file goes'),
    async ({ out }, _args, options) => {
      const scheme = options.scheme === undefined ? undefined : schemeOf(options.scheme);
      const key = (file: string) => importPublicKey(readBytes(file).toString(), scheme);
      const [root, targets] = [key(options.root), key(options.targets ?? options.root)];
      await writePublicSigner(options.out, { name: options.name, root, targets });
      out.result({ file: options.out, rootKeyId: root.keyId, targetsKeyId: targets.keyId }, () =>
        [
          `${options.name} signs with key ${root.keyId.slice(0, 8)} (root) and ${targets.keyId.slice(0, 8)} (targets).`,
          `  ${options.out}  public: give it to whoever runs the ceremony`,
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

/** @throws {CliError} CLI_USAGE */
function schemeOf(name: string): SchemeName {
  const scheme = SCHEMES.find((one) => one === name);
  if (scheme) return scheme;
  throw new CliError('CLI_USAGE', `"${name}" is no kind of key`, { fix: `Use one of: ${SCHEMES.join(', ')}` });
}
