/**
 * The station side of CUPS: one request, its answer handed to the device engine.
 *
 * Spec: spec/cups.md sections 3, 4, 8 and 9. Firmware only: URIs and credentials in an answer are reported, not stored.
 */
import { concat } from '../../core/bytes.ts';
import { WireError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { DeviceEngine } from '../../device/engine.ts';
import type { ImageVerifier } from '../../device/ports.ts';
import type { Post, PostAnswer } from '../../transport/http/post.ts';
import { createPayloadVerifier } from '../../trust/payload.ts';
import { encodeRequest, ResponseHead } from './codec.ts';
import { crcOf } from './crc.ts';
import { CupsClientError } from './errors.ts';
import type { StationHome } from './home.ts';
import { MAX_HEAD_BYTES, MAX_TRAILING_BYTES } from './limits.ts';

export interface StationIdentity {
  /** 16 lower-case hex digits. */
  readonly eui: string;
  /** Version, platform and build time, free text. */
  readonly station: string;
  readonly model: string;
}

export type CheckResult =
  | { readonly kind: 'unchanged' }
  /** The new image runs, on trial until the next answered request. */
  | { readonly kind: 'installed'; readonly sha256: string }
  /** The new image did not come up; the old one runs again. */
  | { readonly kind: 'reverted'; readonly sha256: string };

export interface ClientPorts {
  readonly home: StationHome;
  readonly engine: DeviceEngine;
  readonly post: Post;
  readonly log: Log;
}

export interface ClientOptions {
  /** Run updates that carry no signature although nobody checked them. For labs; default false (section 8). */
  readonly allowUnsigned?: boolean;
  /** Test seam: `false` shows that this check is the one that stops an attack. Nothing else sets it. */
  readonly checkSignature?: boolean;
}

export class CupsClient {
  readonly #identity: StationIdentity;
  readonly #ports: ClientPorts;
  readonly #options: ClientOptions;

  constructor(identity: StationIdentity, ports: ClientPorts, options: ClientOptions = {}) {
    this.#identity = identity;
    this.#ports = ports;
    this.#options = options;
  }

  /** Call once when the device starts: an image on trial is started again, or left when its starts are used up (REL-14). */
  async boot(): Promise<void> {
    const { engine } = this.#ports;
    if (await engine.onTrial()) await engine.start();
  }

  /**
   * Asks once. Any answer of status 200 proves that the running image reaches its server and ends its trial.
   * @throws {CupsClientError} CUPS_CONNECTION, CUPS_REJECTED status is not 200, CUPS_NO_LENGTH, CUPS_LENGTH, CUPS_UNSIGNED;
   * {WireError}; {DeviceError}: the running image is untouched in every case
   */
  async check(signal?: AbortSignal): Promise<CheckResult> {
    const { home, engine } = this.#ports;
    const facts = await home.facts();
    const answer = await this.#post(
      facts.cupsUri,
      encodeRequest({ router: this.#identity.eui, ...facts, ...this.#about() }),
      signal,
    );
    if (answer.status !== 200) {
      throw new CupsClientError('CUPS_REJECTED', `the server answered with status ${answer.status}`, {
        detail: { status: answer.status },
      });
    }
    if (answer.contentLength === undefined) {
      throw new CupsClientError('CUPS_NO_LENGTH', 'the answer has no Content-Length', {
        fix: 'Look for a proxy that re-chunks answers between the router and its server.',
      });
    }
    const body = new BodyReader(answer.body, answer.contentLength);
    const head = await body.head();
    await engine.confirm();
    this.#reportUnmanaged(head);
    return head.updateLength === 0 ? this.#nothing(body) : this.#update(head, body);
  }

  #about(): { station: string; model: string } {
    return { station: this.#identity.station, model: this.#identity.model };
  }

  async #post(uri: string, body: Uint8Array, signal?: AbortSignal): Promise<PostAnswer> {
    try {
      const headers = [
        ['Host', new URL(uri).host],
        ['Content-Type', 'application/json'],
        ['Content-Length', String(body.length)],
      ] as const;
      return await this.#ports.post({ uri, path: '/update-info', headers, body }, signal);
    } catch (cause) {
      throw new CupsClientError('CUPS_CONNECTION', `${uri || 'cups.uri'} cannot be asked: ${String(cause)}`, {
        cause,
        fix: 'Check cups.uri, the trust file, and that the certificate of the server names its host.',
      });
    }
  }

  async #nothing(body: BodyReader): Promise<CheckResult> {
    await body.end();
    return { kind: 'unchanged' };
  }

  async #update(head: ResponseHead, body: BodyReader): Promise<CheckResult> {
    const { engine } = this.#ports;
    const staged = await engine.stage({
      lengthBytes: head.updateLength,
      source: body.take(head.updateLength),
      verifier: await this.#verifier(head),
    });
    await body.end();
    await engine.activate(staged);
    return (await engine.start())
      ? { kind: 'installed', sha256: staged.sha256 }
      : { kind: 'reverted', sha256: staged.sha256 };
  }

  /** Every 64-byte key is tried; the key CRC is only a hint (section 8). */
  async #verifier(head: ResponseHead): Promise<ImageVerifier> {
    const { signature } = head;
    if (!signature) {
      if (this.#options.allowUnsigned) return UNCHECKED;
      throw new CupsClientError('CUPS_UNSIGNED', 'the answer carries an update without a signature', {
        fix: 'Sign the image for a key that stands in sig-N.key of the router.',
      });
    }
    if (this.#options.checkSignature === false) return UNCHECKED;
    const keys = await this.#ports.home.signatureKeys();
    if (keys.length > 0 && !keys.some((key) => crcOf(key) === signature.keyCrc)) {
      this.#ports.log.warn({ code: 'CUPS_KEY_HINT_UNKNOWN', keyCrc: signature.keyCrc });
    }
    const verifiers = keys.map((key) => createPayloadVerifier('cups-p256-sha512', key, signature.der));
    return {
      update: (chunk) => {
        for (const verifier of verifiers) verifier.update(chunk);
      },
      verify: () => verifiers.some((verifier) => verifier.verify()),
    };
  }

  #reportUnmanaged(head: ResponseHead): void {
    const ignored = (['cupsUri', 'tcUri', 'cupsCred', 'tcCred'] as const).filter((name) => head[name].length > 0);
    if (ignored.length > 0) this.#ports.log.warn({ code: 'CUPS_SEGMENT_IGNORED', segments: ignored.join(', ') });
  }
}

