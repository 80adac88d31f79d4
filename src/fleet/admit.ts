/** The gate every release passes: nothing is offered that signed targets metadata does not name by digest and length. */
import { isOtaError } from '../core/errors.ts';
import { isVersion } from '../core/version.ts';
import type { PublicKey } from '../trust/keys.ts';
import { verifyPayload } from '../trust/payload.ts';
import { type Target, type VerifiedTargets, verifyTargets } from '../trust/targets.ts';
import { FleetError } from './errors.ts';
import type { Artifact, PayloadSignature, Release } from './model.ts';
import type { Blobs } from './ports.ts';

export interface ReleaseRequest {
  readonly tenant: string;
  readonly component: string;
  readonly version: string;
  /** Signed targets metadata, exactly as signed. */
  readonly targets: Uint8Array;
  readonly artifacts: readonly {
    readonly hardware: string;
    readonly targetPath: string;
    readonly payloadSignatures: readonly PayloadSignature[];
  }[];
}

export interface FleetTrust {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

export interface Admission {
  readonly trust: FleetTrust;
  readonly blobs: Blobs;
  readonly nowMs: number;
  /** Highest version of targets metadata admitted so far. */
  readonly minVersion: number;
}

type Admitted = Pick<Release, 'component' | 'version' | 'artifacts' | 'targetsVersion' | 'signedBy'>;

/** @throws {FleetError} RELEASE_NOT_ADMITTED with both values, the TrustError or JsonError as its cause where one is */
export async function admit(request: ReleaseRequest, admission: Admission): Promise<Admitted> {
  const { component, version } = request;
  if (!isVersion(version))
    throw refused(`"${version}" is no version`, 'Use 1 to 64 printable characters without spaces and slashes.');
  const targets = verified(request.targets, admission);
  const hardware = request.artifacts.map((artifact) => artifact.hardware);
  if (hardware.length === 0 || new Set(hardware).size !== hardware.length) {
    throw refused('a release needs exactly one artifact per hardware', 'Name each hardware id once.');
  }
  const artifacts: Artifact[] = [];
  for (const wanted of request.artifacts)
    artifacts.push(await admitArtifact(request, wanted, targets, admission.blobs));
  return { component, version, artifacts, targetsVersion: targets.version, signedBy: targets.signedBy };
}

function verified(bytes: Uint8Array, { trust, nowMs, minVersion }: Admission): VerifiedTargets {
  try {
    return verifyTargets(bytes, { ...trust, nowMs, minVersion });
  } catch (cause) {
    if (!isOtaError(cause)) throw cause;
    throw refused('its targets metadata does not hold', cause.fix ?? 'Sign the metadata again.', cause);
  }
}

async function admitArtifact(
  { component, version }: ReleaseRequest,
  wanted: ReleaseRequest['artifacts'][number],
  { targets }: VerifiedTargets,
  blobs: Blobs,
): Promise<Artifact> {
  const { hardware, targetPath, payloadSignatures } = wanted;
  const target = targets.get(targetPath);
  if (!target) throw refused(`the metadata names no target "${targetPath}"`, 'Sign metadata that lists the artifact.');
  requireSame('hardware', target.hardwareIds.includes(hardware), hardware, target.hardwareIds.join(', '), targetPath);
  requireSame('component', [undefined, component].includes(target.component), component, target.component, targetPath);
  requireSame('version', [undefined, version].includes(target.version), version, target.version, targetPath);
  await requireBlob(blobs, target, targetPath);
  for (const signature of payloadSignatures) await requirePayloadSignature(blobs, target, signature, targetPath);
  return { hardware, targetPath, payloadSignatures, sha256: target.sha256, lengthBytes: target.lengthBytes };
}

function requireSame(what: string, same: boolean, asked: string, signed: string | undefined, targetPath: string): void {
  if (same) return;
  throw refused(
    `${what} of "${targetPath}" is ${asked} in the request, ${signed} in the signed metadata`,
    'Make both say the same.',
  );
}

async function requireBlob(blobs: Blobs, { sha256, lengthBytes }: Target, targetPath: string): Promise<void> {
  const stored = await blobs.lengthBytes(sha256);
  if (stored === lengthBytes) return;
  const found = stored === undefined ? 'none is stored' : `the stored one has ${stored}`;
  throw refused(
    `"${targetPath}" names an artifact of ${lengthBytes} bytes with digest ${sha256}; ${found}`,
    'Upload the file that was signed: sealift artifact upload FILE',
  );
}

/** A signature that its device would refuse is found here, not in the field. */
async function requirePayloadSignature(
  blobs: Blobs,
  { sha256 }: Target,
  { scheme, key, signature }: PayloadSignature,
  targetPath: string,
): Promise<void> {
  if (await verifyPayload(scheme, key, signature, blobs.read(sha256))) return;
  throw refused(
    `a ${scheme} signature over "${targetPath}" does not verify`,
    'Sign exactly the bytes that were uploaded.',
  );
}

function refused(reason: string, fix: string, cause?: unknown): FleetError {
  return new FleetError('RELEASE_NOT_ADMITTED', `the release is not admitted: ${reason}`, {
    fix,
    ...(cause === undefined ? {} : { cause }),
  });
}
