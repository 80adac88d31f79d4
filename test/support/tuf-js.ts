/** Two clients of one repository over HTTP: tuf-js (ADR 0008), and ours. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { onTestFinished, vi } from 'vitest';
import { isOtaError } from '../../src/core/errors.ts';
import type { DelegationContent } from '../../src/trust/repository/documents.ts';
import { TUF1 } from '../../src/trust/tuf/dialect.ts';
import { type Conversation, findTarget, refresh } from '../../src/trust/tuf/refresh.ts';
import { temporaryDir } from './ports.ts';
import { TestRepository, type TestTargets, targetOf, testKey } from './repository.ts';

/** tuf-js takes the time from `Date`; both clients get the same. */
export function atTime(nowMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: nowMs });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

/** Serves files by name below `/repo/`, and images below `/repo/targets/`. */
export async function serve(
  repository: TestRepository,
  images: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<string> {
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice('/repo/'.length);
    const bytes = repository.files.get(name) ?? images.get(name);
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo`;
}

/** What a client says of a path: length and digest, that nobody lists it, or that it refuses to say. */
export type Answer = string;
export const NOBODY = 'nobody lists it';
export const REFUSED = 'refused';

export interface Client {
  find(path: string): Promise<Answer>;
}

/** Our client, driven over HTTP; remembers what it is told to keep. */
export class OurClient implements Client {
  readonly stored: Map<string, Uint8Array>;
  readonly #url: string;

  constructor(url: string, root: Uint8Array) {
    this.#url = url;
    this.stored = new Map([['root', root]]);
  }

  async find(path: string): Promise<Answer> {
    try {
      const trusted = await this.#drive(refresh(new Map(this.stored), { dialect: TUF1, nowMs: Date.now() }));
      const found = await this.#drive(findTarget(trusted, { path }, new Map(this.stored)));
      return found ? `${found.target.lengthBytes} ${found.target.hashes.get('sha256')}` : NOBODY;
    } catch (error) {
      if (isOtaError(error)) return REFUSED;
      throw error;
    }
  }

  async #drive<T>(conversation: Conversation<T>): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) {
      const step = turn.value;
      if (step.do === 'keep') this.stored.set(step.role, step.bytes);
      if (step.do === 'drop') this.stored.delete(step.role);
      turn = conversation.next(step.do === 'fetch' ? await get(`${this.#url}/${step.file}`) : undefined);
    }
    return turn.value;
  }
}

export async function get(url: string): Promise<Uint8Array | undefined> {
  const response = await fetch(url);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return response.ok ? bytes : undefined;
}

/** tuf-js, begun anew for each update on the folder in which it keeps what it trusts. */
export class TheirClient implements Client {
  readonly dir = temporaryDir();
  readonly #url: string;

  constructor(url: string, root: Uint8Array) {
    this.#url = url;
    writeFileSync(join(this.dir, 'root.json'), root);
  }

  updater(): Updater {
    const places = { metadataDir: this.dir, metadataBaseUrl: this.#url, targetBaseUrl: `${this.#url}/targets` };
    return new Updater({ ...places, targetDir: this.dir, config: { fetchRetry: 0 } });
  }

  async find(path: string): Promise<Answer> {
    try {
      const found = await this.updater().getTargetInfo(path);
      return found ? `${found.length} ${found.hashes.sha256}` : NOBODY;
    } catch {
      return REFUSED;
    }
  }

  stored(role: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.dir, `${encodeURIComponent(role)}.json`)));
  }
}

export async function clientsOf(repository: TestRepository) {
  const url = await serve(repository);
  const root = repository.files.get('1.root.json') ?? new Uint8Array();
  return { ours: new OurClient(url, root), theirs: new TheirClient(url, root) };
}

export const one = (label: string) => ({ keys: [testKey(label)], threshold: 1 });
export const listing = (label: string, ...paths: readonly string[]): TestTargets => ({
  ...one(label),
  targets: new Map(paths.map((path) => [path, targetOf(`${path} of ${label}`)])),
});
export const answerOf = (path: string, label: string): Answer => {
  const { lengthBytes, hashes } = targetOf(`${path} of ${label}`);
  return `${lengthBytes} ${hashes.get('sha256')}`;
};
export const delegation = (name: string, members: Partial<DelegationContent> = {}): DelegationContent => ({
  ...{ name, keys: [testKey(name).publicKey], threshold: 1, terminating: false, paths: ['*', 'dir/*'] },
  ...members,
});

/** The top lists `x`; suppliers a and b list what their names say, c below a. */
export function repositoryOf(): TestRepository {
  const repository = new TestRepository();
  repository.top = { ...listing('targets', 'x', 'dir/x'), delegations: [delegation('a'), delegation('b')] };
  repository.delegated.set('a', { ...listing('a', 'of-a', 'both'), delegations: [delegation('c')] });
  repository.delegated.set('b', listing('b', 'of-b', 'both', 'dir/of-b'));
  repository.delegated.set('c', listing('c', 'of-c', 'of-b'));
  return repository.publish();
}

/** What is done to a repository that both clients have followed. */
export type Change = (repository: TestRepository) => void;

/** Both clients follow a repository at its third version; then it changes, and both are asked again. */
export async function afterwards(change: Change, path = 'x'): Promise<{ ours: Answer; theirs: Answer }> {
  const repository = repositoryOf().renew().renew();
  const { ours, theirs } = await clientsOf(repository);
  for (const client of [ours, theirs]) await client.find(path);
  change(repository);
  return { ours: await ours.find(path), theirs: await theirs.find(path) };
}
