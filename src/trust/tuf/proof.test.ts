/** Release proofs (architecture, section 4): one document, one image, the root a device was provisioned with. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  NOW_MS,
  refusalOf,
  TestRepository,
  type TestTargets,
  targetOf,
  testKey,
} from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import * as json from '../../core/json.ts';
import { DAY_MS } from '../../core/time.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS, MAX_ROOT_STEPS } from '../limits.ts';
import { sha256Hex } from '../payload.ts';
import type { DelegationContent, TargetContent } from '../repository/documents.ts';
import { binIndex, binSuffix } from './paths.ts';
import { type ProofRequest, verifyProof, writeProof } from './proof.ts';

const HARDWARE = 'corecell';
const pathOf = (index: number) => `firmware/1.2.${index}/${HARDWARE}`;
const imageOf = (path: string) => utf8Encode(`image of ${path}`);
const entryOf = (path: string) =>
  targetOf(imageOf(path), { hardwareIds: [HARDWARE], component: 'firmware', version: '1.2' });
const targetsOf = (paths: readonly string[]) => new Map(paths.map((path) => [path, entryOf(path)]));
const paths = (count: number) => Array.from({ length: count }, (_, index) => pathOf(index));

/** The files that a client needs for these paths. */
function filesFor(repository: TestRepository, ...wanted: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const device = repository.device();
  for (const path of wanted) device.find(path, HARDWARE);
  return new Map(device.fetched.flatMap((name) => [...repository.files].filter(([file]) => file === name)));
}

function withTargets(count: number): TestRepository {
  const repository = new TestRepository();
  repository.top.targets = targetsOf(paths(count));
  return repository.publish();
}

/** Succinct bins of 2^bits, each with a share of the targets. */
function withBins(count: number, bits: number): TestRepository {
  const repository = new TestRepository();
  const signer = { keys: [testKey('bins')], threshold: 1 };
  repository.top.delegations = { keys: [testKey('bins').publicKey], threshold: 1, bits, namePrefix: 'bin' };
  const bins = Map.groupBy(paths(count), (path) => binIndex(path, bits));
  for (let index = 0; index < 2 ** bits; index += 1) {
    const suffix = binSuffix(index, bits);
    const bin: TestTargets = { ...signer, targets: targetsOf(bins.get(suffix) ?? []) };
    repository.delegated.set(`bin-${suffix}`, bin);
  }
  return repository.publish();
}

function requestFor(repository: TestRepository, path: string, members: Partial<ProofRequest> = {}): ProofRequest {
  const image = imageOf(path);
  return {
    stored: repository.device().stored,
    nowMs: NOW_MS,
    image: { sha256: sha256Hex(image), lengthBytes: image.length },
    hardwareId: HARDWARE,
    ...members,
  };
}

/** The refusal of a proof, after which what is stored is what was stored. */
function refused(proof: Uint8Array, request: ProofRequest) {
  const before = new Map(request.stored);
  const error = refusalOf(() => verifyProof(proof, request));
  expect(request.stored).toEqual(before);
  return error;
}

const [path = ''] = paths(1);
let repository: TestRepository;
let proof: Uint8Array;
let request: ProofRequest;
beforeEach(() => {
  repository = withTargets(3);
  proof = writeProof([path], filesFor(repository, path));
  request = requestFor(repository, path);
});

