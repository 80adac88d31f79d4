/** Bytes against the entry that was signed for them (spec/uptane.md section 9.7). */
import { createHash } from 'node:crypto';
import { TrustError } from '../errors.ts';
import { HASHES } from './accept.ts';
import type { Target } from './roles.ts';

/** Takes an image piece by piece; `finish` once, at the end. */
export class ImageCheck {
  readonly #target: Pick<Target, 'lengthBytes' | 'hashes'>;
  readonly #hashes: readonly { readonly algorithm: string; readonly hash: ReturnType<typeof createHash> }[];
  #received = 0;

  /** @throws {TrustError} TRUST_UNSUPPORTED no listed hash is one we can compute */
  constructor(target: Pick<Target, 'lengthBytes' | 'hashes'>) {
    this.#target = target;
    this.#hashes = HASHES.filter((algorithm) => target.hashes.has(algorithm)).map((algorithm) => ({
      algorithm,
      hash: createHash(algorithm),
    }));
    if (this.#hashes.length === 0)
      throw new TrustError('TRUST_UNSUPPORTED', `an image with hashes ${[...target.hashes.keys()].join(', ')} alone`);
  }

  /** @throws {TrustError} TRUST_LENGTH as soon as there is a byte too many */
  update(chunk: Uint8Array): void {
    this.#received += chunk.length;
    if (this.#received > this.#target.lengthBytes) throw this.#wrongLength();
    for (const { hash } of this.#hashes) hash.update(chunk);
  }

  /** @throws {TrustError} TRUST_LENGTH, TRUST_IMAGE_HASH any listed hash differs */
  finish(): void {
    if (this.#received !== this.#target.lengthBytes) throw this.#wrongLength();
    for (const { algorithm, hash } of this.#hashes) {
      const actual = hash.digest('hex');
      const signed = this.#target.hashes.get(algorithm);
      if (actual !== signed)
        throw new TrustError('TRUST_IMAGE_HASH', `the image has ${algorithm} ${actual}, ${signed} was signed`);
    }
  }

  #wrongLength(): TrustError {
    const { lengthBytes } = this.#target;
    return new TrustError('TRUST_LENGTH', `${this.#received} bytes or more came where ${lengthBytes} were signed`, {
      detail: { received: this.#received, signed: lengthBytes },
    });
  }
}
