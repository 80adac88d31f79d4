import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { QUICK, refusedUnchanged, rowsOf } from '../../test/support/direct-store.ts';
import {
  DATABASE,
  draftRelease,
  openParts,
  type Parts,
  partsWithRoot,
  publishRelease,
  rootChange,
  signedByAll,
} from '../../test/support/fleet.ts';
import { refusalOf, TestDevice } from '../../test/support/repository.ts';
import { DAY_MS } from '../core/time.ts';
import { createUlids } from '../core/ulid.ts';
import { TrustError } from '../trust/errors.ts';
import { MAX_PROOF_PATHS } from '../trust/limits.ts';
import { sha256Hex } from '../trust/payload.ts';
import { targetsDocument } from '../trust/repository/documents.ts';
import { metadataFile, signWith } from '../trust/repository/sign.ts';
import { verifyProof } from '../trust/tuf/proof.ts';
import type { Change } from './changes.ts';
import type { Artifact } from './model.ts';
import type { Store } from './ports.ts';
import { ImageRepository, type Signed } from './repository.ts';

const imageOf = (version: string) => Buffer.from(`image of ${version}`);
const digestOf = (version: string) => sha256Hex(imageOf(version));
const versionsOf = ({ repository }: Pick<Parts, 'repository'>) => Object.fromEntries(repository.head?.versions ?? []);
const reopened = ({ dir, clock, vault, people }: Parts) => openParts({ ...QUICK, dir, clock, vault, people });

/** A device that reads files of the database as they are served. */
async function deviceOf(parts: Parts, ...names: readonly string[]): Promise<TestDevice> {
  const files = new Map<string, Uint8Array>();
  for (const name of ['1.root.json', ...names])
    files.set(name, (await parts.repository.file(name)) ?? new Uint8Array());
  return new TestDevice(files, files.get('1.root.json') ?? new Uint8Array());
}

async function rotateOnline(parts: Parts): Promise<void> {
  const { expiresAtMs, targetsExpiresAtMs } = rootChange(parts, parts.people, 2);
  const change: Change = { kind: 'root', rotateOnline: true, expiresAtMs, targetsExpiresAtMs };
  await signedByAll(parts, await parts.signing.start(change, 'new online keys'));
}

/** Whoever has root on the server, and the store under it. */
function tampering({ dir }: Parts, work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(dir, DATABASE));
  try {
    work(db);
  } finally {
    db.close();
  }
}

describe('SEC-11 files by name', () => {
  it('SEC-11 those that were published, under the names that clients ask for', async () => {
    const parts = await partsWithRoot({ ...QUICK, bits: 1 });
    await publishRelease(parts);
    const { repository } = parts;
    const signed = async (name: string) => {
      const bytes = await repository.file(name);
      return (
        bytes && (JSON.parse(Buffer.from(bytes).toString()) as { signed: { _type: string; version: number } }).signed
      );
    };
    for (const [name, type, version] of [
      ['1.root.json', 'root', 1],
      ['root.json', 'root', 1],
      ['timestamp.json', 'timestamp', 2],
      ['1.snapshot.json', 'snapshot', 1],
      ['2.snapshot.json', 'snapshot', 2],
      ['1.targets.json', 'targets', 1],
      ['bins.json', 'targets', 1],
    ] as const)
      expect(await signed(name)).toMatchObject({ _type: type, version });
  });

  it('SEC-11 and nothing under any other', async () => {
    const { repository } = await partsWithRoot(QUICK);
    for (const name of [
      ...['', 'x', 'root', '.json', '2.root.json', '0.root.json', '3.snapshot.json', '9007199254740993.root.json'],
      ...[
        '99999999999999999.root.json',
        '-1.root.json',
        '1.2.root.json',
        '1e0.root.json',
        ' 1.root.json',
        '1.root.json ',
        '01.root.json',
        '0000000000000001.root.json',
        '1.timestamp.json',
      ],
      ...[
        '../1.root.json',
        '/1.root.json',
        '1.root.json/',
        '1.%2e%2e%2froot.json',
        '1.root%00.json',
        '1.%72oot.json.json',
      ],
      ...[
        '1.__proto__.json',
        'constructor.json',
        '1.roo%.json',
        '1.%ff.json',
        `1.${'x'.repeat(4_000)}.json`,
        '1.root.JSON',
      ],
    ])
      expect(await repository.file(name), name.slice(0, 64)).toBeUndefined();
  });
});

