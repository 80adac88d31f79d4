import { describe, expect, it } from 'vitest';
import {
  draftRelease,
  openParts,
  type Parts,
  partsWithRoot,
  publishRelease,
  rootChange,
  signedBy,
  signedByAll,
} from '../../test/support/fleet.ts';
import { chunksOf } from '../../test/support/ports.ts';
import { MemoryVault } from '../../test/support/vault.ts';
import { DAY_MS } from '../core/time.ts';
import { makePeople, type Person } from '../lab/people.ts';
import { generatePayloadSigner, sha256Hex } from '../trust/payload.ts';
import { answerRequest } from '../trust/repository/answer.ts';
import { readRequest, requestOf, type SigningRequest, writeRequest } from '../trust/repository/request.ts';
import { reviewRequest } from '../trust/repository/review.ts';
import { verifyProof } from '../trust/tuf/proof.ts';

const IMAGE = Buffer.from('image of 1.1.0');
const page = { after: undefined, limit: 99 };

/** Everything that a refusal must leave as it was. */
async function stateOf({ store, vault, repository }: Parts): Promise<string> {
  const [events, releases, keys] = [
    await store.signingEvents('t', page),
    await store.releases('t', page),
    await vault.keys(),
  ];
  const requests = events.map(({ state, revision, request }) => [state, revision, sha256Hex(request)]);
  return JSON.stringify([requests, releases, keys.map(({ label }) => label), repository.head?.revision]);
}

async function drafted(options: Parameters<typeof partsWithRoot>[0] = {}) {
  const parts = await partsWithRoot(options);
  const status = await draftRelease(parts);
  const people = parts.people as readonly [Person, Person, Person];
  return { parts, status, people, id: status.event.id };
}

const requestIn = async ({ signing }: Parts, id: string) => readRequest((await signing.status(id)).event.request);

