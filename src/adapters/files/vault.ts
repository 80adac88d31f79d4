/**
 * The vault as one encrypted file of mode 0600 (format: trust/vault-format.ts).
 *
 * Each call reads the file anew, so that a key that another process destroyed is gone here too; opening cost one scrypt, after which
 * decrypting takes microseconds. A change holds a lock from reading to renaming: comparing with what was read before would leave a
 * moment in which two processes both see nothing new, and the first one's key, acknowledged as durable, would be lost.
 */

import { unreachable } from '../../core/errors.ts';
import type { Clock, Random } from '../../core/ports.ts';
import { Serial } from '../../core/serial.ts';
import { VaultError, VaultStorageError } from '../../trust/errors.ts';
import { generateSigner, importSigner, type PublicKey, type SchemeName, type Signer } from '../../trust/keys.ts';
import { MAX_VAULT_BYTES } from '../../trust/limits.ts';
import type { Vault, VaultKey } from '../../trust/vault.ts';
import { checkLabel, newEntry, type VaultEntry, VaultSeal } from '../../trust/vault-format.ts';
import { writeFileDurably } from './durable.ts';
import { takeLock } from './lock.ts';
import { readSecretFile } from './secret.ts';

export interface VaultPorts {
  readonly clock: Clock;
  readonly random: Random;
}

export class FileVault implements Vault {
  readonly #path: string;
  readonly #ports: VaultPorts;
  /** `undefined` once closed. */
  #seal: VaultSeal | undefined;
  readonly #serial = new Serial();
  /** How often each label was destroyed: a signer from before stops. */
  readonly #destroyed = new Map<string, number>();

  private constructor(path: string, ports: VaultPorts, seal: VaultSeal) {
    this.#path = path;
    this.#ports = ports;
    this.#seal = seal;
  }

  /**
   * An empty vault in a folder that exists. @param scryptN see `VaultSeal.create`
   * @throws {VaultError} VAULT_EXISTS, VAULT_PASSPHRASE empty; {VaultStorageError} VAULT_BUSY, VAULT_IO
   */
  static async create(path: string, passphrase: string, ports: VaultPorts, scryptN?: number): Promise<FileVault> {
    const seal = await VaultSeal.create(passphrase, ports.random, scryptN);
    await locked(path, ports.clock, async () => {
      if ((await readSecretFile(path, MAX_VAULT_BYTES)).state !== 'missing') {
        throw new VaultError('VAULT_EXISTS', `${path} exists`, {
          fix: 'Name another file; vaults are never overwritten.',
        });
      }
      await writeFileDurably(path, seal.seal([], ports.random));
    });
    return new FileVault(path, ports, seal);
  }

  /**
   * @throws {VaultError} VAULT_PASSPHRASE
   * @throws {VaultStorageError} VAULT_MISSING, VAULT_MODE others may read it, VAULT_DAMAGED, VAULT_VERSION, VAULT_IO
   */
  static async open(path: string, passphrase: string, ports: VaultPorts): Promise<FileVault> {
    const file = await readFile(path);
    const seal = await VaultSeal.of(file, passphrase);
    seal.open(file);
    return new FileVault(path, ports, seal);
  }

  async keys(): Promise<readonly VaultKey[]> {
    const entries = (await this.#inTurn(() => this.#entries())).toSorted((one, other) =>
      one.label < other.label ? -1 : 1,
    );
    return entries.map(({ label, createdAtMs, pem, scheme }) => ({
      ...{ label, createdAtMs },
      publicKey: importSigner(pem, scheme).publicKey,
    }));
  }

  async signer(label: string): Promise<Signer> {
    checkLabel(label);
    return this.#inTurn(async () => {
      const entry = (await this.#entries()).find((one) => one.label === label);
      if (!entry) throw unknownKey(label);
      const signer = importSigner(entry.pem, entry.scheme);
      const destroyed = this.#destroyed.get(label);
      return {
        publicKey: signer.publicKey,
        sign: async (message) => {
          this.#opened();
          if (this.#destroyed.get(label) !== destroyed) throw unknownKey(label);
          return signer.sign(message);
        },
      };
    });
  }

  async generate(label: string, scheme: SchemeName): Promise<PublicKey> {
    return this.#add(label, generateSigner(scheme).pem, scheme);
  }

  import(label: string, pem: string, scheme?: SchemeName): Promise<PublicKey> {
    return this.#add(label, pem, scheme);
  }