describe('SEC-22 a release proof', () => {
  it('SEC-22 shows that somebody has signed this image for this hardware', () => {
    const proven = verifyProof(proof, request);
    expect(proven).toMatchObject({ path, signedBy: [testKey('targets').publicKey.keyId] });
    expect(proven.target).toMatchObject({ component: 'firmware', version: '1.2', hardwareIds: [HARDWARE] });
  });

  it('SEC-22 leads to what is trusted from now on, without touching what was', () => {
    const before = new Map(request.stored);
    const { stored } = verifyProof(proof, request);
    expect(request.stored).toEqual(before);
    expect([...stored.keys()]).toEqual(['root', 'timestamp', 'snapshot', 'targets']);
    for (const [role, bytes] of stored) expect(bytes).toEqual(repository.fileOf(role));
    expect(verifyProof(proof, { ...request, stored }).stored).toEqual(stored);
  });

  it('SEC-22 is one canonical document', () => {
    const text = Buffer.from(proof).toString();
    expect(text.startsWith('{"_type":"sealift-release-proof","documents":{"1.snapshot.json":{"signatures":')).toBe(
      true,
    );
    expect(text.endsWith(`,"paths":["${path}"]}`)).toBe(true);
  });

  it('SEC-22 may hold more than is needed', () => {
    const more = new Map([...filesFor(repository, path), ['9.root.json', utf8Encode('{}')]]);
    expect(verifyProof(writeProof([path], more), request).path).toBe(path);
  });

  it('SEC-22 carries roots, and what their rotation forgets is forgotten', () => {
    const rotated = withTargets(1);
    const device = rotated.device();
    device.refresh();
    rotated.timestamp = { keys: [testKey('timestamp 2')], threshold: 1 };
    rotated.publish('root');
    rotated.versions.set('timestamp', 0);
    rotated.publish('timestamp');
    const next = verifyProof(
      writeProof([path], filesFor(rotated, path)),
      requestFor(rotated, path, { stored: device.stored }),
    );
    for (const role of ['root', 'timestamp', 'snapshot', 'targets'])
      expect(next.stored.get(role)).toEqual(rotated.fileOf(role));
  });

  it('SEC-22 says the path as it was signed, not as the document spells it', () => {
    expect(verifyProof(writeProof([`/${path}`], filesFor(repository, path)), request).path).toBe(path);
  });

  it.each([
    [['1.9.0', '1.10.0', '1.2.0'], '1.10.0'],
    [['1.10.0', '1.9.0'], '1.10.0'],
    [[undefined, '0.0.1'], '0.0.1'],
    [['0.0.1', undefined], '0.0.1'],
  ])('SEC-22 of the same image released as %j it is %s, in whichever order they stand', (versions, newest) => {
    const again = new TestRepository();
    const entry = (version: string | undefined) =>
      targetOf(imageOf(path), { hardwareIds: [HARDWARE], ...(version === undefined ? {} : { version }) });
    again.top.targets = new Map(versions.map((version) => [`of ${version}`, entry(version)]));
    again.publish();
    const all = versions.map((version) => `of ${version}`);
    const proven = verifyProof(writeProof(all, filesFor(again, ...all)), requestFor(again, path));
    expect(proven).toMatchObject({ path: `of ${newest}`, target: { version: newest } });
  });

  it('SEC-22 names the signers of the file that lists the image', () => {
    const delegated = new TestRepository();
    const keys = [testKey('supplier')];
    delegated.delegated.set('supplier', { keys, threshold: 1, targets: targetsOf([path]) });
    delegated.top.delegations = [
      { name: 'supplier', keys: [testKey('supplier').publicKey], threshold: 1, terminating: false, paths: ['*/*/*'] },
    ];
    delegated.publish();
    const proven = verifyProof(writeProof([path], filesFor(delegated, path)), requestFor(delegated, path));
    expect(proven.signedBy).toEqual([testKey('supplier').publicKey.keyId]);
  });
});

describe('SEC-22 the size of a proof', () => {
  // The root is provisioned and not in it. Of bins only one is; the snapshot lists all of them, and is two fifths of it.
  it.each([
    ['1 target it has 1,553 bytes', () => withTargets(1), 1, 1_553],
    ['100 targets it has 21,840 bytes', () => withTargets(100), 100, 21_840],
    ['10,000 targets in 256 bins it has 19,177 bytes', () => withBins(10_000, 8), 10_000, 19_177],
  ])('SEC-22 with %s', (_what, build, count, sizeBytes) => {
    const one = build();
    const last = pathOf(count - 1);
    const bytes = writeProof([last], filesFor(one, last));
    expect(verifyProof(bytes, requestFor(one, last)).path).toBe(last);
    expect(bytes.length).toBe(sizeBytes);
  });
});