describe('SEC-22 release proofs', () => {
  const verify = (
    proof: Uint8Array | undefined,
    root: Uint8Array,
    version: string,
    { clock }: Parts,
    hardwareId = 'hw',
  ) =>
    verifyProof(proof ?? new Uint8Array(), {
      ...{ stored: new Map([['root', root]]), nowMs: clock.nowMs(), hardwareId },
      image: { sha256: digestOf(version), lengthBytes: imageOf(version).length },
    });

  it.each([undefined, 1, 4])(
    'SEC-22 of each image, through 2^%s bins, for its hardware, fresh after each publication',
    async (bits) => {
      const parts = await partsWithRoot({ ...QUICK, ...(bits === undefined ? {} : { bits }) });
      const { repository, clock } = parts;
      const root = (await repository.file('1.root.json')) ?? new Uint8Array();
      const versions = ['1.0.0', '1.1.0', '1.2.0'];
      for (const [index, version] of versions.entries()) {
        await publishRelease(parts, { version });
        clock.advance(DAY_MS);
        for (const known of versions.slice(0, index + 1)) {
          const proof = await repository.proof(digestOf(known));
          const { target, stored } = verify(proof, root, known, parts);
          expect(target.version).toBe(known);
          expect(stored.get('timestamp')).toEqual(await repository.file('timestamp.json'));
          expect(() => verify(proof, root, known, parts, 'hw2')).toThrow(TrustError);
          expect(await repository.proof(digestOf(known))).toBe(proof);
        }
      }
      // Without renewal a proof dies with its timestamp; with it, it does not.
      const last = await repository.proof(digestOf('1.0.0'));
      clock.advance(6 * DAY_MS);
      expect(refusalOf(() => verify(last, root, '1.0.0', parts)).code).toBe('TRUST_EXPIRED');
      expect(await repository.renew()).toBe(true);
      expect(verify(await repository.proof(digestOf('1.0.0')), root, '1.0.0', parts).target.version).toBe('1.0.0');
      await rotateOnline(parts);
      expect(verify(await repository.proof(digestOf('1.0.0')), root, '1.0.0', parts).stored.get('root')).toEqual(
        await repository.file('2.root.json'),
      );
    },
  );

  it('SEC-22 there is none of an image nobody has signed, nor of one that was removed, nor before the first root', async () => {
    const empty = await openParts(QUICK);
    expect(await empty.repository.proof(digestOf('1.1.0'))).toBeUndefined();
    expect(await empty.repository.endorsement('a', 'hw')).toBeUndefined();
    expect(await empty.repository.file('1.root.json')).toBeUndefined();
    expect(empty.repository.expiries()).toEqual([]);
    expect(await empty.repository.renew()).toBe(false);
    expect(() => empty.repository.reading).toThrow('nobody has signed a root');
    const parts = await partsWithRoot(QUICK);
    const draft = await draftRelease(parts);
    expect(await parts.repository.proof(digestOf('1.1.0'))).toBeUndefined();
    await signedByAll(parts, draft, [imageOf('1.1.0')]);
    expect(await parts.repository.proof(digestOf('1.1.0'))).toBeDefined();
    const remove = { kind: 'remove', paths: ['firmware/1.1.0/hw'], expiresAtMs: parts.clock.nowMs() + DAY_MS } as const;
    await signedByAll(parts, await parts.signing.start(remove, ''));
    expect(await parts.repository.proof(digestOf('1.1.0'))).toBeUndefined();
    expect(await parts.repository.endorsement('firmware/1.1.0/hw', 'hw')).toBeUndefined();
  });

  it('SEC-22 an image that lists other hardware is not endorsed for this one', async () => {
    const parts = await partsWithRoot(QUICK);
    await publishRelease(parts);
    expect(await parts.repository.endorsement('firmware/1.1.0/hw', 'hw')).toMatchObject({ sha256: digestOf('1.1.0') });
    expect(await parts.repository.endorsement('firmware/1.1.0/hw', 'hw2')).toBeUndefined();
  });

  it('REL-8 one that is asked for while something is published is all of before', async () => {
    const gate = Promise.withResolvers<void>();
    let isShut = false;
    const wrap = (store: Store): Store => ({
      ...store,
      async targetsOf(tenant, image) {
        const entries = await store.targetsOf(tenant, image);
        if (isShut && image.sha256 === digestOf('1.1.0')) await gate.promise;
        return entries;
      },
    });
    const parts = await partsWithRoot({ ...QUICK, bits: 1, wrap });
    const root = (await parts.repository.file('1.root.json')) ?? new Uint8Array();
    await publishRelease(parts);
    const before = await parts.repository.file('timestamp.json');
    isShut = true;
    const asked = parts.repository.proof(digestOf('1.1.0'));
    const endorsed = parts.repository.endorsement('firmware/1.1.0/hw', 'hw');
    for (const version of ['1.2.0', '1.3.0', '1.4.0']) await publishRelease(parts, { version });
    isShut = false;
    gate.resolve();
    expect(verify(await asked, root, '1.1.0', parts).stored.get('timestamp')).toEqual(before);
    expect(await endorsed).toMatchObject({ sha256: digestOf('1.1.0') });
    // And what is asked for afterwards is of after.
    const after = await parts.repository.proof(digestOf('1.1.0'));
    expect(verify(after, root, '1.1.0', parts).stored.get('timestamp')).toEqual(
      await parts.repository.file('timestamp.json'),
    );
  });
});

