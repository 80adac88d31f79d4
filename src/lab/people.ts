/**
 * People who sign, for demo, labs and tests: throw-away keys in memory, and the same steps that real ones take: draft, export, sign,
 * import. The keys are worth nothing, and are named DEMO for it.
 */
import { toHex } from '../core/bytes.ts';
import { generateSigner, type Signer } from '../trust/keys.ts';
import { generatePayloadSigner, type PayloadSigner } from '../trust/payload.ts';
import { answerRequest } from '../trust/repository/answer.ts';
import { readRequest, writeRequest } from '../trust/repository/request.ts';
import { reviewRequest } from '../trust/repository/review.ts';
import type { LabApi } from './api.ts';

export interface Person {
  readonly name: string;
  readonly root: Signer;
  readonly targets: Signer;
  /** Gateways check firmware with its public half; a CUPS gateway knows one key, so one person has it. */
  readonly payload: PayloadSigner | undefined;
}

export interface SigningEventView {
  readonly id: string;
  readonly state: 'open' | 'published' | 'cancelled';
  readonly changes: readonly string[];
  readonly files: readonly {
    role: string;
    need: number;
    signed: { name: string }[];
    missing: { name: string }[];
    complete: boolean;
  }[];
  readonly releaseId: string | null;
}

const NAMES = ['DEMO alice', 'DEMO bob', 'DEMO carol'];

/** @param count 1 to 3; the first holds the payload key */
export function makePeople(count: number): readonly Person[] {
  return NAMES.slice(0, count).map((name, index) => ({
    name,
    root: generateSigner('ed25519').signer,
    targets: generateSigner('ed25519').signer,
    payload: index === 0 ? generatePayloadSigner().signer : undefined,
  }));
}

/** Draft of the first root: `threshold` of these people must sign from now on. */
export function draftFirstRoot(api: LabApi, people: readonly Person[], threshold: number): Promise<SigningEventView> {
  const holders = (key: (person: Person) => Signer) =>
    people.map((person) => ({ name: person.name, key: key(person).publicKey.json }));
  return api.post('/trust/signing-events', {
    kind: 'root',
    root: { threshold, keys: holders(({ root }) => root) },
    targets: { threshold, keys: holders(({ targets }) => targets) },
  });
}

/** Draft of a release of one artifact, which is uploaded first. */
export async function draftRelease(
  api: LabApi,
  release: { readonly version: string; readonly hardware: string; readonly content: Uint8Array },
  people: readonly Person[],
): Promise<SigningEventView> {
  const { version, hardware, content } = release;
  const sha256 = await api.upload(content);
  const payloadKeys = people.flatMap(({ payload }) => (payload ? [toHex(payload.key)] : []));
  const artifacts = [{ hardware, sha256 }];
  return api.post('/trust/signing-events', { kind: 'release', component: 'firmware', version, artifacts, payloadKeys });
}

/** Exports the request, signs it on a machine that sees nothing else, and brings it back. */
export async function signAs(
  api: LabApi,
  eventId: string,
  { root, targets, payload }: Person,
  contents: readonly Uint8Array[] = [],
): Promise<SigningEventView> {
  const path = `/trust/signing-events/${eventId}/request`;
  const { request } = await api.get<{ request: string }>(path);
  const review = reviewRequest(readRequest(Buffer.from(request)));
  const answer = await answerRequest(review, [root, targets], payload ? [payload] : [], contents);
  return api.put(path, { request: Buffer.from(writeRequest(answer.request)).toString() });
}

/** All of them, one after the other. @returns the event as it is when the last has signed */
export async function signAll(
  api: LabApi,
  event: SigningEventView,
  people: readonly Person[],
  contents: readonly Uint8Array[] = [],
): Promise<SigningEventView> {
  let current = event;
  for (const person of people) {
    if (current.state === 'open') current = await signAs(api, event.id, person, contents);
  }
  return current;
}
