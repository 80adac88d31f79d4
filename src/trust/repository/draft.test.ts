import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  ALL,
  BOB,
  keysOf,
  LATER_MS,
  onlineRoles,
  PaperRepository,
  roleBy,
  rolesBy,
  signatory,
  signedJson,
  supplier,
} from '../../../test/support/paper.ts';
import { EXPIRES_AT_MS, refusalOf, targetOf, testKey } from '../../../test/support/repository.ts';
import { wireJson } from '../../core/canonical-json.ts';
import { TUF1 } from '../tuf/dialect.ts';
import { type Root, readRoot, readTargets, type Targets } from '../tuf/roles.ts';
import { type DelegationContent, targetsDocument } from './documents.ts';
import {
  contentOf,
  type DraftFile,
  delegationFiles,
  firstFiles,
  isOwnRole,
  type Published,
  renewedFiles,
  roleOf,
  rolesOf,
  rootFiles,
  targetFiles,
} from './draft.ts';

const image = (version: string) => targetOf(`image ${version}`, { hardwareIds: ['hw'], component: 'fw', version });
const added = (...paths: readonly string[]) => ({ add: new Map(paths.map((path) => [path, image(path)])), remove: [] });
const rolesIn = (files: readonly DraftFile[]) => files.map(({ role, version }) => `${role} ${version}`);
const read = (file: DraftFile): Targets => readTargets(signedJson(file), TUF1);
const namesIn = (file: DraftFile | undefined) =>
  file ? read(file).delegations?.roles.map(({ name }) => name) : undefined;

/** Adds targets and publishes them. */
function publishTargets(repository: PaperRepository, ...paths: readonly string[]): void {
  const { bits } = repository;
  const roles = paths.map((path) => roleOf(path, bits));
  repository.publish(targetFiles(repository.read(...roles), added(...paths), { bits }, EXPIRES_AT_MS));
}

describe('DESIGN-4 the first files', () => {
  const first = (bits?: number) =>
    firstFiles({ version: 1, expiresAtMs: LATER_MS, roles: rolesBy() }, bits, EXPIRES_AT_MS);

  it('DESIGN-4 are a root and an empty list of targets', () => {
    const [root, targets] = first();
    expect(rolesIn(first())).toEqual(['root 1', 'targets 1']);
    expect(root && readRoot(signedJson(root), TUF1)).toMatchObject({ expiresAtMs: LATER_MS, consistentSnapshot: true });
    expect(targets && read(targets)).toEqual({
      ...{ version: 1, expiresAtMs: EXPIRES_AT_MS, targets: new Map(), delegations: undefined },
    });
  });

  it.each([1, 4, 8])('DESIGN-4 with 2^%i bins each has its file, and every path belongs to one of them', (bits) => {
    const files = first(bits);
    const names = files.map(({ role }) => role);
    expect(names.slice(0, 3)).toEqual(['root', 'targets', 'bins']);
    expect(names).toHaveLength(3 + 2 ** bits);
    expect(names.every((name) => name === 'root' || isOwnRole(name))).toBe(true);
    expect(namesIn(files[1])).toEqual(['bins']);
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,9}\/[a-z0-9]{1,9}$/), (path) => {
        expect(names).toContain(roleOf(path, bits));
      }),
    );
  });
});

