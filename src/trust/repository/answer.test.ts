import { describe, expect, it } from 'vitest';
import {
  ALICE,
  ALL,
  answered,
  BOB,
  CAROL,
  LATER_MS,
  listing,
  PaperRepository,
  roleBy,
  rolesBy,
  signatory,
  signersOf,
  supplier,
} from '../../../test/support/paper.ts';
import { EXPIRES_AT_MS, jsonOf, testKey } from '../../../test/support/repository.ts';
import { toHex } from '../../core/bytes.ts';
import { parsePublicKey } from '../keys.ts';
import { generatePayloadSigner, verifyPayload } from '../payload.ts';
import { answerRequest, artifactsFor } from './answer.ts';
import { delegationFiles, firstFiles, renewedFiles, rootFiles } from './draft.ts';
import type { PayloadToSign, SigningRequest } from './request.ts';
import { isComplete, progressOf, requireSound, reviewRequest } from './review.ts';

const repository = new PaperRepository(1).withSupplier();
const renewal = repository.request(renewedFiles(repository.read(), ['targets'], LATER_MS));
const madeBy = ({ collected }: SigningRequest) => collected.signatures.map(({ role, keyId }) => `${role} ${keyId}`);

describe('DESIGN-4 a signer', () => {
  it('DESIGN-4 signs each file that its keys may sign, and the request once per key', async () => {
    const dave = signatory('dave');
    const roles = { ...rolesBy(), root: roleBy('root', [ALICE, dave]), targets: roleBy('targets', [dave]) };
    const own = ['bins', 'bins-0', 'bins-1'];
    const request = repository.request(rootFiles(repository.read(...own), roles, LATER_MS, LATER_MS));
    const answer = await answerRequest(reviewRequest(request), signersOf(dave));
    expect(answer.signed).toEqual(['root', 'targets', ...own]);
    const [root, targets] = [dave.root.publicKey.keyId, dave.targets.publicKey.keyId];
    expect(madeBy(answer.request)).toEqual([
      `root ${root}`,
      ...['targets', ...own].map((role) => `${role} ${targets}`),
    ]);
    expect([...answer.request.collected.approvals.keys()]).toEqual([root, targets]);
    requireSound(reviewRequest(answer.request));
    // Who leaves signs the new root, and none of what comes after.
    expect((await answerRequest(reviewRequest(request), signersOf(BOB))).signed).toEqual(['root']);
  });

  it('DESIGN-4 keeps what others have signed, and signs again without doubling', async () => {
    const one = await answered(renewal, ALICE);
    const two = await answered(one, BOB, ALICE);
    expect(madeBy(two).toSorted()).toEqual(
      [ALICE, BOB].map((one) => `targets ${one.targets.publicKey.keyId}`).toSorted(),
    );
    expect(progressOf(reviewRequest(two))).toMatchObject([{ isComplete: true }]);
  });

  it('DESIGN-4 who signs with all keys at once signs with each', async () => {
    const answer = await answerRequest(reviewRequest(renewal), signersOf(...ALL));
    expect(answer.signed).toEqual(['targets']);
    expect(madeBy(answer.request)).toHaveLength(3);
  });

  it.each([
    ['a stranger', signersOf(signatory('eve'))],
    ['a supplier', [testKey('acme').signer]],
    ['an online key', [testKey('online snapshot').signer, testKey('online timestamp').signer]],
    ['nobody', []],
  ])('SEC-7 %s signs nothing, and is told', async (_who, signers) => {
    await expect(answerRequest(reviewRequest(renewal), signers)).rejects.toMatchObject({ code: 'SIGNING_KEY' });
  });

  it('SEC-7 a supplier signs its own file alone, also where its delegation comes with it', async () => {
    const set = supplier('acme', { keys: [testKey('acme 2').publicKey] });
    const request = repository.request(delegationFiles(repository.read('acme'), { set }, LATER_MS));
    for (const [label, signed] of [
      ['acme 2', ['acme']],
      ['acme', undefined],
    ] as const) {
      const answer = answerRequest(reviewRequest(request), [testKey(label).signer]);
      if (signed) expect((await answer).signed).toEqual(signed);
      else await expect(answer).rejects.toMatchObject({ code: 'SIGNING_KEY' });
    }
    expect((await answerRequest(reviewRequest(request), signersOf(CAROL))).signed).toEqual(['targets']);
  });

  it('SEC-7 signs nothing that was altered after somebody else had signed it', async () => {
    const one = await answered(renewal, ALICE);
    const forged = { ...one, digest: 'ab'.repeat(32) };
    await expect(answerRequest(reviewRequest(forged), signersOf(BOB))).rejects.toMatchObject({
      code: 'SIGNING_ALTERED',
    });
  });

  it('SEC-2 signs in the name under which the role lists its key', async () => {
    const { publicKey, signer } = ALICE.targets;
    const twin = parsePublicKey(new Map([...jsonOf(publicKey.json), ['spelling', 'other']]));
    expect(twin.keyId).not.toBe(publicKey.keyId);
    const roles = { ...rolesBy(), targets: { keys: [{ name: 'alice', key: twin }], threshold: 1 } };
    const files = firstFiles({ version: 1, expiresAtMs: EXPIRES_AT_MS, roles }, undefined, EXPIRES_AT_MS);
    const request = repository.request(files, { base: new Map() });
    const answer = await answerRequest(reviewRequest(request), [signer]);
    expect(madeBy(answer.request)).toEqual([`targets ${twin.keyId}`]);
    expect([...answer.request.collected.approvals.keys()]).toEqual([twin.keyId]);
    requireSound(reviewRequest(answer.request));
  });
});

