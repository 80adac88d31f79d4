/**
 * A strict DER reader (X.690 section 10; spec/uptane.md section 4.4).
 *
 * Refused: indefinite lengths, lengths and numbers with more bytes than they need, tags of several bytes, primitive strings in
 * pieces, types that no format of ours uses, sets out of order, more depth or bytes than allowed, anything after the value. The whole
 * document is held to this before any of it is handed out, in time linear in its size (SEC-10); what implicit tags hide is
 * checked when it is read. Nodes borrow the document's bytes.
 */
import { type DerType, PRIMITIVES, SEQUENCE, SET } from './der-types.ts';
import { OtaError } from './errors.ts';
import { MAX_DER_BYTES, MAX_DER_DEPTH } from './limits.ts';

/** `detail.offset` is in bytes of the document that was parsed. */
export class DerError extends OtaError<
  'DER_SIZE' | 'DER_TRUNCATED' | 'DER_TRAILING' | 'DER_TAG' | 'DER_LENGTH' | 'DER_DEPTH' | 'DER_VALUE' | 'DER_SHAPE'
> {
  readonly fault = 'peer';
}

export interface DerOptions {
  /** Default 4 MiB. */
  readonly maxBytes?: number;
  /** Constructed values inside each other. Default 16. */
  readonly maxDepth?: number;
}

/**
 * @throws {DerError} DER_SIZE; DER_TRUNCATED a value is longer than what holds it; DER_TRAILING; DER_TAG a type or tag form we
 * do not read; DER_LENGTH indefinite or not minimal; DER_DEPTH; DER_VALUE content its type cannot have
 */
export function parseDer(bytes: Uint8Array, options: DerOptions = {}): DerNode {
  const { maxBytes = MAX_DER_BYTES, maxDepth = MAX_DER_DEPTH } = options;
  if (bytes.length > maxBytes) {
    throw new DerError('DER_SIZE', `${bytes.length} bytes where at most ${maxBytes} are allowed`);
  }
  // Not a Buffer: `slice` of one shares memory where that of a Uint8Array copies.
  const document = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const root = new DerNode(document, 0, document.length);
  if (root.bytes.length < bytes.length) fail('DER_TRAILING', 'bytes after the end of the value', root.bytes.length);
  validate(root, maxDepth);
  return root;
}

const CLASS_BITS = 0xc0;
const CONSTRUCTED_BIT = 0x20;
const NUMBER_BITS = 0x1f;
/** A longer length announces more than any document may have. */
const MAX_LENGTH_BYTES = 4;

/** One value: tag, length and content. */
export class DerNode {
  /** The identifier octet: class, constructed or not, and number in one. */
  readonly tag: number;
  /** Of the tag, in the document. */
  readonly offset: number;
  readonly #document: Uint8Array;
  readonly #contentStart: number;
  readonly #end: number;

  /** Reads the header at `offset`, of a value that ends at `limit` or before. */
  constructor(document: Uint8Array, offset: number, limit: number) {
    const tag = byteAt(document, offset, limit);
    if ((tag & NUMBER_BITS) === NUMBER_BITS) fail('DER_TAG', 'a tag of several bytes', offset);
    const { length, contentStart } = readLength(document, offset + 1, limit);
    if (length > limit - contentStart) {
      fail('DER_TRUNCATED', `needs ${length} bytes of content, has ${limit - contentStart}`, offset);
    }
    this.tag = tag;
    this.offset = offset;
    this.#document = document;
    this.#contentStart = contentStart;
    this.#end = contentStart + length;
  }

  /** Tag, length and content: what signatures and fingerprints are made over. */
  get bytes(): Uint8Array {
    return this.#document.subarray(this.offset, this.#end);
  }

  get content(): Uint8Array {
    return this.#document.subarray(this.#contentStart, this.#end);
  }

  /** The values of a SEQUENCE OF or SET OF. @throws {DerError} DER_SHAPE another tag */
  items(tag: number = SEQUENCE): Generator<DerNode, void> {
    this.#requireTag(tag);
    return this.#parts();
  }

