/**
 * The update engine of a device: two slots, one journal, and what it trusts.
 *
 * The running slot is never written. The switch is one atomic save after the other slot was written, checked, read back and proven
 * to be released (SEC-22). A new image is on trial until its server was reached; one that does not come up is left, remembered and
 * not tried again (REL-14, 15).
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../core/ports.ts';
import { TrustError } from '../trust/errors.ts';
import { ImageCheck } from '../trust/tuf/image.ts';
import type { Stored } from '../trust/tuf/refresh.ts';
import type { Target } from '../trust/tuf/roles.ts';
import { DeviceError } from './errors.ts';
import {
  BLANK,
  inactive,
  wasStarted,
  withActivated,
  withConfirmed,
  withReverted,
  withSlotEmptied,
  withStartCounted,
} from './journal.ts';
import type {
  DeviceJournal,
  DeviceState,
  DeviceTrust,
  ImageVerifier,
  InstalledImage,
  Installer,
  SlotName,
  Slots,
  SlotWriter,
} from './ports.ts';
import { provenVersion, requireInstallable } from './proof.ts';

export interface DevicePorts {
  readonly slots: Slots;
  readonly state: DeviceState;
  readonly trust: DeviceTrust;
  readonly installer: Installer;
  /** For the expiry of what was signed (REL-11). */
  readonly clock: Clock;
}

/** Where the release proof of an image comes from, and what it has to be made for; or, said aloud, that none is asked for. */
export type ProofSource =
  | {
      readonly kind: 'required';
      /** Called once, when the image lies in its slot; at most MAX_PROOF_BYTES. What it throws refuses the image. */
      fetch(sha256: string): Promise<Uint8Array>;
      readonly hardwareId: string;
      readonly component: string;
    }
  | { readonly kind: 'off' };

export interface StageRequest {
  /** Exact length; not a byte more is written. */
  readonly lengthBytes: number;
  readonly source: AsyncIterable<Uint8Array>;
  readonly verifier: ImageVerifier;
  readonly proof: ProofSource;
}

/** How an image came to be trusted: its path and who signed for it (key ids); 'off' when no proof was asked for. */
export type Provenance = { readonly path: string; readonly signedBy: readonly string[] } | 'off';

/** An image that lies whole and checked in the inactive slot; only `stage` makes these. */
export interface StagedImage extends InstalledImage {
  readonly staged: true;
  readonly provenance: Provenance;
  /** Digests by algorithm, as many as were signed. */
  readonly hashes: Bytes['hashes'];
}

type Image = Pick<InstalledImage, 'sha256' | 'lengthBytes'>;
type Bytes = Pick<Target, 'lengthBytes' | 'hashes'>;
type Proven = Pick<StagedImage, 'version' | 'provenance' | 'hashes'>;
/** @param slot where the image lies */
type Prover = (image: Image, slot: SlotName) => Promise<Proven>;

export class DeviceEngine {
  readonly #ports: DevicePorts;

  constructor(ports: DevicePorts) {
    this.#ports = ports;
  }

  /** What is active; `undefined` on a blank device. */
  async running(): Promise<InstalledImage | undefined> {
    const journal = await this.#journal();
    return journal.images[journal.active] ?? undefined;
  }

