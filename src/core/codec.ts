/**
 * Messages as tables: a field reads and writes itself, a message is its fields in wire order.
 *
 * Strict by construction: every length is checked before slicing, numbers stay in the safe range, `decode` leaves nothing
 * over. Values that outlive the call are copies, since `subarray` shares memory with a socket's buffer.
 */
import { concat, utf8Decode, utf8Encode } from './bytes.ts';
import { WireError } from './errors.ts';

/** A position in borrowed bytes. */
export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    // Not a Buffer: `slice` of one shares memory where that of a Uint8Array copies.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.#offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next `length` bytes, still borrowed. @throws {WireError} WIRE_TRUNCATED fewer are left */
  take(length: number): Uint8Array {
    if (length > this.left) {
      throw new WireError('WIRE_TRUNCATED', `needs ${length} bytes, has ${this.left}`, {
        detail: { offset: this.#offset, needed: length, left: this.left },
      });
    }
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}

export interface Field<T> {
  read(from: Reader): T;
  write(value: T): Uint8Array;
}

type Fields = Readonly<Record<string, Field<unknown>>>;
// biome-ignore lint/suspicious/noExplicitAny: a table of fields has no common value type
type AnyFields = Readonly<Record<string, Field<any>>>;
export type ValueOf<F extends AnyFields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export type ByteOrder = 'le' | 'be';

/** Unsigned integer of 1 to 6 bytes (6 is the widest that stays exact in a number), at most `max`. */
export function uint(size: 1 | 2 | 3 | 4 | 5 | 6, order: ByteOrder, max = 2 ** (8 * size) - 1): Field<number> {
  return {
    read(from) {
      const bytes = from.take(size);
      let value = 0;
      for (let i = 0; i < size; i += 1) {
        value = value * 256 + (bytes[order === 'be' ? i : size - 1 - i] ?? 0);
      }
      if (value > max) throw new WireError('WIRE_LIMIT', `${value} where at most ${max} is allowed`);
      return value;
    },
    write(value) {
      if (!Number.isInteger(value) || value < 0 || value > max) {
        throw new WireError('WIRE_VALUE', `${value} is not an integer from 0 to ${max}`);
      }
      const bytes = new Uint8Array(size);
      let rest = value;
      for (let i = 0; i < size; i += 1) {
        bytes[order === 'le' ? i : size - 1 - i] = rest % 256;
        rest = Math.floor(rest / 256);
      }
      return bytes;
    },
  };
}

/** Length-prefixed bytes, at most `max`. */
export function bytes(length: Field<number>, max: number): Field<Uint8Array> {
  return {
    read(from) {
      return from.take(within(length.read(from), max)).slice();
    },
    write(value) {
      return concat(length.write(within(value.length, max)), value);
    },
  };
}

/** Length-prefixed UTF-8 text, at most `max` bytes. */
export function utf8(length: Field<number>, max: number): Field<string> {
  const raw = bytes(length, max);
  return {
    read(from) {
      const text = utf8Decode(raw.read(from));
      if (text === undefined) throw new WireError('WIRE_VALUE', 'text is not well-formed UTF-8');
      return text;
    },
    write(value) {
      if (!value.isWellFormed()) throw new WireError('WIRE_VALUE', 'text has a lone surrogate');
      return raw.write(utf8Encode(value));
    },
  };
}

/** All bytes that are left, `min` to `max` of them. */
export function rest(min: number, max: number): Field<Uint8Array> {
  return {
    read(from) {
      return from.take(between(from.left, min, max)).slice();
    },
    write(value) {
      between(value.length, min, max);
      return value.slice();
    },
  };
}

/** A length-prefixed block that is itself a message; length 0 means absent (`undefined`), else `min` to `max`. */
export function optionalBlock<F extends AnyFields>(
  length: Field<number>,
  min: number,
  max: number,
  inner: Message<F>,
): Field<ValueOf<F> | undefined> {
  return {
    read(from) {
      const size = length.read(from);
      return size === 0 ? undefined : inner.decode(from.take(between(size, min, max)));
    },
    write(value) {
      if (value === undefined) return length.write(0);
      const block = inner.encode(value);
      return concat(length.write(between(block.length, min, max)), block);
    },
  };
}

export interface Message<F extends AnyFields> {
  readonly fields: F;
  /** @throws {WireError} WIRE_TRUNCATED, WIRE_LIMIT, WIRE_VALUE; WIRE_TRAILING when bytes are left over */
  decode(bytes: Uint8Array): ValueOf<F>;
  /** Like `decode`, but says how many bytes it took and leaves the rest to the caller. */
  decodePrefix(bytes: Uint8Array): { value: ValueOf<F>; consumed: number };
  /** @throws {WireError} WIRE_LIMIT, WIRE_VALUE */
  encode(value: ValueOf<F>): Uint8Array;
}

/** A message from its fields; their order is the order on the wire. */
export function message<F extends AnyFields>(fields: F): Message<F> {
  const table = Object.entries(fields as Fields);
  function decodePrefix(input: Uint8Array): { value: ValueOf<F>; consumed: number } {
    const from = new Reader(input);
    const value = Object.fromEntries(table.map(([name, field]) => [name, field.read(from)]));
    return { value: value as ValueOf<F>, consumed: from.offset };
  }
  return {
    fields,
    decodePrefix,
    decode(input) {
      const { value, consumed } = decodePrefix(input);
      if (consumed < input.length) {
        throw new WireError('WIRE_TRAILING', `${input.length - consumed} bytes after the end`, {
          detail: { offset: consumed, left: input.length - consumed },
        });
      }
      return value;
    },
    encode(value) {
      return concat(...table.map(([name, field]) => field.write(value[name as keyof F])));
    },
  };
}

function within(length: number, max: number): number {
  return between(length, 0, max);
}

function between(length: number, min: number, max: number): number {
  if (length < min || length > max) {
    throw new WireError('WIRE_LIMIT', `${length} bytes where ${min} to ${max} are allowed`, {
      detail: { length, min, max },
    });
  }
  return length;
}
