/** Kinds of vector files: recognised by what they hold, never by their name. */

/** One case of a file, run as one test. */
export interface VectorCase {
  readonly name: string;
  run(): void | Promise<void>;
}

export interface Kind {
  /** Requirement and kind, the beginning of each test's name. */
  readonly name: string;
  recognises(file: Members): boolean;
  /** `undefined`: the part that this kind tests is not built yet. */
  readonly cases?: (file: Members) => readonly VectorCase[];
}

export type Members = Readonly<Record<string, unknown>>;

/** By the member `kind`. */
export function ofKind(kind: string): Kind['recognises'] {
  return (file) => file.kind === kind;
}

/** By members at the top. */
export function withMembers(...names: readonly string[]): Kind['recognises'] {
  return (file) => names.every((name) => Object.hasOwn(file, name));
}

/** By members of the entries of a list (usually `cases`): each name must stand in at least one entry. */
export function withEntries(list: string, ...names: readonly string[]): Kind['recognises'] {
  return (file) => {
    const entries = listOf(file, list);
    return entries.length > 0 && names.every((name) => entries.some((entry) => Object.hasOwn(entry, name)));
  };
}

export function listOf(file: Members, name: string): readonly Members[] {
  const list = file[name];
  return Array.isArray(list)
    ? list.filter((entry): entry is Members => typeof entry === 'object' && entry !== null)
    : [];
}

export function textOf(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string') throw new Error(`a vector has no text "${name}"`);
  return value;
}

export function hexOf(members: Members, name: string): Uint8Array {
  return new Uint8Array(Buffer.from(textOf(members, name), 'hex'));
}