  async onTrial(): Promise<boolean> {
    return (await this.#journal()).trial !== null;
  }

  /**
   * Writes an image into the inactive slot, checks it there, and has its release proven. What the device trusts moves on with the
   * proof; after a throw the slot is empty and nothing else has changed.
   * @throws {DeviceError} TRIAL_OPEN the slot holds the image to go back to; TRUST_NO_ROOT, TRUST_DAMAGED no proof can be checked;
   * IMAGE_LENGTH; IMAGE_SIGNATURE; IMAGE_REFUSED_BEFORE; IMAGE_CHANGED the slot reads back other bytes; IMAGE_COMPONENT;
   * IMAGE_DOWNGRADE. {TrustError} the proof does not hold, or TRUST_IMAGE_HASH: one of several hashes that were signed is of other
   * bytes. Errors of `source` and `proof` pass through
   */
  async stage({ lengthBytes, source, verifier, proof }: StageRequest): Promise<StagedImage> {
    const { slots, state } = this.#ports;
    const journal = await this.#journal();
    if (journal.trial) {
      throw new DeviceError('TRIAL_OPEN', 'the running image is on trial; the other slot is the way back', {
        fix: 'Let the device reach its server once, which ends the trial.',
      });
    }
    const prove = await this.#prover(proof, journal);
    const slot = inactive(journal);
    await state.save(withSlotEmptied(journal));
    const writer = await slots.write(slot);
    try {
      const sha256 = await copy(source, writer, verifier, lengthBytes);
      if (!verifier.verify()) throw new DeviceError('IMAGE_SIGNATURE', 'no key of this device verifies the image');
      if (journal.refused.includes(sha256)) {
        throw new DeviceError('IMAGE_REFUSED_BEFORE', `image ${sha256} has failed on this device before`, {
          detail: { sha256 },
          fix: 'Release a corrected image under a new version.',
        });
      }
      await writer.finish();
      await this.#requireReadBack(slot, { lengthBytes, hashes: sha256Only(sha256) });
      return { sha256, lengthBytes, ...(await prove({ sha256, lengthBytes }, slot)), staged: true };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  }

  /** Switches to the staged image by one save. Nothing runs yet. @throws {DeviceError} IMAGE_CHANGED, SLOT_EMPTY */
  async activate({ sha256, lengthBytes, version, hashes }: StagedImage): Promise<void> {
    const journal = await this.#journal();
    await this.#requireReadBack(inactive(journal), { lengthBytes, hashes });
    await this.#ports.state.save(withActivated(journal, { sha256, lengthBytes, version }));
  }

  /**
   * What a device does at each boot. On trial, the start is counted first; when none is left, or the image does not come up, the
   * device goes back and starts the old one.
   * @returns whether the image that was active at the call runs
   */
  async start(): Promise<boolean> {
    const { state, installer } = this.#ports;
    const journal = await this.#journal();
    if (!journal.trial) return installer.start(journal.active);
    const counted = withStartCounted(journal);
    if (counted) {
      await state.save(counted);
      if (await installer.start(counted.active)) return true;
    }
    await this.revert();
    return false;
  }

  /** Ends the trial for good: the image came up and its server was reached. One that was never started has shown nothing. */
  async confirm(): Promise<void> {
    const journal = await this.#journal();
    if (wasStarted(journal)) await this.#ports.state.save(withConfirmed(journal));
  }

  /** Leaves an image on trial and starts the one before. Does nothing without a trial. */
  async revert(): Promise<void> {
    const { state, installer } = this.#ports;
    const journal = await this.#journal();
    if (!journal.trial) return;
    const back = withReverted(journal);
    await state.save(back);
    if (back.images[back.active]) await installer.start(back.active);
  }

  async #journal(): Promise<DeviceJournal> {
    return (await this.#ports.state.load()) ?? BLANK;
  }

  /** What can be known to be missing is found before a byte is downloaded. */
  async #prover(source: ProofSource, journal: DeviceJournal): Promise<Prover> {
    if (source.kind === 'off')
      return async ({ sha256 }) => ({ version: null, provenance: 'off', hashes: sha256Only(sha256) });
    const stored = await this.#ports.trust.load();
    if (!stored) {
      throw new DeviceError('TRUST_NO_ROOT', 'this device was given no root to check releases with', {
        fix: 'Provision it with the root of the repository, or switch release proofs off where nobody can be hurt.',
      });
    }
    return (image, slot) => this.#prove(image, slot, source, stored, journal);
  }

  /** Nothing is saved before all of the proof holds and the image may be installed (SEC-6). */
  async #prove(
    image: Image,
    slot: SlotName,
    source: Extract<ProofSource, { kind: 'required' }>,
    stored: Stored,
    journal: DeviceJournal,
  ): Promise<Proven> {
    const { clock, trust } = this.#ports;
    const proof = await source.fetch(image.sha256);
    const { hardwareId, component } = source;
    const running = journal.images[journal.active] ?? undefined;
    const proven = requireInstallable(proof, { stored, nowMs: clock.nowMs(), image, hardwareId, component, running });
    const { path, signedBy, target } = proven;
    // SHA-256 has been checked. What else was signed is known only now, and holds for the very bytes that will run (section 9.7).
    if (target.hashes.size > 1) await this.#check(slot, target);
    await trust.save(proven.stored);
    return { version: provenVersion(proven), provenance: { path, signedBy }, hashes: target.hashes };
  }

  /** The bytes that will run are the bytes that were checked (SEC-7). */
  async #requireReadBack(slot: SlotName, bytes: Bytes): Promise<void> {
    try {
      await this.#check(slot, bytes);
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause;
      throw new DeviceError(
        'IMAGE_CHANGED',
        `slot ${slot} reads back other bytes than were written: ${cause.message}`,
        {
          cause,
          fix: 'Check the storage of the device.',
        },
      );
    }
  }

  /** @throws {TrustError} TRUST_LENGTH, TRUST_IMAGE_HASH */
  async #check(slot: SlotName, bytes: Bytes): Promise<void> {
    const check = new ImageCheck(bytes);
    for await (const chunk of this.#ports.slots.read(slot)) check.update(chunk);
    check.finish();
  }
}

function sha256Only(sha256: string): Bytes['hashes'] {
  return new Map([['sha256', sha256]]);
}

/** @returns SHA-256 of the bytes, hex */
async function copy(
  source: AsyncIterable<Uint8Array>,
  writer: SlotWriter,
  verifier: ImageVerifier,
  lengthBytes: number,
): Promise<string> {
  const hash = createHash('sha256');
  let written = 0;
  for await (const chunk of source) {
    written += chunk.length;
    if (written > lengthBytes) throw new DeviceError('IMAGE_LENGTH', `more than the ${lengthBytes} bytes announced`);
    hash.update(chunk);
    verifier.update(chunk);
    await writer.write(chunk);
  }
  if (written < lengthBytes) throw new DeviceError('IMAGE_LENGTH', `${written} of the ${lengthBytes} bytes announced`);
  return hash.digest('hex');
}
