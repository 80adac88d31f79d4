/** A repository on paper: what is published, in memory, and the requests that change it. Three people, two of whom must sign. */
import { wireJson } from '../../src/core/canonical-json.ts';
import { asObject, type JsonObject, parseJson } from '../../src/core/json.ts';
import { DAY_MS } from '../../src/core/time.ts';
import type { Signer } from '../../src/trust/keys.ts';
import { sha256Hex } from '../../src/trust/payload.ts';
import { answerRequest } from '../../src/trust/repository/answer.ts';
import {
  type DelegationContent,
  type RoleContent,
  type RootContent,
  snapshotDocument,
  type TargetContent,
  targetsDocument,
  timestampDocument,
} from '../../src/trust/repository/documents.ts';
import {
  type DraftFile,
  delegationFiles,
  firstFiles,
  type Published,
  roleOf,
  targetFiles,
} from '../../src/trust/repository/draft.ts';
import { fileName, readPublished, withParents } from '../../src/trust/repository/published.ts';
import {
  type PayloadToSign,
  type RequestBody,
  requestOf,
  type SigningRequest,
} from '../../src/trust/repository/request.ts';
import { type Review, reviewRequest } from '../../src/trust/repository/review.ts';
import { EXPIRES_AT_MS, NOW_MS, signedBy, TestDevice, type TestKey, targetOf, testKey } from './repository.ts';

/** When renewed files expire. */
export const LATER_MS = EXPIRES_AT_MS + 30 * DAY_MS;

export interface Signatory {
  readonly name: string;
  readonly root: TestKey;
  readonly targets: TestKey;
}

export function signatory(name: string): Signatory {
  return { name, root: testKey(`${name} root`), targets: testKey(`${name} targets`) };
}

export const [ALICE, BOB, CAROL] = [signatory('alice'), signatory('bob'), signatory('carol')] as const;
export const ALL = [ALICE, BOB, CAROL] as const;

export function roleBy(
  key: 'root' | 'targets',
  people: readonly Signatory[] = ALL,
  threshold = Math.min(2, people.length),
): RoleContent {
  return { threshold, keys: people.map((person) => ({ name: person.name, key: person[key].publicKey })) };
}

export function onlineRoles(label = 'online'): Pick<RootContent['roles'], 'snapshot' | 'timestamp'> {
  const role = (name: string) => ({
    threshold: 1,
    keys: [{ name: `${label} ${name}`, key: testKey(`${label} ${name}`).publicKey }],
  });
  return { snapshot: role('snapshot'), timestamp: role('timestamp') };
}

export function rolesBy(people: readonly Signatory[] = ALL, threshold?: number): RootContent['roles'] {
  return { root: roleBy('root', people, threshold), targets: roleBy('targets', people, threshold), ...onlineRoles() };
}

export const keysOf = (people: readonly Signatory[]): readonly TestKey[] =>
  people.flatMap(({ root, targets }) => [root, targets]);

export function signersOf(...people: readonly Signatory[]): readonly Signer[] {
  return keysOf(people).map(({ signer }) => signer);
}

/** One key signs, named like the supplier; paths below its name. */
export function supplier(name: string, more: Partial<DelegationContent> = {}): DelegationContent {
  const keys = [testKey(name).publicKey];
  return { name, keys, threshold: 1, terminating: false, paths: [`${name}/*`], ...more };
}

export class PaperRepository {
  /** What is published, by file name. */
  readonly files = new Map<string, Uint8Array>();
  readonly versions = new Map<string, number>();
  readonly bits: number | undefined;
  #requests = 0;

  constructor(bits?: number) {
    this.bits = bits;
    this.publish(firstFiles({ version: 1, expiresAtMs: EXPIRES_AT_MS, roles: rolesBy() }, bits, EXPIRES_AT_MS));
  }

