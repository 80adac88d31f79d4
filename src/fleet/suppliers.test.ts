/** Suppliers sign their own releases, for the paths and the hardware that they were given, and nothing else. */

import { describe, expect, it } from 'vitest';
import { QUICK } from '../../test/support/direct-store.ts';
import { type Parts, partsWithRoot, signedBy, signedByAll } from '../../test/support/fleet.ts';
import { chunksOf } from '../../test/support/ports.ts';
import { refusalOf } from '../../test/support/repository.ts';
import { delegate, type Listing, listAs } from '../../test/support/suppliers.ts';
import { DAY_MS } from '../core/time.ts';
import { makePeople, type Person } from '../lab/people.ts';
import { MAX_PROOF_PATHS } from '../trust/limits.ts';
import { sha256Hex } from '../trust/payload.ts';
import { verifyProof } from '../trust/tuf/proof.ts';

const [ACME, RIVAL] = makePeople(2) as [Person, Person];
const imageOf = (name: string) => Buffer.from(`image ${name}`);

async function parts3(bits?: number) {
  const parts = await partsWithRoot({ ...QUICK, ...(bits === undefined ? {} : { bits }) });
  const root = (await parts.repository.file('1.root.json')) ?? new Uint8Array();
  return { ...parts, stored: new Map([['root', root]]) };
}
type World = Awaited<ReturnType<typeof parts3>>;

async function undelegate(parts: Parts, supplier: string) {
  const change = { kind: 'undelegate', supplier, expiresAtMs: parts.clock.nowMs() + 90 * DAY_MS } as const;
  return signedByAll(parts, await parts.signing.start(change, `${supplier} has left`));
}

/** The draft of a release of `name`, by a supplier or by ourselves. */
async function draft(parts: Parts, name: string, path: string, supplier?: string, hardware = 'hw') {
  const content = imageOf(name);
  await parts.blobs.put(sha256Hex(content), content.length, chunksOf(content));
  const artifacts = [{ hardware, sha256: sha256Hex(content), path }];
  const release = { kind: 'release', component: 'modem', version: name, artifacts, payloadKeys: [] } as const;
  const expiresAtMs = parts.clock.nowMs() + 90 * DAY_MS;
  return parts.signing.start({ ...release, expiresAtMs, ...(supplier === undefined ? {} : { supplier }) }, '');
}

async function release(parts: Parts, name: string, path: string, supplier: string, signer: Person, hardware?: string) {
  return signedBy(parts.signing, await draft(parts, name, path, supplier, hardware), signer);
}

/** What a device of this hardware makes of the proof of an image. @returns its version, or the code of the refusal */
async function proven({ repository, stored, clock }: World, name: string, hardwareId: string) {
  const proof = await repository.proof(sha256Hex(imageOf(name)));
  if (!proof) return 'no proof';
  const image = { sha256: sha256Hex(imageOf(name)), lengthBytes: imageOf(name).length };
  const verify = () => verifyProof(proof, { stored, nowMs: clock.nowMs(), image, hardwareId });
  try {
    return verify().target.version;
  } catch {
    return refusalOf(verify).code;
  }
}

