/**
 * Release proofs: everything a device needs to check one image offline, from the root it was provisioned with (design section 4).
 *
 * A proof is a repository cut down to one image: the very files of the repository, by their names, in one canonical JSON document.
 * Checking it is the update of refresh.ts, answered from the document; so a proof can say nothing that the repository could not.
 */
import { wireJson } from '../../core/canonical-json.ts';
import { asObject, asString, type JsonObject, parseJson } from '../../core/json.ts';
import { isVersion, versionKey } from '../../core/version.ts';
import { TrustError } from '../errors.ts';
import { MAX_DELEGATED_ROLES, MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../limits.ts';
import { TUF1 } from './dialect.ts';
import { drive } from './drive.ts';
import { normalPath } from './paths.ts';
import { type Found, findTarget, refresh, type Stored } from './refresh.ts';
import { remembered } from './remember.ts';
import type { Target } from './roles.ts';
import { Searches } from './searches.ts';
import { inRole, malformed, readNames } from './shape.ts';

const TYPE = 'sealift-release-proof';

/** @param paths all targets that are this image @param files by the name they have in the repository, exactly as stored */
export function writeProof(paths: readonly string[], files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const documents = new Map([...files].map(([name, bytes]) => [name, parseJson(bytes, { maxBytes: MAX_PROOF_BYTES })]));
  return wireJson({ _type: TYPE, documents, paths });
}

export interface ProofRequest {
  /** What the device trusts so far; at least `root`. */
  readonly stored: Stored;
  /** The device's time; see `UpdateOptions`. */
  readonly nowMs: number;
  readonly image: { readonly sha256: string; readonly lengthBytes: number };
  /** What the device is. */
  readonly hardwareId: string;
  /** What the image was offered as; left out, it may be anything. */
  readonly component?: string;
}

export interface ProvenImage {
  /** In normal form (paths.ts), whatever the document calls it. */
  readonly path: string;
  readonly target: Target;
  /** Ids of the keys that signed the file which lists it. */
  readonly signedBy: readonly string[];
  /** What the device trusts from now on: the four top-level roles, and delegated ones (remember.ts). */
  readonly stored: Stored;
}

/**
 * Nobody has signed `paths`: each is searched on its own, and one that leads nowhere spoils none of the others. The first that proves
 * the image says whose word counts; of all that those signers list, the newest version.
 *
 * @throws {TrustError} TRUST_MALFORMED, TRUST_LENGTH no proof; TRUST_TARGET_UNKNOWN it names no such image for this hardware, or only as
 * other components (then with `detail.signed`); those of `refresh`. What the device trusts is unchanged: all of a proof counts, or nothing
 */
export function verifyProof(bytes: Uint8Array, request: ProofRequest): ProvenImage {
  const { paths, documents } = inRole('proof', () => readProof(bytes));
  const { image, hardwareId, component } = request;
  const stored = new Map(request.stored);
  const context = { dialect: TUF1, nowMs: request.nowMs };
  const file = answersFrom(documents);
  const trusted = drive(refresh(request.stored, context, Number.POSITIVE_INFINITY), file, stored);
  const searches = new Searches();
  const { listings, refusal } = searchEach(paths, (path) =>
    drive(findTarget(trusted, { path, hardwareId }, request.stored, searches), file),
  );
  const ofImage = listings.filter(({ target }) => isImage(target, image) && target.hardwareIds.includes(hardwareId));
  const [first, ...others] = ofImage.filter(({ target }) => isComponent(target, component));
  if (!first) throw refusal ?? unproven(request, ofImage[0]?.target, searches);
  const {
    path,
    target,
    file: listedBy,
    visited,
  } = others
    .filter((other) => other.file.authority === first.file.authority)
    .reduce((newest, other) => (rankOf(other) > rankOf(newest) ? other : newest), first);
  return { path, target, signedBy: listedBy.signedBy, stored: remembered(stored, visited) };
}

interface Listing extends Found {
  readonly path: string;
}

/** @returns what was found, and the first refusal among the rest */
function searchEach(paths: readonly string[], find: (path: string) => Found | undefined) {
  const listings: Listing[] = [];
  let refusal: TrustError | undefined;
  for (const path of paths) {
    try {
      const found = find(path);
      if (found) listings.push({ ...found, path: normalPath(path) });
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      refusal ??= error;
    }
  }
  return { listings, refusal };
}

/** A signer who names no component means any, as at admission. */
function isComponent({ component: signed }: Target, component: string | undefined): boolean {
  return signed === undefined || component === undefined || signed === component;
}

/** The same bytes may be released again under a later version: then they are that version. One that is said comes after none. */
function rankOf({ target: { version } }: Listing): string {
  return version !== undefined && isVersion(version) ? versionKey(version) : '';
}

/** @param other the image as something else, where somebody lists it so */
function unproven(request: ProofRequest, other: Target | undefined, { isCutShort }: Searches): TrustError {
  const { image, hardwareId, component } = request;
  const detail = { sha256: image.sha256, hardwareId };
  if (other?.component !== undefined) {
    const signed = other.component;
    return new TrustError(
      'TRUST_TARGET_UNKNOWN',
      `the image was signed as ${signed.slice(0, 64)}, it was offered as ${component}`,
      {
        detail: { ...detail, component, signed },
        fix: 'Release it for the component it was signed for.',
      },
    );
  }
  const what = `an image of ${image.lengthBytes} bytes with digest ${image.sha256} for hardware ${hardwareId}`;
  if (isCutShort) {
    return new TrustError(
      'TRUST_TARGET_UNKNOWN',
      `none of the first ${MAX_DELEGATED_ROLES} delegated roles lists ${what}, and more are not read`,
      {
        detail,
        fix: 'Delegate so that fewer roles speak for the path, or end the search by a terminating delegation.',
      },
    );
  }
  return new TrustError('TRUST_TARGET_UNKNOWN', `nobody has signed ${what}`, {
    detail,
    fix: 'Release the image by a signing event that names this hardware.',
  });
}

function readProof(bytes: Uint8Array): { paths: readonly string[]; documents: JsonObject } {
  if (bytes.length > MAX_PROOF_BYTES)
    throw new TrustError('TRUST_LENGTH', `${bytes.length} bytes where at most ${MAX_PROOF_BYTES} are allowed`);
  const proof = asObject(parseJson(bytes, { maxBytes: MAX_PROOF_BYTES }), '');
  if (asString(proof.get('_type'), '/_type') !== TYPE) throw malformed('/_type', `is not "${TYPE}"`);
  return {
    paths: readNames(proof.get('paths'), '/paths', MAX_PROOF_PATHS),
    documents: asObject(proof.get('documents'), '/documents'),
  };
}

function isImage({ lengthBytes, hashes }: Target, image: ProofRequest['image']): boolean {
  return lengthBytes === image.lengthBytes && hashes.get('sha256') === image.sha256;
}

/** A document is written the way it was stored, so that its bytes are those whose hash the repository has signed. */
function answersFrom(documents: JsonObject): (file: string) => Uint8Array | undefined {
  return (file) => {
    const document = documents.get(file);
    return document === undefined ? undefined : wireJson(document);
  };
}
