/**
 * Signed notes: text under signatures of keys that have a name.
 *
 * Spec: C2SP signed-note, signature type 01 (Ed25519) alone. Signatures of keys that nobody gave us are passed over, as the format asks, so
 * that witnesses of any kind may add theirs.
 */
import { createHash } from 'node:crypto';
import { concat, fromBase64, toHex, utf8Decode, utf8Encode } from '../../core/bytes.ts';
import { type PublicKey, parsePublicKey, type Signer } from '../../trust/keys.ts';
import { AuditError } from './errors.ts';
import { MAX_KEY_NAME_CHARACTERS, MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES } from './limits.ts';

/** A key that is trusted under a name. */
export interface NoteKey {
  readonly name: string;
  readonly publicKey: PublicKey;
}

export interface NoteSigner {
  readonly name: string;
  readonly signer: Signer;
}

const DASH = '— ';
const ED25519 = 0x01;
const KEY_ID_BYTES = 4;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
/** Of an Ed25519 key in its one DER encoding, before the key itself. */
const SPKI_HEAD_BYTES = 12;
const UNNAMEABLE = /[\p{White_Space}+]/u;
/** U+0000 to U+001F but the line feed, said without naming one. */
const CONTROL = /[^\n -\u{10ffff}]/u;

/**
 * @param text whole lines
 * @throws {AuditError} AUDIT_KEY another kind of key, or a name that no key can have
 */
export async function signNote(text: string, signers: readonly NoteSigner[]): Promise<string> {
  const lines = await Promise.all(
    signers.map(async ({ name, signer }) => {
      const keyId = keyIdOf({ name, publicKey: signer.publicKey });
      const signature = await signer.sign(utf8Encode(text));
      return `${DASH}${name} ${base64(concat(keyId, signature))}\n`;
    }),
  );
  return `${text}\n${lines.join('')}`;
}

export interface OpenedNote {
  readonly text: string;
  /** Keys that have signed it, of those that were given. */
  readonly signedBy: readonly NoteKey[];
}

/**
 * @throws {AuditError} AUDIT_CHECKPOINT not a signed note; AUDIT_SIGNATURE no given key has signed it, or what stands there for one is not
 * its signature
 */
export function openNote(note: Uint8Array, keys: readonly NoteKey[]): OpenedNote {
  const { text, signatures } = parseNote(note);
  const message = utf8Encode(text);
  const signedBy = keys.filter((key) => {
    const keyId = toHex(keyIdOf(key));
    const signature = signatures.get(`${key.name} ${keyId}`);
    if (signature && !key.publicKey.verify(message, signature))
      throw new AuditError('AUDIT_SIGNATURE', `the signature of ${key.name} does not hold`, { detail: { keyId } });
    return signature !== undefined;
  });
  if (signedBy.length === 0)
    throw new AuditError('AUDIT_SIGNATURE', 'no trusted key has signed this', {
      detail: { signatures: signatures.size },
    });
  return { text, signedBy };
}

/** Signatures by name and key id of their key. */
function parseNote(note: Uint8Array): { text: string; signatures: ReadonlyMap<string, Uint8Array> } {
  if (note.length > MAX_NOTE_BYTES) throw malformed(`has more than ${MAX_NOTE_BYTES} bytes`);
  const whole = utf8Decode(note);
  if (whole === undefined || CONTROL.test(whole)) throw malformed('is not plain UTF-8 text');
  const end = whole.lastIndexOf('\n\n');
  if (end < 0 || !whole.endsWith('\n')) throw malformed('does not end with signature lines behind an empty one');
  const lines = whole.slice(end + 2, -1).split('\n');
  if (lines.length > MAX_NOTE_SIGNATURES) throw malformed(`has more than ${MAX_NOTE_SIGNATURES} signatures`);
  const signatures = new Map<string, Uint8Array>();
  for (const line of lines) {
    const [dash = '', name = '', encoded = '', ...more] = line.split(' ');
    const bytes = fromBase64(encoded);
    const isFine = `${dash} ` === DASH && isKeyName(name) && bytes !== undefined && bytes.length > KEY_ID_BYTES;
    if (!isFine || more.length > 0) throw malformed('has a line that is no signature');
    const key = `${name} ${toHex(bytes.subarray(0, KEY_ID_BYTES))}`;
    if (signatures.has(key)) throw malformed(`has two signatures of one key, ${key}`);
    signatures.set(key, bytes.slice(KEY_ID_BYTES));
  }
  return { text: whole.slice(0, end + 1), signatures };
}

/** Whether a text is a note with at least one whole signature of this type, whoever made it: what was cut off on its way is none. */
export function isWholeNote(note: string): boolean {
  try {
    const { signatures } = parseNote(utf8Encode(note));
    return [...signatures.values()].some(({ length }) => length === SIGNATURE_BYTES);
  } catch (error) {
    if (error instanceof AuditError) return false;
    throw error;
  }
}

/** The key as others trust it: `NAME+KEYID+KEY`. @throws {AuditError} AUDIT_KEY */
export function verifierKey(key: NoteKey): string {
  return `${key.name}+${toHex(keyIdOf(key))}+${base64(concat(Uint8Array.of(ED25519), rawKey(key.publicKey)))}`;
}

/** @throws {AuditError} AUDIT_KEY; {TrustError} TRUST_KEY an unsafe key */
export function parseVerifierKey(text: string): NoteKey {
  const [name = '', keyId = '', ...rest] = text.split('+');
  // Base64 may hold a plus itself.
  const bytes = fromBase64(rest.join('+'));
  if (bytes?.[0] !== ED25519 || bytes.length !== 1 + KEY_BYTES)
    throw new AuditError('AUDIT_KEY', 'not a verifier key of Ed25519: NAME+KEYID+KEY', {
      fix: 'Name the file that holds the verifier key of the log, as it was handed out.',
    });
  const json = new Map<string, string | ReadonlyMap<string, string>>([
    ['keytype', 'ed25519'],
    ['scheme', 'ed25519'],
    ['keyval', new Map([['public', toHex(bytes.subarray(1))]])],
  ]);
  const key = { name, publicKey: parsePublicKey(json) };
  if (toHex(keyIdOf(key)) !== keyId)
    throw new AuditError('AUDIT_KEY', `${keyId.slice(0, 16)} is not the key id of this verifier key`, {
      fix: 'It was damaged on the way: get it again.',
    });
  return key;
}

/** Whether a key, or a log, can have this name. */
export function isKeyName(name: string): boolean {
  return name !== '' && name.length <= MAX_KEY_NAME_CHARACTERS && !UNNAMEABLE.test(name) && !CONTROL.test(name);
}

function keyIdOf({ name, publicKey }: NoteKey): Uint8Array {
  if (!isKeyName(name))
    throw new AuditError('AUDIT_KEY', 'the name of a key is empty, too long, or has spaces or + in it', {
      fix: 'Name it like a host and a path: example.com/audit',
    });
  const key = createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ED25519)).update(rawKey(publicKey));
  return new Uint8Array(key.digest().subarray(0, KEY_ID_BYTES));
}

function rawKey({ scheme, spki }: PublicKey): Uint8Array {
  if (scheme !== 'ed25519')
    throw new AuditError('AUDIT_KEY', `a ${scheme} key cannot sign checkpoints`, { fix: 'Use an Ed25519 key.' });
  return spki.subarray(SPKI_HEAD_BYTES);
}

function malformed(problem: string): AuditError {
  return new AuditError('AUDIT_CHECKPOINT', `a checkpoint ${problem}`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