const UNCHECKED: ImageVerifier = { update() {}, verify: () => true };

/** Hands out a body piece by piece and holds it to its Content-Length. */
class BodyReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #contentLength: number;
  #pending: Uint8Array = new Uint8Array();
  #received = 0;

  constructor(body: AsyncIterable<Uint8Array>, contentLength: number) {
    this.#source = body[Symbol.asyncIterator]();
    this.#contentLength = contentLength;
  }

  /** @throws {WireError} WIRE_TRUNCATED, WIRE_LIMIT, WIRE_VALUE; {CupsClientError} CUPS_LENGTH */
  async head(): Promise<ResponseHead> {
    for (;;) {
      try {
        const { value, consumed } = ResponseHead.decodePrefix(this.#pending);
        const expected = consumed + value.updateLength;
        if (expected > this.#contentLength || this.#contentLength > expected + MAX_TRAILING_BYTES) {
          throw new CupsClientError(
            'CUPS_LENGTH',
            `Content-Length is ${this.#contentLength}, the segments end at ${expected}`,
          );
        }
        this.#pending = this.#pending.subarray(consumed);
        return value;
      } catch (error) {
        const isShort = error instanceof WireError && error.code === 'WIRE_TRUNCATED';
        if (!isShort || this.#pending.length > MAX_HEAD_BYTES || !(await this.#more())) throw error;
      }
    }
  }

  /** Exactly `length` bytes. @throws {WireError} WIRE_TRUNCATED when the body ends before */
  async *take(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (this.#pending.length === 0 && !(await this.#more())) {
        throw new WireError('WIRE_TRUNCATED', `the update ends ${left} bytes early`);
      }
      const chunk = this.#pending.subarray(0, left);
      this.#pending = this.#pending.subarray(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }

  /** Reads what may follow (at most 64 bytes) so that the connection ends in order. */
  async end(): Promise<void> {
    this.#pending = new Uint8Array();
    while (await this.#more()) this.#pending = new Uint8Array();
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#received += next.value.length;
    if (this.#received > this.#contentLength) {
      throw new CupsClientError('CUPS_LENGTH', `more than the ${this.#contentLength} bytes of Content-Length`);
    }
    this.#pending = concat(this.#pending, next.value);
    return true;
  }
}
