import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QUICK, refusedUnchanged } from '../../test/support/direct-store.ts';
import {
  draftRelease,
  type Parts,
  partsWithRoot,
  publishRelease,
  rootChange,
  signedBy,
  signedByAll,
} from '../../test/support/fleet.ts';
import { chunksOf } from '../../test/support/ports.ts';
import { toHex, utf8Encode } from '../core/bytes.ts';
import { DAY_MS } from '../core/time.ts';
import { makePeople, type Person } from '../lab/people.ts';
import { generatePayloadSigner, sha256Hex } from '../trust/payload.ts';
import { answerRequest } from '../trust/repository/answer.ts';
import {
  type Collected,
  readRequest,
  requestOf,
  type SigningRequest,
  writeRequest,
} from '../trust/repository/request.ts';
import { reviewRequest } from '../trust/repository/review.ts';
import type { Change } from './changes.ts';
import type { SigningStatus } from './signing.ts';

const image = Buffer.from('image of 1.1.0');
const [STRANGER] = makePeople(1) as [Person];

/** What one person sends back, having seen nothing but the exported request. */
async function answerOf({ event }: SigningStatus, person: Person, contents: readonly Uint8Array[] = [image]) {
  const { root, targets, payload } = person;
  const review = reviewRequest(readRequest(event.request));
  return writeRequest((await answerRequest(review, [root, targets], payload ? [payload] : [], contents)).request);
}

const parts3 = async (more: Parameters<typeof partsWithRoot>[0] = {}) => {
  const parts = await partsWithRoot({ ...QUICK, ...more });
  const [alice, bob, carol] = parts.people as [Person, Person, Person];
  return { ...parts, alice, bob, carol };
};
const expiry = ({ clock }: Parts) => clock.nowMs() + 90 * DAY_MS;
const renewal = (parts: Parts): Change => ({ kind: 'renew', roles: [], expiresAtMs: expiry(parts) + DAY_MS });

