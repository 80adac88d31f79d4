/**
 * Wire format of CUPS: the JSON request and the binary response.
 *
 * Spec: spec/cups.md sections 3.2 and 4. Little-endian, no padding.
 * Bytes only: no I/O, no clock, no policy (segments.ts decides what to send).
 */
import { bytes, message, optionalBlock, rest, uint, utf8, type ValueOf } from '../../core/codec.ts';
import { WireError } from '../../core/errors.ts';
import { asObject, type JsonValue, parseJson } from '../../core/json.ts';
import { CupsRequestError } from './errors.ts';
import { formatId6, parseId6 } from './id6.ts';
import {
  MAX_CREDENTIAL_BYTES,
  MAX_KEYS,
  MAX_REQUEST_BYTES,
  MAX_SIGNATURE_SEGMENT_BYTES,
  MAX_TEXT_CHARACTERS,
  MAX_TRAILING_BYTES,
  MAX_UPDATE_BYTES,
  MAX_URI_BYTES,
  MIN_SIGNATURE_SEGMENT_BYTES,
} from './limits.ts';

const u8 = uint(1, 'le');
const u16 = uint(2, 'le');
const u32 = uint(4, 'le');

const SignatureSegment = message({
  keyCrc: u32, //                                            a hint: devices try every key they have (section 8)
  der: rest(MIN_SIGNATURE_SEGMENT_BYTES - 4, MAX_SIGNATURE_SEGMENT_BYTES - 4), // ECDSA P-256 over the update
});

/** Fields 1 to 12 of the response; `updateLength` bytes of update follow. Empty or absent: leave it as it is. */
export const ResponseHead = message({
  cupsUri: utf8(u8, MAX_URI_BYTES),
  tcUri: utf8(u8, MAX_URI_BYTES),
  cupsCred: bytes(u16, MAX_CREDENTIAL_BYTES), //             trust || crt || key
  tcCred: bytes(u16, MAX_CREDENTIAL_BYTES),
  signature: optionalBlock(u32, MIN_SIGNATURE_SEGMENT_BYTES, MAX_SIGNATURE_SEGMENT_BYTES, SignatureSegment),
  updateLength: uint(4, 'le', MAX_UPDATE_BYTES),
});
export type ResponseHead = ValueOf<typeof ResponseHead.fields>;

/** A response that changes nothing. */
export const NOTHING: ResponseHead = {
  cupsUri: '',
  tcUri: '',
  cupsCred: new Uint8Array(),
  tcCred: new Uint8Array(),
  signature: undefined,
  updateLength: 0,
};

/** What `NOTHING` looks like on the wire: 14 zero bytes. */
export const NO_UPDATE: Uint8Array = ResponseHead.encode(NOTHING);

export interface UpdateInfoResponse {
  readonly head: ResponseHead;
  readonly update: Uint8Array;
  /** Bytes after the update, ignored as Station does; 0 from a server that keeps to the format. */
  readonly trailingBytes: number;
}

/**
 * A whole response of 14 bytes or more.
 * @throws {WireError} WIRE_TRUNCATED shorter than its own lengths; WIRE_LIMIT a length out of range, more than 64 trailing bytes
 */
export function decodeResponse(body: Uint8Array): UpdateInfoResponse {
  const { value: head, consumed } = ResponseHead.decodePrefix(body);
  const end = consumed + head.updateLength;
  if (end > body.length) {
    throw new WireError('WIRE_TRUNCATED', `update of ${head.updateLength} bytes, ${body.length - consumed} are there`);
  }
  if (body.length - end > MAX_TRAILING_BYTES) {
    throw new WireError(
      'WIRE_LIMIT',
      `${body.length - end} bytes after the update, at most ${MAX_TRAILING_BYTES} pass`,
    );
  }
  return { head, update: new Uint8Array(body.subarray(consumed, end)), trailingBytes: body.length - end };
}

/** The one component CUPS updates: what `package` and `version.txt` name. */
export const FIRMWARE = 'firmware';

export interface UpdateInfoRequest {
  /** EUI of the router, 16 lower-case hex digits. */
  readonly router: string;
  /** `''` when absent: null, empty and missing are one. */
  readonly cupsUri: string;
  readonly tcUri: string;
  readonly cupsCredCrc: number;
  readonly tcCredCrc: number;
  readonly station: string;
  readonly model: string;
  /** Firmware version; `null` when the router has no version.txt. */
  readonly package: string | null;
  /** CRC of each installed signature key, in the order of their index. */
  readonly keys: readonly number[];
}

/**
 * Reads a request body of at most 16 KiB. Order of members does not matter, unknown ones are ignored.
 * @throws {JsonError} the body is not strict JSON; {CupsRequestError} CUPS_BAD_REQUEST a member is missing or wrong
 */
export function decodeRequest(body: Uint8Array): UpdateInfoRequest {
  // Fractions are let through for the members we do not know (section 3.2: ignore them).
  const json = asObject(parseJson(body, { maxBytes: MAX_REQUEST_BYTES, fractions: true }), '');
  const keys = json.get('keys') ?? [];
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw wrong('keys', `a list of at most ${MAX_KEYS} CRCs`);
  return {
    router: parseId6(text(json, 'router', MAX_TEXT_CHARACTERS) ?? ''),
    cupsUri: text(json, 'cupsUri', MAX_TEXT_CHARACTERS) ?? '',
    tcUri: text(json, 'tcUri', MAX_TEXT_CHARACTERS) ?? '',
    cupsCredCrc: crc(json.get('cupsCredCrc'), 'cupsCredCrc'),
    tcCredCrc: crc(json.get('tcCredCrc'), 'tcCredCrc'),
    station: text(json, 'station', MAX_TEXT_CHARACTERS) ?? '',
    model: text(json, 'model', MAX_TEXT_CHARACTERS) ?? '',
    package: text(json, 'package', MAX_TEXT_CHARACTERS),
    keys: keys.map((key, index) => crc(key, `keys/${index}`)),
  };
}

/** Writes a request as a Station does: its key order, no white space, absent text as `null`. */
export function encodeRequest(request: UpdateInfoRequest): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      router: formatId6(request.router),
      cupsUri: request.cupsUri || null,
      tcUri: request.tcUri || null,
      cupsCredCrc: request.cupsCredCrc,
      tcCredCrc: request.tcCredCrc,
      station: request.station,
      model: request.model,
      package: request.package,
      keys: request.keys,
    }),
  );
}

function text(json: ReadonlyMap<string, JsonValue>, name: string, maxCharacters: number): string | null {
  const value = json.get(name) ?? null;
  if (value === null) return null;
  if (typeof value !== 'string' || value.length > maxCharacters) {
    throw wrong(name, `text of at most ${maxCharacters} characters, or null`);
  }
  return value;
}

function crc(value: JsonValue | undefined, name: string): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > 0xffff_ffff) {
    throw wrong(name, 'an unsigned 32-bit number');
  }
  return value as number;
}

function wrong(name: string, expected: string): CupsRequestError {
  return new CupsRequestError('CUPS_BAD_REQUEST', `member "${name}" is not ${expected}`, {
    detail: { pointer: `/${name}` },
    fix: 'Send the nine members of a CUPS request; see the protocol page of the documentation.',
  });
}
