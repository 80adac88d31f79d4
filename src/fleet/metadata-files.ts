/** The files of a repository as they were published: by role and version, by name, and read from the first root on as any client does. */
import { fileName, type Reading, readPublished, withParents } from '../trust/repository/published.ts';
import { type Found, findTarget, type Wanted } from '../trust/tuf/refresh.ts';
import { Lru } from './cache.ts';
import { MAX_CACHED_METADATA_BYTES } from './limits.ts';
import type { RepositoryHead } from './model.ts';
import type { Store } from './ports.ts';
import { requireHead } from './publication.ts';

/** What is published, as one: whoever looks twice must not see two. */
export interface State {
  readonly head: RepositoryHead;
  readonly reading: Reading;
}

/** New files that are not stored yet, by their names. */
export type Fresh = ReadonlyMap<string, Uint8Array>;

export const NONE_FRESH: Fresh = new Map();

export class MetadataFiles {
  readonly #tenant: string;
  readonly #store: Pick<Store, 'metadata'>;
  readonly #cache = new Lru<Uint8Array>(MAX_CACHED_METADATA_BYTES, ({ length }) => length);

  constructor(tenant: string, store: Pick<Store, 'metadata'>) {
    this.#tenant = tenant;
    this.#store = store;
  }

  async load(role: string, version: number): Promise<Uint8Array | undefined> {
    const key = cacheKey(role, version);
    const held = this.#cache.get(key);
    if (held) return held;
    const bytes = await this.#store.metadata(this.#tenant, role, version);
    if (bytes) this.#cache.set(key, bytes);
    return bytes;
  }

  /** What was just stored. */
  keep(role: string, version: number, bytes: Uint8Array): void {
    this.#cache.set(cacheKey(role, version), bytes);
  }

  /** A file under the name a client asks for: `3.root.json`, `timestamp.json`, or the newest under its plain name. */
  async named(head: RepositoryHead, name: string): Promise<Uint8Array | undefined> {
    const [, digits, encoded = ''] = /^(?:([1-9][0-9]{0,15})\.)?([^/]{1,3000})\.json$/.exec(name) ?? [];
    const role = decoded(encoded);
    const published = role === undefined ? undefined : head.versions.get(role);
    if (role === undefined || published === undefined) return undefined;
    // The one file that is asked for by its plain name alone. How names are escaped differs from client to client.
    if (role === 'timestamp' && digits !== undefined) return undefined;
    const version = digits === undefined ? published : Number(digits);
    return version > published ? undefined : this.load(role, version);
  }

  /** @throws {TrustError} the files do not hold, or are not those that the head names */
  async readAt(head: RepositoryHead, roles: readonly string[], fresh = NONE_FRESH): Promise<Reading> {
    const files = await this.provingAt(head, roles, fresh);
    const reading = readPublished(files.get('1.root.json') ?? new Uint8Array(), (name) => files.get(name), roles);
    requireHead(head, reading);
    return reading;
  }

  /** Every root, the other top roles, and the named ones with those above them, by file name. */
  async provingAt(head: RepositoryHead, roles: readonly string[], fresh = NONE_FRESH): Promise<Fresh> {
    const names = new Map<string, Uint8Array>();
    const into = async (role: string, version: number) => {
      const name = fileName(role, version);
      const bytes = fresh.get(name) ?? (await this.load(role, version));
      if (bytes) names.set(name, bytes);
    };
    for (let version = 1; version <= (head.versions.get('root') ?? 0); version += 1) await into('root', version);
    const wanted = new Set(['snapshot', 'timestamp', 'targets', ...roles.flatMap((role) => withParents(role))]);
    for (const role of wanted) await into(role, head.versions.get(role) ?? 0);
    return names;
  }

  /** The search of any client, answered from here. @param keep takes the files on the way, by name */
  async find(
    { head, reading }: State,
    wanted: Wanted,
    { fresh = NONE_FRESH, keep }: { readonly fresh?: Fresh; readonly keep?: Map<string, Uint8Array> } = {},
  ): Promise<Found | undefined> {
    const conversation = findTarget(reading.trusted, wanted, new Map());
    let turn = conversation.next();
    while (!turn.done) {
      const name = turn.value.do === 'fetch' ? turn.value.file : undefined;
      const bytes = name === undefined ? undefined : (fresh.get(name) ?? (await this.named(head, name)));
      if (name !== undefined && bytes) keep?.set(name, bytes);
      turn = conversation.next(bytes);
    }
    return turn.value;
  }
}

/** Every version has its own, the timestamp too, whose file name never changes. */
function cacheKey(role: string, version: number): string {
  return `${version} ${role}`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