describe('DESIGN-4 targets', () => {
  it.each([undefined, 1, 4])('DESIGN-4 a client finds each target that was added, in 2^%s files', (bits) => {
    const paths = Array.from({ length: 20 }, (_, index) => `fw/${index}`);
    const repository = new PaperRepository(bits);
    publishTargets(repository, ...paths);
    const device = repository.device();
    for (const path of paths) expect(device.find(path, 'hw')?.role).toBe(roleOf(path, bits));
    expect(device.find('fw/none', 'hw')).toBeUndefined();
  });

  it('DESIGN-4 one target rewrites one bin, and what that held stays', () => {
    const repository = new PaperRepository(1);
    const paths = Array.from({ length: 8 }, (_, index) => `fw/${index}`);
    publishTargets(repository, ...paths);
    const role = roleOf('fw/9', 1);
    const files = targetFiles(repository.read(role), added('fw/9'), { bits: 1 }, LATER_MS);
    expect(rolesIn(files)).toEqual([`${role} 3`]);
    const mates = paths.filter((path) => roleOf(path, 1) === role);
    expect(files.map((file) => [...read(file).targets.keys()].toSorted())).toEqual([[...mates, 'fw/9'].toSorted()]);
    expect(mates.length).toBeGreaterThan(0);
  });

  it('DESIGN-4 a target is replaced and removed where it is, the others stay as they were', () => {
    const repository = new PaperRepository();
    publishTargets(repository, 'a', 'b', 'c');
    const change = { add: new Map([['b', image('new')]]), remove: ['c'] };
    const [file] = targetFiles(repository.read(), change, { bits: undefined }, LATER_MS);
    expect(file && read(file)).toMatchObject({ version: 3, expiresAtMs: LATER_MS });
    expect(file && [...read(file).targets].map(([path, { version }]) => [path, version])).toEqual([
      ['a', 'a'],
      ['b', 'new'],
    ]);
  });

  it('DESIGN-4 a path is one target however it is spelled', () => {
    const repository = new PaperRepository();
    publishTargets(repository, 'é');
    const [file] = targetFiles(repository.read(), added('/e\u0301'), { bits: undefined }, LATER_MS);
    expect(file && [...read(file).targets.keys()]).toEqual(['é']);
  });

  it('DESIGN-4 what is not there cannot be removed', () => {
    const repository = new PaperRepository(4).withSupplier();
    const nothing = { add: new Map(), remove: ['acme/1'] };
    for (const where of [{ bits: 4 }, { bits: 4, role: 'acme' }, { bits: 4, role: 'nobody' }])
      expect(refusalOf(() => targetFiles(repository.read('acme'), nothing, where, LATER_MS)).code).toBe(
        'SIGNING_CHANGE',
      );
  });

  it('SEC-11 a path that climbs is none', () => {
    const repository = new PaperRepository();
    const climb = () => targetFiles(repository.read(), added('a/../b'), { bits: undefined }, LATER_MS);
    expect(refusalOf(climb).code).toBe('TRUST_MALFORMED');
  });
});

