import { OtaError } from '../core/errors.ts';

export class StoreError extends OtaError<
  'STORE_DUPLICATE' | 'STORE_CONFLICT' | 'STORE_FULL' | 'STORE_NEWER' | 'STORE_CLOSED' | 'STORE_BUSY' | 'STORE_IO'
> {
  readonly fault = 'environment';
}

export class BlobError extends OtaError<
  'BLOB_LENGTH' | 'BLOB_DIGEST' | 'BLOB_WRITE' | 'BLOB_MISSING' | 'BLOB_READ' | 'BLOB_BUSY'
> {
  readonly fault = 'environment';
}

/** An upload in parts that does not go on as its caller thinks. */
export class UploadError extends OtaError<'UPLOAD_UNKNOWN' | 'UPLOAD_OFFSET' | 'UPLOAD_CUT'> {
  readonly fault = 'caller';
}

export function unknownUpload(id: string): UploadError {
  return new UploadError('UPLOAD_UNKNOWN', `there is no upload ${id}`, {
    fix: 'It was finished, aborted, or idle for too long: look whether the artifact is there, else begin anew.',
  });
}

/** A command that the fleet's rules do not allow. */
export class FleetError extends OtaError<
  | 'DEVICE_UNKNOWN'
  | 'DEVICE_INVALID'
  | 'RELEASE_UNKNOWN'
  | 'RELEASE_NOT_ADMITTED'
  | 'REPOSITORY_MISSING'
  | 'REPOSITORY_KEYS'
  | 'SIGNING_EVENT_UNKNOWN'
  | 'SIGNING_EVENT_CLOSED'
  | 'ROLLOUT_UNKNOWN'
  | 'ROLLOUT_INVALID'
  | 'ROLLOUT_STATE'
  | 'ROLLOUT_ALL_OPEN'
> {
  readonly fault = 'caller';
}
