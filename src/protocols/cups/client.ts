/**
 * The station side of CUPS: one request, its answer handed to the device engine.
 *
 * Spec: spec/cups.md sections 3, 4, 8 and 9. Firmware only: URIs and credentials in an answer are reported, not stored. CUPS itself has
 * one signature and no protection from rollback; the release proof, fetched from the same server, adds both (SEC-22).
 */
import { concat } from '../../core/bytes.ts';
import { WireError } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { DeviceEngine, ProofSource, Provenance } from '../../device/engine.ts';
import type { ImageVerifier } from '../../device/ports.ts';
import { type Exchange, type HttpAnswer, type HttpRequest, readAll } from '../../transport/http/exchange.ts';
import { MAX_PROOF_BYTES } from '../../trust/limits.ts';
import { createPayloadVerifier } from '../../trust/payload.ts';
import { encodeRequest, FIRMWARE, ResponseHead } from './codec.ts';
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
  | { readonly kind: 'installed'; readonly sha256: string; readonly provenance: Provenance }
  /** The new image did not come up; the old one runs again. */
  | { readonly kind: 'reverted'; readonly sha256: string; readonly provenance: Provenance };

export interface ClientPorts {
  readonly home: StationHome;
  readonly engine: DeviceEngine;
  readonly exchange: Exchange;
  readonly log: Log;
}

export interface ClientOptions {
  /**
   * Whether an image needs a release proof that the root of this device leads to. `off`: the server alone decides what runs, which is
   * logged at each update as RELEASE_PROOF_OFF. Default `required`.
   */
  readonly releaseProof?: 'required' | 'off';
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
   * @throws {CupsClientError} CUPS_CONNECTION, CUPS_REJECTED status is not 200, CUPS_NO_LENGTH, CUPS_LENGTH, CUPS_UNSIGNED,
   * CUPS_NO_ROOT, CUPS_NO_PROOF; {HttpError}; {WireError}; {DeviceError}; {TrustError}: the running image is untouched in every case
   */
  async check(signal?: AbortSignal): Promise<CheckResult> {
    const facts = await this.#ports.home.facts();
    const request = encodeRequest({ router: this.#identity.eui, ...facts, ...this.#about() });
    const answer = await this.#post(facts.cupsUri, request, signal);
    try {
      requireStatus200(answer);
      return await this.#follow(answer, facts.cupsUri, signal);
    } finally {
      answer.close();
    }
  }

  #about(): { station: string; model: string } {
    return { station: this.#identity.station, model: this.#identity.model };
  }

  #post(uri: string, body: Uint8Array, signal?: AbortSignal): Promise<HttpAnswer> {
    const headers = [
      ['Content-Type', 'application/json'],
      ['Content-Length', String(body.length)],
    ] as const;
    return this.#exchange({ method: 'POST', uri, path: '/update-info', headers, body }, signal);
  }

  async #exchange(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const { uri, headers } = request;
    try {
      const host = ['Host', new URL(uri).host] as const;
      return await this.#ports.exchange({ ...request, headers: [host, ...headers] }, signal);
    } catch (cause) {
      throw new CupsClientError('CUPS_CONNECTION', `${uri || 'cups.uri'} cannot be asked: ${String(cause)}`, {
        cause,
        fix: 'Check cups.uri, the trust file, and that the certificate of the server names its host.',
      });
    }
  }

  async #follow(answer: HttpAnswer, uri: string, signal?: AbortSignal): Promise<CheckResult> {
    if (answer.contentLength === undefined) {
      throw new CupsClientError('CUPS_NO_LENGTH', 'the answer has no Content-Length', {
        fix: 'Look for a proxy that re-chunks answers between the router and its server.',
      });
    }
    const body = new BodyReader(answer.body, answer.contentLength);
    const head = await body.head();
    await this.#ports.engine.confirm();
    this.#reportUnmanaged(head);
    if (head.updateLength > 0) return this.#update(head, body, await this.#proofSource(uri, signal));
    await body.end();
    return { kind: 'unchanged' };
  }

  async #update(head: ResponseHead, body: BodyReader, proof: ProofSource): Promise<CheckResult> {
    const { engine, log } = this.#ports;
    const staged = await engine.stage({
      lengthBytes: head.updateLength,
      source: body.take(head.updateLength),
      verifier: await this.#verifier(head),
      proof,
    });
    const { sha256, provenance } = staged;
    if (provenance === 'off') log.warn({ code: 'RELEASE_PROOF_OFF', sha256 });
    await engine.activate(staged);
    return { kind: (await engine.start()) ? 'installed' : 'reverted', sha256, provenance };
  }

  /** The proof comes from the server that offers the image; it need not be trusted for that. */
  async #proofSource(uri: string, signal?: AbortSignal): Promise<ProofSource> {
    if (this.#options.releaseProof === 'off') return { kind: 'off' };
    const { home } = this.#ports;
    if (!(await home.releaseRoot())) {
      throw new CupsClientError('CUPS_NO_ROOT', 'release-root.json is missing: no release can be checked', {
        fix: 'Copy the file of "sealift trust export-root" into the home folder under this name.',
      });
    }
    const hardwareId = await home.hardwareId();
    if (hardwareId === '') {
      throw new CupsClientError('CUPS_NO_ROOT', 'hardware.txt is missing: releases are signed for one hardware', {
        fix: 'Write the hardware id of this device into hardware.txt of the home folder.',
      });
    }
    const fetch = (sha256: string) => this.#proof(uri, sha256, hardwareId, signal);
    return { kind: 'required', fetch, hardwareId, component: FIRMWARE };
  }

  async #proof(uri: string, sha256: string, hardwareId: string, signal?: AbortSignal): Promise<Uint8Array> {
    const path = `/proofs/${sha256}?hardware=${encodeURIComponent(hardwareId)}`;
    const answer = await this.#exchange({ method: 'GET', uri, path, headers: [] }, signal);
    try {
      if (answer.status === 404) {
        throw new CupsClientError('CUPS_NO_PROOF', `the server has no release proof for image ${sha256}`, {
          detail: { sha256 },
          fix: 'Release the image by a signing event, and publish it before it is rolled out.',
        });
      }
      requireStatus200(answer);
      return await readAll(answer.body, MAX_PROOF_BYTES);
    } finally {
      answer.close();
    }
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

function requireStatus200({ status }: HttpAnswer): void {
  if (status === 200) return;
  throw new CupsClientError('CUPS_REJECTED', `the server answered with status ${status}`, { detail: { status } });
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

  /** Exactly `length` bytes; what follows them is read as well. @throws {WireError} WIRE_TRUNCATED when the body ends before */
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
    await this.end();
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
