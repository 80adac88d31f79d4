/** Each file on its own (spec/uptane.md sections 9.1 to 9.5): what is taken, and the first step that is not. */
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  EXPIRES_AT_MS,
  jsonOf,
  NOW_MS,
  refusalOf,
  signedBy,
  TestRepository,
  testKey,
  withMembers,
} from '../../../test/support/repository.ts';
import type { CanonicalInput } from '../../core/canonical-json.ts';
import { TrustError } from '../errors.ts';
import { MAX_ROOT_BYTES, MAX_SNAPSHOT_BYTES, MAX_TARGETS_BYTES, MAX_TIMESTAMP_BYTES } from '../limits.ts';
import { sha256Hex } from '../payload.ts';
import {
  acceptFirstRoot,
  acceptNextRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  type Delegator,
  requireFile,
  requireUnexpired,
  type Verified,
} from './accept.ts';
import { TUF1 } from './dialect.ts';
import { type Root, readSnapshot, type Snapshot, type Timestamp } from './roles.ts';

const context = { dialect: TUF1, nowMs: NOW_MS };
const stored = { dialect: TUF1, nowMs: undefined };
const [stranger, second, third] = [testKey('stranger'), testKey('root 2'), testKey('root 3')];

const repository = new TestRepository().publish();
const [rootBytes, timestampBytes, snapshotBytes, targetsBytes] = ['root', 'timestamp', 'snapshot', 'targets'].map(
  (role) => repository.fileOf(role),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
let root: Verified<Root>;
let timestamp: Verified<Timestamp>;
let snapshot: Verified<Snapshot>;
let delegator: Delegator;
beforeEach(() => {
  root = acceptFirstRoot(rootBytes, context);
  timestamp = acceptTimestamp(root, undefined, timestampBytes, context);
  snapshot = acceptSnapshot(root, timestamp, undefined, snapshotBytes, context);
  delegator = { keys: root.value.keys, role: root.value.roles.targets };
});

/** A file with other members, signed by the key of its role. */
const changed = (bytes: Uint8Array, role: string, members: Record<string, CanonicalInput | undefined>) =>
  signedBy(withMembers(bytes, members), testKey(role));

/** `[code, role]` of a refusal. */
function refusal(run: () => unknown): readonly unknown[] {
  const { code, detail } = refusalOf(run);
  return [code, detail.role];
}

/** A file padded to exactly this many bytes. */
function ofLength(length: number, bytes: Uint8Array, role: string): Uint8Array {
  const empty = changed(bytes, role, { padding: '' });
  return changed(bytes, role, { padding: 'x'.repeat(length - empty.length) });
}

describe('SEC-7 the root a device was provisioned with (9.2 step 1)', () => {
  it('SEC-7 holds in itself, and says who has signed it', () => {
    expect(root).toMatchObject({ bytes: rootBytes, signedBy: [testKey('root').publicKey.keyId] });
    expect(root.bytes).toBe(rootBytes);
    expect(root.value.version).toBe(1);
  });

  it('SEC-7 may have expired: newer ones may be found', () => {
    const expired = changed(rootBytes, 'root', { expires: '1999-01-01T00:00:00Z' });
    expect(acceptFirstRoot(expired, context).value.expiresAtMs).toBe(Date.UTC(1999, 0, 1));
  });

  it.each([
    ['unsigned', signedBy(withMembers(rootBytes, {})), 'TRUST_SIGNATURES'],
    ['signed by a stranger', signedBy(withMembers(rootBytes, {}), stranger), 'TRUST_SIGNATURES'],
    ['another type', changed(rootBytes, 'root', { _type: 'targets' }), 'TRUST_MALFORMED'],
    ['of another specification', changed(rootBytes, 'root', { spec_version: '2.0' }), 'TRUST_UNSUPPORTED'],
    ['no root', changed(rootBytes, 'root', { roles: undefined }), 'TRUST_MALFORMED'],
    ['no JSON', new Uint8Array([0x7b]), 'TRUST_MALFORMED'],
    ['nothing', new Uint8Array(), 'TRUST_MALFORMED'],
  ])('SEC-7 %s is refused', (_what, bytes, code) => {
    expect(refusal(() => acceptFirstRoot(bytes, context))).toEqual([code, 'root']);
  });

  it('SEC-10 of more than 512,000 bytes is refused', () => {
    expect(acceptFirstRoot(ofLength(MAX_ROOT_BYTES, rootBytes, 'root'), context).bytes).toHaveLength(512_000);
    const long = ofLength(MAX_ROOT_BYTES + 1, rootBytes, 'root');
    expect(refusal(() => acceptFirstRoot(long, context))).toEqual(['TRUST_LENGTH', 'root']);
  });
});

describe('SEC-3 the next root (9.2 steps 3 and 4)', () => {
  const next = new TestRepository().publish();
  next.root = { keys: [second, third], threshold: 2 };
  next.publish('root');
  const nextBytes = next.fileOf('root');
  const rewritten = (members: Record<string, CanonicalInput | undefined>) =>
    signedBy(withMembers(nextBytes, members), testKey('root'), second, third);

  it('SEC-3 is signed by the keys before it and by its own', () => {
    const accepted = acceptNextRoot(root, nextBytes, context);
    expect(accepted.value.version).toBe(2);
    expect(accepted.bytes).toBe(nextBytes);
    expect([...accepted.signedBy].sort()).toEqual([second, third].map(({ publicKey }) => publicKey.keyId).sort());
  });

  it('SEC-3 may have expired: the last one counts (step 6)', () => {
    expect(acceptNextRoot(root, rewritten({ expires: '1999-01-01T00:00:00Z' }), context).value.version).toBe(2);
  });

  it.each([
    ['the old keys alone', [testKey('root')], { have: 0, need: 2 }],
    ['the old keys and too few of the new', [testKey('root'), second], { have: 1, need: 2 }],
    ['the new keys alone', [second, third], { have: 0, need: 1 }],
    ['nobody', [], { have: 0, need: 1 }],
    ['a stranger', [stranger, second, third], { have: 0, need: 1 }],
  ])('SEC-2 signed by %s is refused', (_what, keys, counts) => {
    const error = refusalOf(() => acceptNextRoot(root, signedBy(withMembers(nextBytes, {}), ...keys), context));
    expect(error).toMatchObject({ code: 'TRUST_SIGNATURES', detail: { role: 'root', ...counts } });
  });

  it.each([1, 3, 4, Number.MAX_SAFE_INTEGER])(
    'SEC-3 as version %d is refused: it must be exactly the next',
    (version) => {
      const error = refusalOf(() => acceptNextRoot(root, rewritten({ version }), context));
      expect(error).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'root', version, other: 2 } });
      expect(error.message).toBe(`version ${version} must follow as version 2`);
      expect(error.fix).toMatch(/replays/);
    },
  );

  it.each([
    ['another type', { _type: 'timestamp' }, 'TRUST_MALFORMED'],
    ['of another specification', { spec_version: '0.9' }, 'TRUST_UNSUPPORTED'],
    ['no root', { keys: undefined }, 'TRUST_MALFORMED'],
  ])('SEC-7 %s is refused', (_what, members, code) => {
    expect(refusal(() => acceptNextRoot(root, rewritten(members), context))).toEqual([code, 'root']);
  });

  it('SEC-7 nothing in it is believed before the old keys have signed it', () => {
    const unsigned = signedBy(withMembers(nextBytes, { _type: 'odd', version: 9, roles: undefined }), second, third);
    expect(refusal(() => acceptNextRoot(root, unsigned, context))).toEqual(['TRUST_SIGNATURES', 'root']);
  });

  it('SEC-10 of more than 512,000 bytes is refused', () => {
    const long = new Uint8Array(MAX_ROOT_BYTES + 1).fill(0x20);
    expect(refusal(() => acceptNextRoot(root, long, context))).toEqual(['TRUST_LENGTH', 'root']);
    expect(refusal(() => acceptNextRoot(root, long.subarray(1), context))).toEqual(['TRUST_MALFORMED', 'root']);
  });
});