describe('SEC-22 nothing is published that devices would refuse', () => {
  /** What the people have signed for `version`, as it was taken in, with its release changed. */
  async function published(parts: Parts, version: string, changes: Partial<Artifact>) {
    const publish = parts.repository.publish.bind(parts.repository);
    const changed = (signed: Signed): Signed => {
      const { release } = signed;
      if (!release) return signed;
      return {
        ...signed,
        release: { ...release, artifacts: release.artifacts.map((one) => ({ ...one, ...changes })) },
      };
    };
    parts.repository.publish = (signed) => publish(changed(signed));
    try {
      return await publishRelease(parts, { version });
    } finally {
      parts.repository.publish = publish;
    }
  }

  it.each<[string, Partial<Artifact>, string]>([
    ['of another length', { lengthBytes: 1 }, 'TRUST_TARGET_UNKNOWN'],
    ['for hardware that nobody has signed', { hardware: 'hw2' }, 'TRUST_TARGET_UNKNOWN'],
  ])('SEC-22 an image %s', async (_what, changes, code) => {
    const parts = await partsWithRoot(QUICK);
    await expect(published(parts, '1.1.0', changes)).rejects.toMatchObject({
      ...{ code, fix: expect.any(String) as string },
      message: expect.stringContaining(changes.hardware ?? 'hw') as string,
    });
    expect(versionsOf(parts)).toMatchObject({ targets: 1, timestamp: 1 });
    expect(await parts.store.releases('t', { after: undefined, limit: 9 })).toEqual([]);
    // Control: as it was signed, it is published.
    await published(parts, '1.2.0', {});
    expect(versionsOf(parts)).toMatchObject({ targets: 2, timestamp: 2 });
  });

  it('SEC-22 an image whose proof has no room left for it', async () => {
    const parts = await partsWithRoot(QUICK);
    const content = imageOf('1.1.0');
    const entry = {
      ...{ lengthBytes: content.length, hashes: new Map([['sha256', digestOf('1.1.0')]]) },
      custom: new Map([['hardwareIds', ['hw']]]),
    };
    const targets = new Map(Array.from({ length: MAX_PROOF_PATHS }, (_, index) => [`any/${index}`, entry] as const));
    const document = targetsDocument({ version: 2, expiresAtMs: parts.clock.nowMs() + 90 * DAY_MS, targets });
    const signers = parts.people.slice(0, 2).map((person) => person.targets);
    const bytes = metadataFile(document, await signWith(document, signers));
    await parts.repository.publish({ files: new Map([['targets', bytes]]), versions: new Map([['targets', 2]]) });
    await expect(publishRelease(parts, { version: '1.0.999', content })).rejects.toMatchObject({
      ...{ code: 'TRUST_LENGTH', detail: { path: 'firmware/1.0.999/hw', maxPaths: MAX_PROOF_PATHS } },
      fix: expect.stringContaining('64') as string,
    });
    await publishRelease(parts, { version: '1.0.999', content: imageOf('another') });
  });
});