  /** The values of a SEQUENCE, to be asked for one by one. @throws {DerError} DER_SHAPE another tag */
  members(tag: number = SEQUENCE): DerMembers {
    return new DerMembers(this.items(tag), this.#end);
  }

  /** The one value under an EXPLICIT tag. @throws {DerError} DER_SHAPE */
  inner(tag: number): DerNode {
    const members = this.members(tag);
    const only = members.next();
    members.end();
    return only;
  }

  /**
   * The value of a primitive type, which may share memory with the document.
   * @param tag another one where the type stands under an IMPLICIT tag
   * @throws {DerError} DER_SHAPE another tag; DER_VALUE content that this type cannot have
   */
  read<T>(type: DerType<T>, tag: number = type.tag): T {
    this.#requireTag(tag);
    checkContent(this, type);
    return type.value(this.content);
  }

  #requireTag(tag: number): void {
    if (this.tag !== tag) fail('DER_SHAPE', `tag ${hex(this.tag)} where ${hex(tag)} must stand`, this.offset);
  }

  *#parts(): Generator<DerNode, void> {
    for (let at = this.#contentStart; at < this.#end; ) {
      const part = new DerNode(this.#document, at, this.#end);
      yield part;
      at = part.#end;
    }
  }
}

/** What a SEQUENCE holds, in its order. */
export class DerMembers {
  readonly #parts: Generator<DerNode, void>;
  readonly #end: number;
  #ahead: DerNode | undefined;

  constructor(parts: Generator<DerNode, void>, end: number) {
    this.#parts = parts;
    this.#end = end;
    this.#advance();
  }

  /** @throws {DerError} DER_SHAPE nothing is left */
  next(): DerNode {
    const node = this.#ahead ?? fail('DER_SHAPE', 'a member is missing', this.#end);
    this.#advance();
    return node;
  }

  /** The next one if it has this tag. */
  optional(tag: number): DerNode | undefined {
    return this.#ahead?.tag === tag ? this.next() : undefined;
  }

  /** @throws {DerError} DER_SHAPE something is left */
  end(): void {
    if (this.#ahead) fail('DER_SHAPE', 'a member too many', this.#ahead.offset);
  }

  #advance(): void {
    const result = this.#parts.next();
    this.#ahead = result.done ? undefined : result.value;
  }
}

/** @param levelsLeft how many constructed values may still stand inside each other */
function validate(node: DerNode, levelsLeft: number): void {
  if ((node.tag & CONSTRUCTED_BIT) === 0) {
    if ((node.tag & CLASS_BITS) === 0) checkContent(node, primitiveOf(node));
    return;
  }
  if ((node.tag & CLASS_BITS) === 0 && node.tag !== SEQUENCE && node.tag !== SET) unreadable(node);
  if (levelsLeft === 0) fail('DER_DEPTH', 'nested too deep', node.offset);
  let previous: DerNode | undefined;
  for (const item of node.items(node.tag)) {
    validate(item, levelsLeft - 1);
    // X.690 section 11.6. No value is the beginning of another, so that this is its order of padded bytes too.
    if (node.tag === SET && previous && Buffer.compare(previous.bytes, item.bytes) > 0) {
      fail('DER_VALUE', 'SET OF out of order', item.offset);
    }
    previous = item;
  }
}

function primitiveOf(node: DerNode): DerType<unknown> {
  return PRIMITIVES.get(node.tag) ?? unreadable(node);
}

function unreadable(node: DerNode): never {
  return fail('DER_TAG', `tag ${hex(node.tag)} is of no type that is read here`, node.offset);
}

function checkContent(node: DerNode, type: DerType<unknown>): void {
  const problem = type.problem(node.content);
  if (problem !== undefined) fail('DER_VALUE', `${type.name} with ${problem}`, node.offset);
}

/** X.690 sections 8.1.3 and 10.1. */
function readLength(document: Uint8Array, at: number, limit: number): { length: number; contentStart: number } {
  const first = byteAt(document, at, limit);
  if (first < 0x80) return { length: first, contentStart: at + 1 };
  const size = first - 0x80;
  if (size === 0) fail('DER_LENGTH', 'an indefinite length', at);
  if (size > MAX_LENGTH_BYTES) fail('DER_LENGTH', `a length of ${size} bytes`, at);
  let length = 0;
  for (let index = 1; index <= size; index += 1) length = length * 0x100 + byteAt(document, at + index, limit);
  if (length < 0x80 || length < 0x100 ** (size - 1)) fail('DER_LENGTH', 'a length with more bytes than it needs', at);
  return { length, contentStart: at + 1 + size };
}

function byteAt(document: Uint8Array, at: number, limit: number): number {
  const byte = at < limit ? document[at] : undefined;
  return byte ?? fail('DER_TRUNCATED', 'ends inside of a tag or length', at);
}

function hex(tag: number): string {
  return tag.toString(16).padStart(2, '0');
}

function fail(code: DerError['code'], message: string, offset: number): never {
  throw new DerError(code, `${message} (byte ${offset})`, { detail: { offset } });
}
