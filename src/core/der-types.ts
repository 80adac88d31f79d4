/**
 * The types of ASN.1 that X.509 and Uptane use, as a table: what content each has in DER, and how it reads.
 *
 * Spec: X.690 sections 8 and 11; spec/uptane.md section 4.4. BER's other spellings are refused, and so are types that neither uses.
 */
import { toHex, utf8Decode } from './bytes.ts';
import { MAX_OID_BYTES } from './limits.ts';
import { parseUtc } from './time.ts';

/** Identifier octets: class (two bits), constructed (one bit) and number in one. */
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** `[number]` in the context class, of content that is a primitive value. @param number 0 to 30 */
export function contextTag(number: number): number {
  return 0x80 | number;
}

/** `[number]` in the context class, of content that is made of other values: EXPLICIT, or a SEQUENCE or SET under another tag. */
export function contextConstructed(number: number): number {
  return 0xa0 | number;
}

/** A primitive type. What is read may share memory with the document. */
export interface DerType<T> {
  readonly tag: number;
  readonly name: string;
  /** Why these bytes are no content of this type; `undefined` when they are. */
  problem(content: Uint8Array): string | undefined;
  /** Only for content without a problem. */
  value(content: Uint8Array): T;
}

export interface BitString {
  /** Bits of the last byte that do not count; they are zero. */
  readonly unusedBits: number;
  readonly bytes: Uint8Array;
}

export const BOOLEAN: DerType<boolean> = {
  tag: 0x01,
  name: 'BOOLEAN',
  problem: (content) =>
    content.length === 1 && (content[0] === 0x00 || content[0] === 0xff) ? undefined : 'neither 00 nor FF',
  value: (content) => content[0] === 0xff,
};

export const INTEGER: DerType<bigint> = {
  tag: 0x02,
  name: 'INTEGER',
  problem(content) {
    const [first, second = 0] = content;
    if (first === undefined) return 'no content';
    const isPadded = content.length > 1 && (first === 0x00 ? second < 0x80 : first === 0xff && second >= 0x80);
    return isPadded ? 'more bytes than it needs' : undefined;
  },
  value: (content) => BigInt.asIntN(8 * content.length, BigInt(`0x${toHex(content)}`)),
};

/** An INTEGER that a number holds exactly. @param max at most 2^53-1 */
export function integerBetween(min: number, max: number): DerType<number> {
  return {
    tag: INTEGER.tag,
    name: INTEGER.name,
    problem(content) {
      const problem = INTEGER.problem(content);
      if (problem !== undefined) return problem;
      // The length first: a long number is refused without being read.
      const isFine = content.length <= 8 && INTEGER.value(content) >= min && INTEGER.value(content) <= max;
      return isFine ? undefined : `not from ${min} to ${max}`;
    },
    value: (content) => Number(INTEGER.value(content)),
  };
}

export const BIT_STRING: DerType<BitString> = {
  tag: 0x03,
  name: 'BIT STRING',
  problem(content) {
    const unusedBits = content[0];
    if (unusedBits === undefined) return 'no content';
    if (unusedBits > 7 || (content.length === 1 && unusedBits > 0)) return 'more unused bits than there are';
    const last = content[content.length - 1] ?? 0;
    return content.length > 1 && last % 2 ** unusedBits !== 0 ? 'an unused bit that is not zero' : undefined;
  },
  value: (content) => ({ unusedBits: content[0] ?? 0, bytes: content.subarray(1) }),
};

export const OCTET_STRING: DerType<Uint8Array> = {
  tag: 0x04,
  name: 'OCTET STRING',
  problem: () => undefined,
  value: (content) => content,
};

export const NULL: DerType<null> = {
  tag: 0x05,
  name: 'NULL',
  problem: (content) => (content.length === 0 ? undefined : 'content'),
  value: () => null,
};

