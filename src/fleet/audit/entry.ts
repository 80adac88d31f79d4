/**
 * One entry of the audit log: who did what to which object, from what to what, approved by whom, when, by which request.
 *
 * Its canonical JSON is the leaf of the Merkle tree, so an entry has one spelling and says nothing of its place, which it gets later. It
 * holds ids, states, versions and digests; documents are named by their digest, and nothing secret is ever given to it (SEC-25).
 */
import { equalBytes, SHA256_HEX } from '../../core/bytes.ts';
import { type CanonicalInput, wireJson } from '../../core/canonical-json.ts';
import { asArray, asInteger, asObject, asString, JsonError, type JsonValue, parseJson } from '../../core/json.ts';
import { AuditError } from './errors.ts';
import { MAX_APPROVALS, MAX_ENTRY_BYTES, MAX_ID_CHARACTERS, MAX_KIND_CHARACTERS, MAX_VALUE_BYTES } from './limits.ts';

/** An actor (`user`, `device`, `server`) or an object (`rollout`, `release`), by its kind and id. */
export interface Reference {
  /** A word in camel case. */
  readonly kind: string;
  readonly id: string;
}

export interface AuditEntry {
  readonly tenant: string;
  readonly actor: Reference;
  /** Stable code of the event, words in camel case with dots between: `rollout.halted`. */
  readonly what: string;
  readonly object: Reference;
  /** SHA-256 of what it is about, in hex: a document, an artifact, a request that was signed. */
  readonly digest: string | null;
  /** What the object was, and what it is now, as far as this changed it. */
  readonly before: CanonicalInput | JsonValue;
  readonly after: CanonicalInput | JsonValue;
  /** Who approved it: key ids or names, in the order in which they did. */
  readonly approvals: readonly string[];
  /** Milliseconds since the epoch, by the clock of the server. */
  readonly atMs: number;
  /** `null` where no request led to it. */
  readonly requestId: string | null;
}

const VERSION = 1;
const KIND = /^[a-z][a-zA-Z0-9]*$/;
const MEMBERS = [
  'actor',
  'after',
  'approvals',
  'atMs',
  'before',
  'digest',
  'object',
  'requestId',
  'tenant',
  'v',
  'what',
];

/**
 * The leaf of an entry.
 * @throws {AuditError} AUDIT_LIMIT something is longer than its limit; AUDIT_ENTRY a value that an entry cannot have
 */
export function encodeEntry(entry: AuditEntry): Uint8Array {
  const { tenant, actor, what, object, digest, before, after, approvals, atMs, requestId } = entry;
  requireText('tenant', tenant, MAX_ID_CHARACTERS);
  requireText('what', what, MAX_KIND_CHARACTERS, isCode);
  requireReference('actor', actor);
  requireReference('object', object);
  if (digest !== null && !SHA256_HEX.test(digest)) throw malformed('digest', 'the hex digits of a SHA-256');
  if (approvals.length > MAX_APPROVALS) throw tooLong('approvals', approvals.length, MAX_APPROVALS, 'approvals');
  for (const approval of approvals) requireText('approvals', approval, MAX_ID_CHARACTERS);
  if (requestId !== null) requireText('requestId', requestId, MAX_ID_CHARACTERS);
  if (!Number.isSafeInteger(atMs) || atMs < 0) throw malformed('atMs', 'milliseconds since 1970');
  requireValue('before', before);
  requireValue('after', after);
  const leaf = written({
    ...{ tenant, what, digest, approvals, atMs, requestId, before, after, v: VERSION },
    ...{ actor: { kind: actor.kind, id: actor.id }, object: { kind: object.kind, id: object.id } },
  });
  if (leaf.length > MAX_ENTRY_BYTES) throw tooLong('entry', leaf.length, MAX_ENTRY_BYTES, 'bytes');
  return leaf;
}

/**
 * The entry of a leaf, which must be spelled exactly as `encodeEntry` does.
 * @throws {AuditError} AUDIT_LIMIT, AUDIT_ENTRY
 */
export function readEntry(leaf: Uint8Array): AuditEntry {
  if (leaf.length > MAX_ENTRY_BYTES) throw tooLong('entry', leaf.length, MAX_ENTRY_BYTES, 'bytes');
  const entry = shaped(leaf);
  if (!equalBytes(encodeEntry(entry), leaf)) throw malformed('entry', 'spelled canonically, with no other members');
  return entry;
}

function shaped(leaf: Uint8Array): AuditEntry {
  try {
    const members = asObject(parseJson(leaf), '');
    asInteger(members.get('v'), '/v', VERSION, VERSION);
    const text = (name: string) => asString(members.get(name), `/${name}`);
    const optional = (name: string) => (members.get(name) === null ? null : text(name));
    const reference = (name: string) => {
      const object = asObject(members.get(name), `/${name}`);
      return { kind: asString(object.get('kind'), `/${name}/kind`), id: asString(object.get('id'), `/${name}/id`) };
    };
    const missing = MEMBERS.find((name) => !members.has(name));
    if (missing !== undefined) throw malformed(missing, 'there');
    return {
      ...{ tenant: text('tenant'), actor: reference('actor'), what: text('what'), object: reference('object') },
      ...{ digest: optional('digest'), requestId: optional('requestId') },
      ...{ before: members.get('before') ?? null, after: members.get('after') ?? null },
      approvals: asArray(members.get('approvals'), '/approvals').map((one, at) => asString(one, `/approvals/${at}`)),
      atMs: asInteger(members.get('atMs'), '/atMs'),
    };
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new AuditError('AUDIT_ENTRY', `not an entry of the audit log: ${cause.message}`, { cause });
  }
}

function requireReference(name: string, { kind, id }: Reference): void {
  requireText(`${name}.kind`, kind, MAX_KIND_CHARACTERS, isKind);
  requireText(`${name}.id`, id, MAX_ID_CHARACTERS);
}

function requireText(name: string, text: string, maxCharacters: number, isFine = isAnything): void {
  if (text.length > maxCharacters) throw tooLong(name, text.length, maxCharacters, 'characters');
  if (!isFine(text)) throw malformed(name, 'a word or an id');
}

function isAnything(text: string): boolean {
  return text !== '';
}

function isKind(text: string): boolean {
  return KIND.test(text);
}

function isCode(text: string): boolean {
  const words = text.split('.');
  return words.length > 1 && words.every(isKind);
}

function requireValue(name: string, value: CanonicalInput | JsonValue): void {
  const { length } = written(value);
  if (length > MAX_VALUE_BYTES) throw tooLong(name, length, MAX_VALUE_BYTES, 'bytes');
}

/** Control characters are escaped, so that an entry is a line wherever it is written. */
function written(value: CanonicalInput | JsonValue): Uint8Array {
  try {
    return wireJson(value);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new AuditError('AUDIT_ENTRY', `an audit entry cannot hold this: ${cause.message}`, { cause });
  }
}

function malformed(name: string, expected: string): AuditError {
  return new AuditError('AUDIT_ENTRY', `${name} of an audit entry is not ${expected}`, { detail: { member: name } });
}

function tooLong(name: string, length: number, limit: number, unit: string): AuditError {
  return new AuditError('AUDIT_LIMIT', `${name} of an audit entry has ${length} ${unit}; at most ${limit} are kept`, {
    detail: { member: name, length, limit },
  });
}
