import { describe, expect, it } from 'vitest';
import { QUICK } from '../../test/support/direct-store.ts';
import {
  draftRelease,
  openParts,
  type Parts,
  partsWithRoot,
  publishRelease,
  rootChange,
  signedBy,
  signedByAll,
} from '../../test/support/fleet.ts';
import { recordingLog } from '../../test/support/ports.ts';
import { DAY_MS } from '../core/time.ts';
import type { Person } from '../lab/people.ts';
import type { Change } from './changes.ts';
import { StoreError } from './errors.ts';
import type { Store } from './ports.ts';

const imageOf = (version: string) => Buffer.from(`image of ${version}`);
const page = { after: undefined, limit: 1_000 };
const reopened = ({ dir, clock, vault, people }: Parts) => openParts({ ...QUICK, dir, clock, vault, people });

describe('SEC-26 the use of online keys', () => {
  it('SEC-26 is written down before, with what and by whom; then it is done', async () => {
    const log: string[] = [];
    const wrap = (store: Store): Store => ({
      ...store,
      openIntent: async (intent) => {
        log.push('intent');
        return store.openIntent(intent);
      },
      publish: async (publication) => {
        log.push('publish');
        return store.publish(publication);
      },
    });
    const parts = await openParts({ ...QUICK, wrap });
    const generate = parts.vault.signer.bind(parts.vault);
    parts.vault.signer = async (label) => {
      const signer = await generate(label);
      return {
        ...signer,
        sign: async (message) => {
          log.push('sign');
          return signer.sign(message);
        },
      };
    };
    await signedByAll(parts, await parts.signing.start(rootChange(parts, parts.people, 2), ''));
    await publishRelease(parts);
    expect(log).toEqual(['intent', 'sign', 'sign', 'publish', 'intent', 'sign', 'sign', 'publish']);
    const { root } = parts.repository.reading.published;
    const by = (role: 'snapshot' | 'timestamp', version: number) =>
      `${role} ${version} by ${root.roles[role].keyIds.join()}`;
    expect((await parts.store.intents('t', page)).map(({ what, state }) => [what, state])).toEqual(
      [1, 2].map((version) => [`${by('snapshot', version)}; ${by('timestamp', version)}`, 'done']),
    );
    parts.clock.advance(5 * DAY_MS);
    await parts.repository.renew();
    expect((await parts.store.intents('t', page)).at(-1)?.what).toBe(`${by('snapshot', 3)}; ${by('timestamp', 3)}`);
  });

  it.each(['openIntent', 'publish', 'updateSigningEvent'] as const)(
    'SEC-26 a crash at %s leaves the state before, and the next start closes what was open',
    async (call) => {
      let isDead = false;
      const wrap = (store: Store): Store => {
        const target: (...parameters: never[]) => Promise<void> = store[call];
        const killed = () => Promise.reject(new Error('killed'));
        return { ...store, [call]: (...parameters: never[]) => (isDead ? killed() : target(...parameters)) };
      };
      const parts = await partsWithRoot({ ...QUICK, wrap });
      const draft = await draftRelease(parts);
      isDead = true;
      const sign = async () => {
        await signedBy(parts.signing, draft, (parts.people as [Person])[0], [imageOf('1.1.0')]);
        await signedBy(parts.signing, draft, (parts.people as [Person, Person])[1]);
      };
      if (call !== 'updateSigningEvent') {
        isDead = false;
        await signedBy(parts.signing, draft, (parts.people as [Person])[0], [imageOf('1.1.0')]);
        isDead = true;
      }
      await expect(sign()).rejects.toThrow('killed');
      const again = await reopened(parts);
      expect(again.repository.head).toEqual(parts.repository.head);
      const states = (await again.store.intents('t', page)).map(({ state }) => state);
      expect(states).toEqual(call === 'publish' ? ['done', 'abandoned'] : ['done']);
      // Whoever had signed before need not again; then the release comes.
      const status = await again.signing.status(draft.event.id);
      expect(status.progress[0]?.signed).toHaveLength(call === 'updateSigningEvent' ? 0 : 1);
      expect((await signedByAll(again, status, [imageOf('1.1.0')])).event.state).toBe('published');
    },
  );
});

describe('SEC-26 a publication that fails', () => {
  it('SEC-26 closes its intent at once; with the same signatures it succeeds when it can', async () => {
    let isFull = false;
    const wrap = (store: Store): Store => ({
      ...store,
      publish: (publication) =>
        isFull
          ? Promise.reject(new StoreError('STORE_IO', 'the disk is full', { fix: 'Make space.' }))
          : store.publish(publication),
    });
    const parts = await partsWithRoot({ ...QUICK, wrap });
    const draft = await draftRelease(parts);
    isFull = true;
    await expect(signedByAll(parts, draft, [imageOf('1.1.0')])).rejects.toMatchObject({ code: 'STORE_IO' });
    const states = async () => (await parts.store.intents('t', page)).map(({ state }) => state);
    expect(await states()).toEqual(['done', 'abandoned']);
    isFull = false;
    expect((await signedByAll(parts, draft, [imageOf('1.1.0')])).event.state).toBe('published');
    expect(await states()).toEqual(['done', 'abandoned', 'done']);
  });

  it('SEC-26 and what fails after it is published fails nobody: it is logged, and dead keys are destroyed', async () => {
    const log = recordingLog();
    const parts = await partsWithRoot({ ...QUICK, log });
    parts.repository.onPublished(() => Promise.reject(new Error('no room for the plan')));
    const { expiresAtMs, targetsExpiresAtMs } = rootChange(parts, parts.people, 2);
    const rotation = { kind: 'root', rotateOnline: true, expiresAtMs, targetsExpiresAtMs } as const;
    const { event } = await signedByAll(parts, await parts.signing.start(rotation, ''));
    expect(event.state).toBe('published');
    expect(parts.vault.signers.size).toBe(2);
    expect(log.entries).toMatchObject([{ code: 'INTERNAL', error: 'Error: no room for the plan' }]);
  });
});

