/**
 * A signing request: the file that travels to the people who sign, on whatever they carry, and comes back with signatures.
 *
 * It holds what is published now (with the chain that proves it), the new files, and the artifacts that need a signature of their
 * own; its digest covers all of that. Whoever signs it also signs the digest, so a request that was altered afterwards shows.
 */
import { createHash } from 'node:crypto';
import { equalBytes, fromHex, SHA256_HEX, toHex } from '../../core/bytes.ts';
import { type CanonicalInput, canonicalJson, wireJson } from '../../core/canonical-json.ts';
import {
  asArray,
  asInteger,
  asObject,
  asString,
  JsonError,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../core/json.ts';
import { TrustError } from '../errors.ts';
import { MAX_PAYLOADS, MAX_REQUEST_BYTES, MAX_REQUEST_FILES, MAX_SIGNATURES } from '../limits.ts';
import type { PayloadScheme } from '../payload.ts';
import { readTime, writeTime } from '../tuf/shape.ts';
import type { DraftFile } from './draft.ts';
import { SigningError } from './errors.ts';

/** An artifact that foreign devices check by a signature over its bytes, by one of `keys`. */
export interface PayloadToSign {
  readonly path: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  readonly scheme: PayloadScheme;
  /** Raw public keys, hex: the ones devices hold. Each has to sign. */
  readonly keys: readonly string[];
}

/** Everything the digest covers. */
export interface RequestBody {
  readonly id: string;
  readonly createdAtMs: number;
  /** Why, in the words of who asks. */
  readonly reason: string;
  /** Files of the repository by their names, exactly as published; empty before the first root. */
  readonly base: ReadonlyMap<string, Uint8Array>;
  readonly files: readonly DraftFile[];
  readonly payloads: readonly PayloadToSign[];
}

export interface FileSignature {
  readonly role: string;
  readonly keyId: string;
  readonly value: Uint8Array;
}

export interface PayloadSignatureMade {
  readonly path: string;
  /** Raw public key, hex. */
  readonly key: string;
  readonly value: Uint8Array;
}

export interface Collected {
  readonly signatures: readonly FileSignature[];
  readonly payloadSignatures: readonly PayloadSignatureMade[];
  /** Key id to its signature over `approvalMessage`. */
  readonly approvals: ReadonlyMap<string, Uint8Array>;
}

export interface SigningRequest {
  readonly body: RequestBody;
  /** SHA-256 of the canonical body, hex. */
  readonly digest: string;
  readonly collected: Collected;
}

const FORMAT = 'sealift-signing-request';
const VERSION = 1;

export const NOTHING_COLLECTED: Collected = { signatures: [], payloadSignatures: [], approvals: new Map() };

export function requestOf(body: RequestBody, collected: Collected = NOTHING_COLLECTED): SigningRequest {
  return {
    body,
    digest: createHash('sha256')
      .update(canonicalJson(bodyJson(body)))
      .digest('hex'),
    collected,
  };
}

/** What a signer signs beside the files: that it was this request. Its type keeps it apart from all metadata. */
export function approvalMessage(digest: string): Uint8Array {
  return canonicalJson({ _type: 'sealift-approval', request: digest });
}

export function writeRequest({ body, collected }: SigningRequest): Uint8Array {
  return wireJson({
    format: FORMAT,
    version: VERSION,
    body: bodyJson(body),
    signatures: collected.signatures.map(({ role, keyId, value }) => ({ role, keyid: keyId, sig: toHex(value) })),
    payload_signatures: collected.payloadSignatures.map(({ path, key, value }) => ({ path, key, sig: toHex(value) })),
    approvals: new Map([...collected.approvals].map(([keyId, value]) => [keyId, toHex(value)])),
  });
}

/** @throws {SigningError} SIGNING_FORMAT */
export function readRequest(bytes: Uint8Array): SigningRequest {
  try {
    const document = asObject(parseJson(bytes, { maxBytes: MAX_REQUEST_BYTES }), '');
    const request = readDocument(document);
    // Whatever else it held would travel on under a digest that does not cover it.
    if (!equalBytes(wireJson(document), writeRequest(request))) throw formatError('it holds more than is read of it');
    return request;
  } catch (cause) {
    if (!(cause instanceof JsonError) && !(cause instanceof TrustError)) throw cause;
    throw new SigningError('SIGNING_FORMAT', `this is no signing request: ${cause.message}`, {
      fix: 'Export it again: sealift trust export EVENT --out FILE',
    });
  }
}

/** Both sets of signatures; what stands in both counts once. */
export function merged(one: Collected, other: Collected): Collected {
  const byPlace = <T>(items: readonly T[], place: (item: T) => string) => [
    ...new Map(items.map((item) => [place(item), item])).values(),
  ];
  return {
    signatures: byPlace([...one.signatures, ...other.signatures], ({ role, keyId }) => `${role}\0${keyId}`),
    payloadSignatures: byPlace(
      [...one.payloadSignatures, ...other.payloadSignatures],
      ({ path, key }) => `${path}\0${key}`,
    ),
    approvals: new Map([...one.approvals, ...other.approvals]),
  };
}

function bodyJson(body: RequestBody): CanonicalInput {
  const { id, createdAtMs, reason, base, files, payloads } = body;
  return {
    id,
    created_at: writeTime(createdAtMs),
    reason,
    base: new Map([...base].map(([name, bytes]) => [name, parseJson(bytes, { maxBytes: MAX_REQUEST_BYTES })])),
    files: files.map(({ role, signed }) => ({ role, signed })),
    payloads: payloads.map(({ path, sha256, lengthBytes, scheme, keys }) => ({
      ...{ path, sha256, scheme, keys },
      length: lengthBytes,
    })),
  };
}

function readDocument(document: JsonObject): SigningRequest {
  if (document.get('format') !== FORMAT) throw formatError('it is another kind of document');
  if (document.get('version') !== VERSION) throw formatError('it was made by another version of sealift');
  const signatures = list(document.get('signatures'), '/signatures', MAX_REQUEST_FILES * MAX_SIGNATURES);
  const payloadSignatures = list(
    document.get('payload_signatures'),
    '/payload_signatures',
    MAX_PAYLOADS * MAX_SIGNATURES,
  );
  return requestOf(readBody(asObject(document.get('body'), '/body')), {
    signatures: signatures.map(({ object, path }) => ({
      role: asString(object.get('role'), `${path}/role`),
      keyId: asString(object.get('keyid'), `${path}/keyid`),
      value: hex(object.get('sig'), `${path}/sig`),
    })),
    payloadSignatures: payloadSignatures.map(({ object, path }) => ({
      path: asString(object.get('path'), `${path}/path`),
      key: asString(object.get('key'), `${path}/key`),
      value: hex(object.get('sig'), `${path}/sig`),
    })),
    approvals: new Map(
      [...asObject(document.get('approvals'), '/approvals')].map(([keyId, sig]) => [keyId, hex(sig, '/approvals')]),
    ),
  });
}

function readBody(object: JsonObject): RequestBody {
  const base = asObject(object.get('base'), '/body/base');
  return {
    id: asString(object.get('id'), '/body/id'),
    createdAtMs: readTime(object.get('created_at'), '/body/created_at'),
    reason: asString(object.get('reason'), '/body/reason'),
    base: new Map([...base].map(([name, json]) => [name, wireJson(json)])),
    files: list(object.get('files'), '/body/files', MAX_REQUEST_FILES).map(({ object: file, path }) => {
      const signed = asObject(file.get('signed'), `${path}/signed`);
      return {
        role: asString(file.get('role'), `${path}/role`),
        version: asInteger(signed.get('version'), `${path}/signed/version`, 1),
        signed,
      };
    }),
    payloads: list(object.get('payloads'), '/body/payloads', MAX_PAYLOADS).map(({ object: one, path }) =>
      readPayload(one, path),
    ),
  };
}

function readPayload(object: JsonObject, path: string): PayloadToSign {
  const scheme = asString(object.get('scheme'), `${path}/scheme`);
  const sha256 = asString(object.get('sha256'), `${path}/sha256`);
  if (scheme !== 'cups-p256-sha512')
    throw formatError(`it asks for a payload signature of kind ${scheme.slice(0, 32)}`);
  if (!SHA256_HEX.test(sha256)) throw formatError(`${path}/sha256 is no digest`);
  return {
    path: asString(object.get('path'), `${path}/path`),
    sha256,
    lengthBytes: asInteger(object.get('length'), `${path}/length`),
    scheme,
    keys: asArray(object.get('keys'), `${path}/keys`).map((key, index) => asString(key, `${path}/keys/${index}`)),
  };
}

function list(json: JsonValue | undefined, path: string, max: number) {
  const items = asArray(json, path);
  if (items.length > max) throw formatError(`${path} has ${items.length} entries, at most ${max} are allowed`);
  return items.map((item, index) => ({ object: asObject(item, `${path}/${index}`), path: `${path}/${index}` }));
}

function hex(json: JsonValue | undefined, path: string): Uint8Array {
  return fromHex(asString(json, path)) ?? fail(`${path} is not hex`);
}

function fail(problem: string): never {
  throw formatError(problem);
}

function formatError(problem: string): SigningError {
  return new SigningError('SIGNING_FORMAT', `this is no signing request: ${problem}`, {
    fix: 'Export it again: sealift trust export EVENT --out FILE',
  });
}
