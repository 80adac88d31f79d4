/**
 * A signer's folder: the keys of one person, in an encrypted vault, and the roots that person trusts. It stays on a machine of its
 * own; only the public file leaves it.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileDurably } from '../adapters/files/durable.ts';
import { FileVault } from '../adapters/files/vault.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import { wireJson } from '../core/canonical-json.ts';
import {
  asArray,
  asInteger,
  asObject,
  asString,
  JsonError,
  type JsonValue,
  parseJson,
  parseSigned,
} from '../core/json.ts';
import { TrustError } from '../trust/errors.ts';
import { type PublicKey, parsePublicKey, type SchemeName, type Signer } from '../trust/keys.ts';
import { type PayloadSigner, payloadSignerOf, sha256Hex } from '../trust/payload.ts';
import type { SigningRequest } from '../trust/repository/request.ts';
import { CliError } from './exit.ts';

export const SIGNER_FILES = {
  vault: 'keys.vault.json',
  /** Who this is and the public keys: goes to whoever runs the ceremony. */
  public: 'signer.pub.json',
  /** X || Y, 64 bytes: the file a gateway holds as sig-0.key. */
  cups: 'sig-0.key',
  trusted: 'trusted-roots.json',
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

/** @throws {CliError} CLI_FILE the folder holds keys already; {VaultError} */
export async function makeSigner(
  dir: string,
  name: string,
  passphrase: string,
  scheme: SchemeName,
): Promise<PublicSigner> {
  if (existsSync(join(dir, SIGNER_FILES.vault)))
    throw new CliError('CLI_FILE', `${dir} holds keys already`, {
      fix: 'Name a new folder; keys are never overwritten.',
    });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const vault = await FileVault.create(join(dir, SIGNER_FILES.vault), passphrase, ports);
  try {
    const root = await vault.generate('root', scheme);
    const targets = await vault.generate('targets', scheme);
    await vault.generate('cups', 'cups-p256-sha512');
    const cups = payloadSignerOf(await vault.signer('cups'));
    if (cups) await writeFileDurably(join(dir, SIGNER_FILES.cups), cups.key, 0o644);
    const signer = { name, root: root.json, targets: targets.json };
    await writeFileDurably(join(dir, SIGNER_FILES.public), Buffer.concat([wireJson(signer), Buffer.from('\n')]), 0o644);
    return { name, root, targets };
  } finally {
    await vault.close();
  }
}

/** @throws {CliError} CLI_FILE */
export function readPublicSigner(file: string): PublicSigner {
  return reading(file, 'no signer.pub.json of "trust init"', (json) => {
    const object = asObject(json, '');
    return {
      name: asString(object.get('name'), '/name'),
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

interface Pin {
  readonly version: number;
  /** Of what the root says, without its signatures: those differ while people are signing. */
  readonly sha256: string;
}

/**
 * The newest root of a request that this person has signed, or accepted, before.
 * @returns `undefined` when the request begins before any root, or when this person trusts none yet
 * @throws {CliError} CLI_FILE the request begins from roots this person never saw
 */
export function trustedRootFor(dir: string, { body }: SigningRequest): Uint8Array | undefined {
  const pins = readPins(dir);
  if (body.base.size === 0 || pins.length === 0) return undefined;
  const known = pins.flatMap(({ version, sha256 }) => {
    const root = body.base.get(`${version}.root.json`);
    return root && digestOf(root) === sha256 ? [{ version, root }] : [];
  });
  const newest = known.toSorted((left, right) => right.version - left.version)[0]?.root;
  if (newest) return newest;
  throw new CliError('CLI_FILE', 'this request does not begin from any root that you signed or accepted', {
    fix: `Do not sign it. If you know that it is right, remove ${join(dir, SIGNER_FILES.trusted)} and accept its root anew.`,
  });
}

/** Remembers roots that this person signed, or accepted as they are. */
export async function trustRoots(dir: string, roots: readonly Uint8Array[]): Promise<void> {
  const pins = roots.map((root): Pin => ({ version: versionOf(root), sha256: digestOf(root) }));
  const all = new Map([...readPins(dir), ...pins].map((pin) => [`${pin.version} ${pin.sha256}`, pin]));
  await writeFileDurably(join(dir, SIGNER_FILES.trusted), `${JSON.stringify([...all.values()], null, 2)}\n`);
}

export function digestOf(root: Uint8Array): string {
  return sha256Hex(parseSigned(root).canonical);
}

export function versionOf(root: Uint8Array): number {
  return asInteger(parseSigned(root).signed.get('version'), '/signed/version');
}

function readPins(dir: string): readonly Pin[] {
  const file = join(dir, SIGNER_FILES.trusted);
  if (!existsSync(file)) return [];
  return reading(file, 'no list of trusted roots', (json) =>
    asArray(json, '').map((item, index) => {
      const pin = asObject(item, `/${index}`);
      return {
        version: asInteger(pin.get('version'), `/${index}/version`),
        sha256: asString(pin.get('sha256'), `/${index}/sha256`),
      };
    }),
  );
}

function reading<T>(file: string, otherwise: string, read: (json: JsonValue) => T): T {
  try {
    return read(parseJson(readBytes(file)));
  } catch (cause) {
    if (!(cause instanceof JsonError) && !(cause instanceof TrustError)) throw cause;
    throw new CliError('CLI_FILE', `${file} is ${otherwise}`, { cause, fix: 'Check the path.' });
  }
}

/** @throws {CliError} CLI_FILE */
export function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CliError('CLI_FILE', `${file} cannot be read`, { cause, fix: 'Check the path and its permissions.' });
  }
}
