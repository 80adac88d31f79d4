import { describe, expect, it } from 'vitest';
import {
  ALICE,
  ALL,
  answered,
  BOB,
  CAROL,
  keysOf,
  LATER_MS,
  listing,
  onlineRoles,
  PaperRepository,
  roleBy,
  rolesBy,
  type Signatory,
  signatory,
  supplier,
} from '../../../test/support/paper.ts';
import {
  EXPIRES_AT_MS,
  jsonOf,
  refusalOf,
  signedBy,
  targetOf,
  testKey,
  withMembers,
} from '../../../test/support/repository.ts';
import type { CanonicalInput } from '../../core/canonical-json.ts';
import { parsePublicKey } from '../keys.ts';
import { targetsDocument } from './documents.ts';
import { type DraftFile, delegationFiles, firstFiles, renewedFiles, rootFiles, targetFiles } from './draft.ts';
import {
  approvalMessage,
  type Collected,
  NOTHING_COLLECTED,
  type RequestBody,
  requestOf,
  type SigningRequest,
} from './request.ts';
import { eligible, holder, progressOf, requireSound, reviewRequest, signedFiles } from './review.ts';

const dave = signatory('dave');

function renewal(repository = new PaperRepository()): readonly DraftFile[] {
  return renewedFiles(repository.read(), ['targets'], LATER_MS);
}

/** The request altered by whoever it passed through, with the signatures it had. */
function altered(request: SigningRequest, change: Partial<RequestBody>): SigningRequest {
  return requestOf({ ...request.body, ...change }, request.collected);
}

function collecting(request: SigningRequest, collected: Partial<Collected>): SigningRequest {
  return { ...request, collected: { ...NOTHING_COLLECTED, ...collected } };
}

const reviewed = (request: SigningRequest) => requireSound(reviewRequest(request));
const authoritiesOf = (request: SigningRequest) =>
  reviewRequest(request).files.map((file) => [
    file.role,
    ...file.authorities.map(({ name, role }) => `${name}: ${role.threshold} of ${role.keyIds.length}`),
  ]);

describe('DESIGN-4 who may sign', () => {
  it('DESIGN-4 a first root: those whom it names', () => {
    const repository = new PaperRepository();
    const files = firstFiles({ version: 1, expiresAtMs: EXPIRES_AT_MS, roles: rolesBy() }, 1, EXPIRES_AT_MS);
    expect(authoritiesOf(repository.request(files, { base: new Map() }))).toEqual([
      ['root', 'the new root: 2 of 3'],
      ['targets', 'targets: 2 of 3'],
      ['bins', 'targets: 2 of 3'],
      ['bins-0', 'targets: 2 of 3'],
      ['bins-1', 'targets: 2 of 3'],
    ]);
  });

  it('DESIGN-4 the next root: those of the one before, and those whom it names; all else by the new ones', () => {
    const repository = new PaperRepository();
    const roles = { ...rolesBy(), root: roleBy('root', [ALICE, dave], 1), targets: roleBy('targets', [dave]) };
    const request = repository.request(rootFiles(repository.read(), roles, LATER_MS, LATER_MS));
    expect(authoritiesOf(request)).toEqual([
      ['root', 'the root before: 2 of 3', 'the new root: 1 of 2'],
      ['targets', 'targets: 1 of 1'],
    ]);
    const [root, targets] = reviewRequest(request).files;
    const ids = (people: readonly Signatory[], key: 'root' | 'targets') =>
      people.map((one) => one[key].publicKey.keyId);
    expect(root && [...eligible(root).keys()].toSorted()).toEqual(ids([...ALL, dave], 'root').toSorted());
    expect(targets && [...eligible(targets).keys()]).toEqual(ids([dave], 'targets'));
  });

  it('DESIGN-4 a supplier signs its own file, as the top file of the same request says', () => {
    const repository = new PaperRepository(1).withSupplier();
    expect(authoritiesOf(repository.request(renewedFiles(repository.read('acme'), ['acme'], LATER_MS)))).toEqual([
      ['acme', 'acme: 1 of 1'],
    ]);
    const change = { set: supplier('acme', { keys: [testKey('new').publicKey] }) };
    const request = repository.request(delegationFiles(repository.read('acme'), change, LATER_MS));
    const acme = reviewRequest(request).files[1];
    expect(acme && [...eligible(acme).keys()]).toEqual([testKey('new').publicKey.keyId]);
  });

  it.each(['snapshot', 'timestamp', 'nobody'])('SEC-7 nobody signs a request for %s', (role) => {
    const signed = targetsDocument({ version: 1, expiresAtMs: LATER_MS, targets: new Map() });
    const review = () => new PaperRepository().review([{ role, version: 1, signed }]);
    expect(refusalOf(review)).toMatchObject({
      code: 'SIGNING_FORMAT',
      message: expect.stringContaining(role) as string,
    });
  });

  it('SEC-7 a first request without a root is none', () => {
    expect(refusalOf(() => new PaperRepository().review(renewal(), { base: new Map() })).code).toBe('SIGNING_FORMAT');
  });

  it('SEC-7 nor is one that asks twice for one role', () => {
    const [file] = renewal();
    expect(refusalOf(() => new PaperRepository().review(file ? [file, file] : [])).message).toContain('two files');
  });
});

