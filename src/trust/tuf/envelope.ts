/** The signed document as it lies on disk: what was signed, and by whom it claims to be signed (spec/uptane.md section 3.2). */
import { fromBase64, fromHex } from '../../core/bytes.ts';
import { wireJson } from '../../core/canonical-json.ts';
import { asArray, asObject, asString, type JsonObject, type JsonValue, parseSigned } from '../../core/json.ts';
import { TrustError } from '../errors.ts';
import { MAX_SIGNATURE_CHARACTERS, MAX_SIGNATURES } from '../limits.ts';
import type { Dialect } from './dialect.ts';
import { malformed, readName } from './shape.ts';

export interface Signature {
  readonly keyId: string;
  /** Lower-cased; `undefined` where the dialect has none. */
  readonly method: string | undefined;
  /** `undefined` where it is not written as the dialect writes signatures: then it holds for nobody, and spoils nothing (9.1 c, d). */
  readonly value: Uint8Array | undefined;
}

export interface SignedMessage {
  /** Canonical bytes of `signed`, as the dialect writes them: what signatures cover. */
  readonly message: Uint8Array;
  readonly signatures: readonly Signature[];
}

/** Nothing in here is believed yet. */
export interface Envelope extends SignedMessage {
  /** All of it. */
  readonly document: JsonObject;
  readonly signed: JsonObject;
}

/** @throws {TrustError} TRUST_LENGTH, TRUST_MALFORMED, TRUST_SIGNATURES one key id signs twice (spec 9.1 b); {JsonError} */
export function readEnvelope(bytes: Uint8Array, maxBytes: number, dialect: Dialect): Envelope {
  if (bytes.length > maxBytes) {
    throw new TrustError('TRUST_LENGTH', `${bytes.length} bytes where at most ${maxBytes} are allowed`, {
      detail: { length: bytes.length, max: maxBytes },
    });
  }
  const { document, signed, canonical } = parseSigned(bytes, { maxBytes });
  const list = asArray(document.get('signatures'), '/signatures');
  if (list.length > MAX_SIGNATURES)
    throw malformed('/signatures', `has ${list.length} entries, at most ${MAX_SIGNATURES} are allowed`);
  const signatures = list.map((item, index) => readSignature(item, `/signatures/${index}`, dialect));
  if (new Set(signatures.map(({ keyId }) => keyId)).size !== signatures.length)
    throw new TrustError('TRUST_SIGNATURES', 'one key id stands twice among the signatures');
  return { document, signed, message: dialect.canonicalForm === 'olpc' ? canonical : wireJson(signed), signatures };
}

function readSignature(json: JsonValue, path: string, dialect: Dialect): Signature {
  const object = asObject(json, path);
  return {
    keyId: readName(object.get('keyid'), `${path}/keyid`),
    method: dialect.hasMethod ? asString(object.get('method'), `${path}/method`).toLowerCase() : undefined,
    value: decode(asString(object.get('sig'), `${path}/sig`), dialect.signatureEncoding),
  };
}

function decode(text: string, encoding: Dialect['signatureEncoding']): Uint8Array | undefined {
  if (text.length > MAX_SIGNATURE_CHARACTERS) return undefined;
  return encoding === 'hex' ? fromHex(text) : fromBase64(text);
}
