/** Release proofs as the server makes them, and the check of a device before anything is released that it would refuse. */
import { TrustError } from '../trust/errors.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../trust/limits.ts';
import type { Reading } from '../trust/repository/published.ts';
import { verifyProof } from '../trust/tuf/proof.ts';
import { Lru } from './cache.ts';
import { MAX_CACHED_PROOFS } from './limits.ts';
import { type Fresh, type MetadataFiles, NONE_FRESH, type State } from './metadata-files.ts';
import type { Artifact, ListedTarget, Release } from './model.ts';
import type { ImageQuery, Publication, Store } from './ports.ts';
import { inProofOrder, listedAfter, ProofContent } from './proofs.ts';

/** A publication before it is stored. */
export interface Next extends State {
  readonly rows: Publication['files'];
  readonly fresh: Fresh;
  readonly nowMs: number;
}

interface ProofOrder {
  readonly image: ImageQuery;
  readonly listed: readonly ListedTarget[];
  /** When the proof is for. */
  readonly nowMs: number;
  readonly fresh?: Fresh;
}

export interface ProofPorts {
  readonly tenant: string;
  readonly store: Pick<Store, 'targetsOf'>;
  readonly files: MetadataFiles;
}

export class ReleaseProofs {
  readonly #tenant: string;
  readonly #store: ProofPorts['store'];
  readonly #files: MetadataFiles;
  readonly #made = new Lru<Promise<Uint8Array | undefined>>(MAX_CACHED_PROOFS);

  constructor({ tenant, store, files }: ProofPorts) {
    this.#tenant = tenant;
    this.#store = store;
    this.#files = files;
  }

  /** Something was published: what was made before is none any more. */
  clear(): void {
    this.#made.clear();
  }

  /**
   * The release proof of an image; `undefined` when no published target is it.
   * @param hardware narrows it to targets that list this hardware: an image may be that of more boards than a proof names
   */
  of(current: State, nowMs: number, sha256: string, hardware?: string): Promise<Uint8Array | undefined> {
    const key = hardware === undefined ? sha256 : `${sha256} ${hardware}`;
    const known = this.#made.get(key);
    if (known) return known;
    const proof = this.#make(current, nowMs, { sha256, hardware, limit: MAX_PROOF_PATHS });
    this.#made.set(key, proof);
    // What is not there is not worth a place, and a failure must not last.
    const forget = () => this.#made.delete(key);
    proof.then((bytes) => bytes ?? forget(), forget);
    return proof;
  }

  /**
   * What is admitted must be what devices will take: found under its path, and proven to them by the proof they will be served.
   * @throws {TrustError} TRUST_TARGET_UNKNOWN, TRUST_LENGTH; those of `verifyProof`
   */
  async requireFound(next: Next, { component, artifacts }: Release): Promise<void> {
    const at = { ...next, reading: readingAt(next.reading, next.nowMs) };
    for (const artifact of artifacts) {
      const { targetPath: path, hardware: hardwareId, sha256 } = artifact;
      const found = await this.#files.find(at, { path, hardwareId }, { fresh: next.fresh });
      if (found?.target.hashes.get('sha256') !== sha256 || !found.target.hardwareIds.includes(hardwareId)) {
        throw new TrustError(
          'TRUST_TARGET_UNKNOWN',
          `no client with ${hardwareId} would find the image under ${path}`,
          {
            detail: { path, hardwareId },
            fix: 'What was delegated has changed since the release was drafted: cancel it, and draft it anew.',
          },
        );
      }
      await this.#requireProven(next, artifact, component);
    }
  }

  async #make(current: State, nowMs: number, image: ImageQuery): Promise<Uint8Array | undefined> {
    const listed = await this.#store.targetsOf(this.#tenant, image);
    return (await this.#content(current, { image, listed, nowMs }))?.write();
  }

  /** Of what has expired only when nothing else is there: the device shall be told what is wrong. */
  async #content(current: State, order: ProofOrder): Promise<ProofContent | undefined> {
    // Anybody may ask for anything: what nobody lists costs one keyed read.
    if (order.listed.length === 0) return undefined;
    const content = await this.#gather(current, order, order.nowMs);
    return content.paths.size > 0 ? content : nonEmpty(await this.#gather(current, order, undefined));
  }

  /** @param nowMs with a time, what does not hold at it is passed over; without one, expiry does not matter and all else does */
  async #gather(current: State, { image, listed, fresh = NONE_FRESH }: ProofOrder, nowMs: number | undefined) {
    const { head, reading } = current;
    const at = nowMs === undefined ? current : { ...current, reading: readingAt(reading, nowMs) };
    const content = new ProofContent(await this.#files.provingAt(head, [], fresh));
    const suppliers = reading.trusted.targets.value.delegations?.roles.map(({ name }) => name) ?? [];
    for (const { path, hardwareIds } of inProofOrder(listed, suppliers)) {
      if (content.isFull) break;
      for (const hardwareId of image.hardware === undefined ? hardwareIds : [image.hardware]) {
        const files = new Map<string, Uint8Array>();
        const found = this.#files.find(at, { path, hardwareId }, { fresh, keep: files });
        // Listed is not enough: whoever lists it must still be asked, and mean this hardware.
        const target = (nowMs === undefined ? await found : await found.catch(noneIfUntrusted))?.target;
        if (target?.hashes.get('sha256') === image.sha256 && target.hardwareIds.includes(hardwareId))
          content.add(path, files);
      }
    }
    return content;
  }

  /** The check of a device that has trusted the repository from its first root on. */
  async #requireProven(next: Next, artifact: Artifact, component: string): Promise<void> {
    const { targetPath: path, hardware: hardwareId, sha256, lengthBytes } = artifact;
    const image = { sha256, hardware: hardwareId, limit: MAX_PROOF_PATHS };
    const listed = listedAfter(await this.#store.targetsOf(this.#tenant, image), next.rows, image);
    const { nowMs, fresh } = next;
    const content = await this.#content(next, { image, listed, nowMs, fresh });
    if (!content?.paths.has(path)) {
      throw new TrustError('TRUST_LENGTH', `the release proof for ${hardwareId} has no room for ${path}`, {
        detail: { path, hardwareId, maxPaths: MAX_PROOF_PATHS, maxBytes: MAX_PROOF_BYTES },
        fix: `Remove targets that nobody needs: a proof names ${MAX_PROOF_PATHS} of one image, ${MAX_PROOF_BYTES / 2 ** 20} MiB of metadata at most.`,
      });
    }
    const stored = new Map([
      ['root', (await this.#files.load('root', 1)) ?? fresh.get('1.root.json') ?? new Uint8Array()],
    ]);
    const request = { stored, nowMs, image: { sha256, lengthBytes }, hardwareId, component };
    try {
      verifyProof(content.write(), request);
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause;
      throw new TrustError(cause.code, `devices with ${hardwareId} would refuse ${path}: ${cause.message}`, {
        detail: { ...cause.detail, path, hardwareId },
        fix: 'Nothing was published. Find out what else lists this image for this hardware, and what it says of it.',
      });
    }
  }
}

/** The same, for a client whose clock says `nowMs`. */
function readingAt({ trusted, published }: Reading, nowMs: number): Reading {
  return { trusted: { ...trusted, context: { ...trusted.context, nowMs } }, published };
}

function noneIfUntrusted(error: unknown): undefined {
  if (!(error instanceof TrustError)) throw error;
}

function nonEmpty(content: ProofContent): ProofContent | undefined {
  return content.paths.size > 0 ? content : undefined;
}
