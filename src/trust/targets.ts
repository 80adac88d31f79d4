/**
 * TUF 1.0 targets metadata with pinned keys: bytes and a time in, a trusted value or a typed error out.
 *
 * Spec: spec/uptane.md sections 3 and 9 (JSON). Delegations, and the roles that name the keys, are refused until they are built.
 */
import { fromHex, toHex } from '../core/bytes.ts';
import { type CanonicalInput, canonicalJson } from '../core/canonical-json.ts';
import { asArray, asInteger, asObject, asString, type JsonObject, type JsonValue, parseJson } from '../core/json.ts';
import { TrustError } from './errors.ts';
import type { PublicKey, Signer } from './keys.ts';
import {
  MAX_HARDWARE_IDS,
  MAX_NAME_CHARACTERS,
  MAX_SIGNATURE_CHARACTERS,
  MAX_SIGNATURES,
  MAX_TARGETS_BYTES,
} from './limits.ts';

export interface Target {
  readonly lengthBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Hardware the image is for; never empty. */
  readonly hardwareIds: readonly string[];
  /** What the image is, where the signer said so. */
  readonly component: string | undefined;
  readonly version: string | undefined;
}

/** Only `verifyTargets` makes these. */
export interface VerifiedTargets {
  readonly version: number;
  readonly expiresAtMs: number;
  /** Ids of the pinned keys that have signed, at least `threshold` distinct ones. */
  readonly signedBy: readonly string[];
  readonly targets: ReadonlyMap<string, Target>;
}

export interface TargetsTrust {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
  readonly nowMs: number;
  /** Highest version seen so far; 0 for none. The same version again is accepted. */
  readonly minVersion: number;
}

const SPEC_VERSION = '1.0.31';
const SPEC_VERSION_FORM = /^1\.0(?:\.[0-9]{1,4})?$/;
const EXPIRES_FORM = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;
const SHA256_FORM = /^[0-9a-f]{64}$/;

interface Draft {
  readonly signed: JsonObject;
  readonly signatures: readonly { readonly keyId: string; readonly signature: Uint8Array }[];
  signedBy: readonly string[];
  version: number;
  expiresAtMs: number;
}

/** The steps in their order: nothing inside `signed` is believed before the signatures hold. */
const CHECKS = [checkSignatures, checkType, checkVersion, checkExpiry] as const;

/**
 * @param bytes exactly as signed and served, at most 4 MiB
 * @throws {TrustError} TRUST_THRESHOLD no usable trust; TRUST_MALFORMED; TRUST_SIGNATURES fewer than threshold distinct keys;
 * TRUST_UNSUPPORTED another type or spec version, delegations; TRUST_ROLLBACK; TRUST_EXPIRED. {JsonError}
 */
export function verifyTargets(bytes: Uint8Array, trust: TargetsTrust): VerifiedTargets {
  requireThreshold(trust);
  const draft = envelope(parseJson(bytes, { maxBytes: MAX_TARGETS_BYTES }));
  for (const check of CHECKS) check(draft, trust);
  const { version, expiresAtMs, signedBy } = draft;
  return { version, expiresAtMs, signedBy, targets: readTargets(draft.signed) };
}

/** Signs targets metadata in canonical form. `expiresAtMs` is cut to whole seconds. */
export async function signTargets(
  content: { readonly version: number; readonly expiresAtMs: number; readonly targets: ReadonlyMap<string, Target> },
  signers: readonly Signer[],
): Promise<Uint8Array> {
  const signed: CanonicalInput = {
    _type: 'targets',
    spec_version: SPEC_VERSION,
    version: content.version,
    expires: `${new Date(content.expiresAtMs).toISOString().slice(0, 19)}Z`,
    targets: new Map([...content.targets].map(([path, target]) => [path, writeTarget(target)])),
  };
  const message = canonicalJson(signed);
  const signatures = await Promise.all(
    signers.map(async (signer) => ({ keyid: signer.publicKey.keyId, sig: toHex(await signer.sign(message)) })),
  );
  return canonicalJson({ signatures, signed });
}

function requireThreshold({ keys, threshold }: TargetsTrust): void {
  const distinct = new Set(keys.map(({ keyId }) => keyId)).size;
  if (Number.isInteger(threshold) && threshold >= 1 && threshold <= distinct) return;
  throw new TrustError('TRUST_THRESHOLD', `${threshold} of ${distinct} keys must sign, which nobody can`, {
    fix: 'Set trust.targetsKeyFiles to the public keys of those who sign, and trust.threshold to how many of them must.',
  });
}

function envelope(json: JsonValue): Draft {
  const document = asObject(json, '');
  const signatures = asArray(document.get('signatures'), '/signatures');
  if (signatures.length > MAX_SIGNATURES) {
    throw new TrustError(
      'TRUST_MALFORMED',
      `${signatures.length} signatures where at most ${MAX_SIGNATURES} are allowed`,
    );
  }
  return {
    signed: asObject(document.get('signed'), '/signed'),
    signatures: signatures.map((item, index) => readSignature(item, `/signatures/${index}`)),
    ...{ signedBy: [], version: 0, expiresAtMs: 0 },
  };
}