describe('DESIGN-4 how far it is', () => {
  it('DESIGN-4 counts who has signed, and says who is missing, for each authority', async () => {
    const repository = new PaperRepository();
    const roles = { ...rolesBy(), root: roleBy('root', [BOB, dave], 2) };
    const request = repository.request(rootFiles(repository.read(), roles, LATER_MS, LATER_MS));
    const progress = (one: SigningRequest) =>
      progressOf(reviewRequest(one)).map(({ authority, need, signed, missing, isComplete }) => [
        ...[authority, `${signed.length} of ${need}`, missing.length, isComplete],
      ]);
    expect(progress(request)).toEqual([
      ['the root before', '0 of 2', 3, false],
      ['the new root', '0 of 2', 2, false],
    ]);
    const one = await answered(request, BOB);
    expect(progress(one)).toEqual([
      ['the root before', '1 of 2', 2, false],
      ['the new root', '1 of 2', 1, false],
    ]);
    expect(progress(await answered(one, CAROL))[0]).toEqual(['the root before', '2 of 2', 1, true]);
    expect(progress(await answered(one, CAROL, dave))[1]).toEqual(['the new root', '2 of 2', 0, true]);
  });

  it('SEC-2 one key under two names counts once', () => {
    const { publicKey } = ALICE.targets;
    const twin = parsePublicKey(new Map([...jsonOf(publicKey.json), ['spelling', 'other']]));
    const keys = [...roleBy('targets', [ALICE, BOB]).keys, { name: 'alice again', key: twin }];
    const roles = { ...rolesBy(), targets: { keys, threshold: 2 } };
    const files = firstFiles({ version: 1, expiresAtMs: EXPIRES_AT_MS, roles }, undefined, EXPIRES_AT_MS);
    const request = new PaperRepository().request(files, { base: new Map() });
    const message = reviewRequest(request).files[1]?.message ?? new Uint8Array();
    const value = ALICE.targets.sign(message);
    const twice = [publicKey.keyId, twin.keyId].map((keyId) => ({ role: 'targets', keyId, value }));
    const approval = ALICE.targets.sign(approvalMessage(request.digest));
    const approvals = new Map(twice.map(({ keyId }) => [keyId, approval]));
    const review = reviewRequest(collecting(request, { signatures: twice, approvals }));
    requireSound(review);
    expect(progressOf(review).at(-1)).toMatchObject({ signed: { length: 2 }, isComplete: false });
  });

  it('DESIGN-4 what is stored has every signature that was collected, and nothing else', async () => {
    const repository = new PaperRepository();
    const files = renewal(repository);
    const request = await answered(repository.request(files), ALICE, CAROL);
    const stored = signedFiles(reviewRequest(request));
    const signers = [ALICE.targets, CAROL.targets];
    expect([...stored]).toEqual([['targets', signedBy(files[0]?.signed ?? null, ...signers)]]);
  });

  it('DESIGN-4 holders are called by name, and by the beginning of their key id', () => {
    const names = new Map([
      ['aabbccddee', 'alice'],
      ['ffff', ''],
    ]);
    expect(holder('aabbccddee', names)).toBe('alice (aabbccdd)');
    expect(holder('ffff', names)).toBe('ffff');
    expect(holder('0123456789', names)).toBe('01234567');
  });
});

