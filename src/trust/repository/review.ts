/**
 * What a signing request asks: who may sign each file, who has, who is missing.
 *
 * Pure, and the same on the server and on a machine without any network: a signer believes nothing that this does not derive
 * from the request itself and the root the signer already trusts.
 */
import { equalBytes } from '../../core/bytes.ts';
import { asObject, JsonError, type JsonObject, parseJson } from '../../core/json.ts';
import { TrustError } from '../errors.ts';
import { MAX_REQUEST_BYTES, MAX_ROOT_BYTES, MAX_TARGETS_BYTES } from '../limits.ts';
import { acceptFirstRoot } from '../tuf/accept.ts';
import { TUF1 } from '../tuf/dialect.ts';
import { type Root, readRoot, readTargets, type Targets } from '../tuf/roles.ts';
import type { KeyTable, RoleKeys } from '../tuf/threshold.ts';
import { rootDocument, targetsDocument } from './documents.ts';
import { BINS, contentOf, type DraftFile, isOwnRole, type Published, rolesOf } from './draft.ts';
import { SigningError } from './errors.ts';
import { delegatorOf, namesIn, readPublished } from './published.ts';
import { approvalMessage, type PayloadToSign, type SigningRequest } from './request.ts';
import { messageOf, metadataFile, type Signatures } from './sign.ts';

/** A set of keys whose threshold a file needs. A new root needs two: the old one and itself. */
export interface Authority {
  readonly name: string;
  readonly keys: KeyTable;
  readonly role: RoleKeys;
}

export interface FileReview {
  readonly role: string;
  readonly version: number;
  readonly signed: JsonObject;
  /** What it says; `undefined` for a root. */
  readonly targets: Targets | undefined;
  /** What is signed. */
  readonly message: Uint8Array;
  readonly authorities: readonly Authority[];
}

export interface Review {
  readonly request: SigningRequest;
  /** What is published; `undefined` before the first root. */
  readonly before: Published | undefined;
  /** The root after this request, when it changes. */
  readonly nextRoot: Root | undefined;
  /** Key id to holder, before and after. */
  readonly names: ReadonlyMap<string, string>;
  readonly files: readonly FileReview[];
}

/** How far an authority is. */
export interface Progress {
  readonly role: string;
  readonly authority: string;
  readonly need: number;
  /** Key ids. */
  readonly signed: readonly string[];
  readonly missing: readonly string[];
  readonly isComplete: boolean;
}

/** A payload signature that is asked for, and whether it is there. */
export interface PayloadProgress {
  readonly path: string;
  readonly key: string;
  readonly isSigned: boolean;
}

/**
 * @param pinned root the signer trusts already; without one, the first root of the request is taken, which a person has to compare
 * @throws {SigningError} SIGNING_FORMAT what it says is published does not hold; SIGNING_STALE a file does not follow it;
 * SIGNING_CHANGE a new file is none that we would write
 */
export function reviewRequest(request: SigningRequest, pinned?: Uint8Array): Review {
  const drafts = request.body.files.map(readDraft);
  if (new Set(drafts.map(({ role }) => role)).size !== drafts.length)
    throw unsound('the request asks to sign two files of one role');
  const before = publishedBefore(request, pinned);
  const nextRoot = drafts.find(({ role }) => role === 'root');
  const root = nextRoot?.root ?? before?.root;
  if (!root) throw unsound('a first request has to bring a root');
  const top = drafts.find(({ role }) => role === 'targets')?.targets ?? before?.files.get('targets');
  for (const payload of request.body.payloads) requireTarget(payload, drafts);
  return {
    ...{ request, before, nextRoot: nextRoot?.root },
    names: new Map([...(before?.names ?? []), ...(nextRoot ? namesIn(nextRoot.signed) : [])]),
    files: drafts.map(({ role, signed, message, root: drafted, targets }) => {
      const { version } = drafted ?? targets;
      requireNext(role, version, before);
      return { ...{ role, version, signed, targets, message }, authorities: authorities(role, before, root, top) };
    }),
  };
}

