/** Whether a release proof lets an image onto this device. Pure. */
import { compareVersions, isVersion } from '../core/version.ts';
import { type ProofRequest, type ProvenImage, verifyProof } from '../trust/tuf/proof.ts';
import type { Target } from '../trust/tuf/roles.ts';
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
  const proven = verifyProof(proof, request);
  requireComponent(proven.target, request.component);
  requireNotOlder(provenVersion(proven), request.running?.version ?? null);
  return proven;
}

/** `null` when its signer named none that can be compared. */
export function provenVersion({ target: { version } }: ProvenImage): string | null {
  return version !== undefined && isVersion(version) ? version : null;
}

/** A signer who names no component means any, as at admission. */
function requireComponent({ component: signed }: Target, component: string): void {
  if (signed === undefined || signed === component) return;
  throw new DeviceError(
    'IMAGE_COMPONENT',
    `the image was signed as ${signed.slice(0, 64)}, it was offered as ${component}`,
    {
      detail: { signed, component },
      fix: 'Release it for the component it was signed for.',
    },
  );
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
