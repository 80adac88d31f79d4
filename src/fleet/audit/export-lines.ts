/**
 * Lines of an export: a header, then the tree from its first leaf to its last, each leaf either with its entry or, where there is none to
 * show, under the hash of a subtree. Whoever hashes them in order has the root, of every size at which no subtree is cut in two.
 *
 * Canonical JSON, hashes in base64. An entry stands in its line as it is in its leaf, so that people can read it and search it.
 */
import { concat, fromBase64, utf8Encode } from '../../core/bytes.ts';
import { wireJson } from '../../core/canonical-json.ts';
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
import { AuditError } from './errors.ts';
import { MAX_LINE_BYTES, MAX_LINE_HASHES } from './limits.ts';
import { HASH_BYTES } from './merkle.ts';

export interface ExportHeader {
  readonly origin: string;
  /** Leaves of the tree. */
  readonly size: number;
  /** Whose entries it shows; `null` for all. */
  readonly tenant: string | null;
  /** The last checkpoint of the store, as a signed note. */
  readonly checkpoint: string | null;
}

export interface EntryLine {
  readonly index: number;
  /** Canonical JSON of the entry; `undefined` where what is stored is no such thing. */
  readonly entry: Uint8Array | undefined;
  /** Hash of the leaf, as it is stored; `undefined` where none is. */
  readonly leaf: Uint8Array | undefined;
}

/** Leaves [from, to) without their entries. */
export interface HiddenLine {
  readonly from: number;
  readonly to: number;
  /** Of `completeSubtrees(from, to)`, each leaf by itself when all tenants are exported; `undefined` where none is stored. */
  readonly hashes: readonly (Uint8Array | undefined)[];
}

const FORMAT = 'sealift-audit-export';
const VERSION = 1;
const ENTRY = utf8Encode('{"entry":');
const NULL = utf8Encode('null');

export function writeHeader({ origin, size, tenant, checkpoint }: ExportHeader): Uint8Array {
  return wireJson({ format: FORMAT, version: VERSION, origin, size, tenant, checkpoint });
}

/** Spelled by hand, since the entry is spelled already: canonical JSON in between canonical JSON. */
export function writeEntryLine({ index, entry, leaf }: EntryLine): Uint8Array {
  const rest = utf8Encode(`,"index":${index},"leaf":${JSON.stringify(textOf(leaf))}}`);
  return concat(ENTRY, entry ?? NULL, rest);
}

export function writeHiddenLine({ from, to, hashes }: HiddenLine): Uint8Array {
  return wireJson({ from, to, hashes: hashes.map(textOf) });
}

/** Whether a leaf can stand in a line as it is: canonical JSON, and not too long. */
export function isLegible(leaf: Uint8Array): boolean {
  if (leaf.length > MAX_LINE_BYTES / 2) return false;
  try {
    return Buffer.from(wireJson(asObject(parseJson(leaf), ''))).equals(leaf);
  } catch (error) {
    if (error instanceof JsonError) return false;
    throw error;
  }
}

/** @throws {AuditError} AUDIT_EXPORT */
export function readHeader(line: Uint8Array): ExportHeader {
  return reading(1, () => {
    const members = asObject(parseJson(line, { maxBytes: MAX_LINE_BYTES }), '');
    if (members.get('format') !== FORMAT) throw new JsonError('JSON_SHAPE', `/format is not ${FORMAT}`);
    asInteger(members.get('version'), '/version', VERSION, VERSION);
    const optional = (name: string) => (members.get(name) === null ? null : asString(members.get(name), `/${name}`));
    return {
      ...{ origin: asString(members.get('origin'), '/origin'), size: asInteger(members.get('size'), '/size') },
      ...{ tenant: optional('tenant'), checkpoint: optional('checkpoint') },
    };
  });
}

/** @param number of the line, from 1 on @throws {AuditError} AUDIT_EXPORT */
export function readLine(line: Uint8Array, number: number): EntryLine | HiddenLine {
  return reading(number, () => {
    const members = asObject(parseJson(line, { maxBytes: MAX_LINE_BYTES }), '');
    return members.has('index') ? entryLine(members) : hiddenLine(members);
  });
}

export function tooLongLine(number: number): AuditError {
  return new AuditError('AUDIT_EXPORT', `line ${number} of the export has more than ${MAX_LINE_BYTES} bytes`);
}

function entryLine(members: JsonObject): EntryLine {
  const entry = members.get('entry');
  return {
    index: asInteger(members.get('index'), '/index'),
    entry: entry === null ? undefined : wireJson(asObject(entry, '/entry')),
    leaf: hashOf(members.get('leaf'), '/leaf'),
  };
}

function hiddenLine(members: JsonObject): HiddenLine {
  const from = asInteger(members.get('from'), '/from');
  const hashes = asArray(members.get('hashes'), '/hashes');
  if (hashes.length > MAX_LINE_HASHES) throw new JsonError('JSON_SHAPE', `/hashes are more than ${MAX_LINE_HASHES}`);
  return {
    from,
    to: asInteger(members.get('to'), '/to', from + 1),
    hashes: hashes.map((hash, at) => hashOf(hash, `/hashes/${at}`)),
  };
}

function hashOf(value: JsonValue | undefined, path: string): Uint8Array | undefined {
  if (value === null) return undefined;
  const hash = fromBase64(asString(value, path));
  if (hash?.length !== HASH_BYTES) throw new JsonError('JSON_SHAPE', `${path} is not a SHA-256 in base64`);
  return hash;
}

function textOf(hash: Uint8Array | undefined): string | null {
  return hash ? Buffer.from(hash).toString('base64') : null;
}

function reading<T>(number: number, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new AuditError('AUDIT_EXPORT', `line ${number} is not one of an audit export: ${cause.message}`, {
      cause,
      fix: 'Export it again; if it was edited, what it said is gone.',
    });
  }
}