/** Every signature that came with the request is by a key that may make it, and holds. @throws {SigningError} SIGNING_KEY, SIGNING_ALTERED */
export function requireSound({ request, files, names }: Review): void {
  const { collected, digest } = request;
  const known = new Map(files.flatMap((file) => [...eligible(file)]));
  for (const [keyId, value] of collected.approvals) {
    const key = known.get(keyId);
    if (!key) throw wrongKey(keyId, 'the request');
    if (!key.verify(approvalMessage(digest), value))
      throw new SigningError('SIGNING_ALTERED', `the request was altered after ${holder(keyId, names)} signed it`, {
        detail: { keyId, digest },
        fix: 'Export the request again from the server, and ask who signed what was altered.',
      });
  }
  for (const { role, keyId, value } of collected.signatures) {
    const file = files.find((one) => one.role === role);
    const key = file && eligible(file).get(keyId);
    if (!file || !key) throw wrongKey(keyId, role);
    // Without its approval a signature says nothing of the rest of the request, and whoever altered that would have taken it out.
    if (!collected.approvals.has(keyId))
      throw new SigningError('SIGNING_ALTERED', `${holder(keyId, names)} has signed ${role} but not this request`, {
        detail: { keyId, role },
        fix: 'Export the request again from the server; a signature of another tool comes with one over approval.tosign.',
      });
    if (!key.verify(file.message, value))
      throw new SigningError(
        'SIGNING_ALTERED',
        `the signature of ${holder(keyId, names)} does not belong to this ${role}`,
        {
          detail: { keyId, role },
          fix: 'Sign the request as it was exported; what was signed and what is sent differ.',
        },
      );
  }
  for (const { path, key } of collected.payloadSignatures) {
    if (request.body.payloads.some((one) => one.path === path && one.keys.includes(key))) continue;
    throw new SigningError(
      'SIGNING_KEY',
      `nobody asked for a signature over ${path.slice(0, 64)} by key ${key.slice(0, 16)}`,
      { fix: 'Sign with the key that devices hold; the signing event names it.' },
    );
  }
}

/** A payload is the image of a target that the same request lists: whoever signs its bytes signs what the words say. */
function requireTarget({ path, sha256, lengthBytes }: PayloadToSign, drafts: readonly Draft[]): void {
  const target = drafts.map(({ targets }) => targets?.targets.get(path)).find((one) => one !== undefined);
  if (target?.hashes.get('sha256') === sha256 && target.lengthBytes === lengthBytes) return;
  throw unsound(`the artifact to sign for "${path.slice(0, 64)}" is not the one that is listed`);
}

/** Keys that may sign a file, under any of its authorities. */
export function eligible({ authorities: all }: FileReview): KeyTable {
  return new Map(all.flatMap(({ keys, role }) => role.keyIds.map((keyId) => [keyId, keys.get(keyId)] as const)));
}

/** Call `requireSound` first: signatures are only counted here. */
export function progressOf({ request, files }: Review): readonly Progress[] {
  return files.flatMap(({ role, authorities: all }) => {
    const by = new Set(request.collected.signatures.filter((one) => one.role === role).map(({ keyId }) => keyId));
    return all.map(({ name, role: { keyIds, threshold }, keys }) => {
      const signed = keyIds.filter((keyId) => by.has(keyId));
      const distinct = new Set(signed.map((keyId) => keys.get(keyId)?.fingerprint));
      const missing = keyIds.filter((keyId) => !by.has(keyId));
      return { role, authority: name, need: threshold, signed, missing, isComplete: distinct.size >= threshold };
    });
  });
}

/** Whether each is by its key over its artifact can only be said by who has the artifact. */
export function payloadProgressOf({ request: { body, collected } }: Review): readonly PayloadProgress[] {
  const isSigned = (path: string, key: string) =>
    collected.payloadSignatures.some((one) => one.path === path && one.key === key);
  return body.payloads.flatMap(({ path, keys }) => keys.map((key) => ({ path, key, isSigned: isSigned(path, key) })));
}

/** Whether nobody has to sign any more. */
export function isComplete(review: Review): boolean {
  return (
    progressOf(review).every((one) => one.isComplete) && payloadProgressOf(review).every(({ isSigned }) => isSigned)
  );
}

/** The files as they will be stored, with every signature that was collected. */
export function signedFiles({ request, files }: Review): ReadonlyMap<string, Uint8Array> {
  return new Map(
    files.map(({ role, signed }) => {
      const made = request.collected.signatures.filter((one) => one.role === role);
      const signatures: Signatures = new Map(made.map(({ keyId, value }) => [keyId, value]));
      return [role, metadataFile(signed, signatures)];
    }),
  );
}

/** `3fa9… (alice)`, or the id alone. */
export function holder(keyId: string, names: ReadonlyMap<string, string>): string {
  const name = names.get(keyId);
  return name === undefined || name === '' ? keyId.slice(0, 8) : `${name} (${keyId.slice(0, 8)})`;
}

type Draft = Pick<FileReview, 'role' | 'signed' | 'message'> &
  ({ readonly root: Root; readonly targets: undefined } | { readonly root: undefined; readonly targets: Targets });

/**
 * A new file has to be exactly what we would write for what we read in it: whatever else it held would be signed without a word
 * about it. So, too, key ids are hashes of their keys, and to compare ids is to compare keys.
 */
