import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/**
 * Creates a file for a secret: mode 0600 from the first moment, whatever the umask, and never over an existing one (SEC-21).
 * @throws {Error} EEXIST and other errors of the file system
 */
export function writeSecretFile(path: string, content: string): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    writeSync(descriptor, content);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
