import { describe, expect, it } from 'vitest';
import { QUICK, refusedUnchanged } from '../../test/support/direct-store.ts';
import { openParts, type Parts, partsWithRoot, signedByAll } from '../../test/support/fleet.ts';
import { chunksOf } from '../../test/support/ports.ts';
import { DAY_MS } from '../core/time.ts';
import { generateSigner } from '../trust/keys.ts';
import { sha256Hex } from '../trust/payload.ts';
import type { Change } from './changes.ts';

const image = Buffer.from('image of 1.1.0');
const expiry = ({ clock }: Parts) => clock.nowMs() + 90 * DAY_MS;
const renewal = (parts: Parts): Change => ({ kind: 'renew', roles: [], expiresAtMs: expiry(parts) + DAY_MS });

describe('SEC-11 changes that make no sense are refused before anybody signs', () => {
  const sha256 = sha256Hex(image);
  const key = generateSigner('ed25519').signer.publicKey;
  const release = (more: object): object => ({
    ...{
      kind: 'release',
      component: 'firmware',
      version: '2',
      artifacts: [{ hardware: 'hw', sha256 }],
      payloadKeys: [],
      ...more,
    },
  });
  const delegate = (more: object): object => ({
    kind: 'delegate',
    delegation: { name: 'acme', keys: [key], threshold: 1, terminating: false, paths: ['acme/*'], ...more },
  });
  const role = { threshold: 1, keys: [{ name: 'x', key }] };
  const many = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);
  const CHANGES: readonly (readonly [string, object, string])[] = [
    ['a release of no version', release({ version: 'a b' }), 'RELEASE_NOT_ADMITTED'],
    ['a release of nothing', release({ artifacts: [] }), 'RELEASE_NOT_ADMITTED'],
    [
      'a release with hardware twice',
      release({
        artifacts: [
          { hardware: 'hw', sha256 },
          { hardware: 'hw', sha256, path: 'b' },
        ],
      }),
      'RELEASE_NOT_ADMITTED',
    ],
    [
      'a release with a path twice',
      release({
        artifacts: [
          { hardware: 'a', sha256, path: 'p' },
          { hardware: 'b', sha256, path: '/p' },
        ],
      }),
      'RELEASE_NOT_ADMITTED',
    ],
    [
      'a release of what is not here',
      release({ artifacts: [{ hardware: 'hw', sha256: 'ab'.repeat(32) }] }),
      'RELEASE_NOT_ADMITTED',
    ],
    [
      'a digest that is a path',
      release({ artifacts: [{ hardware: 'hw', sha256: '../../etc/passwd' }] }),
      'BLOB_MISSING',
    ],
    ...['../x', 'a/../b', './a', '', '/', 'a\u0000b', 'x'.repeat(1_025)].map((path): [string, object, string] => [
      `a release at ${JSON.stringify(path.slice(0, 9))}`,
      release({ artifacts: [{ hardware: 'hw', sha256, path }] }),
      'SIGNING_CHANGE',
    ]),
    ['a component that climbs', release({ component: '..' }), 'SIGNING_CHANGE'],
    ['hardware that climbs', release({ artifacts: [{ hardware: '..', sha256 }] }), 'SIGNING_CHANGE'],
    ['a release by no supplier', release({ supplier: 'nobody' }), 'SIGNING_CHANGE'],
    ['a release by one of our own files', release({ supplier: 'targets' }), 'SIGNING_CHANGE'],
    ['a release by a bin', release({ supplier: 'bins-0' }), 'SIGNING_CHANGE'],
    ['a release by the snapshot', release({ supplier: 'snapshot' }), 'SIGNING_CHANGE'],
    ['hardware without a name', release({ artifacts: [{ hardware: '', sha256, path: 'p' }] }), 'SIGNING_CHANGE'],
    ['removing nothing', { kind: 'remove', paths: [] }, 'SIGNING_CHANGE'],
    ['removing what is not there', { kind: 'remove', paths: ['a'] }, 'SIGNING_CHANGE'],
    ['removing what is no path', { kind: 'remove', paths: ['..'] }, 'SIGNING_CHANGE'],
    ['removing from nobody', { kind: 'remove', paths: ['a'], supplier: 'nobody' }, 'SIGNING_CHANGE'],
    ['removing from a role of our own', { kind: 'remove', paths: ['a'], supplier: 'bins' }, 'SIGNING_CHANGE'],
    ...['root', 'targets', 'snapshot', 'timestamp', 'bins', 'bins-0', '42', '', 'x'.repeat(1_025)].map(
      (name): [string, object, string] => [
        `a supplier called ${name.slice(0, 9)}`,
        delegate({ name }),
        'SIGNING_CHANGE',
      ],
    ),
    ['a supplier without keys', delegate({ keys: [] }), 'SIGNING_CHANGE'],
    ['a supplier whose threshold cannot be met', delegate({ threshold: 2 }), 'SIGNING_CHANGE'],
    ['a supplier whose threshold is none', delegate({ threshold: 0 }), 'SIGNING_CHANGE'],
    ['a supplier with one key twice', delegate({ keys: [key, key], threshold: 2 }), 'SIGNING_CHANGE'],
    ['a supplier with a pattern twice', delegate({ paths: ['a', '/a'] }), 'SIGNING_CHANGE'],
    ['a supplier with an empty pattern', delegate({ paths: [''] }), 'SIGNING_CHANGE'],
    ['a supplier for too much hardware', delegate({ hardwareIds: many(65) }), 'SIGNING_CHANGE'],
    ['a supplier for too many paths', delegate({ paths: many(4_097) }), 'SIGNING_CHANGE'],
    ['no supplier any more', { kind: 'undelegate', supplier: 'nobody' }, 'SIGNING_CHANGE'],
    ['no bins any more', { kind: 'undelegate', supplier: 'bins' }, 'SIGNING_CHANGE'],
    ...['snapshot', 'nobody'].map((name): [string, object, string] => [
      `a renewal of ${name}`,
      { kind: 'renew', roles: ['targets', name], expiresAtMs: Date.UTC(2_040, 0) },
      'SIGNING_CHANGE',
    ]),
    ['a renewal until now', { kind: 'renew', roles: [] }, 'SIGNING_CHANGE'],
    ['a shorter root', { kind: 'renew', roles: ['root'] }, 'SIGNING_CHANGE'],
    [
      'bins of a repository that is there',
      { kind: 'root', rotateOnline: false, bits: 4, targetsExpiresAtMs: 1 },
      'SIGNING_CHANGE',
    ],
    [
      'a root nobody can sign',
      { kind: 'root', root: { ...role, threshold: 2 }, rotateOnline: false, targetsExpiresAtMs: 1 },
      'SIGNING_CHANGE',
    ],
    [
      'targets nobody has to sign',
      { kind: 'root', targets: { ...role, threshold: 0 }, rotateOnline: false, targetsExpiresAtMs: 1 },
      'SIGNING_CHANGE',
    ],
    ['a time after all times', { kind: 'renew', roles: [], expiresAtMs: Date.UTC(12_000, 0) }, 'SIGNING_CHANGE'],
  ];

  it('SEC-11 each by name, and nothing is stored', async () => {
    const parts = await partsWithRoot({ ...QUICK, bits: 1 });
    await parts.blobs.put(sha256, image.length, chunksOf(image));
    for (const [what, change, code] of CHANGES) {
      const whole = { expiresAtMs: expiry(parts), ...change } as Change;
      await refusedUnchanged(parts, code, () => parts.signing.start(whole, what));
      const fix = expect.stringMatching(/^[A-Z].*[^ ]$/s) as string;
      if (code !== 'BLOB_MISSING') await expect(parts.signing.start(whole, what), what).rejects.toMatchObject({ fix });
    }
    const half = () => parts.signing.start(renewal(parts), 'half a \ud83d');
    await refusedUnchanged(parts, 'JSON_SURROGATE', half);
    await expect(half()).rejects.toMatchObject({ fix: expect.stringContaining('half of a character') as string });
    expect(await parts.store.openSigningEvents('t')).toEqual([]);
  });

  it('SEC-7 before the first root there is nothing to change', async () => {
    const parts = await openParts(QUICK);
    await parts.blobs.put(sha256, image.length, chunksOf(image));
    for (const change of [
      release({}),
      { kind: 'remove', paths: ['a'] },
      delegate({}),
      { kind: 'undelegate', supplier: 'a' },
      renewal(parts),
    ]) {
      const start = () => parts.signing.start({ expiresAtMs: expiry(parts), ...change } as Change, '');
      await refusedUnchanged(parts, 'REPOSITORY_MISSING', start);
    }
    const bare = {
      kind: 'root',
      rotateOnline: false,
      expiresAtMs: expiry(parts),
      targetsExpiresAtMs: expiry(parts),
    } as const;
    await refusedUnchanged(parts, 'SIGNING_CHANGE', () => parts.signing.start(bare, ''));
    await refusedUnchanged(parts, 'SIGNING_CHANGE', () => parts.signing.start({ ...bare, root: role }, ''));
  });

  it('SEC-24 a renewal lengthens: one that would not says until when each is valid', async () => {
    const parts = await partsWithRoot({ ...QUICK, bits: 1 });
    const { clock, signing } = parts;
    const ends = (change: object) =>
      signing.start({ kind: 'renew', roles: [], expiresAtMs: expiry(parts), ...change }, '');
    const until = (timeMs: number) => expect.stringContaining(new Date(timeMs).toISOString().slice(0, 19)) as string;
    for (const lessMs of [0, 1, DAY_MS])
      await expect(ends({ expiresAtMs: expiry(parts) - lessMs })).rejects.toMatchObject({
        code: 'SIGNING_CHANGE',
        fix: until(expiry(parts)),
      });
    // Of the second in which it ends now nothing is left once it is written.
    await expect(ends({ expiresAtMs: expiry(parts) + 999 })).rejects.toMatchObject({ code: 'SIGNING_CHANGE' });
    await expect(ends({ roles: ['root'] })).rejects.toMatchObject({
      detail: { role: 'root' },
      fix: until(clock.nowMs() + 365 * DAY_MS),
    });
    const draft = await ends({ expiresAtMs: expiry(parts) + 1_000 });
    expect(draft.progress.map(({ role }) => role)).toEqual(['bins-0', 'bins-1', 'bins', 'targets']);
  });

  it('SEC-24 the root is renewed where it is named, with nothing else changed', async () => {
    const parts = await partsWithRoot(QUICK);
    const { repository, signing, clock } = parts;
    clock.advance(30 * DAY_MS);
    const ends = { expiresAtMs: expiry(parts), rootExpiresAtMs: clock.nowMs() + 365 * DAY_MS };
    const draft = await signing.start({ kind: 'renew', roles: ['targets', 'root'], ...ends }, 'both');
    const time = (timeMs: number) => `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
    expect(draft.changes).toEqual([
      `signs root anew without changing keys and thresholds: root 2, valid until ${time(ends.rootExpiresAtMs)}`,
      `signs targets anew without changing what it lists, valid until ${time(ends.expiresAtMs)}`,
    ]);
    const before = repository.reading.published.root;
    expect((await signedByAll(parts, draft)).event.state).toBe('published');
    const { root } = repository.reading.published;
    expect(root).toMatchObject({ version: 2, expiresAtMs: ends.rootExpiresAtMs, roles: before.roles });
    expect([...root.keys.keys()].toSorted()).toEqual([...before.keys.keys()].toSorted());
  });

  it('DESIGN-4 what is drafted twice in one breath is drafted once', async () => {
    const parts = await partsWithRoot(QUICK);
    const draft = await parts.signing.start({ ...renewal(parts), roles: ['targets', 'targets'] } as Change, '');
    expect(draft.progress).toHaveLength(1);
  });
});