function readDraft({ role, signed: drafted }: DraftFile): Draft {
  const { again, ...file } = inChange(role, () => {
    const signed = jsonOf(drafted);
    if (role !== 'root') {
      const targets = readTargets(signed, TUF1);
      return { signed, root: undefined, targets, again: targetsDocument(contentOf(targets)) };
    }
    const root = readRoot(signed, TUF1);
    const again = rootDocument({ ...root, roles: rolesOf({ root, names: namesIn(signed) }) });
    return { signed, root, targets: undefined, again };
  });
  const message = messageOf(file.signed);
  if (!equalBytes(message, messageOf(again)))
    throw unsignable(role, 'it says more, or in other words, than this version of sealift would');
  const maxBytes = file.root ? MAX_ROOT_BYTES : MAX_TARGETS_BYTES;
  if (message.length > maxBytes)
    throw unsignable(role, `it would have ${message.length} bytes, and clients read at most ${maxBytes}`);
  return { role, message, ...file };
}

function inChange<T>(role: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof TrustError || cause instanceof JsonError) throw unsignable(role, cause.message);
    throw cause;
  }
}

function unsignable(role: string, problem: string): SigningError {
  return new SigningError('SIGNING_CHANGE', `${role.slice(0, 64)} cannot be signed as it was drafted: ${problem}`, {
    detail: { role },
    fix: 'Correct what is named, and draft it anew.',
  });
}

function publishedBefore({ body }: SigningRequest, pinned: Uint8Array | undefined): Published | undefined {
  if (body.base.size === 0 && pinned)
    throw new SigningError(
      'SIGNING_FORMAT',
      'the request begins a repository anew, and this signer trusts one already',
      {
        fix: 'Do not sign it. If the repository has to begin anew, whoever signs needs a folder without a trusted root.',
      },
    );
  if (body.base.size === 0) return undefined;
  const file = (name: string) => body.base.get(name);
  const first = pinned ?? file('1.root.json') ?? new Uint8Array();
  const replaced = body.files.map(({ role }) => role).filter((role) => role !== 'root');
  try {
    const version = acceptFirstRoot(first, { dialect: TUF1, nowMs: undefined }).value.version;
    if (!equalBytes(first, file(`${version}.root.json`) ?? first))
      throw new TrustError('TRUST_MIX_AND_MATCH', `its root ${version} is not the one this signer trusts`);
    const held = replaced.filter((role) => hasFile(body.base, role));
    return readPublished(first, file, held).published;
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw new SigningError('SIGNING_FORMAT', `what the request says is published does not hold: ${cause.message}`, {
      fix: 'Do not sign it. Compare the root with the one the other signers have: sealift trust export-root.',
    });
  }
}

function hasFile(base: ReadonlyMap<string, Uint8Array>, role: string): boolean {
  const plain = `${encodeURIComponent(role)}.json`;
  return [...base.keys()].some((name) => name.slice(name.indexOf('.') + 1) === plain);
}

function requireNext(role: string, version: number, before: Published | undefined): void {
  const published = role === 'root' ? before?.root.version : before?.versions.get(role);
  if (version === (published ?? 0) + 1) return;
  throw new SigningError('SIGNING_STALE', `${role} ${version} does not follow ${role} ${published ?? 0}`, {
    detail: { role, version, published: published ?? 0 },
    fix: 'Start a new signing event; what was published has changed since this one was made.',
  });
}

function authorities(
  role: string,
  before: Published | undefined,
  root: Root,
  targets: Targets | undefined,
): readonly Authority[] {
  if (role === 'root') {
    const next = { name: 'the new root', keys: root.keys, role: root.roles.root };
    return before ? [{ name: 'the root before', keys: before.root.keys, role: before.root.roles.root }, next] : [next];
  }
  if (isOwnRole(role)) return [{ name: 'targets', keys: root.keys, role: root.roles.targets }];
  const supplier = targets && delegatorOf(role, targets);
  if (supplier) return [{ name: role, ...supplier }];
  throw unsound(`nobody may sign for "${role}": it is no supplier and none of ${BINS}`);
}

/** No server of ours asks for that. */
function unsound(problem: string): SigningError {
  return new SigningError('SIGNING_FORMAT', problem, {
    fix: 'Do not sign it. Export the request again from the server.',
  });
}

function wrongKey(keyId: string, what: string): SigningError {
  return new SigningError('SIGNING_KEY', `key ${keyId.slice(0, 64)} may not sign ${what}`, {
    detail: { keyId },
    fix: 'Sign with a key that the role names: sealift trust show REQUEST lists them.',
  });
}

/** A draft of our own is plain objects; one that travelled was parsed. */
function jsonOf(signed: DraftFile['signed']): JsonObject {
  const bytes = metadataFile(signed, new Map());
  return asObject(asObject(parseJson(bytes, { maxBytes: MAX_REQUEST_BYTES }), '').get('signed'), '/signed');
}
