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
import { type RootFile, rootsIn } from '../trust/repository/published.ts';
import type { SigningRequest } from '../trust/repository/request.ts';
import { type Review, signedFiles } from '../trust/repository/review.ts';
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
  /** A root that was only signed may never be published; one that was is the least a later request can begin from. */
  readonly seen: 'signed' | 'published';
}

/**
 * The newest root of a request that this person has signed, or accepted, before.
 * @returns `undefined` when the request begins before any root, or when this person trusts none yet
 * @throws {CliError} CLI_FILE the request begins from roots this person never saw, or before one that is known to be published
 */
export function trustedRootFor(dir: string, { body }: SigningRequest): Uint8Array | undefined {
  const pins = readPins(dir);
  const roots = rootsIn(body.base);
  const isIn = (pin: Pin) => roots.some((root) => isPinned(root, pin));
  const published = pins
    .filter(({ seen }) => seen === 'published')
    .toSorted(byVersion)
    .at(-1);
  if (published && !isIn(published))
    throw new CliError('CLI_FILE', `this request begins before root ${published.version}, which you saw published`, {
      fix: 'Do not sign it: whoever made it turns the repository back. Ask for a new request, and compare the roots.',
    });
  if (roots.length === 0 || pins.length === 0) return undefined;
  const newest = roots.findLast((root) => pins.some((pin) => isPinned(root, pin)));
  if (newest) return newest.bytes;
  throw new CliError('CLI_FILE', 'this request does not begin from any root that you signed or accepted', {
    fix: `Do not sign it. If you know that it is right, remove ${join(dir, SIGNER_FILES.trusted)} and accept its root anew.`,
  });
}

/** Remembers the root that a reviewed request begins from, and the one that was signed. What else it holds was not verified. */
export async function trustRoots(dir: string, review: Review): Promise<void> {
  const { version } = review.before?.root ?? {};
  const published = rootsIn(review.request.body.base).filter((root) => root.version === version);
  const signed = signedFiles(review).get('root');
  const pins = [
    ...readPins(dir),
    ...(signed ? [pinOf({ version: versionOf(signed), bytes: signed }, 'signed')] : []),
    // Last: of a root that was signed before, it is now known that it is published.
    ...published.map((root) => pinOf(root, 'published')),
  ];
  const all = new Map(pins.map((pin) => [`${pin.version} ${pin.sha256}`, pin]));
  await writeFileDurably(join(dir, SIGNER_FILES.trusted), `${JSON.stringify([...all.values()], null, 2)}\n`);
}

function pinOf({ version, bytes }: RootFile, seen: Pin['seen']): Pin {
  return { version, sha256: digestOf(bytes), seen };
}

function isPinned({ version, bytes }: RootFile, pin: Pin): boolean {
  return pin.version === version && pin.sha256 === digestOf(bytes);
}

function byVersion(one: Pin, other: Pin): number {
  return one.version - other.version;
}

export function digestOf(root: Uint8Array): string {
  return sha256Hex(parseSigned(root).canonical);
}

function versionOf(root: Uint8Array): number {
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
        seen: pin.get('seen') === 'signed' ? 'signed' : 'published',
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
