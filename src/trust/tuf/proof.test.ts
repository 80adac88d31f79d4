/** Release proofs (architecture, section 4): one document, one image, the root a device was provisioned with. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  NOW_MS,
  refusalOf,
  TestRepository,
  type TestTargets,
  targetOf,
  testKey,
} from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { DAY_MS } from '../../core/time.ts';
import { MAX_PROOF_BYTES, MAX_PROOF_PATHS } from '../limits.ts';
import { sha256Hex } from '../payload.ts';
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
    expect([...proven.stored.keys()]).toEqual(['root', 'timestamp', 'snapshot', 'targets']);
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

  it('SEC-22 a role on the way that is missing ends it, though another path would do', () => {
    const delegated = withBins(2, 1);
    const [one = '', two = ''] = [0, 1].map((bin) => `p${bin}`);
    expect([binIndex(one, 1), binIndex(two, 1)].toSorted()).toEqual(['0', '1']);
    const files = filesFor(delegated, one);
    expect(refused(writeProof([two, one], files), requestFor(delegated, path)).code).toBe('TRUST_MISSING');
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
