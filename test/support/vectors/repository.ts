/** Vectors of uptane/ that concern one TUF repository: stored state, served files, wanted targets. */
import { expect } from 'vitest';
import { OtaError } from '../../../src/core/errors.ts';
import { TUF1 } from '../../../src/trust/tuf/dialect.ts';
import { drive } from '../../../src/trust/tuf/drive.ts';
import { ImageCheck } from '../../../src/trust/tuf/image.ts';
import { findTarget, refresh, type Trusted, type Wanted } from '../../../src/trust/tuf/refresh.ts';
import { type Kind, listOf, type Members, textOf, withEntries } from './kind.ts';

/** Our finer codes as the classes of the vectors (README of the folder, spec 9.0). */
const CLASSES = new Map([
  ['TRUST_SIGNATURES', 'BadSignature'],
  ['TRUST_THRESHOLD', 'BadThreshold'],
  ['TRUST_ROLLBACK', 'RollbackMetadata'],
  ['TRUST_EXPIRED', 'ExpiredMetadata'],
  ['TRUST_MIX_AND_MATCH', 'MixAndMatch'],
  ['TRUST_MISSING', 'MetadataNotFound'],
  ['TRUST_MALFORMED', 'MalformedMetadata'],
  ['TRUST_UNSUPPORTED', 'MalformedMetadata'],
  ['TRUST_KEY', 'MalformedMetadata'],
  ['TRUST_LENGTH', 'LengthMismatch'],
  ['TRUST_IMAGE_HASH', 'BadImageHash'],
]);

/** A file may hold scenarios of a Director beside ours; those wait. */
const entries = (file: Members) => listOf(file, 'cases').filter(isOfOne);

export const REPOSITORY: Kind = {
  name: 'SEC-3 TUF scenarios',
  recognises: (file) => withEntries('cases', 'stored', 'served', 'want', 'expect')(file) && entries(file).length > 0,
  cases: (file) =>
    entries(file).map((one) => ({ name: `${String(one.id)} ${String(one.title)}`, run: () => check(one) })),
};

/** Not a Director and an image repository together. */
function isOfOne(one: Members): boolean {
  return Object.keys(one.stored as Members).length === 1 && one.vehicle === undefined;
}

function check(one: Members): void {
  const [repo = ''] = Object.keys(one.stored as Members);
  const expected = one.expect as Members;
  const outcome = run(one, repo);
  if (expected.result === 'ok') expect(outcome).toEqual({ result: 'ok', targets: expected.targets });
  else
    expect(outcome).toEqual({
      result: 'error',
      error: expected.error,
      repo: expected.repo ?? repo,
      role: expected.role,
    });
}

function run(one: Members, repo: string): Members {
  const state = new Map(filesOf(one.stored, repo));
  const served = new Map(filesOf(one.served, repo));
  const before = new Map(state);
  const options = { dialect: TUF1, nowMs: Date.parse(textOf(one, 'now')) };
  try {
    const trusted = drive(refresh(before, options), (file) => served.get(file), state);
    const wanted = listOf(one, 'want') as unknown as Wanted[];
    return { result: 'ok', targets: wanted.map((want) => resolve(one, want, trusted, { state, served })) };
  } catch (error) {
    if (error instanceof Miss) return { result: 'error', error: error.kind, repo, role: error.path };
    if (!(error instanceof OtaError)) throw error;
    return { result: 'error', error: CLASSES.get(error.code) ?? error.code, repo, role: error.detail.role };
  }
}

class Miss extends Error {
  readonly kind: string;
  readonly path: string;

  constructor(kind: string, path: string) {
    super(`${kind} ${path}`);
    this.kind = kind;
    this.path = path;
  }
}

interface Repository {
  readonly state: Map<string, Uint8Array>;
  readonly served: ReadonlyMap<string, Uint8Array>;
}

function resolve(one: Members, want: Wanted, trusted: Trusted, { state, served }: Repository): string {
  const found = drive(findTarget(trusted, want, new Map(state)), (file) => served.get(file), state);
  if (!found) throw new Miss('UnknownTarget', want.path);
  const images = one.images as Members | undefined;
  if (!images) return want.path;
  const image = images[want.path];
  if (typeof image !== 'string') throw new Miss('ImageNotFound', want.path);
  try {
    const check = new ImageCheck(found.target);
    check.update(Buffer.from(image, 'base64'));
    check.finish();
  } catch (error) {
    if (!(error instanceof OtaError)) throw error;
    throw new Miss(CLASSES.get(error.code) ?? error.code, want.path);
  }
  return want.path;
}

function filesOf(repositories: unknown, repo: string): [string, Uint8Array][] {
  const files = (repositories as Record<string, Record<string, string>>)[repo] ?? {};
  return Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]);
}
