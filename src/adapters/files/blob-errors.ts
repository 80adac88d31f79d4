/** How failures around blobs are told: with the digest, the cause, and what to do. */
import { BlobError } from '../../fleet/errors.ts';
import { hasCode } from './durable.ts';

/** @param got `only 5`, `more than 7` */
export function lengthError(sha256: string, got: string, expected: number): BlobError {
  return new BlobError('BLOB_LENGTH', `${got} bytes of the ${expected} announced for ${sha256} came`, {
    fix: 'Send the whole file with its exact length.',
  });
}

export function digestError(sha256: string, actual: string): BlobError {
  return new BlobError('BLOB_DIGEST', `the bytes hash to ${actual}, not to ${sha256}`, {
    fix: 'Send the file again; if it differs again, take its digest anew.',
  });
}

export function writeError(cause: unknown, sha256: string): BlobError {
  const isFull = hasCode(cause, 'ENOSPC', 'EDQUOT');
  return new BlobError('BLOB_WRITE', `${sha256} could not be stored: ${String(cause)}`, {
    cause,
    fix: isFull
      ? 'Free space on the disk of the data folder and send it again.'
      : 'Look at the disk of the data folder and send it again.',
  });
}

export function readError(cause: unknown, sha256: string): BlobError {
  if (cause instanceof BlobError) return cause;
  const code = hasCode(cause, 'ENOENT') ? 'BLOB_MISSING' : 'BLOB_READ';
  return new BlobError(code, `${sha256} cannot be read: ${String(cause)}`, {
    cause,
    fix: 'Upload the artifact again.',
  });
}