describe('SEC-24 renewal', () => {
  it('SEC-24 comes at half life, not before; the snapshot only when it needs to', async () => {
    const parts = await partsWithRoot(QUICK);
    const { repository, clock } = parts;
    clock.advance(3.5 * DAY_MS - 1);
    expect(await repository.renew()).toBe(false);
    expect(versionsOf(parts)).toMatchObject({ snapshot: 1, timestamp: 1 });
    clock.advance(1);
    expect(await repository.renew()).toBe(true);
    expect(versionsOf(parts)).toMatchObject({ snapshot: 2, timestamp: 2, targets: 1, root: 1 });
    expect(await repository.renew()).toBe(false);
    const fresh = new Map(repository.expiries().map(({ role, expiresAtMs }) => [role, expiresAtMs]));
    expect([fresh.get('snapshot'), fresh.get('timestamp')]).toEqual(Array(2).fill(clock.nowMs() + 7 * DAY_MS));
  });

  it('SEC-24 of the timestamp alone, where it lives shorter', async () => {
    const parts = await partsWithRoot(QUICK);
    const { store, vault, clock, ports } = parts;
    const nextId = createUlids(ports);
    const lifetimes = { snapshotMs: 7 * DAY_MS, timestampMs: DAY_MS };
    const repository = await ImageRepository.open({ tenant: 't', store, vault, clock, nextId, lifetimes });
    for (const [days, snapshot, timestamp] of [
      [3, 1, 1],
      [1, 2, 2],
      [0.5, 2, 3],
      [0.25, 2, 3],
    ] as const) {
      clock.advance(days * DAY_MS);
      await repository.renew();
      expect(versionsOf({ repository })).toMatchObject({ snapshot, timestamp, targets: 1 });
    }
  });

  it('SEC-24 asks again whenever somebody else was at it: two at once renew once', async () => {
    const parts = await partsWithRoot(QUICK);
    parts.clock.advance(4 * DAY_MS);
    expect(await Promise.all([parts.repository.renew(), parts.repository.renew()])).toEqual([true, false]);
  });

  it('SEC-24 says of every role when it expires, the first first, and of all bins the first alone', async () => {
    const parts = await partsWithRoot({ ...QUICK, bits: 2 });
    const { clock, repository, signing } = parts;
    const nowMs = clock.nowMs();
    const roles = ['targets', 'bins', 'bins-0', 'bins-1', 'bins-3'];
    await signedByAll(parts, await signing.start({ kind: 'renew', roles, expiresAtMs: nowMs + 140 * DAY_MS }, ''));
    const said = repository
      .expiries()
      .map((one) => [one.role, one.version, (one.expiresAtMs - nowMs) / DAY_MS, one.isOnline]);
    expect(said.slice(0, 2)).toEqual(
      expect.arrayContaining([
        ['snapshot', 2, 7, true],
        ['timestamp', 2, 7, true],
      ]),
    );
    expect(said.slice(2)).toEqual([
      ['bins-*', 1, 90, false],
      ['targets', 2, 140, false],
      ['bins', 2, 140, false],
      ['root', 1, 365, false],
    ]);
  });

  it('SEC-24 knows of each file without a look at it, from one publication to the next and after a restart', async () => {
    const reads: string[] = [];
    const wrap = (store: Store): Store => ({
      ...store,
      metadata(tenant, role, version) {
        reads.push(role);
        return store.metadata(tenant, role, version);
      },
    });
    const parts = await partsWithRoot({ ...QUICK, bits: 1 });
    const { clock, vault, people, dir } = parts;
    const [one] = people;
    if (!one) throw new Error('nobody');
    const expiresAtMs = clock.nowMs() + 80 * DAY_MS;
    const delegation = {
      name: 'acme',
      keys: [one.targets.publicKey],
      threshold: 1,
      terminating: false,
      paths: ['a/*'],
    };
    await signedByAll(parts, await parts.signing.start({ kind: 'delegate', delegation, expiresAtMs }, ''));
    await publishRelease(parts);
    const again = await openParts({ ...QUICK, dir, clock, vault, people, wrap });
    reads.length = 0;
    const said = again.repository.expiries();
    expect(said.map(({ role }) => role)).toEqual(expect.arrayContaining(['acme', 'bins-*', 'bins', 'targets', 'root']));
    expect(parts.repository.expiries()).toEqual(said);
    expect(reads).toEqual([]);
    const undelegate = { kind: 'undelegate', supplier: 'acme', expiresAtMs } as const;
    await signedByAll(again, await again.signing.start(undelegate, ''));
    expect(again.repository.expiries().map(({ role, version }) => [role, version])).toEqual(
      expect.arrayContaining([['targets', 3]]),
    );
    expect(again.repository.expiries().map(({ role }) => role)).not.toContain('acme');
  });

  it('REL-11 a clock that is years ahead signs nothing, and all is well when it is right again', async () => {
    const parts = await partsWithRoot(QUICK);
    const device = await deviceOf(parts, 'timestamp.json', '1.snapshot.json', '1.targets.json');
    const right = parts.clock.nowMs();
    for (const years of [1, 10]) {
      parts.clock.advance(years * 366 * DAY_MS);
      await refusedUnchanged(parts, 'TRUST_EXPIRED', () => parts.repository.renew());
      parts.clock.advance(right - parts.clock.nowMs());
    }
    device.nowMs = right;
    expect(device.refresh().timestamp.value.version).toBe(1);
    parts.clock.advance(4 * DAY_MS);
    expect(await parts.repository.renew()).toBe(true);
  });

  it('REL-11 a clock that is years behind never takes back the time that was signed', async () => {
    const parts = await partsWithRoot(QUICK);
    const right = parts.clock.nowMs();
    parts.clock.advance(-3_650 * DAY_MS);
    expect(await parts.repository.renew()).toBe(false);
    // What people are asked to sign by that clock would be dead on arrival.
    await expect(publishRelease(parts)).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
    const change = { kind: 'renew', roles: [], expiresAtMs: right + 91 * DAY_MS } as const;
    await signedByAll(parts, await parts.signing.start(change, ''));
    const device = await deviceOf(parts, 'timestamp.json', '2.snapshot.json', '2.targets.json');
    device.nowMs = right + DAY_MS;
    expect(device.refresh().timestamp.value).toMatchObject({ signedAtMs: right, expiresAtMs: right + 7 * DAY_MS });
  });
});