  async destroy(label: string): Promise<void> {
    checkLabel(label);
    await this.#change((entries) => {
      const left = entries.filter((one) => one.label !== label);
      if (left.length === entries.length) throw unknownKey(label);
      // Before it is on disk: should that fail, signers refuse for nothing, and a new one is to be had.
      this.#destroyed.set(label, (this.#destroyed.get(label) ?? 0) + 1);
      return left;
    });
  }

  /**
   * Encrypts all keys anew under another passphrase. Copies of the file made before still open with the old one.
   * @throws {VaultError} VAULT_PASSPHRASE empty, or changed by another process; and those of every change
   */
  async changePassphrase(passphrase: string, scryptN?: number): Promise<void> {
    const seal = await VaultSeal.create(passphrase, this.#ports.random, scryptN);
    await this.#change((entries) => entries, seal);
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#seal = undefined;
    });
  }

  async #add(label: string, pem: string, scheme?: SchemeName): Promise<PublicKey> {
    const { entry, publicKey } = newEntry(label, this.#ports.clock.nowMs(), pem, scheme);
    await this.#change((entries) => {
      if (entries.every((one) => one.label !== label)) return [...entries, entry];
      throw new VaultError('VAULT_KEY_EXISTS', `the vault has a key "${label}"`, {
        fix: 'Use another label, or destroy that key first.',
      });
    });
    return publicKey;
  }

  /** @param nextSeal what the file is sealed with from now on */
  #change(edit: (entries: readonly VaultEntry[]) => readonly VaultEntry[], nextSeal?: VaultSeal): Promise<void> {
    const { clock, random } = this.#ports;
    return this.#inTurn(() =>
      locked(this.#path, clock, async () => {
        const seal = nextSeal ?? this.#opened();
        await writeFileDurably(this.#path, seal.seal(edit(await this.#entries()), random));
        this.#seal = seal;
      }),
    );
  }

  /** One after the other, so that each call sees the file and the seal that belong together. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#serial.run('file', work);
  }

  async #entries(): Promise<readonly VaultEntry[]> {
    const seal = this.#opened();
    return seal.open(await readFile(this.#path));
  }

  #opened(): VaultSeal {
    if (this.#seal) return this.#seal;
    throw new VaultError('VAULT_CLOSED', 'the vault is closed', { fix: 'Open it again.' });
  }
}

function unknownKey(label: string): VaultError {
  return new VaultError('VAULT_KEY_UNKNOWN', `the vault has no key "${label}"`, {
    fix: 'Look at the list of its keys.',
  });
}

async function readFile(path: string): Promise<Uint8Array> {
  const file = await named(path, readSecretFile(path, MAX_VAULT_BYTES));
  switch (file.state) {
    case 'read':
      return file.bytes;
    case 'missing':
      throw new VaultStorageError('VAULT_MISSING', `there is no vault ${path}`, {
        fix: 'Make one, or correct its path.',
      });
    case 'exposed':
      throw new VaultStorageError('VAULT_MODE', `others than its owner may read or change ${path}`, {
        fix: `chmod 600 ${path}. If somebody may have copied it, change the passphrase and replace the keys.`,
      });
    case 'oversized':
      throw new VaultStorageError('VAULT_DAMAGED', `${path} is larger than any vault`, {
        fix: 'Restore it from a backup.',
      });
    default:
      return unreachable(file);
  }
}

/** Runs `work` as the only one of all processes. */
async function locked(path: string, clock: Clock, work: () => Promise<void>): Promise<void> {
  const release = await named(path, takeLock(`${path}.lock`, clock));
  if (!release) {
    throw new VaultStorageError('VAULT_BUSY', `another process is changing ${path}`, {
      fix: 'Try again; if it stays, end the process that holds the lock.',
    });
  }
  try {
    await named(path, work());
  } finally {
    release();
  }
}

/** Gives errors of the file system a code of ours. */
async function named<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    throw new VaultStorageError('VAULT_IO', `${path} cannot be read or written: ${String(cause)}`, {
      cause,
      fix: 'Look at its folder: does it exist, may this user write there, is the disk full?',
    });
  }
}

/** Of node:fs and node:sqlite; anything else is a fault of ours. */
function isSystemError(error: unknown): boolean {
  const { errno, errcode } = error as { errno?: unknown; errcode?: unknown };
  return typeof errno === 'number' || typeof errcode === 'number';
}
