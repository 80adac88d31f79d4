/** The dialects that are not ours: files the reference implementation wrote, and small ones in the manner of aktualizr (spec 3). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  jsonOf,
  type Members,
  NOW_MS,
  refusalOf,
  signedBy,
  TestDevice,
  type TestKey,
  targetOf,
  testKey,
} from '../../../test/support/repository.ts';
import { vectorsDir } from '../../../test/support/vectors/files.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { canonicalJson, wireJson } from '../../core/canonical-json.ts';
import { generateSigner } from '../keys.ts';
import { MAX_ROOT_BYTES, MAX_SNAPSHOT_BYTES, MAX_TARGETS_BYTES } from '../limits.ts';
import { AKTUALIZR, type Dialect, REFERENCE, TUF1 } from './dialect.ts';
import { refresh, type Step } from './refresh.ts';
import { readTimestamp } from './roles.ts';
import { writeTime } from './shape.ts';

describe('SEC-7 dialect of the reference implementation', () => {
  const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;
  const read = (...path: string[]) => new Uint8Array(readFileSync(join(vectorsDir(), 'uptane', ...path)));
  const firstRoot = (name: string) => read('reference-samples', 'update_to_one_ecu', name, 'root.json');

  function deviceOf(name: string, dialect: Dialect = REFERENCE): TestDevice {
    const files = ROLES.map((role) => [`${role}.json`, read('reference-run', name, `${role}.json`)] as const);
    const device = new TestDevice(new Map(files), firstRoot(name), dialect);
    device.nowMs = Date.UTC(2026, 10, 22, 12, 10);
    return device;
  }

  it.each([
    ['director', 6, '/firmware.img'],
    ['imagerepo', 5, '/TCU1.1.txt'],
  ])('SEC-7 %s as left by a real run: root 2 from root 1, the others at their versions', (name, version, path) => {
    const device = deviceOf(name);
    const trusted = device.refresh();
    expect(trusted.root.value.version).toBe(2);
    expect(trusted.timestamp.value.version).toBe(version);
    expect(trusted.snapshot.value.version).toBe(version);
    expect(trusted.targets.value.version).toBe(5);
    expect(device.find(path)).toMatchObject({ role: 'targets' });
    expect(device.find(path.slice(1))).toMatchObject({ role: 'targets' });
    for (const role of ROLES) expect(device.stored.get(role)).toEqual(read('reference-run', name, `${role}.json`));
  });

  it('SEC-7 a root that is still the same is asked for once, and is no news', () => {
    const device = deviceOf('director');
    device.refresh();
    device.fetched.length = 0;
    device.refresh();
    expect(device.fetched).toEqual(['root.json', 'timestamp.json']);
  });

  it('SEC-10 the root file is asked for as the root it is, within the bound of roots', () => {
    const step = refresh(deviceOf('director').stored, { dialect: REFERENCE, nowMs: NOW_MS }).next().value;
    expect(step).toEqual({ do: 'fetch', file: 'root.json', role: 'root', maxBytes: MAX_ROOT_BYTES });
  });

  it('SEC-7 a repository without a root file keeps the root we have', () => {
    const device = deviceOf('director');
    device.refresh();
    const { served } = device;
    device.served = { get: (file) => (file === 'root.json' ? undefined : served.get(file)) };
    expect(device.refresh().root.value.version).toBe(2);
  });

  it('SEC-3 a root file that goes back to the first is refused', () => {
    const device = deviceOf('director');
    device.refresh();
    const { served } = device;
    device.served = { get: (file) => (file === 'root.json' ? firstRoot('director') : served.get(file)) };
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_ROLLBACK', detail: { role: 'root' } });
  });

  it.each([TUF1, AKTUALIZR])('SEC-7 dialects are never mixed: as $name it is refused', (dialect) => {
    expect(refusalOf(() => deviceOf('director', dialect).refresh())).toMatchObject({ detail: { role: 'root' } });
  });
});

/** In the manner of aktualizr and its servers: written for people, base64, key types and methods in capitals. */
class Aktualizr {
  readonly files = new Map<string, Uint8Array>();
  readonly key = testKey('aktualizr');
  readonly keyId = keyIdOf(this.key);
  note = '';
  targets: Members = { 'fw/a.img': { length: 5, hashes: targetOf('image').hashes } };

  constructor() {
    const publicKey = { keytype: 'ED25519', keyval: { public: hexOf(this.key) } };
    const role = { keyids: [this.keyId], threshold: 1 };
    const roles = { root: role, timestamp: role, snapshot: role, targets: role };
    this.write('1.root.json', 'Root', { keys: { [this.keyId]: publicKey }, roles, consistent_snapshot: false });
    this.publish();
  }

  publish(): void {
    this.write('targets.json', 'Targets', { targets: this.targets });
    this.write('snapshot.json', 'Snapshot', {
      meta: { 'targets.json': this.factsOf('targets.json') },
      note: this.note,
    });
    this.write('timestamp.json', 'Timestamp', { meta: { 'snapshot.json': this.factsOf('snapshot.json') } });
  }