describe('SEC-7 what is stored is looked at before it is served', () => {
  /** Bins, a supplierless release, two roots: a bit of everything. */
  async function stocked() {
    const parts = await partsWithRoot({ ...QUICK, bits: 2 });
    await publishRelease(parts);
    await rotateOnline(parts);
    return parts;
  }

  it('REL-5 one flipped bit in any file that clients are told to fetch, and it does not start', async () => {
    const parts = await stocked();
    await parts.store.close();
    const named = Object.entries(versionsOf(parts)).concat([['root', 1]]);
    expect(named.map(([role]) => role)).toEqual(
      expect.arrayContaining(['root', 'timestamp', 'snapshot', 'targets', 'bins', 'bins-3']),
    );
    for (const [role, version] of named) {
      for (const share of [0.02, 0.5, 0.98]) {
        const flip = (db: DatabaseSync) => {
          const row = db.prepare('SELECT bytes FROM metadata WHERE role = ? AND version = ?').get(role, version);
          const bytes = Uint8Array.from(row?.bytes as Uint8Array);
          const at = Math.floor(bytes.length * share);
          bytes[at] = (bytes[at] ?? 0) ^ 1;
          db.prepare('UPDATE metadata SET bytes = ? WHERE role = ? AND version = ?').run(bytes, role, version);
        };
        tampering(parts, flip);
        await expect(reopened(parts), `${role} ${version} at ${share}`).rejects.toBeInstanceOf(TrustError);
        tampering(parts, flip);
      }
    }
    expect((await reopened(parts)).repository.head).toEqual(parts.repository.head);
  });

  it.each([
    ['names a root that is not there', 'root', 3],
    ['names a snapshot that is not there', 'snapshot', 9],
    ['names a timestamp that is not there', 'timestamp', 9],
    ['names targets that are not there', 'targets', 9],
    ['names a bin that is not there', 'bins-1', 9],
    ['names an older root', 'root', 1],
    ['names an older snapshot', 'snapshot', 1],
    ['names an older timestamp', 'timestamp', 1],
    ['names older targets than its snapshot', 'bins-1', undefined],
    ['names a role that is not there', 'nobody', 1],
  ])('SEC-7 a head that %s is refused', async (_what, role, version) => {
    const parts = await stocked();
    await parts.store.close();
    const versions = new Map(parts.repository.head?.versions);
    if (version === undefined) versions.delete(role);
    else versions.set(role, version);
    tampering(parts, (db) => db.prepare('UPDATE repository SET versions = ?').run(JSON.stringify([...versions])));
    await expect(reopened(parts)).rejects.toBeInstanceOf(TrustError);
  });

  it.each(['root', 'snapshot', 'timestamp'])(
    'SEC-7 an older %s under the name of the newer one is refused',
    async (role) => {
      const parts = await stocked();
      await parts.store.close();
      const version = versionsOf(parts)[role] ?? 0;
      tampering(parts, (db) =>
        db
          .prepare(
            'UPDATE metadata SET bytes = (SELECT bytes FROM metadata WHERE role = ?1 AND version = ?2 - 1) WHERE role = ?1 AND version = ?2',
          )
          .run(role, version),
      );
      await expect(reopened(parts)).rejects.toBeInstanceOf(TrustError);
    },
  );

  it('SEC-6 opening what is good changes nothing', async () => {
    const parts = await stocked();
    const before = rowsOf(parts);
    const again = await reopened(parts);
    expect(rowsOf(parts)).toEqual(before);
    expect(again.repository.head).toEqual(parts.repository.head);
  });
});