describe('SEC-3 expiry', () => {
  const at = (nowMs: number | undefined) => () => requireUnexpired('root', root.value, { nowMs });

  it.each([Number.NaN, 9e15, Number.POSITIVE_INFINITY])(
    'REL-11 on a clock that shows %d everything has expired, and the clock is named',
    (nowMs) => {
      const error = refusalOf(at(nowMs));
      expect(error).toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'root' } });
      expect(error.message).toMatch(/ms after 1970, which is no date$/);
      expect(error.fix).toMatch(/set the clock/);
    },
  );

  it('SEC-3 at the very instant it has expired', () => {
    expect(at(EXPIRES_AT_MS - 1)()).toBeUndefined();
    const error = refusalOf(at(EXPIRES_AT_MS));
    expect(error).toMatchObject({
      code: 'TRUST_EXPIRED',
      message: 'expired at 2026-12-24T00:00:00Z, it is 2026-12-24T00:00:00Z',
      detail: { role: 'root', expiresAtMs: EXPIRES_AT_MS, nowMs: EXPIRES_AT_MS },
    });
    expect(error.fix).toMatch(/set the clock/);
  });

  it('SEC-3 what is stored was looked at when it came', () => {
    expect(at(undefined)()).toBeUndefined();
  });
});

describe('SEC-3 timestamp (9.3)', () => {
  const version = (own: number, listed = 1) =>
    changed(timestampBytes, 'timestamp', { version: own, meta: { 'snapshot.json': { version: listed } } });
  let held: Verified<Timestamp>;
  beforeEach(() => {
    held = acceptTimestamp(root, undefined, version(5, 7), context);
  });

  it('SEC-3 is taken as it came', () => {
    expect(timestamp.bytes).toBe(timestampBytes);
    expect(timestamp).toMatchObject({ value: { version: 1 }, signedBy: [testKey('timestamp').publicKey.keyId] });
  });

  it.each([
    [6, 7],
    [6, 8],
    [2 ** 53 - 1, 2 ** 53 - 1],
  ])('SEC-3 %d that lists snapshot %d comes after 5 that lists 7', (own, listed) => {
    const accepted = acceptTimestamp(root, held, version(own, listed), context);
    expect(accepted.value).toMatchObject({ version: own, snapshot: { version: listed } });
    expect(accepted).not.toBe(held);
  });

  it.each([
    [4, 7, 4, 5],
    [1, 7, 1, 5],
    [4, 8, 4, 5],
    [6, 6, 6, 7],
    [6, 1, 1, 7],
  ])('SEC-3 %d that lists snapshot %d does not', (own, listed) => {
    const error = refusalOf(() => acceptTimestamp(root, held, version(own, listed), context));
    const [lower, higher] = own < 5 ? [own, 5] : [listed, 7];
    expect(error).toMatchObject({
      code: 'TRUST_ROLLBACK',
      detail: { role: 'timestamp', version: lower, other: higher },
    });
    expect(error.message).toBe(`version ${lower} comes after version ${higher}`);
  });

  it.each([1, 7, 99])('SEC-3 the same version again, listing snapshot %d, is not looked at further', (listed) => {
    expect(acceptTimestamp(root, held, version(5, listed), context)).toBe(held);
  });

  it('SEC-3 but it must be signed', () => {
    const forged = signedBy(withMembers(version(5, 7), {}), stranger);
    expect(refusal(() => acceptTimestamp(root, held, forged, context))).toEqual(['TRUST_SIGNATURES', 'timestamp']);
  });

  it('SEC-3 and what is held must not have expired, whatever the new one says', () => {
    const later = changed(version(5, 7), 'timestamp', { expires: '2030-01-01T00:00:00Z' });
    const at = { dialect: TUF1, nowMs: EXPIRES_AT_MS };
    expect(refusal(() => acceptTimestamp(root, held, later, at))).toEqual(['TRUST_EXPIRED', 'timestamp']);
    expect(acceptTimestamp(root, undefined, later, at).value.version).toBe(5);
  });

  it('SEC-3 expired is refused, unless it is stored already', () => {
    const at = (nowMs: number) => () => acceptTimestamp(root, undefined, timestampBytes, { dialect: TUF1, nowMs });
    expect(at(EXPIRES_AT_MS - 1)().value.version).toBe(1);
    expect(refusal(at(EXPIRES_AT_MS))).toEqual(['TRUST_EXPIRED', 'timestamp']);
    expect(acceptTimestamp(root, undefined, timestampBytes, stored).value.version).toBe(1);
  });

  it.each([
    ['of another role', changed(snapshotBytes, 'timestamp', {}), 'TRUST_MALFORMED'],
    ['signed by the snapshot key', changed(timestampBytes, 'snapshot', {}), 'TRUST_SIGNATURES'],
    ['listing nothing', changed(timestampBytes, 'timestamp', { meta: {} }), 'TRUST_MALFORMED'],
    ['of another specification', changed(timestampBytes, 'timestamp', { spec_version: '2.0' }), 'TRUST_UNSUPPORTED'],
  ])('SEC-7 %s is refused', (_what, bytes, code) => {
    expect(refusal(() => acceptTimestamp(root, undefined, bytes, context))).toEqual([code, 'timestamp']);
  });

  it('SEC-10 of more than 16,384 bytes is refused', () => {
    const longest = ofLength(MAX_TIMESTAMP_BYTES, timestampBytes, 'timestamp');
    expect(acceptTimestamp(root, undefined, longest, context).bytes).toHaveLength(16_384);
    const long = ofLength(MAX_TIMESTAMP_BYTES + 1, timestampBytes, 'timestamp');
    expect(refusal(() => acceptTimestamp(root, undefined, long, context))).toEqual(['TRUST_LENGTH', 'timestamp']);
  });
});