  /** Over the canonical form, not over what is served. */
  factsOf(file: string): Members {
    const canonical = wireJson(JSON.parse(Buffer.from(this.bytesOf(file)).toString()) as Members);
    return {
      version: 1,
      length: canonical.length,
      hashes: { sha256: createHash('sha256').update(canonical).digest('hex') },
    };
  }

  bytesOf(file: string): Uint8Array {
    return this.files.get(file) ?? new Uint8Array();
  }

  write(file: string, type: string, members: Members, signature: Members = {}): void {
    const signed = { _type: type, version: 1, expires: writeTime(NOW_MS + 1_000), ...members };
    const sig = Buffer.from(this.key.sign(wireJson(signed))).toString('base64');
    const signatures = [{ keyid: this.keyId, method: 'ED25519', sig, ...signature }];
    this.files.set(file, utf8Encode(JSON.stringify(plain({ signatures, signed }), undefined, 3)));
  }

  device(dialect: Dialect = AKTUALIZR): TestDevice {
    return new TestDevice(this.files, this.bytesOf('1.root.json'), dialect);
  }
}

function plain(value: Members): unknown {
  return JSON.parse(Buffer.from(wireJson(value)).toString()) as unknown;
}

function hexOf({ publicKey }: TestKey): string {
  return ((publicKey.json as Members).keyval as Members).public as string;
}

/** Spec 3.3: of the public value alone. */
function keyIdOf(key: TestKey): string {
  return createHash('sha256')
    .update(canonicalJson(hexOf(key)))
    .digest('hex');
}

describe('SEC-7 dialect of aktualizr', () => {
  it('SEC-7 base64, methods and key types in capitals, hashes over the canonical form', () => {
    const device = new Aktualizr().device();
    expect(device.find('fw/a.img')?.target.lengthBytes).toBe(5);
    expect(device.fetched).toEqual(['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json']);
  });

  it('SEC-7 what is read of a file is not bounded by the length of its canonical form', () => {
    const repository = new Aktualizr();
    const steps: Step[] = [];
    const conversation = refresh(repository.device().stored, { dialect: AKTUALIZR, nowMs: NOW_MS });
    for (let turn = conversation.next(); !turn.done; ) {
      steps.push(turn.value);
      turn = conversation.next(turn.value.do === 'fetch' ? repository.files.get(turn.value.file) : undefined);
    }
    const bounds = steps.flatMap((step) => (step.do === 'fetch' ? [[step.role, step.maxBytes]] : []));
    expect(bounds.slice(2)).toEqual([
      ['snapshot', MAX_SNAPSHOT_BYTES],
      ['targets', MAX_TARGETS_BYTES],
    ]);
  });

  it('SEC-7 a targets file may be as long as in any dialect', () => {
    const repository = new Aktualizr();
    const path = (index: number) => `fw/${index}/${'x'.repeat(1_000)}`;
    repository.targets = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, index) => [path(index), { length: 1, hashes: { sha256: 'ab' } }]),
    );
    repository.publish();
    expect(repository.bytesOf('targets.json').length).toBeGreaterThan(2 ** 22);
    expect(repository.device().find(path(4_999))?.target.lengthBytes).toBe(1);
  });

  it.each([
    ['length', { length: 1 }],
    ['hash', { hashes: { sha256: 'ab'.repeat(32) } }],
    ['version', { version: 2 }],
  ])('SEC-3 another %s than is listed is mix-and-match', (_what, facts) => {
    const repository = new Aktualizr();
    const listed = { ...repository.factsOf('snapshot.json'), ...facts };
    repository.write('timestamp.json', 'Timestamp', { meta: { 'snapshot.json': listed } });
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_MIX_AND_MATCH',
      detail: { role: 'snapshot' },
    });
  });

  it.each(['rsassa-pss', 'rsassa-pss-sha256', 'ecdsa', 'ed25519ph', 'none', ''])(
    'SEC-7 the method %j is not that of an Ed25519 key, so the signature counts for nothing',
    (method) => {
      const repository = new Aktualizr();
      const meta = { 'snapshot.json': repository.factsOf('snapshot.json') };
      repository.write('timestamp.json', 'Timestamp', { meta }, { method });
      expect(refusalOf(() => repository.device().refresh())).toMatchObject({
        code: 'TRUST_SIGNATURES',
        detail: { role: 'timestamp', have: 0, need: 1 },
      });
    },
  );

  it.each([
    ['no method', { method: null }],
    ['a method that is no text', { method: 1 }],
    ['a signature that is no text', { sig: 7 }],
  ])('SEC-7 %s is malformed', (_what, signature) => {
    const repository = new Aktualizr();
    repository.write('timestamp.json', 'Timestamp', {}, signature);
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_MALFORMED',
      detail: { role: 'timestamp' },
    });
  });

  it.each([
    ['rsassa-pss', wireJson, 'TRUST_MISSING'],
    ['RSASSA-PSS-SHA256', wireJson, 'TRUST_MISSING'],
    ['rsassa-pss', canonicalJson, 'TRUST_SIGNATURES'],
  ])(
    'SEC-7 an RSA key signs by the method %s, over its PEM with newlines as jsoncpp escapes them',
    async (method, message, code) => {
      const { signer } = generateSigner('rsa');
      const text = ((signer.publicKey.json as Members).keyval as Members).public as string;
      expect(text).toContain('\n');
      const keyId = createHash('sha256').update(wireJson(text.trimEnd())).digest('hex');
      const role = { keyids: [keyId], threshold: 1 };
      const signed = {
        ...{ _type: 'Root', version: 1, expires: writeTime(NOW_MS + 1_000), consistent_snapshot: false },
        keys: { [keyId]: { keytype: 'RSA', keyval: { public: text } } },
        roles: { root: role, timestamp: role, snapshot: role, targets: role },
      };
      const sig = Buffer.from(await signer.sign(message(signed))).toString('base64');
      const root = utf8Encode(JSON.stringify({ signatures: [{ keyid: keyId, method, sig }], signed }));
      const device = new TestDevice(new Map(), root, AKTUALIZR);
      expect(refusalOf(() => device.refresh()).code).toBe(code);
    },
  );

  it('SEC-3 a snapshot with control characters is the one that is listed when it is hashed as jsoncpp writes it', () => {
    const repository = new Aktualizr();
    repository.note = 'two\nlines';
    repository.publish();
    expect(repository.device().refresh().snapshot.value.version).toBe(1);
  });

  it.each([REFERENCE, AKTUALIZR])(
    'SEC-3 of $name a timestamp without a hash of the snapshot is refused (U030)',
    (dialect) => {
      const signed = { version: 1, expires: writeTime(NOW_MS), meta: { 'snapshot.json': { version: 1, length: 7 } } };
      expect(refusalOf(() => readTimestamp(jsonOf(signed), dialect))).toMatchObject({
        ...{ code: 'TRUST_MALFORMED', message: '/signed/meta/snapshot.json lists no hash' },
      });
      expect(readTimestamp(jsonOf(signed), TUF1).snapshot.hashes).toBeUndefined();
    },
  );

  it('SEC-7 types are capital, and ours are not', () => {
    const repository = new Aktualizr();
    repository.write('timestamp.json', 'timestamp', {});
    expect(refusalOf(() => repository.device().refresh())).toMatchObject({
      code: 'TRUST_MALFORMED',
      message: '/signed/_type is "timestamp", not "Timestamp"',
    });
  });

  it.each([TUF1, REFERENCE])('SEC-7 as $name it is refused', (dialect) => {
    expect(refusalOf(() => new Aktualizr().device(dialect).refresh())).toMatchObject({ detail: { role: 'root' } });
  });
});

