import type { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { unknownUpload } from '../../fleet/errors.ts';
import type { Upload } from '../../fleet/ports.ts';
import { ApiError } from '../errors.ts';
import { MAX_ARTIFACT_BYTES } from '../limits.ts';
import { operation } from './operation.ts';
import { time } from './paging.ts';
import { ArtifactAnswer, DigestParams, IdParams, UploadAnswer, UploadBody, UploadHeaders } from './schemas.ts';

export const ARTIFACT_OPERATIONS = [
  operation({
    id: 'uploadArtifact',
    method: 'PUT',
    url: '/artifacts/:sha256',
    permission: 'artifact.write',
    summary: 'Store the bytes that hash to the digest in the path; sending them again changes nothing',
    params: DigestParams,
    raw: 'application/octet-stream',
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
  operation({
    id: 'openUpload',
    method: 'POST',
    url: '/artifacts/uploads',
    permission: 'artifact.write',
    summary: 'Begin to send an artifact in parts, or go on: the same bytes have one open upload',
    body: UploadBody,
    status: 201,
    answer: UploadAnswer,
    async run({ blobs }, { body, reply }) {
      const upload = await blobs.uploads.open(body.sha256, body.lengthBytes);
      reply.header('location', `/api/v1/artifacts/uploads/${upload.id}`);
      return uploadAnswer(upload, reply);
    },
  }),
  operation({
    id: 'continueUpload',
    method: 'PATCH',
    url: '/artifacts/uploads/:id',
    permission: 'artifact.write',
    summary:
      'Send the bytes from the offset on. With the last one the artifact is checked and stored, and the upload is gone',
    params: IdParams,
    headers: UploadHeaders,
    raw: 'application/offset+octet-stream',
    status: 200,
    answer: UploadAnswer,
    async run({ blobs }, { params, headers, request, reply }) {
      const offset = Number(headers['upload-offset']);
      const upload = await blobs.uploads.append(params.id, offset, request.body as Readable);
      if (upload.offsetBytes === upload.lengthBytes) await blobs.uploads.finish(upload.id);
      return uploadAnswer(upload, reply);
    },
  }),
  operation({
    id: 'getUpload',
    method: 'GET',
    url: '/artifacts/uploads/:id',
    permission: 'release.read',
    summary: 'How far an upload is; HEAD answers the same in Upload-Offset and Upload-Length',
    params: IdParams,
    status: 200,
    answer: UploadAnswer,
    async run({ blobs }, { params, reply }) {
      const upload = await blobs.uploads.state(params.id);
      if (!upload) throw unknownUpload(params.id);
      return uploadAnswer(upload, reply);
    },
  }),
  operation({
    id: 'abortUpload',
    method: 'DELETE',
    url: '/artifacts/uploads/:id',
    permission: 'artifact.write',
    summary: 'End an upload and forget its bytes',
    params: IdParams,
    status: 204,
    answer: Type.Null(),
    async run({ blobs }, { params }) {
      if (!(await blobs.uploads.abort(params.id))) throw unknownUpload(params.id);
      return null;
    },
  }),
];

/** In the header names of tus (https://tus.io), too. */
function uploadAnswer({ id, sha256, lengthBytes, offsetBytes, expiresAtMs }: Upload, reply: FastifyReply) {
  reply.headers({ 'upload-offset': offsetBytes, 'upload-length': lengthBytes, 'cache-control': 'no-store' });
  return { id, sha256, lengthBytes, offset: offsetBytes, expiresAt: time(expiresAtMs) };
}

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
