/** A signer's folder: the keys of one person, in an encrypted vault. It stays on a machine of its own; only the public files leave it. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FileVault } from '../adapters/files/vault.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import { toHex } from '../core/bytes.ts';
import { wireJson } from '../core/canonical-json.ts';
import { asObject, asString } from '../core/json.ts';
import { isName, printable } from '../core/text.ts';
import { type PublicKey, parsePublicKey, type SchemeName, type Signer } from '../trust/keys.ts';
import { type PayloadSigner, payloadSignerOf } from '../trust/payload.ts';
import { CliError } from './exit.ts';
import { makeFolder, readBytes, readJson, writeOutput } from './files.ts';

export const SIGNER_FILES = {
  vault: 'keys.vault.json',
  /** Who this is and the public keys: goes to whoever runs the ceremony. */
  public: 'signer.pub.json',
  /** X || Y, 64 bytes: the file a gateway holds as sig-0.key. */
  cups: 'sig-0.key',
} as const;

export interface PublicSigner {
  readonly name: string;
  readonly root: PublicKey;
  readonly targets: PublicKey;
}

export interface OpenSigner {
  readonly signers: readonly Signer[];
  readonly payloadSigners: readonly PayloadSigner[];
  close(): Promise<void>;
}

const ports = { clock: systemClock, random: systemRandom };

/** @throws {CliError} CLI_USAGE the name is none, CLI_FILE the folder cannot be used or holds keys already; {VaultError} */
export async function makeSigner(
  dir: string,
  name: string,
  passphrase: string,
  scheme: SchemeName,
): Promise<PublicSigner> {
  if (!isName(name)) throw noName(name);
  if (existsSync(join(dir, SIGNER_FILES.vault)))
    throw new CliError('CLI_FILE', `${dir} holds keys already`, {
      fix: 'Name a new folder; keys are never overwritten.',
    });
  makeFolder(dir);
  // Whoever can put files there can replace the keys, and the roots that this person trusts.
  if ((statSync(dir).mode & 0o022) !== 0)
    throw new CliError('CLI_FILE', `others than its owner may write into ${dir}`, { fix: `chmod 700 ${dir}` });
  const vault = await FileVault.create(join(dir, SIGNER_FILES.vault), passphrase, ports);
  try {
    const root = await vault.generate('root', scheme);
    const targets = await vault.generate('targets', scheme);
    await vault.generate('cups', 'cups-p256-sha512');
    const cups = payloadSignerOf(await vault.signer('cups'));
    if (cups) await writeOutput(join(dir, SIGNER_FILES.cups), cups.key);
    const signer = { name, root, targets };
    await writePublicSigner(join(dir, SIGNER_FILES.public), signer);
    return signer;
  } finally {
    await vault.close();
  }
}

/** What goes to whoever runs the ceremony. @throws {CliError} CLI_USAGE the name is none, CLI_FILE */
export async function writePublicSigner(file: string, { name, root, targets }: PublicSigner): Promise<void> {
  if (!isName(name)) throw noName(name);
  const json = wireJson({ name, root: root.json, targets: targets.json });
  await writeOutput(file, Buffer.concat([json, Buffer.from('\n')]));
}

/** @throws {CliError} CLI_FILE */
export function readPublicSigner(file: string): PublicSigner {
  return readJson(file, 'no signer.pub.json of "trust init"', (json) => {
    const object = asObject(json, '');
    const name = asString(object.get('name'), '/name');
    if (!isName(name)) throw noName(name);
    return {
      name,
      root: parsePublicKey(object.get('root') ?? null),
      targets: parsePublicKey(object.get('targets') ?? null),
    };
  });
}

/** A key as a plain object, for requests to the API. */
export function keyObject({ json }: PublicKey): unknown {
  return JSON.parse(Buffer.from(wireJson(json)).toString());
}

/** @throws {CliError} CLI_FILE there are no keys; {VaultError} */
export async function openSigner(dir: string, passphrase: string): Promise<OpenSigner> {
  const vault = await FileVault.open(join(dir, SIGNER_FILES.vault), passphrase, ports);
  const all = await Promise.all((await vault.keys()).map(({ label }) => vault.signer(label)));
  return {
    signers: all.filter(({ publicKey }) => publicKey.scheme !== 'cups-p256-sha512'),
    payloadSigners: all.flatMap((signer) => payloadSignerOf(signer) ?? []),
    close: () => vault.close(),
  };
}

function noName(name: string): CliError {
  return new CliError('CLI_USAGE', `"${printable(name.slice(0, 80))}" is no name to sign under`, {
    fix: 'Use 1 to 64 visible characters, as others will see it: --name alice',
  });
}

/** 64 bytes X || Y as gateways hold them. @throws {CliError} CLI_FILE */
export function readPayloadKey(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length === 64) return toHex(bytes);
  throw new CliError('CLI_FILE', `${file} has ${bytes.length} bytes, a sig-N.key has 64`, {
    fix: 'Name the sig-0.key that "trust init" wrote, or the one your gateways hold.',
  });
}
