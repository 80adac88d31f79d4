import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  ALL,
  BOB,
  CAROL,
  LATER_MS,
  listing,
  onlineRoles,
  PaperRepository,
  roleBy,
  rolesBy,
  signatory,
  signedJson,
  supplier,
} from '../../../test/support/paper.ts';
import { EXPIRES_AT_MS, targetOf, testKey } from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { wireJson } from '../../core/canonical-json.ts';
import { asObject, parseJson } from '../../core/json.ts';
import { describe as words } from './describe.ts';
import { targetsDocument } from './documents.ts';
import { type DraftFile, delegationFiles, firstFiles, renewedFiles, roleOf, rootFiles, targetFiles } from './draft.ts';
import { SigningError } from './errors.ts';
import type { RequestBody } from './request.ts';
import { reviewRequest } from './review.ts';

const dave = signatory('dave');
const idOf = (label: string) => testKey(label).publicKey.keyId;
const image = (version: string) => targetOf(`image ${version}`, { hardwareIds: ['hw'], component: 'fw', version });
const [UNTIL, LATER] = ['2026-12-24T00:00:00Z', '2027-01-23T00:00:00Z'];
const sha256 = (version: string) => image(version).hashes.get('sha256') ?? '';

/** Bins with two targets, and a supplier with one. */
function stocked(): PaperRepository {
  const repository = new PaperRepository(1).withSupplier('acme', new Map([['acme/1', image('1')]]));
  const add = new Map(['fw/1', 'fw/2'].map((path) => [path, image(path.slice(3))]));
  return repository.publish(
    targetFiles(repository.read('bins-0', 'bins-1'), { add, remove: [] }, { bits: 1 }, EXPIRES_AT_MS),
  );
}

const own = ['bins', 'bins-0', 'bins-1'];
const said = (repository: PaperRepository, files: readonly DraftFile[], more: Partial<RequestBody> = {}) =>
  words(repository.review(files, more));