describe('SEC-22 what a proof does not show', () => {
  const unknown = (members: Partial<ProofRequest>, bytes = proof) => refused(bytes, { ...request, ...members });

  it.each<[string, (image: ProofRequest['image']) => Partial<ProofRequest>]>([
    ['another image', (image) => ({ image: { ...image, sha256: sha256Hex(utf8Encode('other')) } })],
    ['the same digest in capitals', (image) => ({ image: { ...image, sha256: image.sha256.toUpperCase() } })],
    ['a longer one', (image) => ({ image: { ...image, lengthBytes: image.lengthBytes + 1 } })],
    ['a shorter one', (image) => ({ image: { ...image, lengthBytes: image.lengthBytes - 1 } })],
    ['the image for other hardware', () => ({ hardwareId: 'other' })],
    ['the image for hardware whose name begins alike', () => ({ hardwareId: 'core' })],
  ])('SEC-22 %s', (_what, change) => {
    const members = change(request.image);
    const error = unknown(members);
    const { image, hardwareId } = { ...request, ...members };
    expect(error).toMatchObject({ code: 'TRUST_TARGET_UNKNOWN', detail: { sha256: image.sha256, hardwareId } });
    expect(error.message).toBe(
      `nobody has signed an image of ${image.lengthBytes} bytes with digest ${image.sha256} for hardware ${hardwareId}`,
    );
    expect(error.fix).toMatch(/signing event that names this hardware/);
  });

  it('SEC-22 an image that was signed for no hardware in particular is for none', () => {
    const any = new TestRepository();
    any.top.targets = new Map([[path, targetOf(imageOf(path))]]);
    any.publish();
    expect(refused(writeProof([path], filesFor(any, path)), requestFor(any, path)).code).toBe('TRUST_TARGET_UNKNOWN');
  });

  it('SEC-22 an image by a digest that is not SHA-256', () => {
    const other = new TestRepository();
    const entry = { ...entryOf(path), hashes: new Map([['sha512', sha256Hex(imageOf(path))]]) };
    other.top.targets = new Map([[path, entry]]);
    other.publish();
    expect(refused(writeProof([path], filesFor(other, path)), requestFor(other, path)).code).toBe(
      'TRUST_TARGET_UNKNOWN',
    );
  });

  it('SEC-22 the image under a path that nobody lists', () => {
    expect(unknown({}, writeProof(['other', pathOf(1)], filesFor(repository, path))).code).toBe('TRUST_TARGET_UNKNOWN');
    expect(unknown({}, writeProof([], filesFor(repository, path))).code).toBe('TRUST_TARGET_UNKNOWN');
  });

  it('SEC-22 the image, until the path that is it', () => {
    const names = ['other', pathOf(1), ...Array.from({ length: 61 }, (_, index) => `n${index}`), path];
    expect(names).toHaveLength(MAX_PROOF_PATHS);
    expect(verifyProof(writeProof(names, filesFor(repository, path)), request).path).toBe(path);
    const more = unknown({}, writeProof(['one more', ...names], filesFor(repository, path)));
    expect(more).toMatchObject({ code: 'TRUST_MALFORMED', detail: { role: 'proof', pointer: '/paths' } });
    expect(more.message).toBe('/paths has 65 entries, at most 64 are allowed');
  });
});

describe('SEC-22 a proof can say nothing that the repository could not', () => {
  it('SEC-3 an older timestamp than is stored is refused', () => {
    const newer = withTargets(1);
    const old = writeProof([path], filesFor(newer, path));
    const device = newer.renew().device();
    device.refresh();
    expect(refused(old, requestFor(newer, path, { stored: device.stored }))).toMatchObject({
      code: 'TRUST_ROLLBACK',
      detail: { role: 'timestamp' },
    });
  });

  it('SEC-22 of another root it is refused', () => {
    const foreign = new TestRepository();
    foreign.root = { keys: [testKey('foreign')], threshold: 1 };
    foreign.timestamp = { keys: [testKey('foreign')], threshold: 1 };
    foreign.publish();
    expect(refused(proof, { ...request, stored: foreign.device().stored })).toMatchObject({
      code: 'TRUST_SIGNATURES',
      detail: { role: 'timestamp' },
    });
  });

  it('SEC-22 without any root it is refused', () => {
    expect(refused(proof, { ...request, stored: new Map() })).toMatchObject({
      code: 'TRUST_MALFORMED',
      detail: { role: 'root' },
    });
  });

  it('SEC-3 after its timestamp has expired it is refused', () => {
    expect(refused(proof, { ...request, nowMs: NOW_MS + 30 * DAY_MS }).code).toBe('TRUST_EXPIRED');
    expect(verifyProof(proof, { ...request, nowMs: NOW_MS + 30 * DAY_MS - 1 }).path).toBe(path);
  });

  it.each(['timestamp.json', '1.snapshot.json', '1.targets.json'])('SEC-22 without %s it is refused', (file) => {
    const files = new Map(filesFor(repository, path));
    files.delete(file);
    expect(refused(writeProof([path], files), request)).toMatchObject({
      code: 'TRUST_MISSING',
      detail: { role: file.split('.').at(-2) },
    });
  });
});

