import { toHex } from '../../core/bytes.ts';
import type { Release } from '../../fleet/model.ts';
import { ApiError } from '../errors.ts';
import { operation } from './operation.ts';
import { page, pageRequest, time } from './paging.ts';
import { IdParams, Page, PageQuery, ReleaseAnswer } from './schemas.ts';

export const RELEASE_OPERATIONS = [
  operation({
    id: 'listReleases',
    method: 'GET',
    url: '/releases',
    permission: 'release.read',
    summary: 'All releases, oldest first',
    query: PageQuery,
    status: 200,
    answer: Page(ReleaseAnswer),
    async run({ store, tenant }, { query }) {
      return page(query, releaseAnswer, await store.releases(tenant, pageRequest(query)));
    },
  }),
  operation({
    id: 'getRelease',
    method: 'GET',
    url: '/releases/:id',
    permission: 'release.read',
    summary: 'One release and who signed it',
    params: IdParams,
    status: 200,
    answer: ReleaseAnswer,
    async run({ store, tenant }, { params }) {
      const release = await store.release(tenant, params.id);
      if (!release)
        throw new ApiError('API_NOT_FOUND', `there is no release ${params.id}`, { fix: 'See: sealift release list' });
      return releaseAnswer(release);
    },
  }),
];

function releaseAnswer(release: Release) {
  return {
    id: release.id,
    component: release.component,
    version: release.version,
    artifacts: release.artifacts.map(({ hardware, targetPath, sha256, lengthBytes, payloadSignatures }) => ({
      hardware,
      targetPath,
      sha256,
      lengthBytes,
      payloadSignatures: payloadSignatures.map(({ scheme, key }) => ({ scheme, key: toHex(key) })),
    })),
    signingEventId: release.signingEventId,
    signedBy: [...release.signedBy],
    createdAt: time(release.createdAtMs),
  };
}