describe('DESIGN-4 a request in words', () => {
  it('DESIGN-4 a first root, whole', () => {
    const files = firstFiles({ version: 1, expiresAtMs: LATER_MS, roles: rolesBy() }, 4, EXPIRES_AT_MS);
    const holders = (key: 'root' | 'targets') =>
      ALL.map((one) => `${one.name} (${one[key].publicKey.keyId})`).join(', ');
    const prefixes = [...'0123456789abcdef'].join(', ');
    expect(said(new PaperRepository(), files, { base: new Map() })).toEqual([
      `root 1, valid until ${LATER}`,
      `root: adds key ${holders('root')}`,
      'root: 2 of 3 must sign',
      `targets: adds key ${holders('targets')}`,
      'targets: 2 of 3 must sign',
      `snapshot: adds key "online snapshot" (${idOf('online snapshot')})`,
      'snapshot: 1 of 1 must sign',
      `timestamp: adds key "online timestamp" (${idOf('online timestamp')})`,
      'timestamp: 1 of 1 must sign',
      `lets bins speak for paths whose digest begins with ${prefixes}, on any hardware, signed as targets are, and nobody after it`,
      `targets is valid until ${UNTIL}`,
      'splits targets into 16 files bins-*, signed as targets are',
      `bins is valid until ${UNTIL}`,
      `begins 16 files (bins-0 and others), which list nothing yet, valid until ${UNTIL}`,
    ]);
  });

  it('DESIGN-4 a first root without bins, and a supplier that comes back', () => {
    const files = firstFiles({ version: 1, expiresAtMs: LATER_MS, roles: rolesBy() }, undefined, EXPIRES_AT_MS);
    expect(said(new PaperRepository(), files, { base: new Map() }).at(-1)).toBe(
      `begins targets, which lists nothing yet, valid until ${UNTIL}`,
    );
    const repository = stocked();
    repository.publish(delegationFiles(repository.read(), { remove: 'acme' }, EXPIRES_AT_MS));
    const again = delegationFiles(repository.read(), { set: supplier('acme') }, EXPIRES_AT_MS);
    // What nobody may sign for any more is in no base.
    const base = new Map([...repository.files].filter(([name]) => !name.endsWith('acme.json')));
    expect(said(repository, again, { base }).at(-1)).toBe(
      `begins acme anew, with nothing listed, valid until ${UNTIL}`,
    );
  });

  it('DESIGN-4 a root that changes nothing but how long it is valid', () => {
    const repository = stocked();
    expect(said(repository, rootFiles(repository.read(), rolesBy(), LATER_MS, LATER_MS))).toEqual([
      `signs root anew without changing keys and thresholds: root 2, valid until ${LATER}`,
    ]);
  });

  it('DESIGN-4 a root that changes who signs', () => {
    const repository = stocked();
    const roles = { ...rolesBy(), root: roleBy('root', [ALICE, dave], 1), ...onlineRoles('new') };
    expect(said(repository, rootFiles(repository.read(), roles, LATER_MS, LATER_MS))).toEqual([
      `root 2, valid until ${LATER}`,
      `root: adds key dave (${idOf('dave root')})`,
      `root: removes key bob (${idOf('bob root')}), carol (${idOf('carol root')})`,
      'root: 1 of 2 must sign, it was 2',
      `snapshot: adds key "new snapshot" (${idOf('new snapshot')})`,
      `snapshot: removes key "online snapshot" (${idOf('online snapshot')})`,
      `timestamp: adds key "new timestamp" (${idOf('new timestamp')})`,
      `timestamp: removes key "online timestamp" (${idOf('online timestamp')})`,
    ]);
  });

  it('DESIGN-4 a root that changes who signs targets: the files that come with it only say so', () => {
    const repository = stocked();
    const roles = { ...rolesBy(), targets: roleBy('targets', [dave]) };
    const lines = said(repository, rootFiles(repository.read(...own), roles, LATER_MS, LATER_MS));
    expect(lines.slice(3)).toEqual([
      'targets: 1 of 1 must sign, it was 2',
      `signs 4 files (targets and others) anew without changing what they list, valid until ${LATER}`,
    ]);
  });

  it('DESIGN-4 a root that says that somebody else holds a key', () => {
    const repository = stocked();
    const keys = roleBy('root').keys.map((one) => (one.name === 'bob' ? { ...one, name: 'mallory' } : one));
    const roles = { ...rolesBy(), root: { threshold: 2, keys } };
    expect(said(repository, rootFiles(repository.read(), roles, LATER_MS, LATER_MS))).toEqual([
      `root 2, valid until ${LATER}`,
      `key ${idOf('bob root')} is said to be of mallory, it was of bob`,
    ]);
  });

  it('DESIGN-4 targets that come, change and go', () => {
    const repository = new PaperRepository();
    const first = new Map(['a', 'b', 'c'].map((path) => [path, image(path)]));
    repository.publish(targetFiles(repository.read(), { add: first, remove: [] }, { bits: undefined }, EXPIRES_AT_MS));
    const add = new Map([
      ['b', image('new')],
      ['d', targetOf('four', { note: ['x', 'y'] })],
    ]);
    const files = targetFiles(repository.read(), { add, remove: ['c'] }, { bits: undefined }, LATER_MS);
    expect(said(repository, files)).toEqual([
      `CHANGES b: from fw b, for hw, 7 bytes, sha256 ${sha256('b')}, to fw new, for hw, 9 bytes, sha256 ${sha256('new')}`,
      `adds d: an image without a version, for no hardware, 4 bytes, sha256 ${targetOf('four').hashes.get('sha256')}, note ["x","y"]`,
      'removes c',
      `targets is valid until ${LATER}`,
    ]);
  });

  it('DESIGN-4 suppliers that come, change, move and go', () => {
    const repository = stocked().withSupplier('zeta');
    const speak = 'speak for acme/*, on any hardware';
    const by = (label: string) => `signed by 1 of ${idOf(label)}, others after it`;
    const lines = (change: Parameters<typeof delegationFiles>[1]) =>
      said(repository, delegationFiles(repository.read('acme'), change, EXPIRES_AT_MS));
    expect(
      lines({ set: supplier('mid', { hardwareIds: ['hw 1', 'hw'], terminating: true, paths: ['m/*', 'n'] }) }),
    ).toEqual([
      `lets mid speak for m/*, n, on "hw 1", hw, signed by 1 of ${idOf('mid')}, and nobody after it`,
      'asks in this order: acme, zeta, mid, bins',
      `begins mid, which lists nothing yet, valid until ${UNTIL}`,
    ]);
    expect(lines({ set: supplier('acme', { keys: [testKey('acme 2').publicKey], hardwareIds: [] }) })).toEqual([
      `CHANGES who may speak: acme speak for acme/*, on no hardware, ${by('acme 2')}; it was: acme ${speak}, ${by('acme')}`,
      `signs acme anew without changing what it lists, valid until ${UNTIL}`,
    ]);
    expect(lines({ remove: 'acme' })).toEqual([
      'no longer lets acme speak for anything',
      'asks in this order: zeta, bins',
    ]);
  });

  it('DESIGN-4 what a supplier changes is said to be its own', () => {
    const repository = stocked();
    const files = targetFiles(
      repository.read('acme'),
      { add: new Map([['acme/2', image('2')]]), remove: ['acme/1'] },
      { bits: 1, role: 'acme' },
      LATER_MS,
    );
    expect(said(repository, files)).toEqual([
      `acme: adds acme/2: fw 2, for hw, 7 bytes, sha256 ${sha256('2')}`,
      'acme: removes acme/1',
      `acme is valid until ${LATER}`,
    ]);
  });

  it('SEC-22 bins that others sign than sign targets are seen, and so is a split that ends', () => {
    const repository = stocked();
    const [targets, bins] = renewedFiles(repository.read('bins'), ['targets', 'bins'], LATER_MS);
    const [eve, said2] = [testKey('eve').publicKey, (file: DraftFile) => said(repository, [file]).join('\n')];
    const withEve = (file: DraftFile | undefined, change: (text: string) => string): DraftFile => {
      const text = change(Buffer.from(wireJson(file?.signed ?? null)).toString());
      return { role: file?.role ?? '', version: 2, signed: asObject(parseJson(utf8Encode(text)), '') };
    };
    const keys = `{"${eve.keyId}":${Buffer.from(wireJson(eve.json)).toString()}}`;
    const byEve = (file: DraftFile | undefined) =>
      withEve(file, (text) =>
        text
          .replace(/"keyids":\["[^\]]*\],"name(_prefix)?":"bins"/, `"keyids":["${eve.keyId}"],"name$1":"bins"`)
          .replace(/"threshold":2/, '"threshold":1')
          .replace(
            /"keys":\{.*\},"(roles|succinct)/,
            (_all, next: string) => `"keys":${next === 'roles' ? withAcme(keys) : keys},"${next}`,
          ),
      );
    expect(said2(byEve(bins))).toContain(
      `CHANGES how targets are split: 2 files bins-*, signed by 1 of ${eve.keyId}; it was: 2 files bins-*, signed as targets are`,
    );
    expect(said2(byEve(targets))).toContain(`signed by 1 of ${eve.keyId}, and nobody after it; it was: bins`);
    const { version, expiresAtMs } = { version: 2, expiresAtMs: LATER_MS };
    const end = { role: 'bins', version, signed: targetsDocument({ version, expiresAtMs, targets: new Map() }) };
    expect(said2(end)).toContain('no longer splits targets into 2 files bins-*, signed as targets are');
  });

  it('CUPS-8 what is signed beside the files', () => {
    const repository = stocked();
    const { files, payload } = listing(repository, 'fw/3', 'image', ['cd'.repeat(64), '']);
    const lines = said(repository, files, { payloads: [payload, { ...payload, keys: [] }] });
    const image = `fw/3 (5 bytes, sha256 ${payload.sha256})`;
    expect(lines.slice(-2)).toEqual([
      `${image} gets a cups-p256-sha512 signature by cdcdcdcdcdcdcdcd, ""`,
      `${image} gets a cups-p256-sha512 signature by nobody`,
    ]);
  });

  it('SEC-28 names from elsewhere cannot be taken for words, nor steer a terminal', () => {
    const repository = new PaperRepository();
    const target = targetOf('x', {
      component: 'fw 1.0, for hw',
      version: '1\n2',
      note: '\u001b[2J',
      hardwareIds: ['a\u202eb'],
    });
    const add = new Map([['a: fw 1.0, for hw, 5 bytes', target]]);
    const [line] = said(
      repository,
      targetFiles(repository.read(), { add, remove: [] }, { bits: undefined }, EXPIRES_AT_MS),
    );
    expect(line).toBe(
      `adds "a: fw 1.0, for hw, 5 bytes": "fw 1.0, for hw" "1\\n2", for "a\\u202eb", 1 bytes, sha256 ${target.hashes.get('sha256')}, note "\\u001b[2J"`,
    );
  });
});

/** The keys of a top file that lists acme, and one more. */
function withAcme(keys: string): string {
  const { keyId, json } = testKey('acme').publicKey;
  const all = new Map([...asObject(parseJson(utf8Encode(keys)), ''), [keyId, parseJson(wireJson(json))]]);
  return Buffer.from(wireJson(all)).toString();
}

/** A place in a JSON value, and how to make it another. */
type Edit = (value: unknown) => unknown;

/** Every single change to a value that is worth trying: other leaves, missing and added members, other orders. */
function edits(value: unknown, path = ''): readonly [string, Edit][] {
  if (Array.isArray(value)) {
    const items = value as readonly unknown[];
    return [
      ...items.flatMap((item, index) =>
        edits(item, `${path}/${index}`).map(([at, edit]): [string, Edit] => [
          at,
          (list) => (list as unknown[]).with(index, edit(item)),
        ]),
      ),
      [`${path} and one more`, (list) => [...(list as unknown[]), items[0] ?? 'x']],
      [`${path} without one`, (list) => (list as unknown[]).slice(1)],
      [`${path} turned round`, (list) => (list as unknown[]).toReversed()],
    ];
  }
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    return [
      ...members.flatMap(([name, member]) => [
        ...edits(member, `${path}/${name}`).map(([at, edit]): [string, Edit] => [
          at,
          (object) => ({ ...(object as object), [name]: edit(member) }),
        ]),
        [
          `${path} without ${name}`,
          (object: unknown) => Object.fromEntries(Object.entries(object as object).filter(([other]) => other !== name)),
        ] satisfies [string, Edit],
        [
          `${path} with ${name} renamed`,
          (object: unknown) =>
            Object.fromEntries(
              Object.entries(object as object).map(([other, one]) => [
                other === name ? `${other}x` : other,
                one as unknown,
              ]),
            ),
        ] satisfies [string, Edit],
      ]),
      [`${path} and a member more`, (object) => ({ ...(object as object), more: 1 })],
    ];
  }
  if (typeof value === 'string')
    return [0, 1, 3, 6, 9, 12, 15, 18, 63]
      .filter((index) => index < value.length)
      .map((index) => [`${path}@${index}`, () => withOther(value, index)]);
  if (typeof value === 'number') return [[path, () => value + 1]];
  return [[path, () => value !== true]];
}

/** The text with one character replaced by a neighbour of its kind. */
function withOther(text: string, index: number): string {
  const character = text[index] ?? '';
  const other = /[0-8]/.test(character) ? String(Number(character) + 1) : character === 'a' ? 'b' : 'a';
  return `${text.slice(0, index)}${other}${text.slice(index + 1)}`;
}

describe('SEC-22 nothing that is different goes unsaid', () => {
  const repository = stocked();
  const dated = { ...rolesBy([ALICE, BOB, CAROL, dave], 3), ...onlineRoles('new') };
  const CASES: readonly [string, readonly DraftFile[]][] = [
    ['a root that changes all', rootFiles(repository.read(...own), dated, LATER_MS, LATER_MS)],
    ['a root that changes nothing', rootFiles(repository.read(), rolesBy(), LATER_MS, LATER_MS)],
    [
      'a new supplier',
      delegationFiles(repository.read(), { set: supplier('mid', { hardwareIds: ['hw', 'hw2'] }) }, LATER_MS),
    ],
    [
      'a release',
      targetFiles(
        repository.read(roleOf('fw/3', 1)),
        {
          add: new Map([
            ['fw/3', targetOf('x', { hardwareIds: ['hw', 'hw2'], component: 'fw', version: '3', note: ['a'] })],
          ]),
          remove: [],
        },
        { bits: 1 },
        LATER_MS,
      ),
    ],
    ['renewals', renewedFiles(repository.read(...own, 'acme'), ['targets', ...own, 'acme'], LATER_MS)],
  ];

  it.each(CASES)('SEC-22 %s: each single change is refused, or said', (_what, files) => {
    const before = said(repository, files).join('\n');
    const tried = { said: 0, refused: 0 };
    const silent: string[] = [];
    for (const [index, file] of files.entries()) {
      const json: unknown = JSON.parse(Buffer.from(wireJson(signedJson(file))).toString());
      for (const [at, edit] of edits(json)) {
        // Who may sign is a set: its order means nothing.
        if (/keyids turned round$/.test(at)) continue;
        const bytes = utf8Encode(JSON.stringify(edit(json)));
        const outcome = wordsOf(files.with(index, { ...file, signed: asObject(parseJson(bytes), '') }));
        tried[outcome === undefined ? 'refused' : 'said'] += 1;
        if (outcome === before && !Buffer.from(JSON.stringify(json)).equals(bytes)) silent.push(`${file.role}${at}`);
      }
    }
    expect(silent).toEqual([]);
    expect(tried.said).toBeGreaterThan(10);
    expect(tried.refused).toBeGreaterThan(10);
  });

  /** `undefined` when it is refused, by name. */
  function wordsOf(files: readonly DraftFile[]): string | undefined {
    try {
      return words(reviewRequest(repository.request(files))).join('\n');
    } catch (error) {
      if (error instanceof SigningError) return undefined;
      throw error;
    }
  }

  it('SEC-22 any two targets that differ are described by different words', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 }).filter((one) => one !== '');
    const target = fc.record(
      {
        component: text,
        version: text,
        hardwareIds: fc.uniqueArray(text, { maxLength: 3 }),
        note: fc.oneof(text, fc.array(text, { maxLength: 2 })),
      },
      { requiredKeys: [] },
    );
    const plain = new PaperRepository();
    const line = (path: string, custom: object) => {
      const entry = targetOf('image', custom as Readonly<Record<string, string>>);
      const signed = targetsDocument({ version: 2, expiresAtMs: EXPIRES_AT_MS, targets: new Map([[path, entry]]) });
      return said(plain, [{ role: 'targets', version: 2, signed }]).join('\n');
    };
    fc.assert(
      fc.property(target, target, (one, other) => {
        const isSame = Buffer.from(wireJson(one)).equals(wireJson(other));
        expect(line('a', one) === line('a', other)).toBe(isSame);
      }),
    );
  });
});