/** Suppliers, each with a file of its own and what it lists under `NAME/`. */
function withSuppliers(lists: Readonly<Record<string, Readonly<Record<string, TargetContent>>>>): TestRepository {
  const suppliers = new TestRepository();
  suppliers.top.delegations = Object.keys(lists).map((name) => delegationTo(name));
  for (const [name, targets] of Object.entries(lists)) {
    const all = Object.entries(targets).map(([file, target]) => [`${name}/${file}`, target] as const);
    suppliers.delegated.set(name, { keys: [testKey(name)], threshold: 1, targets: new Map(all) });
  }
  return suppliers.publish();
}

function delegationTo(name: string, members: Partial<DelegationContent> = {}): DelegationContent {
  return {
    ...{ name, keys: [testKey(name).publicKey], threshold: 1, terminating: true, paths: [`${name}/*`] },
    ...members,
  };
}

/** The image of these tests, as a supplier may list it. */
const listed = (custom: Readonly<Record<string, string | readonly string[]>> = {}) =>
  targetOf(imageOf(path), { hardwareIds: [HARDWARE], component: 'firmware', version: '1.0.0', ...custom });
const prove = (suppliers: TestRepository, names: readonly string[], members: Partial<ProofRequest> = {}) =>
  verifyProof(writeProof(names, suppliers.files), requestFor(suppliers, path, { component: 'firmware', ...members }));