describe('SEC-23 online keys', () => {
  const labels = ({ vault }: Parts) => [...vault.signers.keys()];
  const inVault = ({ vault }: Parts) =>
    new Set([...vault.signers.values()].map(({ publicKey }) => publicKey.fingerprint));
  const namedBy = ({ repository }: Parts) => {
    const { keys, roles } = repository.reading.trusted.root.value;
    return new Set([...roles.snapshot.keyIds, ...roles.timestamp.keyIds].map((keyId) => keys.get(keyId)?.fingerprint));
  };
  const rotation = (parts: Parts): Change => {
    const { expiresAtMs, targetsExpiresAtMs } = rootChange(parts, parts.people, 2);
    return { kind: 'root', rotateOnline: true, expiresAtMs, targetsExpiresAtMs };
  };

  it('SEC-23 the old ones are destroyed once the new root is published, not before', async () => {
    const parts = await partsWithRoot(QUICK);
    const first = labels(parts);
    const draft = await parts.signing.start(rotation(parts), '');
    expect(labels(parts)).toHaveLength(4);
    await signedByAll(parts, draft);
    expect(labels(parts)).toHaveLength(2);
    expect(labels(parts).filter((label) => first.includes(label))).toEqual([]);
    expect(inVault(parts)).toEqual(namedBy(parts));
    await publishRelease(parts);
  });

  it('SEC-23 those of a rotation that was cancelled are destroyed, those in use are not', async () => {
    const parts = await partsWithRoot(QUICK);
    const draft = await parts.signing.start(rotation(parts), '');
    await parts.signing.cancel(draft.event.id);
    expect(inVault(parts)).toEqual(namedBy(parts));
    const first = await openParts(QUICK);
    const root = await first.signing.start(rootChange(first, first.people, 2), '');
    await first.signing.cancel(root.event.id);
    expect(labels(first)).toEqual([]);
  });

  it('SEC-23 those of a draft that was refused are destroyed, and no key that was made meanwhile', async () => {
    const parts = await partsWithRoot(QUICK);
    const nobody = { ...rotation(parts), root: { keys: [], threshold: 1 } } as Change;
    const [refused, drafted] = await Promise.allSettled([
      parts.signing.start(nobody, ''),
      parts.signing.start(rotation(parts), ''),
      parts.vault.generate('srup-1', 'ed25519'),
    ]);
    expect(refused).toMatchObject({ reason: { code: 'SIGNING_CHANGE' } });
    expect(labels(parts)).toHaveLength(2 + 2 + 1);
    if (drafted.status === 'fulfilled') await signedByAll(parts, drafted.value);
    expect([...inVault(parts)]).toEqual(expect.arrayContaining([...namedBy(parts)]));
    await publishRelease(parts);
  });

  it('SEC-23 those that an open event names stay, until it is published or given up', async () => {
    const parts = await partsWithRoot(QUICK);
    const [one, two] = [await parts.signing.start(rotation(parts), ''), await parts.signing.start(rotation(parts), '')];
    expect(labels(parts)).toHaveLength(6);
    await signedByAll(parts, one);
    expect(labels(parts)).toHaveLength(4);
    await parts.signing.cancel(two.event.id);
    expect(inVault(parts)).toEqual(namedBy(parts));
  });

  it('SEC-23 keys of others in the same vault are left alone, and a release touches none', async () => {
    const parts = await partsWithRoot(QUICK);
    await parts.vault.generate('srup-1', 'ed25519');
    await parts.vault.generate('snapshot-of-another-tenant', 'ed25519');
    await publishRelease(parts);
    await signedByAll(parts, await parts.signing.start(rotation(parts), ''));
    expect(labels(parts).filter((label) => !/-[0-9a-z]{26}$/.test(label))).toEqual([
      'srup-1',
      'snapshot-of-another-tenant',
    ]);
    expect(labels(parts)).toHaveLength(4);
  });

  it('SEC-23 a vault that fails once the root is published fails nobody, and it is said', async () => {
    const log = recordingLog();
    const parts = await partsWithRoot({ ...QUICK, log });
    const draft = await parts.signing.start(rotation(parts), '');
    parts.repository.onPublished(async () => {
      parts.vault.keys = () => Promise.reject(new Error('the disk is gone'));
    });
    expect((await signedByAll(parts, draft)).event.state).toBe('published');
    expect(log.entries).toMatchObject([{ code: 'INTERNAL', error: 'Error: the disk is gone' }]);
  });

  it('SEC-23 what the vault does not destroy is tried again with the next root', async () => {
    const parts = await partsWithRoot(QUICK);
    const destroy = parts.vault.destroy.bind(parts.vault);
    parts.vault.destroy = () => Promise.reject(new Error('the disk is full'));
    const { event } = await signedByAll(parts, await parts.signing.start(rotation(parts), ''));
    expect(event.state).toBe('published');
    expect(labels(parts)).toHaveLength(4);
    parts.vault.destroy = destroy;
    await signedByAll(parts, await parts.signing.start(rotation(parts), ''));
    expect(inVault(parts)).toEqual(namedBy(parts));
  });
});