describe('SEC-22 a release is admitted by a signing event', () => {
  it('SEC-22 two of three sign on different days, in any order', async () => {
    const { parts, status, people } = await drafted();
    const [alice, , carol] = people;
    const first = await signedBy(parts.signing, status, carol);
    expect(first.event).toMatchObject({ state: 'open', releaseId: null });
    parts.clock.advance(3 * DAY_MS);
    const second = await signedBy(parts.signing, first, alice, [IMAGE]);
    expect(second.event.state).toBe('published');
    const release = await parts.store.release('t', second.event.releaseId ?? '');
    expect(release).toMatchObject({ version: '1.1.0', signingEventId: status.event.id });
    const keys = [alice, carol].map(({ targets }) => targets.publicKey.keyId);
    expect(release?.signedBy.toSorted()).toEqual(keys.toSorted());
  });

  it('SEC-22 two signatures without the one that gateways check are not enough', async () => {
    const { parts, status, people } = await drafted();
    const both = await signedBy(parts.signing, await signedBy(parts.signing, status, people[1]), people[2]);
    expect(both.event.state).toBe('open');
    expect(both.payloads).toMatchObject([{ isSigned: false }]);
    expect((await signedBy(parts.signing, both, people[0], [IMAGE])).event.state).toBe('published');
  });

  it('SEC-22 the same person twice is one', async () => {
    const { parts, status, people } = await drafted();
    const once = await signedBy(parts.signing, status, people[0], [IMAGE]);
    expect((await signedBy(parts.signing, once, people[0], [IMAGE])).event.state).toBe('open');
  });

  it('REL-9 what was published or cancelled takes no more signatures', async () => {
    const { parts, status, people } = await drafted();
    const done = await signedByAll(parts, status, [IMAGE]);
    await expect(signedBy(parts.signing, done, people[2])).rejects.toMatchObject({ code: 'SIGNING_EVENT_CLOSED' });
    const other = await draftRelease(parts, { version: '1.2.0' });
    await parts.signing.cancel(other.event.id);
    await expect(signedBy(parts.signing, other, people[2])).rejects.toMatchObject({ code: 'SIGNING_EVENT_CLOSED' });
    await expect(parts.signing.cancel(other.event.id)).rejects.toMatchObject({ code: 'SIGNING_EVENT_CLOSED' });
    await expect(parts.signing.status('nobody')).rejects.toMatchObject({ code: 'SIGNING_EVENT_UNKNOWN' });
  });

  it('SEC-3 a request is stale once what it builds on was published anew', async () => {
    const { parts, status, people } = await drafted();
    const once = await signedBy(parts.signing, status, people[0], [IMAGE]);
    await publishRelease(parts, { version: '1.2.0' });
    const before = await stateOf(parts);
    await expect(signedBy(parts.signing, once, people[1])).rejects.toMatchObject({ code: 'SIGNING_STALE' });
    expect(await stateOf(parts)).toBe(before);
  });

  it('SEC-3 a request is stale once the root has changed: revoked keys do not count', async () => {
    const { parts, status, people } = await drafted({ bits: 4 });
    const [alice, bob, carol] = people;
    const once = await signedBy(parts.signing, status, bob);
    const root = await parts.signing.start({ ...rootChange(parts, [alice, carol], 2) }, 'without bob');
    await signedByAll({ ...parts, people: [alice, carol] }, root);
    await expect(signedBy(parts.signing, once, alice, [IMAGE])).rejects.toMatchObject({ code: 'SIGNING_STALE' });
    expect(await parts.store.releases('t', page)).toEqual([]);
  });

  it('SEC-26 every published snapshot and timestamp was announced before, and none is open', async () => {
    const { parts, status } = await drafted();
    await signedByAll(parts, status, [IMAGE]);
    const intents = await parts.store.intents('t', page);
    expect(intents.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(intents.map(({ what }) => what.replaceAll(/[0-9a-f]{64}/g, 'KEY'))).toEqual([
      'snapshot 1 by KEY; timestamp 1 by KEY',
      'snapshot 2 by KEY; timestamp 2 by KEY',
    ]);
  });
});

describe('SEC-6 a refusal changes nothing', () => {
  const change =
    (edit: (body: SigningRequest['body']) => Partial<SigningRequest['body']>) => (request: SigningRequest) =>
      requestOf({ ...request.body, ...edit(request.body) }, request.collected);

  it.each<[string, (request: SigningRequest) => SigningRequest, string]>([
    ['another reason', change(() => ({ reason: 'hurry' })), 'SIGNING_ALTERED'],
    ['another day', change(({ createdAtMs }) => ({ createdAtMs: createdAtMs + 1_000 })), 'SIGNING_ALTERED'],
    ['a file less', change(() => ({ files: [] })), 'SIGNING_ALTERED'],
    ['a payload less', change(() => ({ payloads: [] })), 'SIGNING_ALTERED'],
    ['another base', change(() => ({ base: new Map() })), 'SIGNING_ALTERED'],
    [
      'the approvals taken out',
      (request) => ({ ...request, collected: { ...request.collected, approvals: new Map() } }),
      'SIGNING_ALTERED',
    ],
    [
      'a signature moved to another role',
      (request) => {
        const signatures = request.collected.signatures.map((one) => ({ ...one, role: 'root' }));
        return { ...request, collected: { ...request.collected, signatures } };
      },
      'SIGNING_KEY',
    ],
    [
      'a signature of nobody',
      (request) => {
        const signatures = request.collected.signatures.map((one) => ({ ...one, keyId: 'ab'.repeat(32) }));
        return { ...request, collected: { ...request.collected, signatures } };
      },
      'SIGNING_KEY',
    ],
    [
      'a payload signature by a key nobody asked for',
      (request) => {
        const [stranger] = [generatePayloadSigner().signer];
        const made = {
          path: 'firmware/1.1.0/hw',
          key: Buffer.from(stranger.key).toString('hex'),
          value: new Uint8Array(70),
        };
        return { ...request, collected: { ...request.collected, payloadSignatures: [made] } };
      },
      'SIGNING_KEY',
    ],
    [
      'a payload signature over other bytes',
      (request) => {
        const payloadSignatures = request.body.payloads.flatMap(({ path, keys }) =>
          keys.map((key) => ({ path, key, value: new Uint8Array(70) })),
        );
        return { ...request, collected: { ...request.collected, payloadSignatures } };
      },
      'SIGNING_FILE',
    ],
  ])('SEC-6 %s, after the first signature', async (_what, alter, code) => {
    const { parts, people, id } = await drafted();
    const review = reviewRequest(await requestIn(parts, id));
    const { request } = await answerRequest(review, [people[1].targets]);
    const before = await stateOf(parts);
    await expect(parts.signing.import(id, writeRequest(alter(request)))).rejects.toMatchObject({ code });
    expect(await stateOf(parts)).toBe(before);
    expect((await parts.signing.import(id, writeRequest(request))).event.revision).toBe(2);
  });

  it('SEC-7 whoever signs next sees it without the server: altered, approvals taken out, or another file to sign', async () => {
    const { parts, people, id } = await drafted();
    const first = await answerRequest(reviewRequest(await requestIn(parts, id)), [people[1].targets]);
    const { body, collected } = first.request;
    const sign = (request: SigningRequest) => async () =>
      answerRequest(reviewRequest(readRequest(writeRequest(request))), [people[2].targets]);
    await expect(sign(first.request)()).resolves.toMatchObject({ signed: ['targets'] });
    await expect(sign(requestOf({ ...body, reason: 'hurry' }, collected))()).rejects.toMatchObject({
      code: 'SIGNING_ALTERED',
    });
    const bare = requestOf({ ...body, reason: 'hurry' }, { ...collected, approvals: new Map() });
    await expect(sign(bare)()).rejects.toMatchObject({ code: 'SIGNING_ALTERED' });
    const payloads = body.payloads.map((one) => ({ ...one, sha256: 'cd'.repeat(32) }));
    await expect(sign(requestOf({ ...body, payloads }))()).rejects.toMatchObject({ code: 'SIGNING_FORMAT' });
  });
});

describe('SEC-6 a draft that makes no sense', () => {
  it('SEC-6 leaves no event and no key', async () => {
    const parts = await openParts();
    const before = await stateOf(parts);
    const impossible = rootChange(parts, parts.people, 5);
    await expect(parts.signing.start(impossible, '')).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
    expect(await stateOf(parts)).toBe(before);
  });

  it('SEC-6 leaves the keys that others made meanwhile', async () => {
    const vault = new MemoryVault();
    const generate = vault.generate.bind(vault);
    vault.generate = async (label, scheme) => {
      await generate(`of-another-${label}`, scheme);
      return generate(label, scheme);
    };
    const parts = await openParts({ vault });
    const impossible = rootChange(parts, parts.people, 5);
    await expect(parts.signing.start(impossible, '')).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
    const left = [...vault.signers.keys()];
    expect(left).toHaveLength(2);
    for (const label of left) expect(label).toMatch(/^of-another-/);
  });

  it.each(['root', 'snapshot', 'timestamp', 'targets', 'bins', 'bins-0'])(
    'SEC-11 a supplier called %s',
    async (name) => {
      const parts = await partsWithRoot({ bits: 4 });
      const [supplier] = makePeople(1);
      const keys = supplier ? [supplier.targets.publicKey] : [];
      const delegation = { name, keys, threshold: 1, terminating: false, paths: ['a/*'] };
      const change = { kind: 'delegate', delegation, expiresAtMs: parts.clock.nowMs() + DAY_MS } as const;
      await expect(parts.signing.start(change, '')).rejects.toMatchObject({
        code: 'SIGNING_CHANGE',
        message: `"${name}" cannot be the name of a supplier`,
      });
    },
  );

  it.each([
    ['an artifact that is not stored', { sha256: 'ab'.repeat(32) }, 'RELEASE_NOT_ADMITTED'],
    ['a path that climbs', { path: 'a/../b' }, 'SIGNING_CHANGE'],
    ['a version that is none', { version: 'a b' }, 'RELEASE_NOT_ADMITTED'],
    ['a payload key off the curve', { payloadKeys: ['00'.repeat(64)] }, 'SIGNING_CHANGE'],
    ['a supplier that is none', { supplier: 'acme' }, 'SIGNING_CHANGE'],
  ])('REL-28 %s', async (_what, { sha256, path, ...more }: Record<string, unknown>, code) => {
    const parts = await partsWithRoot();
    await parts.blobs.put(sha256Hex(IMAGE), IMAGE.length, chunksOf(IMAGE));
    const artifact = {
      hardware: 'hw',
      sha256: String(sha256 ?? sha256Hex(IMAGE)),
      ...(path === undefined ? {} : { path: String(path) }),
    };
    const change = {
      kind: 'release',
      component: 'firmware',
      version: '1.1.0',
      artifacts: [artifact],
      payloadKeys: [],
      ...more,
    };
    const before = await stateOf(parts);
    await expect(
      parts.signing.start(
        { ...change, expiresAtMs: parts.clock.nowMs() + DAY_MS } as Parameters<typeof parts.signing.start>[0],
        '',
      ),
    ).rejects.toMatchObject({ code });
    expect(await stateOf(parts)).toBe(before);
  });
});

describe('SEC-22 release proofs', () => {
  it.each([undefined, 4])(
    'SEC-22 lead a device from its root to the image, for its hardware alone (bins: %s)',
    async (bits) => {
      const parts = await partsWithRoot(bits === undefined ? {} : { bits });
      await publishRelease(parts);
      const proof = (await parts.repository.proof(sha256Hex(IMAGE))) ?? new Uint8Array();
      const request = {
        stored: new Map([['root', (await parts.repository.file('1.root.json')) ?? new Uint8Array()]]),
        nowMs: parts.clock.nowMs(),
        image: { sha256: sha256Hex(IMAGE), lengthBytes: IMAGE.length },
      };
      expect(verifyProof(proof, { ...request, hardwareId: 'hw' })).toMatchObject({ path: 'firmware/1.1.0/hw' });
      expect(() => verifyProof(proof, { ...request, hardwareId: 'other' })).toThrow(
        expect.objectContaining({ code: 'TRUST_TARGET_UNKNOWN' }),
      );
      expect(await parts.repository.proof('ab'.repeat(32))).toBeUndefined();
      await publishRelease(parts, { version: '1.2.0' });
      expect(await parts.repository.proof(sha256Hex(IMAGE))).not.toEqual(proof);
    },
  );
});

describe('SEC-7 a repository that was damaged on disk', () => {
  it.each(['targets', 'snapshot', 'timestamp', 'root'])('SEC-7 does not open with another %s', async (role) => {
    const parts = await partsWithRoot();
    const wrap = (store: Parts['store']): Parts['store'] => ({
      ...store,
      async metadata(tenant, name, version) {
        const bytes = await store.metadata(tenant, name, version);
        return name === role && bytes
          ? Buffer.from(Buffer.from(bytes).toString().replace('spec_version', 'spec_versiom'))
          : bytes;
      },
    });
    await expect(openParts({ dir: parts.dir, clock: parts.clock, vault: parts.vault, wrap })).rejects.toMatchObject({
      name: 'TrustError',
    });
  });
});
