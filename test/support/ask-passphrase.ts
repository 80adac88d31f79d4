/** Asks for a passphrase at a terminal and prints its digest; with the argument `new`, twice. */
import { readPassphrase } from '../../src/cli/passphrase.ts';
import { sha256Hex } from '../../src/trust/payload.ts';

const passphrase = await readPassphrase({ prompt: 'Passphrase', isNew: process.argv[2] === 'new' });
process.stdout.write(sha256Hex(Buffer.from(passphrase)));
