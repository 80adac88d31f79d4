/** The drills of docs/how-to/recover-keys.md: steal, notice, revoke, replace, recover the devices, show that the old key is dead. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../src/core/time.ts';
import { makePeople, type Person } from '../src/lab/people.ts';
import { generateSigner, type Signer } from '../src/trust/keys.ts';
import { snapshotDocument, timestampDocument } from '../src/trust/repository/documents.ts';
import { metadataFile, signWith } from '../src/trust/repository/sign.ts';
import { TUF1 } from '../src/trust/tuf/dialect.ts';
import { type Conversation, findTarget, refresh } from '../src/trust/tuf/refresh.ts';
import { type Parts, partsWithRoot, publishRelease, rootChange, signedBy, signedByAll } from './support/fleet.ts';

/** A device that keeps what it trusts between updates. */
class Device {
  stored = new Map<string, Uint8Array>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.stored.set('root', parts.repository.reading.trusted.root.bytes);
  }

  /** @param forged files that come in place of the real ones */
  async update(forged: ReadonlyMap<string, Uint8Array> = new Map(), want = 'firmware/1.1.0/hw') {
    const { repository, clock } = this.#parts;
    const answer = async <T>(conversation: Conversation<T>): Promise<T> => {
      let turn = conversation.next();
      while (!turn.done) {
        const step = turn.value;
        if (step.do === 'keep') this.stored.set(step.role, step.bytes);
        if (step.do === 'drop') this.stored.delete(step.role);
        turn = conversation.next(
          step.do === 'fetch' ? (forged.get(step.file) ?? (await repository.file(step.file))) : undefined,
        );
      }
      return turn.value;
    };
    const trusted = await answer(refresh(new Map(this.stored), { dialect: TUF1, nowMs: clock.nowMs() }));
    const found = await answer(findTarget(trusted, { path: want, hardwareId: 'hw' }, new Map(this.stored)));
    return { found: found !== undefined, snapshot: trusted.snapshot.value.version, root: trusted.root.value.version };
  }
}

async function onlineKeys({ vault, repository }: Parts): Promise<Record<'snapshot' | 'timestamp', Signer>> {
  const { keys, roles } = repository.reading.trusted.root.value;
  const all = await Promise.all((await vault.keys()).map(({ label }) => vault.signer(label)));
  const of = (role: 'snapshot' | 'timestamp') => {
    const wanted = keys.get(roles[role].keyIds[0] ?? '')?.fingerprint;
    const signer = all.find(({ publicKey }) => publicKey.fingerprint === wanted);
    if (!signer) throw new Error(`the vault has no key of ${role}`);
    return signer;
  };
  return { snapshot: of('snapshot'), timestamp: of('timestamp') };
}

/** What a thief of the online keys serves: the targets that are published, under the highest version there is. */
async function fastForwarded(parts: Parts, online: Record<'snapshot' | 'timestamp', Signer>, version: number) {
  const expiresAtMs = parts.clock.nowMs() + 7 * DAY_MS;
  const { published } = parts.repository.reading;
  const snapshotSigned = snapshotDocument({ version, expiresAtMs }, published.versions);
  const snapshot = metadataFile(snapshotSigned, await signWith(snapshotSigned, [online.snapshot]));
  const sha256 = createHash('sha256').update(snapshot).digest('hex');
  const facts = { version, lengthBytes: snapshot.length, sha256 };
  const timestampSigned = timestampDocument({ version, expiresAtMs, signedAtMs: parts.clock.nowMs() }, facts);
  const timestamp = metadataFile(timestampSigned, await signWith(timestampSigned, [online.timestamp]));
  return new Map([
    ['timestamp.json', timestamp],
    [`${version}.snapshot.json`, snapshot],
  ]);
}

async function released(bits?: number) {
  const parts = await partsWithRoot(bits === undefined ? {} : { bits });
  await publishRelease(parts);
  const device = new Device(parts);
  expect(await device.update()).toMatchObject({ found: true });
  return { parts, device, people: parts.people as readonly [Person, Person, Person] };
}

const renewal = ({ clock }: Parts) =>
  ({ kind: 'renew', roles: ['targets'], expiresAtMs: clock.nowMs() + 60 * DAY_MS }) as const;