describe('SEC-7 what somebody did to a request shows', () => {
  const repository = new PaperRepository(1).withSupplier();
  const { files, payload } = listing(repository, 'fw/1', 'image');
  const original = repository.request([...renewal(repository), ...files], { payloads: [payload] });
  const withTarget = targetFiles(
    repository.read('bins-0'),
    { add: new Map([['fw/6', targetOf('other')]]), remove: [] },
    { bits: undefined, role: 'targets' },
    LATER_MS,
  );
  const older = new PaperRepository(1);

  it.each<[string, Partial<RequestBody>]>([
    ['its id', { id: 'request 99' }],
    ['its time', { createdAtMs: 0 }],
    ['its reason', { reason: 'Bob, please hurry.' }],
    ['a new file', { files: withTarget }],
    ['the expiry of a file', { files: renewedFiles(repository.read(), ['targets'], LATER_MS + 1_000) }],
    ['a file more', { files: renewedFiles(repository.read('bins'), ['targets', 'bins'], LATER_MS) }],
    ['what is published', { base: older.request(renewal(older)).body.base }],
    ['a payload less', { payloads: [] }],
    ['the image of a payload', { payloads: [{ ...payload, sha256: 'cd'.repeat(32) }] }],
    ['the length of a payload', { payloads: [{ ...payload, lengthBytes: 6 }] }],
    ['the key of a payload', { payloads: [{ ...payload, keys: ['01'] }] }],
    ['the path of a payload', { payloads: [{ ...payload, path: 'fw/2' }] }],
  ])('SEC-7 %s, after the first signature', async (_what, change) => {
    const signed = await answered(original, ALICE);
    requireSound(reviewRequest(signed));
    const error = refusalOf(() => reviewed(altered(signed, change)));
    expect(['SIGNING_ALTERED', 'SIGNING_STALE', 'SIGNING_FORMAT']).toContain(error.code);
    expect(error.fix).toMatch(/Export|Start/);
  });

  it('SEC-7 its reason, with the approvals taken out', async () => {
    const signed = await answered(original, ALICE);
    const { signatures } = signed.collected;
    const stripped = collecting(altered(signed, { reason: 'Bob, please hurry.' }), { signatures });
    expect(refusalOf(() => reviewed(stripped))).toMatchObject({ code: 'SIGNING_ALTERED', detail: { role: 'targets' } });
  });

  it.each<[string, Partial<Collected>]>([
    [
      'a stranger',
      { signatures: [{ role: 'targets', keyId: testKey('eve').publicKey.keyId, value: new Uint8Array() }] },
    ],
    [
      'a key of the root',
      { signatures: [{ role: 'targets', keyId: ALICE.root.publicKey.keyId, value: new Uint8Array() }] },
    ],
    [
      'an online key',
      { signatures: [{ role: 'targets', keyId: testKey('online snapshot').publicKey.keyId, value: new Uint8Array() }] },
    ],
    [
      'a supplier',
      { signatures: [{ role: 'targets', keyId: testKey('acme').publicKey.keyId, value: new Uint8Array() }] },
    ],
    [
      'a key for a file that is not asked for',
      { signatures: [{ role: 'bins', keyId: ALICE.targets.publicKey.keyId, value: new Uint8Array() }] },
    ],
    ['a stranger who approves', { approvals: new Map([[testKey('eve').publicKey.keyId, new Uint8Array()]]) }],
    ['a key of the root who approves', { approvals: new Map([[ALICE.root.publicKey.keyId, new Uint8Array()]]) }],
    [
      'an online key that approves',
      { approvals: new Map([[testKey('online snapshot').publicKey.keyId, new Uint8Array()]]) },
    ],
  ])('SEC-7 a signature by %s', (_who, collected) => {
    expect(refusalOf(() => reviewed(collecting(original, collected))).code).toBe('SIGNING_KEY');
  });

  it('SEC-7 one key in the name of another, and a signature over something else', () => {
    const { keyId } = BOB.targets.publicKey;
    const message = reviewRequest(original).files[0]?.message ?? new Uint8Array();
    const own = new Map([[keyId, BOB.targets.sign(approvalMessage(original.digest))]]);
    for (const value of [ALICE.targets.sign(message), BOB.targets.sign(new Uint8Array([1])), new Uint8Array()]) {
      const signatures = [{ role: 'targets', keyId, value }];
      const error = refusalOf(() => reviewed(collecting(original, { signatures, approvals: own })));
      expect(error).toMatchObject({ code: 'SIGNING_ALTERED', message: expect.stringContaining('bob') as string });
    }
    const approvals = new Map([[keyId, ALICE.targets.sign(approvalMessage(original.digest))]]);
    expect(refusalOf(() => reviewed(collecting(original, { approvals }))).code).toBe('SIGNING_ALTERED');
  });

  it.each([
    ['one version too high', 2],
    ['the published version', 0],
    ['an older one', -1],
  ])('SEC-3 %s is stale', (_what, step) => {
    const ahead = new PaperRepository();
    ahead.publish(renewal(ahead));
    const version = 2 + step;
    const signed = targetsDocument({ version, expiresAtMs: LATER_MS, targets: new Map() });
    expect(refusalOf(() => ahead.review([{ role: 'targets', version, signed }]))).toMatchObject({
      ...{ code: 'SIGNING_STALE', detail: { role: 'targets', version, published: 2 } },
    });
  });
});

