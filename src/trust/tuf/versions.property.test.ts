/**
 * SEC-3 over random sequences of updates: what is stored afterwards is what a small model says, byte for byte, after acceptance and
 * after refusal alike. Each update begins with nothing but what the one before it kept, as after a restart. Keys cost nothing here;
 * interrupted.test.ts and refresh.test.ts say the same with real ones. Fast-check prints the seed of a failure.
 */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { fakeSignature } from '../../../test/support/fake-keys.ts';
import { NOW_MS } from '../../../test/support/repository.ts';
import { utf8Encode } from '../../core/bytes.ts';
import { isOtaError } from '../../core/errors.ts';
import { TUF1 } from './dialect.ts';
import { drive } from './drive.ts';
import { findTarget, refresh } from './refresh.ts';

vi.mock('../keys.ts', async (original) => {
  const { parseFakeKey } = await import('../../../test/support/fake-keys.ts');
  return { ...(await original<object>()), parsePublicKey: parseFakeKey };
});

type Role = 'timestamp' | 'snapshot' | 'targets' | 'a';
const ORDER: readonly Role[] = ['timestamp', 'snapshot', 'targets', 'a'];

/** A file as the model sees it: its own version, what it lists of others, who signed it, and something that tells it from its like. */
interface File {
  readonly version: number;
  readonly lists: ReadonlyMap<Role, number>;
  readonly key: number;
  readonly note: number;
}

/** What one update is served. A role that is not there answers 404; `key` is the generation of the key that signed. */
interface Offer {
  readonly files: ReadonlyMap<Role, File>;
  /** Roles whose keys the next root replaces, or no next root. */
  readonly rotate: readonly ('timestamp' | 'snapshot' | 'targets')[] | undefined;
  /** Stored roles that are lost before the update. */
  readonly lost: readonly Role[];
}

// The model

interface Client {
  /** Generation of each top role's key; `a` has one key for ever. */
  keys: ReadonlyMap<string, number>;
  root: number;
  stored: ReadonlyMap<Role, File>;
}

/** 9.2 to 9.5 and 10 in one breath. Returns whether the update succeeds; `client` is what it left. */
function model(client: Client, { files, rotate }: Offer): boolean {
  if (rotate) {
    const forgotten: readonly Role[] = [
      ...(rotate.includes('timestamp') || rotate.includes('snapshot') ? (['timestamp', 'snapshot'] as const) : []),
      ...(rotate.includes('targets') ? (['targets'] as const) : []),
    ];
    client.keys = new Map(
      [...client.keys].map(([role, key]) => [role, rotate.some((one) => one === role) ? key + 1 : key]),
    );
    client.root += 1;
    client.stored = new Map([...client.stored].filter(([role]) => !forgotten.includes(role)));
  }
  const good = (role: Role, file: File | undefined) =>
    file && file.key === (client.keys.get(role) ?? 0) ? file : undefined;
  const keep = (role: Role, file: File) => {
    client.stored = new Map([...client.stored, [role, file]]);
  };
  const isLower = (next: File, before: File) =>
    next.version < before.version || [...before.lists].some(([role, version]) => (next.lists.get(role) ?? 0) < version);

  const oldTimestamp = good('timestamp', client.stored.get('timestamp'));
  const newTimestamp = good('timestamp', files.get('timestamp'));
  if (!newTimestamp) return false;
  const isSame = oldTimestamp?.version === newTimestamp.version;
  if (oldTimestamp && !isSame && isLower(newTimestamp, oldTimestamp)) return false;
  const timestamp = oldTimestamp && isSame ? oldTimestamp : newTimestamp;
  if (!isSame) keep('timestamp', timestamp);

  let listing: ReadonlyMap<Role, number> = timestamp.lists;
  for (const role of ['snapshot', 'targets', 'a'] as const) {
    const wanted = listing.get(role);
    const old = good(role, client.stored.get(role));
    if (wanted === undefined) return false;
    if (old?.version !== wanted) {
      const next = good(role, files.get(role));
      if (next?.version !== wanted || (old && isLower(next, old))) return false;
      keep(role, next);
    }
    if (role === 'snapshot') listing = (client.stored.get('snapshot') ?? timestamp).lists;
  }
  return true;
}

// The same in files

const key = (mark: number) => `{"keytype":"fake","keyval":{"public":${mark}}}`;
const markOf = (role: string, generation: number) =>
  ['root', 'timestamp', 'snapshot', 'targets', 'a'].indexOf(role) * 50 + generation;
const HEAD = '"spec_version":"1.0.31","expires":"2030-01-01T00:00:00Z"';
const envelope = (mark: number, signed: string) =>
  utf8Encode(`{"signatures":[{"keyid":"${mark}","sig":"${fakeSignature(mark)}"}],"signed":{${signed},${HEAD}}}`);

const TOP = ['root', 'timestamp', 'snapshot', 'targets'] as const;

const MADE = new Map<string, Uint8Array>();

/** Files are made once: there are not many different ones. */
function made(name: string, make: () => Uint8Array): Uint8Array {
  const bytes = MADE.get(name) ?? make();
  MADE.set(name, bytes);
  return bytes;
}

function rootOf(version: number, keys: ReadonlyMap<string, number>): Uint8Array {
  return made(`root ${version} ${[...keys].join()}`, () => {
    const marks = TOP.map((role) => [role, markOf(role, keys.get(role) ?? 0)] as const);
    const roles = marks.map(([role, mark]) => `"${role}":{"keyids":["${mark}"],"threshold":1}`);
    const table = marks.map(([, mark]) => `"${mark}":${key(mark)}`);
    return envelope(0, `"_type":"root","version":${version},"keys":{${table.join()}},"roles":{${roles.join()}}`);
  });
}