describe('SEC-22 nobody has signed the paths of a proof: each is looked for on its own', () => {
  it.each<[string, (suppliers: TestRepository) => void]>([
    ['has expired', (suppliers) => suppliers.rewrite('b', { expires: '2026-11-23T00:00:00Z' })],
    ['is missing', (suppliers) => suppliers.files.delete('1.b.json')],
    ['was signed by others', (suppliers) => suppliers.files.set('1.b.json', suppliers.fileOf('a'))],
  ])('SEC-22 a supplier whose file %s spoils nothing of what another has signed', (_what, damage) => {
    const suppliers = withSuppliers({ a: { x: listed() }, b: { x: listed() } });
    damage(suppliers);
    for (const names of [
      ['a/x', 'b/x'],
      ['b/x', 'a/x'],
    ])
      expect(prove(suppliers, names)).toMatchObject({ path: 'a/x', signedBy: [testKey('a').publicKey.keyId] });
  });

  it('SEC-22 when none proves the image, the first refusal is what is said', () => {
    const suppliers = withSuppliers({ a: { y: listed() }, b: { x: listed() }, c: { x: listed() } });
    suppliers.rewrite('b', { expires: '2026-11-23T00:00:00Z' });
    suppliers.files.delete('1.c.json');
    expect(refusalOf(() => prove(suppliers, ['a/x', 'b/x', 'c/x']))).toMatchObject({
      code: 'TRUST_EXPIRED',
      detail: { role: 'b' },
    });
    expect(refusalOf(() => prove(suppliers, ['a/x', 'c/x', 'b/x'])).code).toBe('TRUST_MISSING');
    expect(prove(suppliers, ['b/x', 'a/y', 'c/x']).path).toBe('a/y');
  });

  it('SEC-22 what is wrong in the program itself is no refusal', () => {
    const suppliers = withSuppliers({ a: { x: listed() }, b: { x: listed() } });
    // A map that fails once the four top-level roles were read.
    const stored = new Map(suppliers.device().stored);
    const get = stored.get.bind(stored);
    const bug = new TypeError('bug');
    stored.get = (role) => {
      if (role === 'b') throw bug;
      return get(role);
    };
    expect(() => prove(suppliers, ['a/x', 'b/x'], { stored })).toThrow(bug);
  });

  it('SEC-22 another component or other hardware that somebody else lists the same bytes for takes no part', () => {
    const modem = { component: 'modem', version: '9.0.0' };
    const suppliers = withSuppliers({
      ...{ a: { x: listed() }, b: { x: listed(modem) } },
      c: { x: listed({ hardwareIds: ['other'], version: '9.0.0' }) },
    });
    expect(prove(suppliers, ['c/x', 'b/x', 'a/x'])).toMatchObject({ path: 'a/x', target: { version: '1.0.0' } });
    expect(prove(suppliers, ['c/x', 'b/x', 'a/x'], { component: 'modem' }).path).toBe('b/x');
  });

  it('SEC-22 nor does one in the very file that lists it', () => {
    const suppliers = withSuppliers({ a: { x: listed(), y: listed({ component: 'modem', version: '9.0.0' }) } });
    expect(prove(suppliers, ['a/y', 'a/x']).path).toBe('a/x');
  });

  it('SEC-22 who names no component means any; asked for none, any will do', () => {
    const suppliers = withSuppliers({ a: { x: targetOf(imageOf(path), { hardwareIds: [HARDWARE] }) } });
    expect(prove(suppliers, ['a/x']).path).toBe('a/x');
    const { component: _, ...any } = requestFor(repository, path, { component: 'modem' });
    expect(verifyProof(proof, any).target.component).toBe('firmware');
  });

  it('SEC-22 an image that is listed as another component only is refused as that', () => {
    const suppliers = withSuppliers({ a: { x: listed({ component: 'modem' }) } });
    const error = refusalOf(() => prove(suppliers, ['a/y', 'a/x']));
    expect(error).toMatchObject({
      ...{ code: 'TRUST_TARGET_UNKNOWN', message: 'the image was signed as modem, it was offered as firmware' },
      detail: { sha256: sha256Hex(imageOf(path)), hardwareId: HARDWARE, component: 'firmware', signed: 'modem' },
    });
    expect(error.fix).toMatch(/component it was signed for/);
  });

  it('SEC-22 versions are compared among what the same keys have signed, and nobody raises that of another', () => {
    const suppliers = withSuppliers({
      a: { x: listed(), y: listed({ version: '1.2.0' }), z: listed({ version: '1.1.0' }) },
      b: { x: listed({ version: '999.0.0' }) },
    });
    expect(prove(suppliers, ['a/x', 'b/x', 'a/y', 'a/z'])).toMatchObject({ path: 'a/y', target: { version: '1.2.0' } });
    expect(prove(suppliers, ['b/x', 'a/x', 'a/y']).path).toBe('b/x');
  });

  it('SEC-22 of bins all have the same keys: the newest of any of them', () => {
    const bins = new TestRepository();
    const signer = { keys: [testKey('bins')], threshold: 1 };
    bins.top.delegations = { keys: [testKey('bins').publicKey], threshold: 1, bits: 1, namePrefix: 'bin' };
    expect(['p0', 'p1'].map((name) => binIndex(name, 1)).toSorted()).toEqual(['0', '1']);
    for (const [name, version] of [
      ['p0', '1.0.0'],
      ['p1', '2.0.0'],
    ] as const)
      bins.delegated.set(`bin-${binIndex(name, 1)}`, { ...signer, targets: new Map([[name, listed({ version })]]) });
    bins.publish();
    expect(prove(bins, ['p0', 'p1']).path).toBe('p1');
    expect(prove(bins, ['p1', 'p0']).path).toBe('p1');
  });

  it.each([
    [['1.0.0', '1.0.0'], 0],
    [['1.0', '1.0.0'], 0],
    [['no version', '0.0.1'], 1],
    [['0.0.1', 'no version'], 0],
  ])('SEC-22 of %j, all of one file, number %d counts', (versions, index) => {
    const targets = versions.map((version, at) => [`v${at}`, listed({ version })] as const);
    const suppliers = withSuppliers({ a: Object.fromEntries(targets) });
    expect(prove(suppliers, ['a/v0', 'a/v1']).path).toBe(`a/v${index}`);
  });
});