describe('SEC-7 dialects', () => {
  it('SEC-7 ours names no method: one that stands there means nothing', () => {
    const key = testKey('root');
    const role = { keyids: [key.publicKey.keyId], threshold: 1 };
    const root = signedBy(
      {
        ...{ _type: 'root', spec_version: '1.0.31', version: 1, expires: writeTime(NOW_MS), consistent_snapshot: true },
        keys: { [key.publicKey.keyId]: key.publicKey.json },
        roles: { root: role, timestamp: role, snapshot: role, targets: role },
      },
      key,
    );
    const odd = JSON.parse(Buffer.from(root).toString()) as { signatures: [{ method?: unknown }] };
    odd.signatures[0].method = 7;
    const device = new TestDevice(new Map(), utf8Encode(JSON.stringify(odd)));
    expect(refusalOf(() => device.refresh())).toMatchObject({ code: 'TRUST_EXPIRED', detail: { role: 'root' } });
  });

  it('SEC-7 each says what it differs in', () => {
    const capital = { root: 'Root', timestamp: 'Timestamp', snapshot: 'Snapshot', targets: 'Targets' };
    expect(TUF1).toEqual({
      ...{ name: 'tuf1', hasSpecVersion: true, signatureEncoding: 'hex', hasMethod: false, rootFiles: 'chain' },
      ...{ canonicalForm: 'olpc', needsSnapshotHash: false, hashesOver: 'file', patterns: 'segments' },
      types: { root: 'root', timestamp: 'timestamp', snapshot: 'snapshot', targets: 'targets' },
    });
    expect(REFERENCE).toEqual({
      ...{ name: 'reference', hasSpecVersion: false, signatureEncoding: 'hex', hasMethod: true, rootFiles: 'single' },
      ...{ canonicalForm: 'olpc', needsSnapshotHash: true, hashesOver: 'file', patterns: 'anything', types: capital },
    });
    expect(AKTUALIZR).toEqual({
      ...{ name: 'aktualizr', hasSpecVersion: false, signatureEncoding: 'base64', hasMethod: true, rootFiles: 'chain' },
      ...{ canonicalForm: 'jsoncpp', needsSnapshotHash: true, hashesOver: 'canonical', patterns: 'anything' },
      types: capital,
    });
  });
});