describe('SEC-7 what a request says is published', () => {
  const repository = new PaperRepository(1).withSupplier();
  const root = (of: PaperRepository, version = 1) => of.files.get(`${version}.root.json`) ?? new Uint8Array();
  const base = repository.request(renewal(repository)).body.base;
  const withBase = (name: string, bytes: Uint8Array | undefined) => {
    const all = new Map(base);
    if (bytes) all.set(name, bytes);
    else all.delete(name);
    return { base: all };
  };
  const review = (more: Partial<RequestBody>, pinned?: Uint8Array) =>
    reviewRequest(repository.request(renewal(repository), more), pinned);

  it.each([...base.keys()])('SEC-7 holds only with %s', (name) => {
    const bytes = base.get(name) ?? new Uint8Array();
    const forged = signedBy(withMembers(bytes, { expires: '2030-01-01T00:00:00Z' }), testKey('eve'));
    for (const more of [withBase(name, undefined), withBase(name, forged)]) {
      expect(refusalOf(() => review(more))).toMatchObject({
        ...{ code: 'SIGNING_FORMAT', fix: expect.stringContaining('Do not sign it') as string },
      });
    }
  });

  it('SEC-7 begins from the root that the signer trusts', () => {
    expect(review({}, root(repository)).before?.root.version).toBe(1);
    const foreign = firstFiles(
      { version: 1, expiresAtMs: EXPIRES_AT_MS, roles: rolesBy([dave], 1) },
      undefined,
      EXPIRES_AT_MS,
    )[0];
    const forged = signedBy(foreign?.signed ?? null, dave.root);
    expect(refusalOf(() => review({}, forged))).toMatchObject({
      ...{ code: 'SIGNING_FORMAT', message: expect.stringContaining('not the one this signer trusts') as string },
    });
  });

  it('SEC-7 a signer who trusts a root signs no other first root', () => {
    const files = firstFiles({ version: 1, expiresAtMs: EXPIRES_AT_MS, roles: rolesBy() }, undefined, EXPIRES_AT_MS);
    const anew = repository.request(files, { base: new Map() });
    expect(reviewRequest(anew).nextRoot?.version).toBe(1);
    expect(refusalOf(() => reviewRequest(anew, root(repository))).code).toBe('SIGNING_FORMAT');
  });

  it('SEC-3 is followed from an older trusted root by its chain, and not from one that never was in it', () => {
    const chained = new PaperRepository();
    const roles = { ...rolesBy(), root: roleBy('root', [dave, ALICE, BOB]), ...onlineRoles() };
    chained.publish(rootFiles(chained.read(), roles, EXPIRES_AT_MS, EXPIRES_AT_MS), [...keysOf(ALL), dave.root]);
    const request = chained.request(renewal(chained));
    for (const version of [1, 2]) expect(reviewRequest(request, root(chained, version)).before?.root.version).toBe(2);
    const cut = { ...request.body, base: new Map([...request.body.base].filter(([name]) => name !== '1.root.json')) };
    expect(reviewRequest(requestOf(cut), root(chained, 1)).before?.root.version).toBe(2);
    const forked = new PaperRepository();
    forked.publish(rootFiles(forked.read(), rolesBy(), LATER_MS, LATER_MS));
    expect(refusalOf(() => reviewRequest(request, root(forked, 2))).code).toBe('SIGNING_FORMAT');
  });

  it('SEC-11 a supplier whose name ends like another is not taken for it', () => {
    const one = new PaperRepository().withSupplier('a.acme');
    const files = delegationFiles(one.read(), { set: supplier('acme') }, LATER_MS);
    expect(one.review(files, { base: one.files }).before?.files.has('acme')).toBe(false);
  });
});

