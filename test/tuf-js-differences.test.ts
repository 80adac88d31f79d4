/** Where tuf-js and we differ: each difference with its reason, pinned down from both sides. */
import { describe, expect, it, vi } from 'vitest';
import { DAY_MS } from '../src/core/time.ts';
import { generateSigner } from '../src/trust/keys.ts';
import { metadataFile, signWith } from '../src/trust/repository/sign.ts';
import { type Members, NOW_MS, signedOf, TestRepository, testKey } from './support/repository.ts';
import {
  afterwards,
  answerOf,
  atTime,
  type Change,
  clientsOf,
  delegation,
  listing,
  NOBODY,
  one,
  REFUSED,
} from './support/tuf-js.ts';

const X = answerOf('x', 'targets');

/** The text of a file is changed after signing; where canonical forms hide the change, the signature holds. */
const respelled =
  (role: string, from: string, to: string): Change =>
  (repository) => {
    const text = Buffer.from(repository.renew().fileOf(role)).toString();
    repository.files.set(repository.nameOf(role), Buffer.from(text.replace(from, to)));
  };

describe('SEC-2 we are stricter than tuf-js', () => {
  it.each<[string, Change]>([
    [
      'one key under two ids counts once (T21 of the vectors)',
      (repository) => {
        repository.publish('root');
        const { keys, roles } = signedOf(repository.fileOf('root')) as Record<'keys' | 'roles', Members>;
        const { keyId, json } = testKey('timestamp').publicKey;
        const twice = { keyids: [keyId, 'again'], threshold: 2 };
        repository.rewrite('root', { keys: { ...keys, again: json }, roles: { ...roles, timestamp: twice } });
        const signed = signedOf(repository.fileOf('timestamp'));
        const [signature] = (
          JSON.parse(Buffer.from(repository.fileOf('timestamp')).toString()) as { signatures: [Members] }
        ).signatures;
        const signatures = [signature, { ...signature, keyid: 'again' }];
        repository.files.set('timestamp.json', Buffer.from(JSON.stringify({ signatures, signed })));
      },
    ],
    ['a version is spelled as an integer', respelled('timestamp', '"version":4}', '"version":4.0}')],
    ['no member stands twice', respelled('timestamp', '"_type":', '"_type":"root","_type":')],
    [
      'no older targets than are stored, though the snapshot key was rotated (spec 9.5)',
      (repository) => {
        repository.snapshot = one('new');
        repository.versions.set('targets', 1);
        repository.publish('root', 'targets', 'snapshot', 'timestamp');
      },
    ],
  ])('SEC-2 %s', async (_what, change) => {
    atTime(NOW_MS);
    expect(await afterwards(change)).toEqual({ ours: REFUSED, theirs: X });
  });

  it('REL-11 a clock ten years behind does not make expired files new: signed times count', async () => {
    atTime(NOW_MS);
    const repository = new TestRepository();
    repository.top = listing('targets', 'x');
    const { ours, theirs } = await clientsOf(repository.publish());
    for (const client of [ours, theirs]) expect(await client.find('x')).toBe(X);
    repository.renew();
    repository.rewrite('targets', { expires: '2026-11-23T00:00:00Z' });
    vi.setSystemTime(NOW_MS - 3_650 * DAY_MS);
    expect([await ours.find('x'), await theirs.find('x')]).toEqual([REFUSED, X]);
  });
});

describe('SEC-3 we recover where tuf-js does not', () => {
  it('SEC-3 a new snapshot key alone recovers from a snapshot version that was driven up (spec 9.2 step 7)', async () => {
    atTime(NOW_MS);
    const answers = await afterwards((repository) => {
      repository.snapshot = one('new');
      repository.publish('root');
      repository.versions.set('snapshot', 0);
      repository.publish('snapshot', 'timestamp');
    });
    expect(answers).toEqual({ ours: X, theirs: REFUSED });
  });

  it('SEC-7 ML-DSA keys, which tuf-js does not know', async () => {
    atTime(NOW_MS);
    const { signer } = generateSigner('ml-dsa');
    const repository = new TestRepository();
    repository.top = listing('targets', 'x');
    repository.timestamp = { keys: [{ ...testKey('timestamp'), publicKey: signer.publicKey }], threshold: 1 };
    repository.publish();
    const signed = signedOf(repository.fileOf('timestamp'));
    repository.files.set('timestamp.json', metadataFile(signed, await signWith(signed, [signer])));
    const { ours, theirs } = await clientsOf(repository);
    expect([await ours.find('x'), await theirs.find('x')]).toEqual([X, REFUSED]);
  });
});

describe('SEC-4 delegations are read otherwise', () => {
  async function found(path: string, change: Change): Promise<readonly string[]> {
    atTime(NOW_MS);
    const repository = new TestRepository();
    for (const name of ['2', '1', 'a']) repository.delegated.set(name, listing(name, 'x', 'ab'));
    change(repository);
    const { ours, theirs } = await clientsOf(repository.publish());
    return [await ours.find(path), await theirs.find(path)];
  }

  it('SEC-4 hardware that a delegation is limited to is an addition of Uptane: tuf-js follows it for any (D18)', async () => {
    const change: Change = ({ top }) => Object.assign(top, { delegations: [delegation('a', { hardwareIds: ['hw'] })] });
    expect(await found('x', change)).toEqual([NOBODY, answerOf('x', 'a')]);
  });

  it('SEC-4 roles called by numbers keep their priority: tuf-js sorts them, and finds the signature wrong', async () => {
    const change: Change = ({ top }) => Object.assign(top, { delegations: [delegation('2'), delegation('1')] });
    expect(await found('x', change)).toEqual([answerOf('x', '2'), REFUSED]);
  });

  it('SEC-4 patterns have no braces', async () => {
    const change: Change = ({ top }) => Object.assign(top, { delegations: [delegation('a', { paths: ['{ab,x}'] })] });
    expect(await found('x', change)).toEqual([NOBODY, answerOf('x', 'a')]);
  });

  it('SEC-4 a leading slash is cut off (spec 3.4)', async () => {
    const change: Change = ({ top }) => Object.assign(top, { delegations: [delegation('a')] });
    expect(await found('/x', change)).toEqual([answerOf('x', 'a'), NOBODY]);
  });

  it('SEC-4 bins end no search, as TAP 15 says; in tuf-js they do', async () => {
    const bins = { keys: [testKey('bin').publicKey], threshold: 1, bits: 1, namePrefix: 'bin' };
    const change: Change = (repository) => {
      repository.delegated.set('bins', { ...listing('bins'), delegations: bins });
      for (const bin of ['bin-0', 'bin-1']) repository.delegated.set(bin, listing('bin'));
      repository.top.delegations = [delegation('bins'), delegation('a')];
    };
    expect(await found('x', change)).toEqual([answerOf('x', 'a'), NOBODY]);
  });
});