describe('SEC-23 drills', () => {
  it.each([undefined, 4])(
    'SEC-23 a signer is replaced (bins: %s): the old key is dead, no device is visited',
    async (bits) => {
      const { parts, device, people } = await released(bits);
      const [alice, bob, carol] = people;
      const [bob2 = bob] = makePeople(2).slice(1);
      const draft = await parts.signing.start(rootChange(parts, [alice, bob2, carol], 2), 'bob lost his laptop');
      const both = await signedBy(parts.signing, await signedBy(parts.signing, draft, alice), carol);
      expect(both.event.state).toBe('published');
      expect(await device.update()).toMatchObject({ found: true, root: 2 });
      const next = await parts.signing.start(renewal(parts), 'after it');
      await expect(signedBy(parts.signing, next, bob)).rejects.toMatchObject({ code: 'SIGNING_KEY' });
      expect((await signedByAll({ ...parts, people: [bob2, carol] }, next)).event.state).toBe('published');
      expect(await device.update()).toMatchObject({ found: true });
    },
  );

  it('SEC-23 one stolen key of three releases nothing', async () => {
    const { parts, people } = await released();
    const draft = await parts.signing.start(renewal(parts), 'by a thief');
    expect((await signedBy(parts.signing, draft, people[1])).event.state).toBe('open');
  });

  it('SEC-23 one of the root keys is lost: the others go on without it', async () => {
    const { parts, device, people } = await released();
    const [alice, , carol] = people;
    const draft = await parts.signing.start(rootChange(parts, [alice, carol], 2), 'bob is gone');
    expect((await signedByAll({ ...parts, people: [alice, carol] }, draft)).event.state).toBe('published');
    expect(await device.update()).toMatchObject({ found: true, root: 2 });
  });

  it('SEC-23 stolen online keys: a fast-forward ends with the new root, and the old keys are dead', async () => {
    const { parts, device } = await released();
    const stolen = await onlineKeys(parts);
    const forged = await fastForwarded(parts, stolen, Number.MAX_SAFE_INTEGER);
    expect(await device.update(forged)).toMatchObject({ snapshot: Number.MAX_SAFE_INTEGER });
    await expect(device.update()).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
    const change = { kind: 'root', rotateOnline: true, expiresAtMs: parts.clock.nowMs() + 365 * DAY_MS } as const;
    const draft = await parts.signing.start({ ...change, targetsExpiresAtMs: change.expiresAtMs }, 'a break-in');
    await signedByAll(parts, draft);
    expect(await device.update()).toMatchObject({ found: true, root: 2 });
    await expect(device.update(forged)).rejects.toMatchObject({ code: 'TRUST_SIGNATURES' });
    const left = (await parts.vault.keys()).map(({ publicKey }) => publicKey.fingerprint);
    expect(left).not.toContain(stolen.snapshot.publicKey.fingerprint);
    expect(left).not.toContain(stolen.timestamp.publicKey.fingerprint);
  });

  it('SEC-23 the vault is lost: new online keys, no device is visited', async () => {
    const { parts, device } = await released();
    for (const { label } of await parts.vault.keys()) await parts.vault.destroy(label);
    parts.clock.advance(4 * DAY_MS);
    await expect(parts.repository.renew()).rejects.toMatchObject({ code: 'REPOSITORY_KEYS' });
    const change = { kind: 'root', rotateOnline: true, expiresAtMs: parts.clock.nowMs() + 365 * DAY_MS } as const;
    await signedByAll(parts, await parts.signing.start({ ...change, targetsExpiresAtMs: change.expiresAtMs }, 'lost'));
    parts.clock.advance(4 * DAY_MS);
    expect(await device.update()).toMatchObject({ found: true, root: 2 });
  });

  it('SEC-23 with too many root keys lost, nobody can change the root: devices have to be visited', async () => {
    const { parts, device, people } = await released();
    const [alice] = people;
    const strangers = makePeople(2);
    const draft = await parts.signing.start(rootChange(parts, [alice, ...strangers], 2), 'two are lost');
    let status = await signedBy(parts.signing, draft, alice);
    for (const stranger of strangers) status = await signedBy(parts.signing, status, stranger);
    expect(status.event.state).toBe('open');
    expect(status.progress.filter(({ isComplete }) => !isComplete).map(({ authority }) => authority)).toEqual([
      'the root before',
    ]);
    expect(await device.update()).toMatchObject({ root: 1 });
    // What a site visit does: the root of a new repository, and nothing that the old one left.
    const fresh = await partsWithRoot({ people: [alice, ...strangers] });
    await publishRelease(fresh);
    expect(await new Device(fresh).update()).toMatchObject({ found: true, root: 1 });
  });

  it('SEC-23 a key nobody ever named signs nothing', async () => {
    const { parts } = await released();
    const [stranger] = makePeople(1);
    if (!stranger) throw new Error('nobody');
    const draft = await parts.signing.start(renewal(parts), 'x');
    await expect(
      signedBy(parts.signing, draft, { ...stranger, root: generateSigner('ed25519').signer }),
    ).rejects.toMatchObject({
      code: 'SIGNING_KEY',
    });
  });
});