describe.each([undefined, 2])('SEC-22 a supplier (2^%s bins)', (bits) => {
  it('SEC-22 releases what it signed, without our people', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME);
    const status = await release(parts, '1.0.0', 'acme/modem/1', 'acme', ACME);
    expect(status.event.state).toBe('published');
    const { signedBy: by } = (await parts.store.release('t', status.event.releaseId ?? '')) ?? {};
    expect(by).toEqual([ACME.targets.publicKey.keyId]);
    expect(await parts.repository.endorsement('acme/modem/1', 'hw')).toMatchObject({ lengthBytes: 11 });
    expect(await proven(parts, '1.0.0', 'hw')).toBe('1.0.0');
    expect(await proven(parts, '1.0.0', 'hw2')).toBe('TRUST_TARGET_UNKNOWN');
  });

  it('SEC-22 is asked for its signature, and ours counts for nothing there', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME);
    const waiting = await draft(parts, '1.0.0', 'acme/modem/1', 'acme');
    for (const person of parts.people)
      await expect(signedBy(parts.signing, waiting, person)).rejects.toMatchObject({ code: 'SIGNING_KEY' });
    const own = await draft(parts, '2.0.0', 'modem/2');
    await expect(signedBy(parts.signing, own, ACME)).rejects.toMatchObject({ code: 'SIGNING_KEY' });
  });

  it.each([
    ['another path', 'modem/1/x', 'hw'],
    ['a path one segment deeper', 'acme/modem/1/x', 'hw'],
    ['a path that only begins alike', 'acme2/modem/1', 'hw'],
    ['other hardware', 'acme/modem/1', 'hw2'],
  ])('SEC-22 may not speak for %s', async (_what, path, hardware) => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME, { hardwareIds: ['hw'] });
    await expect(draft(parts, '1.0.0', path, 'acme', hardware)).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
  });

  it('SEC-22 speaks for its hardware only, whatever its file lists', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME, { hardwareIds: ['hw', 'hw2'] });
    await release(parts, '1.0.0', 'acme/modem/1', 'acme', ACME, 'hw2');
    expect(await proven(parts, '1.0.0', 'hw2')).toBe('1.0.0');
    await delegate(parts, 'acme', ACME, { hardwareIds: ['hw'] });
    expect(await proven(parts, '1.0.0', 'hw2')).toBe('no proof');
    expect(await parts.repository.endorsement('acme/modem/1', 'hw2')).toBeUndefined();
  });

  it('SEC-22 that is gone speaks no more: no proof, no offer, no release; its name can be given again', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME);
    await release(parts, '1.0.0', 'acme/modem/1', 'acme', ACME);
    const open = await draft(parts, '1.1.0', 'acme/modem/2', 'acme');
    await undelegate(parts, 'acme');
    expect(await proven(parts, '1.0.0', 'hw')).toBe('no proof');
    expect(await parts.repository.endorsement('acme/modem/1', 'hw')).toBeUndefined();
    await expect(signedBy(parts.signing, open, ACME)).rejects.toMatchObject({ code: 'TRUST_MISSING' });
    await expect(draft(parts, '1.2.0', 'acme/modem/3', 'acme')).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
    expect(parts.repository.expiries().map(({ role }) => role)).not.toContain('acme');
    await delegate(parts, 'acme', RIVAL);
    expect(await proven(parts, '1.0.0', 'hw')).toBe('no proof');
    await release(parts, '2.0.0', 'acme/modem/1', 'acme', RIVAL);
    expect(await proven(parts, '2.0.0', 'hw')).toBe('2.0.0');
  });

  it('SEC-23 whose keys are replaced keeps its images, under the new keys', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME);
    await release(parts, '1.0.0', 'acme/modem/1', 'acme', ACME);
    const old = await draft(parts, '1.1.0', 'acme/modem/2', 'acme');
    await delegate(parts, 'acme', RIVAL);
    expect(await proven(parts, '1.0.0', 'hw')).toBe('1.0.0');
    await expect(signedBy(parts.signing, old, ACME)).rejects.toMatchObject({ code: 'SIGNING_STALE' });
    const fresh = await draft(parts, '1.2.0', 'acme/modem/3', 'acme');
    await expect(signedBy(parts.signing, fresh, ACME)).rejects.toMatchObject({ code: 'SIGNING_KEY' });
    expect((await signedBy(parts.signing, fresh, RIVAL)).event.state).toBe('published');
  });

  it('SEC-22 whose paths were narrowed meanwhile gets no release that nobody would find', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME);
    const open = await draft(parts, '1.0.0', 'acme/modem/1', 'acme');
    await delegate(parts, 'acme', ACME, { paths: ['acme/router/*'] });
    await expect(signedBy(parts.signing, open, ACME)).rejects.toMatchObject({ code: 'TRUST_TARGET_UNKNOWN' });
    expect(await parts.store.releases('t', { after: undefined, limit: 9 })).toEqual([]);
    expect((await parts.signing.status(open.event.id)).event.state).toBe('open');
  });

  it('SEC-22 takes no path that another supplier has taken, and gives none away', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME, { paths: ['shared/*'] });
    await delegate(parts, 'rival', RIVAL, { paths: ['shared/*'] });
    await release(parts, '1.0.0', 'shared/1', 'acme', ACME);
    await expect(draft(parts, '6.6.6', 'shared/1', 'rival')).rejects.toMatchObject({ code: 'RELEASE_NOT_ADMITTED' });
    await release(parts, '2.0.0', 'shared/2', 'rival', RIVAL);
    await expect(draft(parts, '6.6.7', 'shared/2', 'acme')).rejects.toMatchObject({ code: 'RELEASE_NOT_ADMITTED' });
    expect(await proven(parts, '1.0.0', 'hw')).toBe('1.0.0');
    expect(await proven(parts, '2.0.0', 'hw')).toBe('2.0.0');
  });

  it('SEC-22 takes no path that we have released under', async () => {
    const parts = await parts3(bits);
    await signedByAll(parts, await draft(parts, '1.0.0', 'shared/1'));
    await delegate(parts, 'acme', ACME, { paths: ['shared/*'] });
    await expect(draft(parts, '6.6.6', 'shared/1', 'acme')).rejects.toMatchObject({ code: 'RELEASE_NOT_ADMITTED' });
  });

  it('SEC-22 that ends the search leaves us nothing in bins, which are asked after it', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME, { paths: ['shared/*'], terminating: true });
    const ours = draft(parts, '3.0.0', 'shared/3');
    if (bits === undefined) expect((await signedByAll(parts, await ours)).event.state).toBe('published');
    else await expect(ours).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
  });

  it('SEC-22 removes and renews its own alone', async () => {
    const parts = await parts3(bits);
    await delegate(parts, 'acme', ACME);
    await release(parts, '1.0.0', 'acme/modem/1', 'acme', ACME);
    await signedByAll(parts, await draft(parts, '2.0.0', 'modem/2'));
    const expiresAtMs = parts.clock.nowMs() + 200 * DAY_MS;
    const renewal = await parts.signing.start({ kind: 'renew', roles: ['acme'], expiresAtMs }, '');
    expect((await signedBy(parts.signing, renewal, ACME)).event.state).toBe('published');
    const own = await parts.signing.start({ kind: 'renew', roles: [], expiresAtMs }, '');
    expect(own.progress.map(({ role }) => role)).not.toContain('acme');
    const theirs = { kind: 'remove', paths: ['modem/2'], supplier: 'acme', expiresAtMs } as const;
    await expect(parts.signing.start(theirs, '')).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
    const removal = await parts.signing.start({ ...theirs, paths: ['acme/modem/1'] }, '');
    expect((await signedBy(parts.signing, removal, ACME)).event.state).toBe('published');
    expect(await proven(parts, '1.0.0', 'hw')).toBe('no proof');
    expect(await proven(parts, '2.0.0', 'hw')).toBe('2.0.0');
  });
});