function bytesOf(role: Role, { version, lists, key: generation, note }: File): Uint8Array {
  return made(`${role} ${version} ${generation} ${note} ${[...lists].join()}`, () => {
    const meta = () => [...lists].map(([listed, listedAs]) => `"${listed}.json":{"version":${listedAs}}`).join();
    const a = markOf('a', 0);
    const delegations = `{"keys":{"${a}":${key(a)}},"roles":[{"name":"a","keyids":["${a}"],"threshold":1,"paths":["x"]}]}`;
    const rest = role === 'timestamp' || role === 'snapshot' ? `"meta":{${meta()}}` : '"targets":{}';
    const more = role === 'targets' ? `,"delegations":${delegations}` : '';
    const type = role === 'a' ? 'targets' : role;
    return envelope(markOf(role, generation), `"_type":"${type}","version":${version},"note":${note},${rest}${more}`);
  });
}

/** Whether the update succeeds; `stored` is what it left. */
function update(
  stored: Map<string, Uint8Array>,
  root: number,
  offer: Offer,
  keys: ReadonlyMap<string, number>,
): boolean {
  const { files, rotate } = offer;
  const served = (file: string) => {
    if (file === `${root + 1}.root.json`) return rotate && rootOf(root + 1, keys);
    const role = ORDER.find((one) => file === `${one}.json` || file.endsWith(`.${one}.json`));
    const found = role && files.get(role);
    return found && bytesOf(role, found);
  };
  try {
    const trusted = drive(refresh(new Map(stored), { dialect: TUF1, nowMs: NOW_MS }), served, stored);
    drive(findTarget(trusted, { path: 'x' }, new Map(stored)), served, stored);
    return true;
  } catch (error) {
    if (isOtaError(error)) return false;
    throw error;
  }
}

// Offers from three numbers each: cheaper than one arbitrary for each member, and nought is the honest offer, to which it shrinks

const anyOffer = fc.tuple(fc.nat(), fc.nat(), fc.nat());

function offerOf([first, second, third]: readonly [number, number, number], { keys }: Client): Offer {
  let rest = BigInt(first) + (BigInt(second) << 31n) + (BigInt(third) << 62n);
  const draw = (count: number): number => {
    const drawn = Number(rest % BigInt(count));
    rest /= BigInt(count);
    return drawn;
  };
  const oneIn = (count: number) => draw(count) === count - 1;
  const subset = <T>(of: readonly T[]) => of.filter(() => draw(2) === 1);
  const versions = new Map(ORDER.map((role) => [role, 1 + draw(3)]));
  const listedAs = (role: Role, least: number) => (oneIn(8) ? least + draw(4 - least) : (versions.get(role) ?? 0));
  // A snapshot need not list a role; a timestamp that lists no snapshot is none.
  const listed = new Map<Role, number>([
    ['targets', listedAs('targets', 0)],
    ['a', listedAs('a', 0)],
  ]);
  const lists = new Map<Role, ReadonlyMap<Role, number>>([
    ['timestamp', new Map([['snapshot', listedAs('snapshot', 1)]])],
    ['snapshot', new Map([...listed].filter(([, version]) => version > 0))],
  ]);
  const rotate = oneIn(6) ? subset(['timestamp', 'snapshot', 'targets'] as const) : undefined;
  const files = ORDER.filter(() => !oneIn(16)).map((role) => {
    const generation = (keys.get(role) ?? 0) + (rotate?.some((one) => one === role) ? 1 : 0);
    const key = oneIn(16) && role !== 'a' ? Math.abs(generation - 1) : generation;
    return [
      role,
      { version: versions.get(role) ?? 0, lists: lists.get(role) ?? new Map(), key, note: draw(2) },
    ] as const;
  });
  return { files: new Map(files), rotate, lost: oneIn(6) ? subset(ORDER) : [] };
}

describe('SEC-3 over random sequences of updates', () => {
  // In parts, so that each has the time of one test; together 100,000.
  it.each([1, 2, 3, 4])(
    'SEC-3 25,000 sequences leave what the model says, and SEC-6 no refused file is ever stored (part %i of 4)',
    () => {
      let [updates, refused] = [0, 0];
      fc.assert(
        fc.property(fc.array(anyOffer, { minLength: 1, maxLength: 3 }), (offers) => {
          const client: Client = { keys: new Map(), root: 1, stored: new Map() };
          client.keys = new Map(TOP.map((role) => [role, 0]));
          const stored = new Map([['root', rootOf(1, client.keys)]]);
          for (const drawn of offers) {
            const offer = offerOf(drawn, client);
            for (const role of offer.lost) stored.delete(role);
            client.stored = new Map([...client.stored].filter(([role]) => !offer.lost.includes(role)));
            const { root } = client;
            const expected = model(client, offer);
            const bytes = [...client.stored].map(([role, file]) => [role, bytesOf(role, file)] as const);
            const left = inText(new Map([['root', rootOf(client.root, client.keys)], ...bytes]));
            expect(`${update(stored, root, offer, client.keys)} ${inText(stored)}`).toBe(`${expected} ${left}`);
            updates += 1;
            if (!expected) refused += 1;
          }
        }),
        { numRuns: 25_000 },
      );
      // Worth something only when enough of both happen.
      expect(refused).toBeGreaterThan(25_000);
      expect(updates - refused).toBeGreaterThan(10_000);
    },
  );
});

/** Bytes by role, comparable. */
function inText(stored: ReadonlyMap<string, Uint8Array>): string {
  return ['root', ...ORDER].map((role) => Buffer.from(stored.get(role) ?? []).toString('latin1')).join('\n');
}