describe('DESIGN-4 a new root', () => {
  it('DESIGN-4 comes alone while the same keys sign targets', () => {
    const repository = new PaperRepository(4);
    publishTargets(repository, 'a');
    const published = repository.read();
    const roles = { ...rolesBy(), root: roleBy('root', [ALICE, BOB], 1), ...onlineRoles('new') };
    expect(rolesIn(rootFiles(published, roles, LATER_MS, LATER_MS))).toEqual(['root 2']);
    // The same keys in another order are the same keys.
    const targets = { threshold: 2, keys: roleBy('targets').keys.toReversed() };
    expect(rolesIn(rootFiles(published, { ...rolesBy(), targets }, LATER_MS, LATER_MS))).toEqual(['root 2']);
  });

  it.each([
    ['keys', roleBy('targets', [ALICE, signatory('dave'), signatory('eve')], 2)],
    ['threshold', roleBy('targets', ALL, 3)],
  ])('SEC-23 that changes the %s of targets brings every own file, and no other', (_what, targets) => {
    const repository = new PaperRepository(2).withSupplier('acme', new Map([['acme/1', image('1')]]));
    publishTargets(repository, 'a', 'b', 'c', 'd');
    const own = ['targets', 'bins', 'bins-0', 'bins-1', 'bins-2', 'bins-3'];
    const files = rootFiles(repository.read(...own, 'acme'), { ...rolesBy(), targets }, LATER_MS, LATER_MS);
    expect(files.map(({ role }) => role)).toEqual(['root', ...own]);
    const keys = targets.keys.map(({ key }) => key.fingerprint);
    for (const file of files.slice(1)) expect(read(file).expiresAtMs).toBe(LATER_MS);
    const [, top, bins] = files;
    const said = (
      role: { readonly keyIds: readonly string[]; readonly threshold: number } | undefined,
      file?: DraftFile,
    ) =>
      role && [
        role.threshold,
        ...role.keyIds.map((keyId) => file && read(file).delegations?.keys.get(keyId)?.fingerprint),
      ];
    expect(namesIn(top)).toEqual(['acme', 'bins']);
    const [acme, own2] = top ? (read(top).delegations?.roles ?? []) : [];
    expect(said(acme, top)).toEqual([1, testKey('acme').publicKey.fingerprint]);
    expect(said(own2, top)).toEqual([targets.threshold, ...keys]);
    expect(said(bins && read(bins).delegations?.succinct, bins)).toEqual([targets.threshold, ...keys]);
    // Who followed the repository before finds everything as it was, signed by whoever signs now.
    const device = repository.device();
    device.refresh();
    const people = [ALICE, ...ALL, signatory('dave'), signatory('eve')];
    repository.publish(files, [...new Set(keysOf(people))]);
    expect(device.find('a', 'hw')?.target.version).toBe('a');
    expect(device.find('acme/1', 'hw')?.role).toBe('acme');
  });

  it('DESIGN-4 keeps the roles that nobody changes, with who holds which key', () => {
    const { root, names } = new PaperRepository().read();
    const kept = rolesOf({ root, names });
    const plain = (roles: typeof kept) =>
      Object.fromEntries(
        Object.entries(roles).map(([role, { threshold, keys }]) => [
          role,
          [threshold, ...keys.map(({ name, key }) => `${name} ${key.keyId}`)],
        ]),
      );
    expect(plain(kept)).toEqual(plain(rolesBy()));
  });

  it('SEC-7 that names a kind of key we do not know is not written anew', () => {
    const published = new PaperRepository().read();
    const root: Root = {
      ...published.root,
      keys: new Map([...published.root.keys].map(([keyId]) => [keyId, undefined])),
    };
    const error = refusalOf(() => rolesOf({ root, names: published.names }));
    expect(error).toMatchObject({ code: 'SIGNING_CHANGE', fix: expect.stringContaining('Update sealift') as string });
  });
});

