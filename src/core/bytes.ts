/** Small helpers on bytes that Node does not have in one call. */

const FATAL_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

export function utf8Encode(text: string): Uint8Array {
  return ENCODER.encode(text);
}

/** Text of `bytes`, or `undefined` when they are not well-formed UTF-8. A byte order mark stays a character. */
export function utf8Decode(bytes: Uint8Array): string | undefined {
  try {
    return FATAL_UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Order of well-formed texts as UTF-8, which is that of code points; JavaScript compares UTF-16 units and puts U+10000 before U+E000. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const [one, other] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (one !== other) return rank(one) - rank(other);
  }
  return left.length - right.length;
}

/** Of a UTF-16 unit: surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Whether `text` is whole bytes in lower-case hex; a loop, since a pattern takes several times as long on slices of a document. */
export function isHex(text: string): boolean {
  if (text.length % 2 !== 0) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && (code < 0x61 || code > 0x66)) return false;
  }
  return true;
}

/** A SHA-256 digest as we write it. */
export const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Bytes of lower-case hex, or `undefined` when the text is anything else (`Buffer.from` stops silently). */
export function fromHex(text: string): Uint8Array | undefined {
  return isHex(text) ? new Uint8Array(Buffer.from(text, 'hex')) : undefined;
}

/**
 * Bytes of base64 (RFC 4648 section 4) in its one spelling: padded, the bits that do not count zero; `undefined` for any other text
 * (`Buffer.from` passes over what it does not know, and takes any length).
 */
export function fromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
