import type { Readable } from 'node:stream';
import { ApiError } from '../errors.ts';
import { MAX_ARTIFACT_BYTES } from '../limits.ts';
import { operation } from './operation.ts';
import { ArtifactAnswer, DigestParams } from './schemas.ts';

export const ARTIFACT_OPERATIONS = [
  operation({
    id: 'uploadArtifact',
    method: 'PUT',
    url: '/artifacts/:sha256',
    permission: 'artifact.write',
    summary: 'Store the bytes that hash to the digest in the path; sending them again changes nothing',
    params: DigestParams,
    raw: true,
    status: 201,
    answer: ArtifactAnswer,
    async run({ blobs }, { params, request }) {
      const lengthBytes = contentLength(request.headers['content-length']);
      await blobs.put(params.sha256, lengthBytes, request.body as Readable);
      return { sha256: params.sha256, lengthBytes };
    },
  }),
  operation({
    id: 'getArtifact',
    method: 'GET',
    url: '/artifacts/:sha256',
    permission: 'release.read',
    summary: 'Whether an artifact is stored, and its length',
    params: DigestParams,
    status: 200,
    answer: ArtifactAnswer,
    async run({ blobs }, { params }) {
      const lengthBytes = await blobs.lengthBytes(params.sha256);
      if (lengthBytes === undefined) {
        throw new ApiError('API_NOT_FOUND', `there is no artifact ${params.sha256}`, {
          fix: 'Upload it: sealift artifact upload FILE',
        });
      }
      return { sha256: params.sha256, lengthBytes };
    },
  }),
];

function contentLength(header: string | undefined): number {
  if (header === undefined || !/^[0-9]{1,15}$/.test(header)) {
    throw new ApiError('API_LENGTH_REQUIRED', 'an artifact needs a Content-Length', {
      fix: 'Send the file with its length, not chunked.',
    });
  }
  const length = Number(header);
  if (length === 0 || length > MAX_ARTIFACT_BYTES) {
    throw new ApiError('API_TOO_LARGE', `an artifact has 1 to ${MAX_ARTIFACT_BYTES} bytes, this one ${length}`);
  }
  return length;
}