describe('SEC-7 a file is exactly what we would write', () => {
  const repository = new PaperRepository(1).withSupplier();
  const files = [
    ...rootFiles(
      repository.read('bins', 'bins-0', 'bins-1'),
      { ...rolesBy(), targets: roleBy('targets', [dave]) },
      LATER_MS,
      LATER_MS,
    ),
  ];
  const withSigned = (role: string, change: (signed: Map<string, CanonicalInput>) => void) =>
    files.map((file) => {
      if (file.role !== role) return file;
      const signed = new Map<string, CanonicalInput>(Object.entries(file.signed as object));
      change(signed);
      return { ...file, signed };
    });

  it.each<[string, string, (signed: Map<string, CanonicalInput>) => void, string]>([
    ['a member more', 'root', (signed) => signed.set('note', 'x'), 'says more'],
    ['a member more', 'targets', (signed) => signed.set('note', 'x'), 'says more'],
    ['a member more', 'bins', (signed) => signed.set('note', 'x'), 'says more'],
    ['another type', 'bins-0', (signed) => signed.set('_type', 'root'), 'says more'],
    ['another specification', 'bins-0', (signed) => signed.set('spec_version', '1.0.99'), 'says more'],
    ['files that are not named by version', 'root', (signed) => signed.set('consistent_snapshot', false), 'says more'],
    [
      'a key that no role names',
      'root',
      (signed) =>
        signed.set(
          'keys',
          new Map([...(signed.get('keys') as Map<string, CanonicalInput>), ['x', testKey('x').publicKey.json]]),
        ),
      'says more',
    ],
    ['a key under another id', 'root', underAnotherId, 'says more'],
    ['a key nobody holds', 'root', (signed) => signed.delete('names'), 'says more'],
    ['a name that is no text', 'root', (signed) => signed.set('names', new Map([['x', 1]])), '/signed/names'],
    [
      'a path in another spelling',
      'bins-0',
      (signed) => signed.set('targets', new Map([['/a', { length: 1, hashes: { sha256: 'ab' } }]])),
      'says more',
    ],
    [
      'empty custom',
      'bins-0',
      (signed) => signed.set('targets', new Map([['a', { length: 1, hashes: { sha256: 'ab' }, custom: {} }]])),
      'says more',
    ],
    ['no expiry', 'targets', (signed) => signed.delete('expires'), '/signed/expires'],
    ['no threshold', 'root', (signed) => signed.set('roles', {}), '/signed/roles/root'],
  ])('SEC-7 %s in %s is refused', (_what, role, change, words) => {
    const { code, message, fix } = refusalOf(() => repository.review(withSigned(role, change)));
    expect({ code, message, fix }).toEqual({
      ...{ code: 'SIGNING_CHANGE', message: expect.stringContaining(words) as string },
      fix: 'Correct what is named, and draft it anew.',
    });
    expect(message).toContain(`${role} cannot be signed`);
  });

  it('SEC-10 a file that clients would not read whole is refused before anybody signs it', () => {
    const targets = new Map(
      Array.from({ length: 24_000 }, (_, index) => [
        `firmware/${index}`,
        targetOf(`${index}`, { note: 'x'.repeat(256) }),
      ]),
    );
    const large = targetFiles(
      new PaperRepository().read(),
      { add: targets, remove: [] },
      { bits: undefined },
      LATER_MS,
    );
    expect(refusalOf(() => new PaperRepository().review(large)).message).toContain('clients read at most 8388608');
  });
});

function underAnotherId(signed: Map<string, CanonicalInput>): void {
  const [first, ...rest] = [...(signed.get('keys') as Map<string, CanonicalInput>)];
  const text = (value: CanonicalInput) =>
    JSON.stringify(value, (_name, one: unknown) => (one instanceof Map ? Object.fromEntries(one) : one) as unknown);
  const [old, key] = first ?? ['', null];
  const renamed = Object.fromEntries([['f'.repeat(64), key], ...rest]);
  for (const name of ['roles', 'names'])
    signed.set(name, JSON.parse(text(signed.get(name) ?? null).replaceAll(old, 'f'.repeat(64))) as CanonicalInput);
  signed.set('keys', renamed);
}