describe('DESIGN-4 a release is signed by people', () => {
  it.each([[[0, 1, 2]], [[2, 1, 0]], [[1, 2, 0]], [[1, 1, 2, 0]], [[2, 2, 1, 1, 0]]])(
    'DESIGN-4 signed by each alone, imported in the order %j',
    async (order) => {
      const parts = await parts3();
      const draft = await draftRelease(parts);
      const answers = await Promise.all(parts.people.map((person) => answerOf(draft, person)));
      let status = draft;
      for (const index of order) {
        if (status.event.state === 'open') status = await parts.signing.import(draft.event.id, answers[index] ?? image);
      }
      expect(status.event.state).toBe('published');
      for (const answer of answers) {
        await refusedUnchanged(parts, 'SIGNING_EVENT_CLOSED', () => parts.signing.import(draft.event.id, answer));
      }
    },
  );

  it('DESIGN-4 one file that went from hand to hand is enough', async () => {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    const carried = readRequest(await answerOf(draft, parts.alice));
    const second = await answerRequest(reviewRequest(carried), [parts.bob.targets]);
    const status = await parts.signing.import(draft.event.id, writeRequest(second.request));
    expect(status.event.state).toBe('published');
  });

  it('REL-9 two halves that come at once are published once', async () => {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    const [one, two] = [await answerOf(draft, parts.alice), await answerOf(draft, parts.bob)];
    const outcomes = await Promise.all([one, two].map((bytes) => parts.signing.import(draft.event.id, bytes)));
    expect(outcomes.map(({ event }) => event.state)).toEqual(['open', 'published']);
    expect(parts.repository.head?.revision).toBe(2);
  });

  it('REL-9 two events over one file: the first that is complete is published, the other is not', async () => {
    const parts = await parts3();
    const drafts = [await draftRelease(parts), await draftRelease(parts, { version: '1.2.0' })];
    for (const draft of drafts)
      await signedBy(parts.signing, draft, parts.alice, [image, Buffer.from('image of 1.2.0')]);
    const last = await Promise.allSettled(drafts.map((draft) => signedBy(parts.signing, draft, parts.bob)));
    expect(last.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(last[1]).toMatchObject({
      reason: { code: 'SIGNING_STALE', fix: expect.stringContaining('Cancel') as string },
    });
    // No key was used for the one that came second.
    const intents = await parts.store.intents('t', { after: undefined, limit: 9 });
    expect(intents.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(await parts.store.releases('t', { after: undefined, limit: 9 })).toMatchObject([{ version: '1.1.0' }]);
  });

  it('DESIGN-4 of several artifacts each is listed for its hardware, and payloads are signed one by one', async () => {
    const parts = await parts3({ bits: 2 });
    const contents = ['a', 'b', 'c'].map((name) => Buffer.from(`image ${name}`));
    for (const content of contents) await parts.blobs.put(sha256Hex(content), content.length, chunksOf(content));
    const artifacts = contents.map((content, index) => ({ hardware: `hw${index}`, sha256: sha256Hex(content) }));
    const payloadKeys = [toHex(parts.alice.payload?.key ?? image)];
    const release = { kind: 'release', component: 'firmware', version: '2', artifacts, payloadKeys } as const;
    const draft = await parts.signing.start({ ...release, expiresAtMs: expiry(parts) }, 'three at once');
    await signedBy(parts.signing, draft, parts.bob);
    const half = await signedBy(parts.signing, draft, parts.alice, contents.slice(0, 2));
    expect(half.progress.every(({ isComplete }) => isComplete)).toBe(true);
    expect(half.payloads.map(({ isSigned }) => isSigned)).toEqual([true, true, false]);
    expect(half.event.state).toBe('open');
    const whole = await signedBy(parts.signing, draft, parts.alice, contents.slice(2));
    expect(whole.event.state).toBe('published');
    for (const [index, content] of contents.entries()) {
      const endorsed = await parts.repository.endorsement(`firmware/2/hw${index}`, `hw${index}`);
      expect(endorsed).toMatchObject({ sha256: sha256Hex(content), lengthBytes: content.length });
      expect(await parts.repository.endorsement(`firmware/2/hw${index}`, 'hw9')).toBeUndefined();
    }
  });
});

describe('SEC-6 what comes to nothing changes nothing', () => {
  it('SEC-6 after it was cancelled', async () => {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    await signedBy(parts.signing, draft, parts.alice, [image]);
    expect((await parts.signing.cancel(draft.event.id)).event.state).toBe('cancelled');
    const late = await answerOf(draft, parts.bob);
    await refusedUnchanged(parts, 'SIGNING_EVENT_CLOSED', () => parts.signing.import(draft.event.id, late));
    await refusedUnchanged(parts, 'SIGNING_EVENT_CLOSED', () => parts.signing.cancel(draft.event.id));
  });

  it('SEC-3 after the root has changed, though its own file has not', async () => {
    const parts = await parts3({ bits: 1 });
    const stale = await draftRelease(parts);
    const { root, ...others } = rootChange(parts, parts.people.slice(0, 2), 1);
    const change = { kind: 'root', root, rotateOnline: false, ...pick(others) } as Change;
    await signedByAll(parts, await parts.signing.start(change, 'carol has left'));
    const late = await answerOf(stale, parts.bob);
    await refusedUnchanged(parts, 'SIGNING_STALE', () => parts.signing.import(stale.event.id, late));
  });

  it('SEC-7 when it expires before it is published', async () => {
    const parts = await parts3();
    const draft = await parts.signing.start(renewal(parts), '');
    await signedBy(parts.signing, draft, parts.alice);
    const last = await answerOf(draft, parts.bob);
    parts.clock.advance(91 * DAY_MS);
    await refusedUnchanged(parts, 'TRUST_EXPIRED', () => parts.signing.import(draft.event.id, last), [
      'signing_intent',
    ]);
  });

  it('SEC-7 without the online keys; once they are back it goes on', async () => {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    await signedBy(parts.signing, draft, parts.alice, [image]);
    const lost = new Map(parts.vault.signers);
    parts.vault.signers.clear();
    const last = await answerOf(draft, parts.bob);
    await refusedUnchanged(parts, 'REPOSITORY_KEYS', () => parts.signing.import(draft.event.id, last));
    await expect(parts.signing.import(draft.event.id, last)).rejects.toMatchObject({
      fix: expect.stringMatching(/restore the vault.*do again what failed/) as string,
    });
    for (const [label, signer] of lost) parts.vault.signers.set(label, signer);
    expect((await parts.signing.import(draft.event.id, last)).event.state).toBe('published');
  });

  it('SEC-7 when the release is there already', async () => {
    const parts = await parts3();
    await publishRelease(parts);
    await refusedUnchanged(parts, 'RELEASE_NOT_ADMITTED', () => draftRelease(parts));
    const artifacts = [{ hardware: 'hw', sha256: sha256Hex(image), path: 'elsewhere' }];
    const release = { kind: 'release', component: 'firmware', version: '1.1.0', artifacts, payloadKeys: [] } as const;
    const draft = await parts.signing.start({ ...release, expiresAtMs: expiry(parts) }, 'again, elsewhere');
    await signedBy(parts.signing, draft, parts.alice);
    const last = await answerOf(draft, parts.bob);
    await refusedUnchanged(parts, 'STORE_DUPLICATE', () => parts.signing.import(draft.event.id, last), [
      'signing_intent',
    ]);
    // The database undid it as a whole, and the repository goes on.
    await publishRelease(parts, { version: '1.2.0' });
  });

  it('SEC-7 when the artifact was swapped on the disk, or is gone', async () => {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    const stored = join(parts.dir, 'blobs', sha256Hex(image).slice(0, 2), sha256Hex(image));
    const answer = await answerOf(draft, parts.alice);
    writeFileSync(stored, 'another image!');
    await refusedUnchanged(parts, 'SIGNING_FILE', () => parts.signing.import(draft.event.id, answer));
    rmSync(stored);
    await refusedUnchanged(parts, 'BLOB_MISSING', () => parts.signing.import(draft.event.id, answer));
    writeFileSync(stored, image);
    expect((await parts.signing.import(draft.event.id, answer)).payloads).toMatchObject([{ isSigned: true }]);
  });
});

/** The expiry of a root change, without its roles. */
function pick({ expiresAtMs, targetsExpiresAtMs }: { expiresAtMs: number; targetsExpiresAtMs: number }) {
  return { expiresAtMs, targetsExpiresAtMs };
}

describe('SEC-7 what is imported', () => {
  /** An event that alice has signed, and what bob would send. */
  async function halfSigned() {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    const { event } = await signedBy(parts.signing, draft, parts.alice, [image]);
    return { parts, id: event.id, request: readRequest(event.request) };
  }
  const importing = (parts: Parts, id: string, request: SigningRequest) => () =>
    parts.signing.import(id, writeRequest(request));

  it('SEC-7 nonsense, and the request of another event', async () => {
    const { parts, id, request } = await halfSigned();
    const other = await draftRelease(parts, { version: '2.0.0' });
    for (const bytes of ['', '{}', 'null', '{"format":"sealift-signing-request","version":1}']) {
      await refusedUnchanged(parts, 'SIGNING_FORMAT', () => parts.signing.import(id, utf8Encode(bytes)));
    }
    await refusedUnchanged(parts, 'SIGNING_FORMAT', importing(parts, other.event.id, request));
    for (const unknown of ['01JDQ0000000000000000000XX', '', '../etc'])
      await refusedUnchanged(parts, 'SIGNING_EVENT_UNKNOWN', () => parts.signing.status(unknown));
    const stray = requestOf({ ...request.body, id: 'nowhere' });
    await refusedUnchanged(parts, 'SIGNING_EVENT_UNKNOWN', importing(parts, 'nowhere', stray));
  });

  it.each<[string, string, (request: SigningRequest, bob: Person) => Partial<Collected>]>([
    ['by a stranger', 'SIGNING_KEY', () => ({ signatures: [made(STRANGER.targets.publicKey.keyId)] })],
    ['by his root key', 'SIGNING_KEY', (_request, bob) => ({ signatures: [made(bob.root.publicKey.keyId)] })],
    ['in his name', 'SIGNING_ALTERED', (_request, bob) => ({ signatures: [made(bob.targets.publicKey.keyId)] })],
    [
      'over the request in his name',
      'SIGNING_ALTERED',
      (_request, bob) => ({ approvals: new Map([[bob.targets.publicKey.keyId, new Uint8Array(64)]]) }),
    ],
    [
      'for a file that is not asked for',
      'SIGNING_KEY',
      (_request, bob) => ({ signatures: [{ ...made(bob.targets.publicKey.keyId), role: 'root' }] }),
    ],
    [
      'by a payload key nobody asked for',
      'SIGNING_KEY',
      ({ body }) => ({ payloadSignatures: [{ ...payloadOf(body), key: 'ab'.repeat(64) }] }),
    ],
    [
      'for an image nobody asked for',
      'SIGNING_KEY',
      ({ body }) => ({ payloadSignatures: [{ ...payloadOf(body), path: 'other' }] }),
    ],
  ])('SEC-7 a signature %s', async (_what, code, collect) => {
    const { parts, id, request } = await halfSigned();
    const collected = {
      signatures: [],
      payloadSignatures: [],
      approvals: new Map<string, Uint8Array>(),
      ...collect(request, parts.bob),
    };
    await refusedUnchanged(parts, code, importing(parts, id, { ...request, collected }));
  });

  it('SEC-7 a payload signature over other bytes, or by the wrong key', async () => {
    const parts = await parts3();
    const draft = await draftRelease(parts);
    const request = readRequest(draft.event.request);
    const { payload } = parts.alice;
    const other = generatePayloadSigner().signer;
    const values = [
      await payload?.sign(Buffer.from('image of 1.1.1')),
      await other.sign(image),
      new Uint8Array(),
      new Uint8Array(70),
    ];
    for (const value of values) {
      const payloadSignatures = [{ ...payloadOf(request.body), value: value ?? image }];
      const signed = { ...request, collected: { ...request.collected, payloadSignatures } };
      await refusedUnchanged(parts, 'SIGNING_FILE', importing(parts, draft.event.id, signed));
    }
  });

  it('SEC-7 what was taken in stays, whatever comes under the same name', async () => {
    const { parts, id, request } = await halfSigned();
    const wrong = {
      signatures: request.collected.signatures.map((one) => ({ ...one, value: new Uint8Array(64) })),
      payloadSignatures: request.collected.payloadSignatures.map((one) => ({ ...one, value: new Uint8Array(70) })),
      approvals: new Map([...request.collected.approvals].map(([keyId]) => [keyId, new Uint8Array(64)])),
    };
    const status = await parts.signing.import(id, writeRequest({ ...request, collected: wrong }));
    expect(readRequest(status.event.request).collected).toEqual(request.collected);
  });

  const made = (keyId: string) => ({ role: 'targets', keyId, value: new Uint8Array(64) });
  const payloadOf = ({ payloads: [one] }: SigningRequest['body']) => ({
    path: one?.path ?? '',
    key: one?.keys[0] ?? '',
    value: new Uint8Array(70),
  });
});
