/**
 * The vault as bytes: a key set, encrypted under a passphrase.
 *
 * One canonical JSON object, and no other spelling of it is taken, so every byte counts:
 * `{check, ciphertext, format: "sealift-vault", kdf: {N, name: "scrypt", p, r, salt}, nonce, version: 1}`, bytes in hex.
 *
 * scrypt makes 32 bytes of the passphrase (UTF-8, NFKC); HKDF-SHA-256 makes two things of those: the AES-256-GCM key, and `check`,
 * which tells a wrong passphrase from an altered file. The ciphertext ends in its tag of 16 bytes; all other members, as a
 * canonical JSON object, are its associated data. A file whose `kdf` was altered looks like a wrong passphrase: nobody who lacks
 * the passphrase can tell the two apart.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { concat, equalBytes, fromHex, toHex, utf8Encode } from '../core/bytes.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import {
  asArray,
  asInteger,
  asObject,
  asString,
  JsonError,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../core/json.ts';
import type { Random } from '../core/ports.ts';
import { VaultError, VaultStorageError } from './errors.ts';
import { importSigner, type PublicKey } from './keys.ts';
import {
  DEFAULT_SCRYPT_N,
  MAX_SCRYPT_N,
  MAX_SCRYPT_P,
  MAX_VAULT_BYTES,
  MAX_VAULT_KEYS,
  MIN_SCRYPT_N,
  SCRYPT_R,
} from './limits.ts';
import { SCHEMES, type SchemeName } from './schemes.ts';

/** One key, in the clear. */
export interface VaultEntry {
  readonly label: string;
  readonly createdAtMs: number;
  readonly scheme: SchemeName;
  /** PKCS#8; secret. */
  readonly pem: string;
}

interface Kdf {
  readonly name: 'scrypt';
  /** Memory is 128 x N x r bytes. */
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** 64 hex digits. */
  readonly salt: string;
}

interface SealedFile {
  readonly kdf: Kdf;
  readonly check: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  /** All of the file but the ciphertext. */
  readonly associated: Uint8Array;
}

const FORMAT = 'sealift-vault';
const VERSION = 1;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const SALT_BYTES = 32;
const CHECK_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const LABEL = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** What a passphrase opens and seals; kept in its place, so that scrypt runs once. Prints as nothing. */
export class VaultSeal {
  readonly #kdf: Kdf;
  readonly #check: Uint8Array;
  readonly #key: KeyObject;

  private constructor(kdf: Kdf, check: Uint8Array, key: KeyObject) {
    this.#kdf = kdf;
    this.#check = check;
    this.#key = key;
  }

  /**
   * For a new vault or a new passphrase.
   * @param N power of two, 2^14 to 2^18; below the default for tests alone
   * @throws {VaultError} VAULT_PASSPHRASE it is empty
   */
  static async create(passphrase: string, random: Random, N = DEFAULT_SCRYPT_N): Promise<VaultSeal> {
    if (passphrase === '') {
      throw new VaultError('VAULT_PASSPHRASE', 'an empty passphrase protects nothing', { fix: 'Choose a long one.' });
    }
    const salt = toHex(random.bytes(SALT_BYTES));
    return VaultSeal.#derive(
      passphrase,
      readKdf(new Map(Object.entries({ name: 'scrypt', N, r: SCRYPT_R, p: 1, salt }))),
    );
  }

  /** @throws {VaultError} VAULT_PASSPHRASE; {VaultStorageError} VAULT_DAMAGED, VAULT_VERSION, before any work is spent */
  static async of(file: Uint8Array, passphrase: string): Promise<VaultSeal> {
    const sealed = parseFile(file);
    const seal = await VaultSeal.#derive(passphrase, sealed.kdf);
    if (!timingSafeEqual(seal.#check, sealed.check)) throw wrongPassphrase('this passphrase does not open the vault');
    return seal;
  }

  static async #derive(passphrase: string, kdf: Kdf): Promise<VaultSeal> {
    const { N, r, p, salt } = kdf;
    const root = await scryptOf(passphrase.normalize('NFKC'), Buffer.from(salt, 'hex'), {
      ...{ N, r, p },
      // OpenSSL counts a little more than the table.
      maxmem: 2 * 128 * N * r,
    });
    const derive = (info: string, length: number) =>
      new Uint8Array(hkdfSync('sha256', root, '', `${FORMAT} ${info}`, length));
    const key = derive('key', KEY_BYTES);
    const seal = new VaultSeal(kdf, derive('check', CHECK_BYTES), createSecretKey(key));
    for (const secret of [root, key]) secret.fill(0);
    return seal;
  }

  /** The file. Its nonce is fresh, so equal contents differ. @throws {VaultError} VAULT_FULL */
  seal(entries: readonly VaultEntry[], random: Random): Uint8Array {
    const nonce = random.bytes(NONCE_BYTES);
    const head = headOf(this.#kdf, this.#check, nonce);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(canonicalJson(head));
    const plain = utf8Encode(JSON.stringify(entries));
    const ciphertext = concat(cipher.update(plain), cipher.final(), cipher.getAuthTag());
    plain.fill(0);
    const file = canonicalJson({ ...head, ciphertext: toHex(ciphertext) });
    if (entries.length <= MAX_VAULT_KEYS && file.length <= MAX_VAULT_BYTES) return file;
    throw new VaultError('VAULT_FULL', `a vault holds at most ${MAX_VAULT_KEYS} keys in ${MAX_VAULT_BYTES} bytes`, {
      fix: 'Destroy keys that no role names any more.',
    });
  }

  /** @throws {VaultError} VAULT_PASSPHRASE it was changed; {VaultStorageError} VAULT_DAMAGED, VAULT_VERSION */
  open(file: Uint8Array): readonly VaultEntry[] {
    const { kdf, check, nonce, ciphertext, associated } = parseFile(file);
    if (kdf.salt !== this.#kdf.salt || !timingSafeEqual(check, this.#check))
      throw wrongPassphrase('the vault has another passphrase than when it was opened');
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(associated)
      .setAuthTag(ciphertext.subarray(-TAG_BYTES));
    let plain: Buffer;
    try {
      plain = Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]);
    } catch {
      throw damaged('its content is not what was sealed');
    }
    try {
      return readEntries(parseJson(plain, { maxBytes: MAX_VAULT_BYTES }));
    } catch (error) {
      // Without the cause, which may quote the text it stumbled over: a private key.
      throw error instanceof JsonError ? damaged('its key set makes no sense') : error;
    } finally {
      plain.fill(0);
    }
  }
}