describe('DESIGN-4 suppliers', () => {
  const set = (published: Published, change: DelegationContent) =>
    delegationFiles(published, { set: change }, LATER_MS);

  it.each([undefined, 2])('DESIGN-4 are asked before our bins, in the order they came (2^%s files)', (bits) => {
    const repository = new PaperRepository(bits).withSupplier('zeta').withSupplier('acme');
    const last = bits === undefined ? [] : ['bins'];
    expect(namesIn(set(repository.read(), supplier('mid'))[0])).toEqual(['zeta', 'acme', 'mid', ...last]);
    const [top] = delegationFiles(repository.read(), { remove: 'zeta' }, LATER_MS);
    expect(namesIn(top)).toEqual(['acme', ...last]);
  });

  it('DESIGN-4 a new one signs its own file with it', () => {
    const files = set(new PaperRepository().read(), supplier('acme'));
    expect(rolesIn(files)).toEqual(['targets 2', 'acme 1']);
    expect(files.map((file) => read(file).expiresAtMs)).toEqual([LATER_MS, LATER_MS]);
  });

  it.each([
    ['other paths', { paths: ['acme/fw/*'] }],
    ['other hardware', { hardwareIds: ['hw'] }],
    ['its rank', { terminating: true }],
  ])('DESIGN-4 one that gets %s keeps its place, its keys and its file', (_what, more) => {
    const repository = new PaperRepository(2).withSupplier('acme').withSupplier('zeta');
    const files = set(repository.read('acme'), supplier('acme', more));
    expect(rolesIn(files)).toEqual(['targets 4']);
    expect(namesIn(files[0])).toEqual(['acme', 'zeta', 'bins']);
    expect(files[0] && read(files[0]).delegations?.roles[0]).toMatchObject(more);
  });

  it.each([
    ['key', { keys: [testKey('acme 2').publicKey] }],
    ['threshold', { keys: [testKey('acme').publicKey, testKey('acme 2').publicKey], threshold: 2 }],
  ])('SEC-23 one that signs with another %s signs its file anew, with what it listed', (_what, more) => {
    const repository = new PaperRepository(2).withSupplier('acme', new Map([['acme/1', image('1')]]));
    const files = set(repository.read('acme'), supplier('acme', more));
    expect(rolesIn(files)).toEqual(['targets 3', 'acme 2']);
    const device = repository.device();
    device.refresh();
    repository.publish(files, [...keysOf(ALL), testKey('acme'), testKey('acme 2')]);
    expect(device.find('acme/1', 'hw')?.target.version).toBe('1');
  });

  it('DESIGN-4 one that comes back begins with an empty file, above all versions it had', () => {
    const repository = new PaperRepository().withSupplier('acme', new Map([['acme/1', image('1')]]));
    repository.publish(delegationFiles(repository.read(), { remove: 'acme' }, EXPIRES_AT_MS));
    const device = repository.device();
    expect(device.find('acme/1', 'hw')).toBeUndefined();
    const files = set(repository.read(), supplier('acme'));
    expect(rolesIn(files)).toEqual(['targets 4', 'acme 2']);
    repository.publish(files, [...keysOf(ALL), testKey('acme')]);
    expect(device.find('acme/1', 'hw')).toBeUndefined();
  });

  it('SEC-11 patterns are signed as they are read', () => {
    const [top] = set(new PaperRepository().read(), supplier('acme', { paths: ['/acme/*', 'e\u0301/*'] }));
    expect(Buffer.from(wireJson(top?.signed ?? null)).toString()).toContain('"paths":["acme/*","é/*"]');
  });

  it.each(['../x', 'acme/../x', './x', 'acme/..', '..', '/', 'a\u0000b', 'x'.repeat(1_025)])(
    'SEC-11 none may speak for %j, which no target path can be',
    (path) => {
      const error = refusalOf(() => set(new PaperRepository().read(), supplier('acme', { paths: ['acme/*', path] })));
      expect(error).toMatchObject({ code: 'SIGNING_CHANGE', fix: expect.stringContaining('segment') as string });
    },
  );

  it.each(['targets', 'bins', 'bins-0'])('DESIGN-4 none is called %s', (name) => {
    for (const bits of [undefined, 1])
      expect(refusalOf(() => set(new PaperRepository(bits).read(), supplier(name))).code).toBe('SIGNING_CHANGE');
  });

  it('DESIGN-4 who is none cannot be removed', () => {
    const published = new PaperRepository(1).read();
    for (const remove of ['acme', 'bins', 'targets'])
      expect(refusalOf(() => delegationFiles(published, { remove }, LATER_MS)).code).toBe('SIGNING_CHANGE');
  });
});

describe('SEC-24 renewal', () => {
  it('SEC-24 says the same again, for longer', () => {
    const repository = new PaperRepository(1).withSupplier('acme', new Map([['acme/1', image('1')]]));
    publishTargets(repository, 'a', 'b');
    const roles = ['targets', 'bins', 'bins-0', 'bins-1', 'acme'];
    const published = repository.read(...roles);
    const files = renewedFiles(published, roles, LATER_MS);
    for (const file of files) {
      const before = published.files.get(file.role);
      const said =
        before && targetsDocument({ ...contentOf(before), version: before.version + 1, expiresAtMs: LATER_MS });
      expect(signedJson(file)).toEqual(said && signedJson({ ...file, signed: said }));
    }
    expect(files).toHaveLength(roles.length);
  });

  it.each(['root', 'snapshot', 'nobody', 'bins'])('SEC-24 there is no %s to renew in this way', (role) => {
    expect(refusalOf(() => renewedFiles(new PaperRepository().read(), [role], LATER_MS)).code).toBe('SIGNING_CHANGE');
  });
});