function readSignature(item: JsonValue, path: string) {
  const object = asObject(item, path);
  const text = asString(object.get('sig'), `${path}/sig`);
  const signature = text.length <= MAX_SIGNATURE_CHARACTERS ? fromHex(text) : undefined;
  if (!signature) throw new TrustError('TRUST_MALFORMED', `${path}/sig is not hex of a signature`);
  return { keyId: asString(object.get('keyid'), `${path}/keyid`), signature };
}

/** Counts distinct keys: one key counts once, whatever it is called and however often it signed; strangers do not matter. */
function checkSignatures(draft: Draft, { keys, threshold }: TargetsTrust): void {
  const message = canonicalJson(draft.signed);
  const good = keys.filter((key) =>
    draft.signatures.some(({ keyId, signature }) => keyId === key.keyId && key.verify(message, signature)),
  );
  draft.signedBy = [...new Set(good.map(({ keyId }) => keyId))];
  if (draft.signedBy.length >= threshold) return;
  throw new TrustError(
    'TRUST_SIGNATURES',
    `signed by ${draft.signedBy.length} of the ${threshold} trusted keys it needs`,
    {
      detail: { have: draft.signedBy.length, need: threshold },
      fix: 'Sign with the keys that trust.targetsKeyFiles names, and send the file exactly as it was signed.',
    },
  );
}

function checkType({ signed }: Draft): void {
  const type = asString(signed.get('_type'), '/signed/_type');
  const spec = asString(signed.get('spec_version'), '/signed/spec_version');
  if (type !== 'targets')
    throw new TrustError('TRUST_UNSUPPORTED', `metadata of type ${type.slice(0, 32)}, not targets`);
  if (!SPEC_VERSION_FORM.test(spec))
    throw new TrustError('TRUST_UNSUPPORTED', `spec version ${spec.slice(0, 32)}, not 1.0`);
  if (signed.has('delegations')) throw new TrustError('TRUST_UNSUPPORTED', 'delegations are not followed here');
}

function checkVersion(draft: Draft, { minVersion }: TargetsTrust): void {
  draft.version = asInteger(draft.signed.get('version'), '/signed/version', 1);
  if (draft.version >= minVersion) return;
  throw new TrustError('TRUST_ROLLBACK', `version ${draft.version} after version ${minVersion} was seen`, {
    detail: { version: draft.version, minVersion },
    fix: 'Sign again on top of the newest targets metadata.',
  });
}

function checkExpiry(draft: Draft, { nowMs }: TargetsTrust): void {
  const text = asString(draft.signed.get('expires'), '/signed/expires');
  const expiresAtMs = EXPIRES_FORM.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse moves 31 June into July; writing it back shows that.
  if (Number.isNaN(expiresAtMs) || `${new Date(expiresAtMs).toISOString().slice(0, 19)}Z` !== text) {
    throw new TrustError('TRUST_MALFORMED', `/signed/expires is not a time: ${text.slice(0, 32)}`);
  }
  draft.expiresAtMs = expiresAtMs;
  if (nowMs < expiresAtMs) return;
  throw new TrustError('TRUST_EXPIRED', `expired at ${text}`, { fix: 'Sign it again with a later expiry.' });
}

function readTargets(signed: JsonObject): ReadonlyMap<string, Target> {
  const targets = asObject(signed.get('targets'), '/signed/targets');
  return new Map([...targets].map(([path, json]) => [checkedPath(path), readTarget(json, `/signed/targets/${path}`)]));
}

/** Paths are names, never files of ours; still, one that climbs has no honest use (SEC-11). */
function checkedPath(path: string): string {
  const isClimbing = path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (path.length <= MAX_NAME_CHARACTERS && !isClimbing) return path;
  throw new TrustError('TRUST_MALFORMED', `"${path.slice(0, 64)}" is no target path`);
}

function readTarget(json: JsonValue, path: string): Target {
  const object = asObject(json, path);
  const sha256 = asString(asObject(object.get('hashes'), `${path}/hashes`).get('sha256'), `${path}/hashes/sha256`);
  if (!SHA256_FORM.test(sha256)) throw new TrustError('TRUST_MALFORMED', `${path}/hashes/sha256 is not 64 hex digits`);
  const custom = asObject(object.get('custom') ?? new Map(), `${path}/custom`);
  const hardwareIds = asArray(custom.get('hardwareIds') ?? [], `${path}/custom/hardwareIds`);
  if (hardwareIds.length === 0 || hardwareIds.length > MAX_HARDWARE_IDS) {
    throw new TrustError(
      'TRUST_MALFORMED',
      `${path} names ${hardwareIds.length} hardware ids, it must be 1 to ${MAX_HARDWARE_IDS}`,
    );
  }
  return {
    lengthBytes: asInteger(object.get('length'), `${path}/length`),
    sha256,
    hardwareIds: hardwareIds.map((id, index) => asString(id, `${path}/custom/hardwareIds/${index}`)),
    component: optionalText(custom, 'component', path),
    version: optionalText(custom, 'version', path),
  };
}

function optionalText(custom: JsonObject, name: string, path: string): string | undefined {
  return custom.has(name) ? asString(custom.get(name), `${path}/custom/${name}`) : undefined;
}

function writeTarget({ lengthBytes, sha256, hardwareIds, component, version }: Target): CanonicalInput {
  return {
    length: lengthBytes,
    hashes: { sha256 },
    custom: {
      hardwareIds,
      ...(component === undefined ? {} : { component }),
      ...(version === undefined ? {} : { version }),
    },
  };
}
