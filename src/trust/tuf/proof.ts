/**
 * Release proofs: everything a device needs to check one image offline, from the root it was provisioned with (design section 4).
 *
 * A proof is a repository cut down to one image: the very files of the repository, by their names, in one canonical JSON document.
 * Checking it is the update of refresh.ts, answered from the document; so a proof can say nothing that the repository could not.
 */
import { wireJson } from '../../core/canonical-json.ts';
import { asObject, asString, type JsonObject, parseJson } from '../../core/json.ts';
import { compareVersions } from '../../core/version.ts';
import { TrustError } from '../errors.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../limits.ts';
import { TUF1 } from './dialect.ts';
import { drive } from './drive.ts';
import { normalPath } from './paths.ts';
import { findTarget, refresh, type Stored } from './refresh.ts';
import type { Target } from './roles.ts';
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
}

export interface ProvenImage {
  /** In normal form (paths.ts), whatever the document calls it. */
  readonly path: string;
  readonly target: Target;
  /** Ids of the keys that signed the file which lists it. */
  readonly signedBy: readonly string[];
  /** What the device trusts from now on: the four top-level roles. */
  readonly stored: Stored;
}

/**
 * @throws {TrustError} TRUST_MALFORMED, TRUST_LENGTH no proof; TRUST_TARGET_UNKNOWN it names no such image for this hardware; those of
 * `refresh`. What the device trusts is unchanged: all of a proof counts, or nothing
 */
export function verifyProof(bytes: Uint8Array, request: ProofRequest): ProvenImage {
  const { paths, documents } = inRole('proof', () => readProof(bytes));
  const { image, hardwareId } = request;
  const stored = new Map(request.stored);
  const options = { dialect: TUF1, nowMs: request.nowMs };
  const file = answersFrom(documents);
  const trusted = drive(refresh(request.stored, options), file, stored);
  const proven = paths.flatMap((path): ProvenImage[] => {
    const found = drive(findTarget(trusted, { path, hardwareId }, request.stored), file);
    if (!found || !isImage(found.target, image) || !found.target.hardwareIds.includes(hardwareId)) return [];
    return [{ path: normalPath(path), target: found.target, signedBy: found.visited.at(-1)?.signedBy ?? [], stored }];
  });
  const newest = proven.toSorted(byVersion).at(-1);
  if (newest) return newest;
  throw new TrustError(
    'TRUST_TARGET_UNKNOWN',
    `nobody has signed an image of ${image.lengthBytes} bytes with digest ${image.sha256} for hardware ${hardwareId}`,
    {
      detail: { sha256: image.sha256, hardwareId },
      fix: 'Release the image by a signing event that names this hardware.',
    },
  );
}

/** The same bytes may be released again under a later version: then they are that version. One that is said comes after none. */
function byVersion({ target: one }: ProvenImage, { target: other }: ProvenImage): number {
  if (one.version !== undefined && other.version !== undefined) return compareVersions(one.version, other.version);
  return Number(one.version !== undefined) - Number(other.version !== undefined);
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
