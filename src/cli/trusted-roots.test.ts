import { describe, expect, it } from 'vitest';
import {
  ALICE,
  answered,
  BOB,
  CAROL,
  keysOf,
  LATER_MS,
  PaperRepository,
  rolesBy,
  signatory,
} from '../../test/support/paper.ts';
import { temporaryDir } from '../../test/support/ports.ts';
import { EXPIRES_AT_MS, refusalOf, signedBy } from '../../test/support/repository.ts';
import { rootDocument } from '../trust/repository/documents.ts';
import { renewedFiles, rootFiles } from '../trust/repository/draft.ts';
import type { SigningRequest } from '../trust/repository/request.ts';
import { reviewRequest } from '../trust/repository/review.ts';
import { trustedRootFor, trustRoots } from './trusted-roots.ts';

/** What a signer does with a request: it is checked against what is trusted, and its roots are remembered. */
async function takeIn(dir: string, request: SigningRequest): Promise<Uint8Array | undefined> {
  const pinned = trustedRootFor(dir, request);
  await trustRoots(dir, reviewRequest(request, pinned));
  return pinned;
}

const renewal = (repository: PaperRepository, more = {}) =>
  repository.request(renewedFiles(repository.read(), ['targets'], LATER_MS), more);
const nextRoot = (repository: PaperRepository) =>
  rootFiles(repository.read(), rolesBy([ALICE, BOB]), EXPIRES_AT_MS, EXPIRES_AT_MS);

describe('SEC-3 the roots that a signer trusts', () => {
  it('SEC-3 the newest that was seen is where the next request is checked from', async () => {
    const [dir, repository] = [temporaryDir(), new PaperRepository()];
    expect(await takeIn(dir, renewal(repository))).toBeUndefined();
    expect(await takeIn(dir, renewal(repository))).toBe(repository.files.get('1.root.json'));
    repository.publish(nextRoot(repository));
    expect(await takeIn(dir, renewal(repository))).toBe(repository.files.get('1.root.json'));
    expect(await takeIn(dir, renewal(repository))).toBe(repository.files.get('2.root.json'));
  });

  it('SEC-3 a request that begins before a published root is refused, and so is one that begins anew', async () => {
    const [dir, repository] = [temporaryDir(), new PaperRepository()];
    const old = renewal(repository);
    repository.publish(nextRoot(repository));
    await takeIn(dir, renewal(repository));
    for (const request of [old, renewal(repository, { base: new Map() })]) {
      const { code, message } = refusalOf(() => trustedRootFor(dir, request));
      expect(code).toBe('SIGNING_ROOT');
      expect(message).toContain('begins before root 2, which you saw published');
    }
  });

  it('SEC-3 a root that was signed and never published keeps nobody from signing another', async () => {
    const [dir, repository] = [temporaryDir(), new PaperRepository()];
    await takeIn(dir, await answered(repository.request(nextRoot(repository)), ALICE));
    expect(await takeIn(dir, renewal(repository))).toBe(repository.files.get('1.root.json'));
    const other = rootFiles(repository.read(), rolesBy([ALICE, CAROL]), EXPIRES_AT_MS, EXPIRES_AT_MS);
    expect(await takeIn(dir, repository.request(other))).toBe(repository.files.get('1.root.json'));
  });

  it('SEC-3 a root that no chain leads to is not remembered with the request that held it', async () => {
    const [dir, repository, eve] = [temporaryDir(), new PaperRepository(), signatory('eve')];
    const planted = signedBy(
      rootDocument({ version: 9, expiresAtMs: EXPIRES_AT_MS, roles: rolesBy([eve]) }),
      ...keysOf([eve]),
    );
    const { base } = renewal(repository).body;
    const bad = renewal(repository, { base: new Map([...base, ['9.root.json', planted]]) });
    await takeIn(dir, bad);
    const later = renewal(repository, { base: new Map([...base, ['9.root.json', planted]]) });
    expect(trustedRootFor(dir, later)).toBe(repository.files.get('1.root.json'));
  });
});