/** A timestamp that lists the snapshot with these facts. */
function listing(facts: Record<string, CanonicalInput>): Verified<Timestamp> {
  const meta = { 'snapshot.json': facts };
  return acceptTimestamp(root, undefined, changed(timestampBytes, 'timestamp', { meta }), context);
}

describe('SEC-3 snapshot (9.4)', () => {
  const files = (versions: Record<string, number>) =>
    Object.fromEntries(Object.entries(versions).map(([name, version]) => [`${name}.json`, { version }]));
  const version = (own: number, versions: Record<string, number>) =>
    changed(snapshotBytes, 'snapshot', { version: own, meta: files(versions) });
  const accept = (bytes: Uint8Array, held?: Uint8Array) => {
    const listedAs = withMembers(bytes, {}).version as number;
    const before = held && acceptSnapshot(root, undefined, undefined, held, stored);
    return acceptSnapshot(root, listing({ version: listedAs }), before, bytes, context);
  };
  const held = version(5, { targets: 3, a: 7 });

  it('SEC-3 is taken as it came', () => {
    expect(snapshot.bytes).toBe(snapshotBytes);
    expect(snapshot).toMatchObject({ value: { version: 1 }, signedBy: [testKey('snapshot').publicKey.keyId] });
  });

  it.each([
    [5, { targets: 3, a: 7 }],
    [6, { targets: 3, a: 7 }],
    [6, { targets: 4, a: 8, b: 1 }],
  ])('SEC-3 %d with %j comes after 5 with targets 3 and a 7', (own, versions) => {
    expect(accept(version(own, versions), held).value.version).toBe(own);
  });

  it.each([
    [4, { targets: 3, a: 7 }, { version: 4, other: 5 }],
    [6, { targets: 2, a: 7 }, { version: 2, other: 3 }],
    [6, { targets: 3, a: 6 }, { version: 6, other: 7 }],
    [6, { targets: 9, a: 1 }, { version: 1, other: 7 }],
    [6, { targets: 3 }, { lost: 'a' }],
    [6, { a: 7 }, { lost: 'targets' }],
  ])('SEC-3 %d with %j does not', (own, versions, detail) => {
    const error = refusalOf(() => accept(version(own, versions), held));
    expect(error).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'snapshot', ...detail } });
  });

  it('SEC-3 a lost file is named, though not at length', () => {
    const name = 'x'.repeat(99);
    const error = refusalOf(() => accept(version(6, { targets: 3 }), version(5, { targets: 3, [name]: 1 })));
    expect(error.message).toBe(`${'x'.repeat(64)} is no longer listed`);
  });

  const sha256 = sha256Hex(snapshotBytes);
  const sha512 = createHash('sha512').update(snapshotBytes).digest('hex');
  const length = snapshotBytes.length;

  it.each([
    ['its version', {}],
    ['its length', { length }],
    ['a sha256', { hashes: { sha256 } }],
    ['a sha512', { hashes: { sha512 } }],
    ['both', { hashes: { sha256, sha512 } }],
    ['all of it, and a hash we do not know', { length, hashes: { sha256, blake3: 'ab' } }],
  ])('SEC-3 is listed by %s', (_what, facts) => {
    expect(acceptSnapshot(root, listing({ version: 1, ...facts }), undefined, snapshotBytes, context).bytes).toBe(
      snapshotBytes,
    );
  });

  it.each([
    ['a higher version', { version: 2 }, 'is version 1, version 2 is listed'],
    ['fewer bytes', { length: length - 1 }, `has ${length} bytes, ${length - 1} are listed`],
    ['more bytes', { length: length + 1 }, `has ${length} bytes, ${length + 1} are listed`],
    ['another sha256', { hashes: { sha256: sha256Hex(targetsBytes) } }, 'has another sha256 than is listed'],
    ['another sha512', { hashes: { sha256, sha512: 'ab' } }, 'has another sha512 than is listed'],
    ['both wrong', { hashes: { sha256: 'ab', sha512: 'ab' } }, 'has another sha256 than is listed'],
    ['only a hash we do not know', { hashes: { blake3: 'ab' } }, 'is listed with no hash that can be checked'],
  ])('SEC-3 listed with %s it is mix-and-match', (_what, facts, problem) => {
    const listed = listing({ version: 1, ...facts });
    const error = refusalOf(() => acceptSnapshot(root, listed, undefined, snapshotBytes, context));
    expect(error).toMatchObject({
      code: 'TRUST_MIX_AND_MATCH',
      message: `the file ${problem}`,
      detail: { role: 'snapshot', version: 1, listed: listed.value.snapshot.version },
    });
  });

  it('SEC-3 a lower version than is listed is mix-and-match, too', () => {
    const bytes = changed(snapshotBytes, 'snapshot', { version: 2 });
    expect(refusal(() => acceptSnapshot(root, listing({ version: 1 }), undefined, bytes, context))).toEqual([
      'TRUST_MIX_AND_MATCH',
      'snapshot',
    ]);
  });

  it('SEC-3 what is stored needs no list', () => {
    expect(acceptSnapshot(root, undefined, undefined, snapshotBytes, stored).value.version).toBe(1);
  });

  it('SEC-3 expired is refused, unless it is stored already', () => {
    const at = (nowMs: number) => () =>
      acceptSnapshot(root, timestamp, undefined, snapshotBytes, { dialect: TUF1, nowMs });
    expect(at(EXPIRES_AT_MS - 1)().value.version).toBe(1);
    expect(refusal(at(EXPIRES_AT_MS))).toEqual(['TRUST_EXPIRED', 'snapshot']);
  });

  it.each([
    ['of another role', changed(targetsBytes, 'snapshot', {}), 'TRUST_MALFORMED'],
    ['signed by the timestamp key', changed(snapshotBytes, 'timestamp', {}), 'TRUST_SIGNATURES'],
    ['without list', changed(snapshotBytes, 'snapshot', { meta: undefined }), 'TRUST_MALFORMED'],
    ['without version', changed(snapshotBytes, 'snapshot', { version: undefined }), 'TRUST_MALFORMED'],
  ])('SEC-7 %s is refused', (_what, bytes, code) => {
    expect(refusal(() => acceptSnapshot(root, listing({ version: 1 }), undefined, bytes, context))).toEqual([
      code,
      'snapshot',
    ]);
  });

  it('SEC-10 of more than 2,000,000 bytes is refused', () => {
    const listed = listing({ version: 1 });
    const longest = ofLength(MAX_SNAPSHOT_BYTES, snapshotBytes, 'snapshot');
    expect(acceptSnapshot(root, listed, undefined, longest, context).bytes).toHaveLength(2_000_000);
    const long = ofLength(MAX_SNAPSHOT_BYTES + 1, snapshotBytes, 'snapshot');
    expect(refusal(() => acceptSnapshot(root, listed, undefined, long, context))).toEqual(['TRUST_LENGTH', 'snapshot']);
  });
});