describe('CUPS-8 the signature over an image', () => {
  const image = Buffer.from('image');
  const { signer } = generatePayloadSigner();
  const { files, payload } = listing(repository, 'fw/1', image, [toHex(signer.key)]);
  const [listed] = files;
  const asking = (more: Partial<PayloadToSign> = {}) =>
    reviewRequest(repository.request(files, { payloads: [{ ...payload, ...more }] }));

  it('CUPS-8 is made over the bytes with the digest that the request names', async () => {
    const contents = [Buffer.from('another'), image];
    const { request, signed } = await answerRequest(asking(), [], [signer], contents);
    expect(signed).toEqual(['fw/1']);
    const [made] = request.collected.payloadSignatures;
    expect(made).toMatchObject({ path: 'fw/1', key: toHex(signer.key) });
    const chunks = async function* () {
      yield image;
    };
    expect(await verifyPayload('cups-p256-sha512', signer.key, made?.value ?? image, chunks())).toBe(true);
  });

  it('CUPS-8 goes with the signatures over files', async () => {
    const { signed } = await answerRequest(asking(), signersOf(ALICE), [signer], [image]);
    expect(signed).toEqual([listed?.role, 'fw/1']);
  });

  it.each<[string, string, Partial<PayloadToSign>, readonly Uint8Array[]]>([
    ['its image is not here', 'SIGNING_FILE', {}, []],
    ['another image is here', 'SIGNING_FILE', {}, [Buffer.from('image ')]],
    ['another key is asked for', 'SIGNING_KEY', { keys: [toHex(generatePayloadSigner().signer.key)] }, [image]],
    ['no key is asked for', 'SIGNING_KEY', { keys: [] }, [image]],
  ])('SEC-7 is not made when %s', async (_why, code, one, contents) => {
    await expect(answerRequest(asking(one), [], [signer], contents)).rejects.toMatchObject({ code });
    const { request, notAtHand } = await answerRequest(asking(one), signersOf(ALICE), [signer], contents);
    expect(request.collected.payloadSignatures).toEqual([]);
    expect(notAtHand).toEqual(code === 'SIGNING_FILE' ? ['fw/1'] : []);
    expect(isComplete(reviewRequest(request))).toBe(false);
  });

  it('SEC-7 that somebody spoiled on the way is made anew, and that of another key is refused with its name', async () => {
    const other = generatePayloadSigner().signer;
    const keys = [toHex(signer.key), toHex(other.key)];
    const bad = (key: string) => ({ path: 'fw/1', key, value: new Uint8Array(1) });
    const spoiled = ({ request }: ReturnType<typeof asking>, ...payloadSignatures: ReturnType<typeof bad>[]) =>
      reviewRequest({ ...request, collected: { ...request.collected, payloadSignatures } });
    const { request } = await answerRequest(spoiled(asking(), bad(toHex(signer.key))), [], [signer], [image]);
    expect(request.collected.payloadSignatures[0]?.value.length).toBeGreaterThan(8);
    const review = spoiled(asking({ keys }), bad(toHex(other.key)));
    await expect(answerRequest(review, [], [signer], [image])).rejects.toMatchObject({
      ...{ code: 'SIGNING_FILE', message: expect.stringContaining(toHex(other.key).slice(0, 16)) as string },
    });
  });

  it('SEC-7 over an artifact that is none of those that were asked for is a slip that is told', () => {
    const { request } = asking();
    expect(artifactsFor(request, [image])).toEqual(new Map([[payload.sha256, image]]));
    expect(() => artifactsFor(request, [Buffer.from('imagf')])).toThrow(
      /is not asked for; what has to be signed is 6105/,
    );
    expect(() => artifactsFor(repository.request(files), [image])).toThrow(/what has to be signed is none/);
  });

  it('SEC-7 by a key that nobody asked for is refused, wherever it is looked at', () => {
    const { request } = asking();
    const stray = { path: 'fw/1', key: 'ab'.repeat(64), value: new Uint8Array(70) };
    const review = reviewRequest({ ...request, collected: { ...request.collected, payloadSignatures: [stray] } });
    expect(() => requireSound(review)).toThrow(expect.objectContaining({ code: 'SIGNING_KEY' }));
  });
});
