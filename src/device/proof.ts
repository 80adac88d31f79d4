/** Whether a release proof lets an image onto this device. Pure. */
import { compareVersions, isVersion } from '../core/version.ts';
import { TrustError } from '../trust/errors.ts';
import { type ProofRequest, type ProvenImage, verifyProof } from '../trust/tuf/proof.ts';
import { DeviceError } from './errors.ts';
import type { InstalledImage } from './ports.ts';

export interface InstallRequest extends ProofRequest {
  /** What is to be replaced. */
  readonly component: string;
  readonly running: InstalledImage | undefined;
}

/**
 * @throws {DeviceError} IMAGE_COMPONENT it was signed to be something else; IMAGE_DOWNGRADE it is older than what runs, or cannot be
 * compared with it. {TrustError} those of `verifyProof`
 */
export function requireInstallable(proof: Uint8Array, request: InstallRequest): ProvenImage {
  const proven = verified(proof, request);
  requireNotOlder(provenVersion(proven), request.running?.version ?? null);
  return proven;
}

/** An image that only others than the offered component were signed as is known, and refused for that. */
function verified(proof: Uint8Array, request: InstallRequest): ProvenImage {
  try {
    return verifyProof(proof, request);
  } catch (cause) {
    if (!(cause instanceof TrustError) || cause.detail.signed === undefined) throw cause;
    throw new DeviceError('IMAGE_COMPONENT', cause.message, {
      cause,
      detail: cause.detail,
      fix: 'Release it for the component it was signed for.',
    });
  }
}

/** `null` when its signer named none that can be compared. */
export function provenVersion({ target: { version } }: ProvenImage): string | null {
  return version !== undefined && isVersion(version) ? version : null;
}

/** The metadata may be the newest there is and still list old releases: their bytes were never taken back. */
function requireNotOlder(offered: string | null, running: string | null): void {
  if (running === null || (offered !== null && compareVersions(offered, running) >= 0)) return;
  const named = offered === null ? 'names no version' : `is version ${offered}`;
  throw new DeviceError('IMAGE_DOWNGRADE', `the image ${named}, version ${running} runs`, {
    detail: { offered, running },
    fix: `To go back, release the wanted software under a version above ${running}.`,
  });
}