describe('SEC-3 targets (9.5)', () => {
  /** A snapshot that lists these roles, each with these facts. */
  const listed = (facts: CanonicalInput, ...roles: readonly string[]) => {
    const meta = Object.fromEntries(roles.map((role) => [`${role}.json`, facts]));
    const bytes = changed(snapshotBytes, 'snapshot', { meta });
    return acceptSnapshot(root, undefined, undefined, bytes, stored);
  };
  const accept = (bytes: Uint8Array, facts: CanonicalInput = { version: 1 }, name = 'targets') =>
    acceptTargets(name, delegator, listed(facts, name), bytes, context);

  it('SEC-3 is taken as it came', () => {
    const targets = acceptTargets('targets', delegator, snapshot, targetsBytes, context);
    expect(targets.bytes).toBe(targetsBytes);
    expect(targets).toMatchObject({ value: { version: 1 }, signedBy: [testKey('targets').publicKey.keyId] });
  });

  it.each(['targets', 'a', 'a/b', '__proto__'])(
    'SEC-3 as %s it is held against what is listed for that name',
    (name) => {
      expect(accept(targetsBytes, { version: 1 }, name).value.version).toBe(1);
      const wrong = () => accept(targetsBytes, { version: 2 }, name);
      expect(refusalOf(wrong)).toMatchObject({
        code: 'TRUST_MIX_AND_MATCH',
        detail: { role: name, version: 1, listed: 2 },
      });
      expect(
        refusal(() => acceptTargets(name, delegator, listed({ version: 1 }, 'other'), targetsBytes, context)),
      ).toEqual(['TRUST_MISSING', name]);
    },
  );

  it('SEC-3 by length and hash where they are listed', () => {
    const facts = { version: 1, length: targetsBytes.length, hashes: { sha256: sha256Hex(targetsBytes) } };
    expect(accept(targetsBytes, facts).value.version).toBe(1);
    expect(refusal(() => accept(targetsBytes, { ...facts, length: 1 }))).toEqual(['TRUST_MIX_AND_MATCH', 'targets']);
    expect(refusal(() => accept(targetsBytes, { ...facts, hashes: { sha512: 'ab' } }))).toEqual([
      'TRUST_MIX_AND_MATCH',
      'targets',
    ]);
  });

  it('SEC-3 not below the version that is stored', () => {
    const version = (own: number) => changed(targetsBytes, 'targets', { version: own });
    const held = acceptTargets('targets', delegator, undefined, version(5), stored);
    const next = (own: number) =>
      acceptTargets('targets', delegator, listed({ version: own }, 'targets'), version(own), context, held);
    expect(next(5).value.version).toBe(5);
    expect(next(6).value.version).toBe(6);
    expect(refusalOf(() => next(4))).toMatchObject({
      code: 'TRUST_ROLLBACK',
      detail: { role: 'targets', version: 4, other: 5 },
    });
  });

  it('SEC-3 expired is refused, unless it is stored already', () => {
    const at = (nowMs: number) => () =>
      acceptTargets('a', delegator, undefined, targetsBytes, { dialect: TUF1, nowMs });
    expect(at(EXPIRES_AT_MS - 1)().value.version).toBe(1);
    expect(refusal(at(EXPIRES_AT_MS))).toEqual(['TRUST_EXPIRED', 'a']);
    expect(acceptTargets('a', delegator, undefined, targetsBytes, stored).value.version).toBe(1);
  });

  it.each([
    ['of another role', changed(snapshotBytes, 'targets', {}), 'TRUST_MALFORMED'],
    ['signed by the snapshot key', changed(targetsBytes, 'snapshot', {}), 'TRUST_SIGNATURES'],
    ['without targets', changed(targetsBytes, 'targets', { targets: undefined }), 'TRUST_MALFORMED'],
    ['of another specification', changed(targetsBytes, 'targets', { spec_version: '2.0' }), 'TRUST_UNSUPPORTED'],
  ])('SEC-7 %s is refused', (_what, bytes, code) => {
    expect(refusal(() => accept(bytes))).toEqual([code, 'targets']);
  });

  it('SEC-2 signed by whom the delegating file names, not by whom the root does', () => {
    const other = { keys: new Map([['x', stranger.publicKey]]), role: { keyIds: ['x'], threshold: 1 } };
    const bytes = signedBy(withMembers(targetsBytes, {}), stranger);
    const renamed = Buffer.from(bytes).toString().replace(stranger.publicKey.keyId, 'x');
    expect(acceptTargets('a', other, undefined, Buffer.from(renamed), stored).signedBy).toEqual(['x']);
    expect(refusal(() => acceptTargets('a', other, undefined, targetsBytes, stored))).toEqual([
      'TRUST_SIGNATURES',
      'a',
    ]);
  });

  it('SEC-10 of more than 8 MiB is refused', () => {
    const longest = ofLength(MAX_TARGETS_BYTES, targetsBytes, 'targets');
    expect(accept(longest).bytes).toHaveLength(8 * 2 ** 20);
    expect(refusal(() => accept(ofLength(MAX_TARGETS_BYTES + 1, targetsBytes, 'targets')))).toEqual([
      'TRUST_LENGTH',
      'targets',
    ]);
  });

  it('SEC-3 a role the snapshot does not list is missing, and named, though not at length', () => {
    const empty = readSnapshot(jsonOf({ version: 1, expires: '2026-11-24T00:00:00Z', meta: {} }));
    const error = refusalOf(() => requireFile(empty, 'x'.repeat(99)));
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({
      code: 'TRUST_MISSING',
      message: `the snapshot does not list ${'x'.repeat(64)}`,
      detail: { role: 'x'.repeat(99) },
    });
    expect(requireFile(snapshot.value, 'targets')).toMatchObject({ version: 1 });
  });
});
