/**
 * One change of a vault, in a process that a test may kill: `vault-writer.ts PATH OPERATION...`; prints `done` once it is
 * acknowledged, or the code of the error.
 */

import { FileVault } from '../../src/adapters/files/vault.ts';
import { systemClock, systemRandom } from '../../src/adapters/node/ports.ts';
import { isOtaError } from '../../src/core/errors.ts';
import { MIN_SCRYPT_N } from '../../src/trust/limits.ts';

export const PASSPHRASE = 'correct horse battery staple';
export const NEW_PASSPHRASE = 'another horse';
export const ports = { clock: systemClock, random: systemRandom };

async function work(path: string, operation: string, labels: readonly string[]): Promise<void> {
  if (operation === 'create') {
    await FileVault.create(path, PASSPHRASE, ports, MIN_SCRYPT_N);
    return;
  }
  const vault = await FileVault.open(path, PASSPHRASE, ports);
  if (operation === 'passphrase') await vault.changePassphrase(NEW_PASSPHRASE, MIN_SCRYPT_N);
  for (const label of labels) {
    if (operation === 'generate') await vault.generate(label, 'ed25519');
    if (operation === 'destroy') await vault.destroy(label);
  }
}

if (import.meta.main) {
  process.umask(0);
  const [path = '', operation = '', ...labels] = process.argv.slice(2);
  process.stdout.write(
    await work(path, operation, labels).then(
      () => 'done',
      (error: unknown) => (isOtaError(error) ? error.code : String(error)),
    ),
  );
}