/** @throws {VaultError} VAULT_LABEL; it is not quoted, since it may be anything, a key given in its place too */
export function checkLabel(label: string): void {
  if (LABEL.test(label)) return;
  throw new VaultError('VAULT_LABEL', 'this cannot be the label of a key', {
    fix: 'Use 1 to 64 of a-z, 0-9, ".", "_" and "-", the first a letter or digit.',
  });
}

/**
 * What a vault keeps of a key: its PEM anew, without what else stood in the text.
 * @throws {VaultError} VAULT_LABEL; {TrustError} TRUST_KEY, TRUST_UNSUPPORTED
 */
export function newEntry(
  label: string,
  createdAtMs: number,
  pem: string,
  scheme?: SchemeName,
): { readonly entry: VaultEntry; readonly publicKey: PublicKey } {
  checkLabel(label);
  const { publicKey } = importSigner(pem, scheme);
  const pkcs8 = createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString();
  return { entry: { label, createdAtMs, scheme: publicKey.scheme, pem: pkcs8 }, publicKey };
}

function headOf(kdf: Kdf, check: Uint8Array, nonce: Uint8Array) {
  return { check: toHex(check), format: FORMAT, kdf: { ...kdf }, nonce: toHex(nonce), version: VERSION };
}

function parseFile(file: Uint8Array): SealedFile {
  try {
    const object = asObject(parseJson(file, { maxBytes: MAX_VAULT_BYTES }), '');
    if (object.get('format') !== FORMAT) throw damaged('it is no vault of Sealift');
    const version = asInteger(object.get('version'), '/version', 1);
    if (version > VERSION) {
      throw new VaultStorageError('VAULT_VERSION', `the vault has format ${version}, this Sealift knows ${VERSION}`, {
        fix: 'Use the newer Sealift that wrote it.',
      });
    }
    const kdf = readKdf(asObject(object.get('kdf'), '/kdf'));
    const check = readBytes(object, 'check', CHECK_BYTES, CHECK_BYTES);
    const nonce = readBytes(object, 'nonce', NONCE_BYTES, NONCE_BYTES);
    const ciphertext = readBytes(object, 'ciphertext', TAG_BYTES, MAX_VAULT_BYTES);
    const head = headOf(kdf, check, nonce);
    if (!equalBytes(canonicalJson({ ...head, ciphertext: toHex(ciphertext) }), file))
      throw damaged('it is not written the way vaults are');
    return { kdf, check, nonce, ciphertext, associated: canonicalJson(head) };
  } catch (error) {
    throw error instanceof JsonError ? damaged('it is not whole', error) : error;
  }
}

/** Bounds for both sides: a file of ours is not made weak, and a foreign one cannot ask for gigabytes or minutes. */
function readKdf(object: JsonObject): Kdf {
  const name = object.get('name');
  if (name !== 'scrypt') throw damaged('it names another derivation than scrypt');
  const N = asInteger(object.get('N'), '/kdf/N', MIN_SCRYPT_N, MAX_SCRYPT_N);
  if ((N & (N - 1)) !== 0) throw damaged('N of scrypt is no power of two');
  return {
    ...{ name, N },
    r: asInteger(object.get('r'), '/kdf/r', SCRYPT_R, SCRYPT_R),
    p: asInteger(object.get('p'), '/kdf/p', 1, MAX_SCRYPT_P),
    salt: toHex(readBytes(object, 'salt', SALT_BYTES, SALT_BYTES)),
  };
}

function readBytes(object: JsonObject, name: string, minBytes: number, maxBytes: number): Uint8Array {
  const bytes = fromHex(asString(object.get(name), `/${name}`));
  if (bytes && bytes.length >= minBytes && bytes.length <= maxBytes) return bytes;
  throw damaged(`${name} has not the length it must have`);
}

function readEntries(json: JsonValue): readonly VaultEntry[] {
  return asArray(json, '').map((item, index) => {
    const object = asObject(item, `/${index}`);
    const text = (name: string) => asString(object.get(name), `/${index}/${name}`);
    const scheme = SCHEMES.find(({ name }) => name === text('scheme'));
    if (!scheme) throw damaged('a key has a scheme that is not known here');
    const createdAtMs = asInteger(object.get('createdAtMs'), `/${index}/createdAtMs`);
    return { label: text('label'), createdAtMs, scheme: scheme.name, pem: text('pem') };
  });
}

function damaged(what: string, cause?: unknown): VaultStorageError {
  return new VaultStorageError('VAULT_DAMAGED', `the vault cannot be used: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    fix: 'Restore it from a backup.',
  });
}

function wrongPassphrase(message: string): VaultError {
  return new VaultError('VAULT_PASSPHRASE', message, {
    fix: 'Give the right one. If you are sure of it, the head of the file was altered: restore a backup.',
  });
}

function scryptOf(passphrase: string, salt: Uint8Array, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, KEY_BYTES, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}
