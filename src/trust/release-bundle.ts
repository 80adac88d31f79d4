/**
 * What a signer makes offline of one new version: targets metadata that names it beside all earlier ones, and the payload signatures
 * foreign devices ask for. One document, which the server admits and which holds nothing secret.
 */
import { toHex, utf8Decode } from '../core/bytes.ts';
import type { Signer } from './keys.ts';
import { type PayloadSigner, sha256Hex } from './payload.ts';
import { signTargets, type Target, type VerifiedTargets } from './targets.ts';

/** The body of `POST /api/v1/releases`. */
export interface ReleaseBundle {
  readonly component: string;
  readonly version: string;
  /** Signed targets metadata, exactly as signed. */
  readonly targets: string;
  readonly artifacts: readonly {
    readonly hardware: string;
    readonly targetPath: string;
    readonly payloadSignatures: readonly {
      readonly scheme: string;
      readonly key: string;
      readonly signature: string;
    }[];
  }[];
}

export interface ReleaseToSign {
  /** What was signed last, verified; `undefined` for the first time. */
  readonly previous: VerifiedTargets | undefined;
  readonly component: string;
  readonly version: string;
  readonly artifacts: readonly { readonly hardware: string; readonly content: Uint8Array }[];
  readonly expiresAtMs: number;
  readonly signers: readonly Signer[];
  readonly payloadSigners: readonly PayloadSigner[];
}

export async function signRelease(release: ReleaseToSign): Promise<ReleaseBundle> {
  const { previous, component, version, artifacts, signers, payloadSigners, expiresAtMs } = release;
  const targets = new Map(previous?.targets);
  for (const { hardware, content } of artifacts) {
    const target: Target = {
      ...{ lengthBytes: content.length, sha256: sha256Hex(content) },
      ...{ hardwareIds: [hardware], component, version },
    };
    targets.set(targetPath(component, version, hardware), target);
  }
  const signed = await signTargets({ version: (previous?.version ?? 0) + 1, expiresAtMs, targets }, signers);
  return {
    component,
    version,
    targets: utf8Decode(signed) ?? '',
    artifacts: artifacts.map(({ hardware, content }) => ({
      hardware,
      targetPath: targetPath(component, version, hardware),
      payloadSignatures: payloadSigners.map((signer) => ({
        scheme: signer.scheme,
        key: toHex(signer.key),
        signature: toHex(signer.sign(content)),
      })),
    })),
  };
}

function targetPath(component: string, version: string, hardware: string): string {
  return `${component}/${version}/${hardware}`;
}