describe('SEC-4 what a search costs, a proof may not cost once for each path', () => {
  it('SEC-4 a delegated file is parsed once, whether it holds or not', () => {
    const suppliers = withSuppliers({ a: { x: listed() }, b: { x: listed() } });
    suppliers.rewrite('b', { expires: '2026-11-23T00:00:00Z' });
    const parsed = vi.spyOn(json, 'parseSigned');
    const count = (names: readonly string[]) => {
      const bytes = writeProof(names, suppliers.files);
      const members = requestFor(suppliers, path);
      parsed.mockClear();
      expect(verifyProof(bytes, members).path).toBe('a/x');
      return parsed.mock.calls.length;
    };
    const many = Array.from({ length: 31 }, (_, index) => [`a/n${index}`, `b/n${index}`]).flat();
    // The root, the three others of the top level, and two suppliers.
    expect(count(['a/x', 'b/x', ...many])).toBe(6);
  });

  it('SEC-4 a supplier whose patterns take too long spoils nothing of what another has signed', () => {
    const suppliers = withSuppliers({ a: { x: listed() }, b: {} });
    const patterns = Array.from({ length: 4_096 }, (_, index) => `b/*${'a'.repeat(200)}${index}`);
    suppliers.delegated.set('b', {
      ...{ keys: [testKey('b')], threshold: 1, targets: new Map() },
      delegations: [delegationTo('c', { paths: patterns })],
    });
    suppliers.renew();
    const slow = `b/${'a'.repeat(1_000)}`;
    expect(prove(suppliers, [slow, 'a/x']).path).toBe('a/x');
    expect(refusalOf(() => prove(suppliers, [slow]))).toMatchObject({ code: 'TRUST_LENGTH', detail: { role: 'b' } });
  });

  it('SEC-4 a role may be reached by two delegations, and each has its own keys; by a third it is not read', () => {
    const suppliers = withSuppliers({ a: {}, b: {}, c: {}, common: {} });
    for (const name of ['a', 'b', 'c']) {
      const delegations = [delegationTo('common', { paths: ['*/*'], keys: [testKey(name).publicKey] })];
      suppliers.delegated.set(name, { keys: [testKey(name)], threshold: 1, targets: new Map(), delegations });
    }
    const keys = ['a', 'b', 'c'].map((name) => testKey(name));
    suppliers.delegated.set('common', { keys, threshold: 1, targets: new Map([['c/x', listed()]]) });
    suppliers.renew();
    expect(prove(suppliers, ['a/x', 'c/x'])).toMatchObject({ path: 'c/x', signedBy: [testKey('c').publicKey.keyId] });
    expect(refusalOf(() => prove(suppliers, ['a/x', 'b/x', 'c/x']))).toMatchObject({
      ...{ code: 'TRUST_LENGTH', message: 'more than 2 delegations lead to common', detail: { role: 'common' } },
    });
  });

  it('SEC-4 a search that ended at its 32nd role says so', () => {
    const names = Array.from({ length: 33 }, (_, index) => `s${index}`);
    const suppliers = withSuppliers(Object.fromEntries(names.map((name) => [name, {}])));
    suppliers.top.delegations = names.map((name) => delegationTo(name, { paths: ['x'], terminating: false }));
    suppliers.renew();
    const error = refusalOf(() => prove(suppliers, ['x']));
    expect(error).toMatchObject({ code: 'TRUST_TARGET_UNKNOWN', detail: { hardwareId: HARDWARE } });
    expect(error.message).toMatch(/^none of the first 32 delegated roles lists an image of .* and more are not read$/);
    expect(error.fix).toMatch(/terminating/);
    suppliers.top.delegations = suppliers.top.delegations.slice(1);
    suppliers.renew();
    expect(refusalOf(() => prove(suppliers, ['x'])).message).toMatch(/^nobody has signed/);
  });
});

describe('SEC-3 a device remembers the delegated files that a proof led it through', () => {
  it('SEC-3 so that what a supplier took back stays back when the online keys are replaced', () => {
    const suppliers = withSuppliers({ a: { x: listed() } });
    const first = prove(suppliers, ['a/x']);
    expect([...first.stored.keys()]).toEqual(['root', 'timestamp', 'snapshot', 'targets', 'a']);
    expect(first.stored.get('a')).toEqual(suppliers.fileOf('a'));
    suppliers.delegated.set('a', { keys: [testKey('a')], threshold: 1, targets: new Map([['a/y', listed()]]) });
    suppliers.renew();
    const { stored } = prove(suppliers, ['a/y'], { stored: first.stored });
    suppliers.snapshot = { keys: [testKey('snapshot 2')], threshold: 1 };
    suppliers.timestamp = { keys: [testKey('timestamp 2')], threshold: 1 };
    suppliers.publish('root');
    // Whoever has the new online keys lists the file from before.
    suppliers.versions.set('a', 1);
    suppliers.publish('snapshot', 'timestamp');
    expect(refusalOf(() => prove(suppliers, ['a/x'], { stored }))).toMatchObject({
      ...{ code: 'TRUST_ROLLBACK', detail: { role: 'a', version: 1, other: 2 } },
    });
  });

  it('SEC-3 and what no longer holds under the keys of now binds nobody: a version that was set too high ends with its keys', () => {
    const suppliers = withSuppliers({ a: { x: listed() } });
    suppliers.versions.set('a', 1_000_000);
    suppliers.renew();
    const { stored } = prove(suppliers, ['a/x']);
    suppliers.top.delegations = [delegationTo('a', { keys: [testKey('a 2').publicKey] })];
    suppliers.delegated.set('a', { keys: [testKey('a 2')], threshold: 1, targets: new Map([['a/x', listed()]]) });
    suppliers.snapshot = { keys: [testKey('snapshot 2')], threshold: 1 };
    suppliers.versions.set('a', 0);
    suppliers.publish('root', 'targets', 'a', 'snapshot', 'timestamp');
    expect(prove(suppliers, ['a/x'], { stored }).stored.get('a')).toEqual(suppliers.fileOf('a'));
  });

  it('SEC-22 a chain of more roots than one refresh over a network follows is followed: all of it is at hand', () => {
    const long = withTargets(1);
    for (let version = 1; version <= MAX_ROOT_STEPS + 1; version += 1) long.publish('root');
    const proven = verifyProof(writeProof([path], long.files), requestFor(long, path));
    expect(proven.stored.get('root')).toEqual(long.fileOf('root'));
  });
});