/** Reads as dotted decimals. */
export const OBJECT_IDENTIFIER: DerType<string> = {
  tag: 0x06,
  name: 'OBJECT IDENTIFIER',
  problem(content) {
    if (content.length === 0) return 'no content';
    if (content.length > MAX_OID_BYTES) return `more than ${MAX_OID_BYTES} bytes`;
    if ((content[content.length - 1] ?? 0) >= 0x80) return 'no end of the last arc';
    const isPadded = content.some((byte, at) => byte === 0x80 && (content[at - 1] ?? 0) < 0x80);
    return isPadded ? 'an arc with more bytes than it needs' : undefined;
  },
  value(content) {
    const arcs: bigint[] = [];
    let arc = 0n;
    for (const byte of content) {
      arc = arc * 128n + BigInt(byte % 0x80);
      if (byte >= 0x80) continue;
      arcs.push(arc);
      arc = 0n;
    }
    // The first two arcs share a number; only below arc 2 may the second exceed 39.
    const [both = 0n, ...others] = arcs;
    const first = both < 80n ? both / 40n : 2n;
    return [first, both - 40n * first, ...others].join('.');
  },
};

export const ENUMERATED: DerType<bigint> = { ...INTEGER, tag: 0x0a, name: 'ENUMERATED' };

export const UTF8_STRING: DerType<string> = {
  tag: 0x0c,
  name: 'UTF8String',
  problem: (content) => (utf8Decode(content) === undefined ? 'not well-formed UTF-8' : undefined),
  value: (content) => utf8Decode(content) ?? '',
};

/** X.680 section 41.4. */
const PRINTABLE = new Set(Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"));

export const PRINTABLE_STRING = asciiType(0x13, 'PrintableString', (byte) => PRINTABLE.has(byte));
/** Only its ASCII half: what the other means depends on escapes. Old roots name themselves in it. */
export const TELETEX_STRING = asciiType(0x14, 'TeletexString', (byte) => byte < 0x80);
export const IA5_STRING = asciiType(0x16, 'IA5String', (byte) => byte < 0x80);
export const VISIBLE_STRING = asciiType(0x1a, 'VisibleString', (byte) => byte >= 0x20 && byte < 0x7f);

const UTC_FORM = /^[0-9]{12}Z$/;
const GENERALIZED_FORM = /^[0-9]{14}Z$/;
const DIGITS = /^(.{4})(..)(..)(..)(..)(..)Z$/;

/** Milliseconds since the epoch; two digits of the year mean 1950 to 2049 (RFC 5280 section 4.1.2.5.1). */
export const UTC_TIME: DerType<number> = timeType(0x17, 'UTCTime', (text) => {
  if (!UTC_FORM.test(text)) return undefined;
  return `${text < '50' ? '20' : '19'}${text}`;
});

/** Milliseconds since the epoch; whole seconds (RFC 5280 section 4.1.2.5.2). */
export const GENERALIZED_TIME: DerType<number> = timeType(0x18, 'GeneralizedTime', (text) =>
  GENERALIZED_FORM.test(text) ? text : undefined,
);

const ALL: readonly DerType<unknown>[] = [
  ...[BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER, ENUMERATED],
  ...[UTF8_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING, VISIBLE_STRING, UTC_TIME, GENERALIZED_TIME],
];

/** Primitive types of the universal class by tag. */
export const PRIMITIVES: ReadonlyMap<number, DerType<unknown>> = new Map(ALL.map((type) => [type.tag, type]));

function asciiType(tag: number, name: string, allows: (byte: number) => boolean): DerType<string> {
  return {
    tag,
    name,
    problem: (content) => (content.every(allows) ? undefined : 'a character that its type does not have'),
    value: latin1,
  };
}

/** @param toDigits the fourteen digits and Z of a text in the right form */
function timeType(tag: number, name: string, toDigits: (text: string) => string | undefined): DerType<number> {
  const read = (content: Uint8Array) => calendarMs(toDigits(latin1(content)) ?? '');
  return {
    tag,
    name,
    problem: (content) => (read(content) === undefined ? 'no time in UTC with seconds' : undefined),
    value: (content) => read(content) ?? Number.NaN,
  };
}

/** @param digits YYYYMMDDHHMMSSZ; `undefined` for a date that no calendar has */
function calendarMs(digits: string): number | undefined {
  return parseUtc(digits.replace(DIGITS, '$1-$2-$3T$4:$5:$6Z'));
}

function latin1(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString('latin1');
}
