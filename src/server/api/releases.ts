import { fromHex, toHex, utf8Encode } from '../../core/bytes.ts';
import type { Release } from '../../fleet/model.ts';
import { ApiError } from '../errors.ts';
import { operation } from './operation.ts';
import { page, pageRequest, time } from './paging.ts';
import { IdParams, Page, PageQuery, ReleaseAnswer, ReleaseBody } from './schemas.ts';

export const RELEASE_OPERATIONS = [
  operation({
    id: 'createRelease',
    method: 'POST',
    url: '/releases',
    permission: 'release.write',
    summary: 'Admit a release whose artifacts are named by signed targets metadata',
    body: ReleaseBody,
    status: 201,
    answer: ReleaseAnswer,
    async run({ fleet, tenant }, { body, reply }) {
      const release = await fleet.admitRelease({
        tenant,
        component: body.component,
        version: body.version,
        targets: utf8Encode(body.targets),
        artifacts: body.artifacts.map(({ hardware, targetPath, payloadSignatures }) => ({
          hardware,
          targetPath,
          payloadSignatures: payloadSignatures.map(({ scheme, key, signature }) => ({
            scheme,
            key: hex(key),
            signature: hex(signature),
          })),
        })),
      });
      reply.header('location', `/api/v1/releases/${release.id}`);
      return releaseAnswer(release);
    },
  }),
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

/** The schema has checked the alphabet. */
function hex(text: string): Uint8Array {
  return fromHex(text) ?? new Uint8Array();
}

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
    targetsVersion: release.targetsVersion,
    signedBy: [...release.signedBy],
    createdAt: time(release.createdAtMs),
  };
}