  /** As if these keys had signed each of the files. */
  publish(files: readonly DraftFile[], keys: readonly TestKey[] = keysOf(ALL)): this {
    for (const { role, version, signed } of files) this.#put(role, version, signedBy(signed, ...keys));
    const next = (role: string) => (this.versions.get(role) ?? 0) + 1;
    const fresh = (role: string) => ({ version: next(role), expiresAtMs: EXPIRES_AT_MS });
    const listed = new Map([...this.versions].filter(([role]) => !['root', 'snapshot', 'timestamp'].includes(role)));
    const snapshot = signedBy(snapshotDocument(fresh('snapshot'), listed), testKey('online snapshot'));
    const facts = { version: next('snapshot'), lengthBytes: snapshot.length, sha256: sha256Hex(snapshot) };
    const timestamp = timestampDocument({ ...fresh('timestamp'), signedAtMs: NOW_MS }, facts);
    this.#put('snapshot', next('snapshot'), snapshot);
    this.#put('timestamp', next('timestamp'), signedBy(timestamp, testKey('online timestamp')));
    return this;
  }

  /** Top files and the named ones, as a client reads them. */
  read(...roles: readonly string[]): Published {
    const wanted = roles.flatMap(withParents).filter((role) => this.versions.has(role));
    const root = this.files.get('1.root.json') ?? new Uint8Array();
    return readPublished(root, (name) => this.files.get(name), wanted).published;
  }

  /** A client that was given the first root. */
  device(): TestDevice {
    return new TestDevice(this.files, this.files.get('1.root.json') ?? new Uint8Array());
  }

  /** A request for these files, on the base that a server would send along. */
  request(files: readonly DraftFile[], more: Partial<RequestBody> = {}): SigningRequest {
    this.#requests += 1;
    const roles = new Set(['snapshot', 'timestamp', 'targets', ...files.flatMap(({ role }) => withParents(role))]);
    const names = [...roles].map((role) => fileName(role, this.versions.get(role) ?? 0));
    const base = [...this.files].filter(([name]) => name.endsWith('.root.json') || names.includes(name));
    return requestOf({
      ...{ id: `request ${this.#requests}`, createdAtMs: NOW_MS, reason: 'because', payloads: [] },
      ...{ base: new Map(base), files, ...more },
    });
  }

  review(files: readonly DraftFile[], more: Partial<RequestBody> = {}): Review {
    return reviewRequest(this.request(files, more));
  }

  /** A supplier that speaks for `acme/*`, with keys of its label. */
  withSupplier(label = 'acme', targets: ReadonlyMap<string, TargetContent> = new Map()): this {
    const files = delegationFiles(this.read(), { set: supplier(label) }, EXPIRES_AT_MS);
    const own = { version: 1, expiresAtMs: EXPIRES_AT_MS, targets };
    const filled = files.map((file) => (file.role === label ? { ...file, signed: targetsDocument(own) } : file));
    return this.publish(filled, [...keysOf(ALL), testKey(label)]);
  }

  #put(role: string, version: number, bytes: Uint8Array): void {
    this.versions.set(role, version);
    this.files.set(fileName(role, version), bytes);
  }
}

/** The file that lists an image under a path, and what asks for a signature over the image itself. */
export function listing(
  repository: PaperRepository,
  path: string,
  image: Uint8Array | string,
  payloadKeys: readonly string[] = ['00'],
): { readonly files: readonly DraftFile[]; readonly payload: PayloadToSign } {
  const { bits } = repository;
  const target = targetOf(image);
  const change = { add: new Map([[path, target]]), remove: [] };
  const sha256 = target.hashes.get('sha256') ?? '';
  return {
    files: targetFiles(repository.read(roleOf(path, bits)), change, { bits }, LATER_MS),
    payload: { path, sha256, lengthBytes: target.lengthBytes, scheme: 'cups-p256-sha512', keys: payloadKeys },
  };
}

/** The request after these people have signed what they may. */
export async function answered(request: SigningRequest, ...people: readonly Signatory[]): Promise<SigningRequest> {
  let current = request;
  for (const person of people) {
    current = (await answerRequest(reviewRequest(current), signersOf(person))).request;
  }
  return current;
}

/** A `signed` part as a reader gets it. */
export function signedJson({ signed }: DraftFile): JsonObject {
  return asObject(parseJson(wireJson(signed)), '');
}