describe('SEC-22 a proof has a place for whoever may speak', () => {
  const CONTENT = imageOf('shared');
  const SHA256 = sha256Hex(CONTENT);

  const listOurs = (parts: Parts, supplier: string, signer: Person, listing: Omit<Listing, 'content'>) =>
    listAs(parts, supplier, signer, { content: CONTENT, ...listing });

  const imageDraft = async (parts: Parts, supplier?: string, hardware: readonly string[] = ['hw']) => {
    await parts.blobs.put(SHA256, CONTENT.length, chunksOf(CONTENT));
    const path = (id: string) => `${supplier ?? 'firmware'}/1.0.0/${id}`;
    const artifacts = hardware.map((id) => ({ hardware: id, sha256: SHA256, path: path(id) }));
    const release = { kind: 'release', component: 'firmware', version: '1.0.0', artifacts, payloadKeys: [] } as const;
    const expiresAtMs = parts.clock.nowMs() + 90 * DAY_MS;
    return parts.signing.start({ ...release, expiresAtMs, ...(supplier === undefined ? {} : { supplier }) }, '');
  };

  /** Paths of the proof, for this hardware and for all. */
  async function named({ repository }: Parts, hardware: string) {
    const pathsOf = (proof: Uint8Array | undefined) =>
      proof ? (JSON.parse(Buffer.from(proof).toString()) as { paths: string[] }).paths : [];
    return [pathsOf(await repository.proof(SHA256, hardware)), pathsOf(await repository.proof(SHA256))] as const;
  }

  const installed = async ({ repository, stored, clock }: World, hardwareId: string) => {
    const image = { sha256: SHA256, lengthBytes: CONTENT.length };
    const proof = (await repository.proof(SHA256, hardwareId)) ?? new Uint8Array();
    const request = { stored, nowMs: clock.nowMs(), image, hardwareId, component: 'firmware' };
    return verifyProof(proof, request).path;
  };

  it('SEC-22 one image for more boards than a proof names: each board gets its own', async () => {
    const parts = await parts3();
    const boards = Array.from({ length: MAX_PROOF_PATHS + 2 }, (_, index) => `board-${index}`);
    await signedByAll(parts, await imageDraft(parts, undefined, boards));
    for (const board of [boards[0], boards[9], boards.at(-1)])
      expect(await installed(parts, board ?? '')).toBe(`firmware/1.0.0/${board}`);
    const [narrow, wide] = await named(parts, 'board-65');
    expect([narrow, wide.length]).toEqual([['firmware/1.0.0/board-65'], MAX_PROOF_PATHS]);
    expect(await named(parts, 'board-66')).toEqual([[], wide]);
  });

  it.each([
    ['for other hardware', {}, 1],
    ['for this hardware, as something else', { hardware: 'hw' }, MAX_PROOF_PATHS],
  ])('SEC-22 a supplier that lists our image %s pushes us out of no proof', async (_what, listing, count) => {
    const parts = await parts3();
    await delegate(parts, 'aaa', RIVAL);
    await signedByAll(parts, await imageDraft(parts));
    await listOurs(parts, 'aaa', RIVAL, listing);
    const [narrow, wide] = await named(parts, 'hw');
    expect([narrow.length, narrow[0]]).toEqual([count, 'firmware/1.0.0/hw']);
    expect([wide.length, wide[0]]).toEqual([MAX_PROOF_PATHS, 'firmware/1.0.0/hw']);
  });

  it('SEC-22 suppliers push out none of each other either, whichever came first', async () => {
    const parts = await parts3();
    await delegate(parts, 'aaa', RIVAL);
    await delegate(parts, 'acme', ACME);
    await listOurs(parts, 'aaa', RIVAL, { hardware: 'hw' });
    await signedBy(parts.signing, await imageDraft(parts, 'acme'), ACME);
    const [narrow] = await named(parts, 'hw');
    expect([narrow.length, narrow[0], narrow[1]]).toEqual([MAX_PROOF_PATHS, 'aaa/x/0', 'acme/1.0.0/hw']);
  });

  it('SEC-22 nothing of ours is published behind a supplier whose file has expired: devices would stop there', async () => {
    const parts = await parts3(2);
    await delegate(parts, 'aaa', RIVAL, { paths: ['firmware/*/*'] });
    await listOurs(parts, 'aaa', RIVAL, { days: 1 });
    const open = await imageDraft(parts);
    parts.clock.advance(2 * DAY_MS);
    await expect(signedByAll(parts, open)).rejects.toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'aaa' } });
    await listOurs(parts, 'aaa', RIVAL, {});
    expect((await signedByAll(parts, open)).event.state).toBe('published');
    expect(await installed(parts, 'hw')).toBe('firmware/1.0.0/hw');
  });

  it('SEC-22 what has expired is named only when nothing else is there', async () => {
    const parts = await parts3();
    await delegate(parts, 'aaa', RIVAL);
    await delegate(parts, 'acme', ACME);
    await listOurs(parts, 'aaa', RIVAL, { hardware: 'hw', days: 1, count: 2 });
    await signedBy(parts.signing, await imageDraft(parts, 'acme'), ACME);
    expect((await named(parts, 'hw'))[0]).toEqual(['aaa/x/0', 'acme/1.0.0/hw', 'aaa/x/1']);
    parts.clock.advance(4 * DAY_MS);
    await parts.repository.renew();
    expect((await named(parts, 'hw'))[0]).toEqual(['acme/1.0.0/hw']);
    expect(await installed(parts, 'hw')).toBe('acme/1.0.0/hw');
    await undelegate(parts, 'acme');
    expect((await named(parts, 'hw'))[0]).toEqual(['aaa/x/0', 'aaa/x/1']);
    await undelegate(parts, 'aaa');
    expect(await named(parts, 'hw')).toEqual([[], []]);
  });
});
