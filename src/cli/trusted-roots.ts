/**
 * The roots that one signer trusts, beside the keys: those signed or accepted before, and what is known to be published. A request that
 * begins anywhere else is refused before its words are believed.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { asArray, asInteger, asObject, asString, parseSigned } from '../core/json.ts';
import { sha256Hex } from '../trust/payload.ts';
import { SigningError } from '../trust/repository/errors.ts';
import { type RootFile, rootsIn } from '../trust/repository/published.ts';
import type { SigningRequest } from '../trust/repository/request.ts';
import { type Review, signedFiles } from '../trust/repository/review.ts';
import { readJson, writeOutput } from './files.ts';

const TRUSTED_ROOTS = 'trusted-roots.json';

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
 * @throws {SigningError} SIGNING_ROOT the request begins from roots this person never saw, or before one that is known to be published
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
    throw new SigningError(
      'SIGNING_ROOT',
      `this request begins before root ${published.version}, which you saw published`,
      {
        fix: 'Do not sign it: whoever made it turns the repository back. Ask for a new request, and compare the roots.',
      },
    );
  if (roots.length === 0 || pins.length === 0) return undefined;
  const newest = roots.findLast((root) => pins.some((pin) => isPinned(root, pin)));
  if (newest) return newest.bytes;
  throw new SigningError('SIGNING_ROOT', 'this request does not begin from any root that you signed or accepted', {
    fix: `Do not sign it. If you know that it is right, remove ${join(dir, TRUSTED_ROOTS)} and accept its root anew.`,
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
  await writeOutput(join(dir, TRUSTED_ROOTS), `${JSON.stringify([...all.values()], null, 2)}\n`, 0o600);
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
  const file = join(dir, TRUSTED_ROOTS);
  if (!existsSync(file)) return [];
  return readJson(file, 'no list of trusted roots', (json) =>
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
