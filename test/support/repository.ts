/**
 * Small TUF repositories and the devices that follow them. Keys come from a label, so that every run makes the same bytes.
 */
import { constants, createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { utf8Encode } from '../../src/core/bytes.ts';
import type { CanonicalInput } from '../../src/core/canonical-json.ts';
import { isOtaError, type OtaError } from '../../src/core/errors.ts';
import { asObject, type JsonObject, parseJson } from '../../src/core/json.ts';
import { DAY_MS } from '../../src/core/time.ts';
import { importSigner, type PublicKey, type Signer } from '../../src/trust/keys.ts';
import { sha256Hex } from '../../src/trust/payload.ts';
import {
  type DelegationContent,
  type FreshnessContent,
  rootDocument,
  type SuccinctContent,
  snapshotDocument,
  type TargetContent,
  targetsDocument,
  timestampDocument,
} from '../../src/trust/repository/documents.ts';
import { fileName } from '../../src/trust/repository/published.ts';
import { messageOf, metadataFile } from '../../src/trust/repository/sign.ts';
import { type Dialect, TUF1 } from '../../src/trust/tuf/dialect.ts';
import { drive } from '../../src/trust/tuf/drive.ts';
import { type Found, findTarget, refresh, type Trusted, type Wanted } from '../../src/trust/tuf/refresh.ts';
import type { TopRole } from '../../src/trust/tuf/roles.ts';

export const NOW_MS = Date.UTC(2026, 10, 24);
/** When everything expires that a test gives no other end. */
export const EXPIRES_AT_MS = NOW_MS + 30 * DAY_MS;

/** Members of a `signed` part, of a key, of an envelope. */
export type Members = Readonly<Record<string, CanonicalInput>>;

export interface TestKey {
  readonly publicKey: PublicKey;
  readonly signer: Signer;
  /** Like the signer's, without a promise. */
  sign(message: Uint8Array): Uint8Array;
}

const ED25519_PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEYS = new Map<string, TestKey>();

/** An Ed25519 key whose seed is the hash of its label. */
export function testKey(label: string): TestKey {
  const known = KEYS.get(label) ?? makeKey(label);
  KEYS.set(label, known);
  return known;
}

function makeKey(label: string): TestKey {
  const seed = createHash('sha256').update(`sealift test key ${label}`).digest();
  return keyOf(createPrivateKey({ key: Buffer.concat([ED25519_PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' }));
}

/** Of Ed25519, P-256 or RSA (which signs with PSS). */
export function keyOf(key: KeyObject): TestKey {
  const signer = importSigner(key.export({ type: 'pkcs8', format: 'pem' }).toString());
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const padding = key.asymmetricKeyType === 'rsa' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {};
  return {
    signer,
    publicKey: signer.publicKey,
    sign: (message) => new Uint8Array(sign(hash, message, { key, ...padding })),
  };
}

/** The file that holds `signed`, and a signature by each of the keys. */
export function signedBy(signed: CanonicalInput, ...keys: readonly TestKey[]): Uint8Array {
  const message = messageOf(signed);
  return metadataFile(signed, new Map(keys.map((key) => [key.publicKey.keyId, key.sign(message)])));
}

/** The `signed` part of a file as plain objects. */
export function signedOf(bytes: Uint8Array): Members {
  return (JSON.parse(Buffer.from(bytes).toString()) as { readonly signed: Members }).signed;
}

/** The same with some members replaced; `undefined` takes one away. */
export function withMembers(bytes: Uint8Array, members: Readonly<Record<string, CanonicalInput | undefined>>): Members {
  const all = Object.entries<CanonicalInput | undefined>({ ...signedOf(bytes), ...members });
  return Object.fromEntries(all.filter((member): member is [string, CanonicalInput] => member[1] !== undefined));
}

export function targetOf(
  image: Uint8Array | string,
  custom: Readonly<Record<string, string | readonly string[]>> = {},
) {
  const bytes = typeof image === 'string' ? utf8Encode(image) : image;
  return {
    lengthBytes: bytes.length,
    hashes: new Map([['sha256', sha256Hex(bytes)]]),
    custom: new Map(Object.entries(custom)),
  } satisfies TargetContent;
}

export interface TestRole {
  keys: readonly TestKey[];
  threshold: number;
}

export interface TestTargets extends TestRole {
  targets: ReadonlyMap<string, TargetContent>;
  delegations?: readonly DelegationContent[] | SuccinctContent;
}

/** Each role has one key of its name unless a test gives it others; versions begin with 1. */
export class TestRepository {
  /** What is served, by file name; a test may replace or take away any of it. */
  readonly files = new Map<string, Uint8Array>();
  root = ownRole('root');
  timestamp = ownRole('timestamp');
  snapshot = ownRole('snapshot');
  top: TestTargets = { ...ownRole('targets'), targets: new Map() };
  /** Delegated roles; who delegates to them is said in `top`, or in another of them. */
  readonly delegated = new Map<string, TestTargets>();
  /** Of what was written last, by role. */
  readonly versions = new Map<string, number>();
  expiresAtMs = EXPIRES_AT_MS;
  signedAtMs = NOW_MS;
  #rootKeys: readonly TestKey[] = [];
  /** By file. */
  readonly #signers = new Map<string, readonly TestKey[]>();

  /** Next versions of the roles, in this order; without names, of all of them. */
  publish(...roles: readonly string[]): this {
    for (const role of roles.length > 0 ? roles : ['root', ...this.#online()]) {
      this.versions.set(role, this.version(role) + 1);
      this.write(role);
    }
    return this;
  }

  /** Next versions of all but the root. */
  renew(): this {
    return this.publish(...this.#online());
  }

  version(role: string): number {
    return this.versions.get(role) ?? 0;
  }

  nameOf(role: string): string {
    return fileName(role, this.version(role));
  }

  /** What is served of a role now. */
  fileOf(role: string): Uint8Array {
    const bytes = this.files.get(this.nameOf(role));
    if (!bytes) throw new Error(`the test repository serves no ${this.nameOf(role)}`);
    return bytes;
  }

  /** Writes a role under the version it has. */
  write(role: string): void {
    const content = { version: this.version(role), expiresAtMs: this.expiresAtMs };
    const signers = this.#signersOf(role);
    this.#signers.set(this.nameOf(role), signers);
    this.files.set(this.nameOf(role), signedBy(this.#document(role, content), ...signers));
    if (role === 'root') this.#rootKeys = this.root.keys;
  }

  /** Writes a role anew with some members replaced, signed by those who had signed it. */
  rewrite(role: string, members: Readonly<Record<string, CanonicalInput | undefined>>): void {
    const signers = this.#signers.get(this.nameOf(role)) ?? [];
    this.files.set(this.nameOf(role), signedBy(withMembers(this.fileOf(role), members), ...signers));
  }

  device(): TestDevice {
    const root = this.files.get('1.root.json');
    if (!root) throw new Error('the test repository has no root yet');
    return new TestDevice(this.files, root);
  }

  #online(): readonly string[] {
    return ['targets', ...this.delegated.keys(), 'snapshot', 'timestamp'];
  }

  /** A root is signed by the keys it names and by those of the root before it. */
  #signersOf(role: string): readonly TestKey[] {
    if (role === 'root') return [...this.#rootKeys, ...this.root.keys];
    if (role === 'timestamp' || role === 'snapshot') return this[role].keys;
    return this.#targets(role).keys;
  }

  #document(role: string, content: FreshnessContent): CanonicalInput {
    if (role === 'root') {
      const roles = {
        root: named('root', this.root),
        timestamp: named('timestamp', this.timestamp),
        snapshot: named('snapshot', this.snapshot),
        targets: named('targets', this.top),
      };
      return rootDocument({ ...content, roles });
    }
    if (role === 'timestamp') {
      const bytes = this.fileOf('snapshot');
      const snapshot = { version: this.version('snapshot'), lengthBytes: bytes.length, sha256: sha256Hex(bytes) };
      return timestampDocument({ ...content, signedAtMs: this.signedAtMs }, snapshot);
    }
    if (role === 'snapshot') {
      const names = ['targets', ...this.delegated.keys()];
      return snapshotDocument(content, new Map(names.map((name) => [name, this.version(name)])));
    }
    return targetsDocument({ ...content, ...this.#targets(role) });
  }

  #targets(role: string): TestTargets {
    const file = role === 'targets' ? this.top : this.delegated.get(role);
    if (!file) throw new Error(`the test repository has no role ${role}`);
    return file;
  }
}

function ownRole(label: string): TestRole {
  return { keys: [testKey(label)], threshold: 1 };
}

function named(name: TopRole, { keys, threshold }: TestRole) {
  return { threshold, keys: keys.map(({ publicKey }) => ({ name, key: publicKey })) };
}

/** Follows what is served, as a client with a disk would. */
export class TestDevice {
  /** What it trusts: replaced when it was told to. */
  readonly stored: Map<string, Uint8Array>;
  /** Files it asked for, in this order. */
  readonly fetched: string[] = [];
  nowMs = NOW_MS;
  served: Pick<ReadonlyMap<string, Uint8Array>, 'get'>;
  readonly #dialect: Dialect;

  constructor(served: TestDevice['served'], root: Uint8Array, dialect = TUF1) {
    this.served = served;
    this.#dialect = dialect;
    this.stored = new Map([['root', root]]);
  }

  refresh(): Trusted {
    return drive(
      refresh(new Map(this.stored), { dialect: this.#dialect, nowMs: this.nowMs }),
      this.#fetch,
      this.stored,
    );
  }

  /** Refreshes, and searches. */
  find(path: string, hardwareId?: string): Found | undefined {
    const wanted: Wanted = hardwareId === undefined ? { path } : { path, hardwareId };
    return drive(findTarget(this.refresh(), wanted, new Map(this.stored)), this.#fetch, this.stored);
  }

  readonly #fetch = (file: string) => {
    this.fetched.push(file);
    return this.served.get(file);
  };
}

/** The error that `run` is refused with. @throws what is not ours, and when nothing is refused */
export function refusalOf(run: () => unknown): OtaError {
  try {
    run();
  } catch (error) {
    if (isOtaError(error)) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** What a refusal says. Shapes have two codes, of JSON and of ours; both are `shape` here. */
export function refused(run: () => unknown): { code: string; pointer: unknown; role: unknown; message: string } {
  const { code, detail, message } = refusalOf(run);
  const isShape = code === 'JSON_SHAPE' || code === 'TRUST_MALFORMED';
  return { code: isShape ? 'shape' : code, pointer: detail.pointer, role: detail.role, message };
}

/** An object as it would come from a file; members that are `undefined` are not there. */
export function jsonOf(value: unknown): JsonObject {
  return asObject(parseJson(utf8Encode(JSON.stringify(value)), { maxBytes: 2 ** 24 }), '');
}
