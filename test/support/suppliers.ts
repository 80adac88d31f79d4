/** Suppliers of a fleet's repository: delegated to by its people, and what their own tools may make of it. */
import type { JsonValue } from '../../src/core/json.ts';
import { DAY_MS } from '../../src/core/time.ts';
import type { SigningStatus } from '../../src/fleet/signing.ts';
import type { Person } from '../../src/lab/people.ts';
import { MAX_PROOF_PATHS } from '../../src/trust/limits.ts';
import { sha256Hex } from '../../src/trust/payload.ts';
import { type DelegationContent, targetsDocument } from '../../src/trust/repository/documents.ts';
import { metadataFile, signWith } from '../../src/trust/repository/sign.ts';
import { type Parts, signedBy, signedByAll } from './fleet.ts';

/** By default for paths below its name, and all hardware. */
export async function delegate(
  parts: Parts,
  name: string,
  signer: Person,
  more: Partial<DelegationContent> = {},
): Promise<SigningStatus> {
  const keys = [signer.targets.publicKey];
  const delegation = { name, keys, threshold: 1, terminating: false, paths: [`${name}/*/*`], ...more };
  const expiresAtMs = parts.clock.nowMs() + 90 * DAY_MS;
  const draft = await parts.signing.start({ kind: 'delegate', delegation, expiresAtMs }, `${name} may speak`);
  const status = draft.progress.length > 1 ? await signedBy(parts.signing, draft, signer) : draft;
  return signedByAll(parts, status);
}

export interface Listing {
  readonly content: Uint8Array;
  /** Under so many paths, `NAME/x/0` and so on; default: as many as a proof names. */
  readonly count?: number;
  /** Default: another one each time. */
  readonly hardware?: string;
  readonly component?: string;
  readonly version?: string;
  /** Until it expires; default 90. */
  readonly days?: number;
}

/** Publishes the file of a supplier who lists one image, his or not, as often as he likes. */
export async function listAs(parts: Parts, supplier: string, signer: Person, listing: Listing): Promise<void> {
  const { content, count = MAX_PROOF_PATHS, hardware, days = 90, component = 'modem', version = '9.0.0' } = listing;
  const targets = Array.from({ length: count }, (_, index) => {
    const hardwareIds = [hardware ?? `other-${index}`];
    const custom = new Map<string, JsonValue>(Object.entries({ hardwareIds, component, version }));
    const hashes = new Map([['sha256', sha256Hex(content)]]);
    return [`${supplier}/x/${index}`, { lengthBytes: content.length, hashes, custom }] as const;
  });
  const number = (parts.repository.head?.versions.get(supplier) ?? 0) + 1;
  const expiresAtMs = parts.clock.nowMs() + days * DAY_MS;
  const document = targetsDocument({ version: number, expiresAtMs, targets: new Map(targets) });
  const bytes = metadataFile(document, await signWith(document, [signer.targets]));
  await parts.repository.publish({ files: new Map([[supplier, bytes]]), versions: new Map([[supplier, number]]) });
}