describe('SEC-10 what is no proof', () => {
  const malformed = (text: string) => refused(utf8Encode(text), request);

  it('SEC-10 any beginning of one', () => {
    for (let length = 0; length < proof.length; length += 1) {
      const error = refused(proof.subarray(0, length), request);
      expect(error).toMatchObject({ code: 'TRUST_MALFORMED', detail: { role: 'proof' } });
    }
  });

  it('SEC-7 one with any byte changed, unless it proves the same', () => {
    const original = verifyProof(proof, request);
    for (let at = 0; at < proof.length; at += 1) {
      const damaged = proof.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      try {
        expect(verifyProof(damaged, request)).toEqual(original);
      } catch (error) {
        expect(error).toMatchObject({ name: 'TrustError' });
      }
    }
  });

  it.each([
    ['a list', '[]', ''],
    ['no type', '{"documents":{},"paths":[]}', '/_type'],
    ['another type', '{"_type":"proof","documents":{},"paths":[]}', '/_type'],
    ['no paths', '{"_type":"sealift-release-proof","documents":{}}', '/paths'],
    ['a path that is none', '{"_type":"sealift-release-proof","documents":{},"paths":[""]}', '/paths/0'],
    ['a path twice', '{"_type":"sealift-release-proof","documents":{},"paths":["a","a"]}', '/paths'],
    ['no documents', '{"_type":"sealift-release-proof","paths":[]}', '/documents'],
    ['documents as a list', '{"_type":"sealift-release-proof","documents":[],"paths":[]}', '/documents'],
  ])('SEC-10 %s', (_what, text, pointer) => {
    expect(malformed(text)).toMatchObject({ code: 'TRUST_MALFORMED', detail: { role: 'proof', pointer } });
  });

  it('SEC-10 says which type it should be', () => {
    expect(malformed('{"_type":"x","documents":{},"paths":[]}').message).toBe('/_type is not "sealift-release-proof"');
  });

  it('SEC-10 one of more than 16 MiB is not even read', () => {
    const longest = Buffer.concat([proof, Buffer.alloc(MAX_PROOF_BYTES - proof.length, 0x20)]);
    expect(verifyProof(longest, request).path).toBe(path);
    const error = refused(Buffer.concat([longest, Buffer.from(' ')]), request);
    expect(error).toMatchObject({ code: 'TRUST_LENGTH', detail: { role: 'proof' } });
    expect(error.message).toBe('16777217 bytes where at most 16777216 are allowed');
  });

  it('SEC-10 a document that is too long for its role is refused', () => {
    const files = new Map(filesFor(repository, path));
    files.set('timestamp.json', utf8Encode(JSON.stringify('x'.repeat(20_000))));
    expect(refused(writeProof([path], files), request)).toMatchObject({
      code: 'TRUST_LENGTH',
      detail: { role: 'timestamp' },
    });
  });

  it('SEC-10 a large file goes into a proof as it is', () => {
    const long = new Map([['x', utf8Encode(JSON.stringify('x'.repeat(5 * 2 ** 20)))]]);
    expect(writeProof([], long).length).toBeGreaterThan(5 * 2 ** 20);
  });
});
