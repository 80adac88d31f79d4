/** The drills of docs/how-to/recover-keys.md: steal, notice, revoke, replace, recover the devices, show that the old key is dead. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../src/cli/program.ts';
import { DAY_MS } from '../src/core/time.ts';
import { makePeople, type Person } from '../src/lab/people.ts';
import { generateSigner, type Signer } from '../src/trust/keys.ts';
import { sha256Hex } from '../src/trust/payload.ts';
import { snapshotDocument, timestampDocument } from '../src/trust/repository/documents.ts';
import { metadataFile, signWith } from '../src/trust/repository/sign.ts';
import { TUF1 } from '../src/trust/tuf/dialect.ts';
import { type Conversation, findTarget, refresh } from '../src/trust/tuf/refresh.ts';
import { QUICK } from './support/direct-store.ts';
import {
  openParts,
  type Parts,
  partsWithRoot,
  publishRelease,
  rootChange,
  signedBy,
  signedByAll,
} from './support/fleet.ts';
import { chunksOf } from './support/ports.ts';
import { ROOT } from './support/source.ts';

/** A device that keeps what it trusts between updates. */
class Device {
  readonly stored: Map<string, Uint8Array>;
  readonly #parts: Parts;

  /** @param other a device whose disk it takes over: the same one, in front of a server that was started anew */
  constructor(parts: Parts, other?: Device) {
    this.#parts = parts;
    this.stored = other?.stored ?? new Map([['root', parts.repository.reading.trusted.root.bytes]]);
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
async function fastForwarded(
  parts: Parts,
  online: Record<'snapshot' | 'timestamp', Signer>,
  version: number,
  signedAtMs = parts.clock.nowMs(),
) {
  const expiresAtMs = signedAtMs + 7 * DAY_MS;
  const { published } = parts.repository.reading;
  const snapshotSigned = snapshotDocument({ version, expiresAtMs }, published.versions);
  const snapshot = metadataFile(snapshotSigned, await signWith(snapshotSigned, [online.snapshot]));
  const sha256 = createHash('sha256').update(snapshot).digest('hex');
  const facts = { version, lengthBytes: snapshot.length, sha256 };
  const timestampSigned = timestampDocument({ version, expiresAtMs, signedAtMs }, facts);
  const timestamp = metadataFile(timestampSigned, await signWith(timestampSigned, [online.timestamp]));
  return new Map([
    ['timestamp.json', timestamp],
    [`${version}.snapshot.json`, snapshot],
  ]);
}

async function released(bits?: number) {
  const parts = await partsWithRoot(bits === undefined ? QUICK : { ...QUICK, bits });
  await publishRelease(parts);
  const device = new Device(parts);
  expect(await device.update()).toMatchObject({ found: true });
  return { parts, device, people: parts.people as readonly [Person, Person, Person] };
}

const renewal = ({ clock }: Parts) =>
  ({ kind: 'renew', roles: ['targets'], expiresAtMs: clock.nowMs() + 100 * DAY_MS }) as const;

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

  it.each([
    ['a little', 1_000, 0],
    ['to the end', Number.MAX_SAFE_INTEGER, 0],
    ['to the end, from the year 2040', Number.MAX_SAFE_INTEGER, 5_000],
  ])(
    'SEC-23 a fast-forward %s, written into the database: the server goes on below, and every device follows',
    async (_how, high, days) => {
      const { parts, device, people } = await released();
      const seen = new Device(parts);
      const stolen = await onlineKeys(parts);
      const forged = await fastForwarded(parts, stolen, high, parts.clock.nowMs() + days * DAY_MS);
      const head = parts.repository.head ?? { revision: 0, versions: new Map<string, number>() };
      await parts.store.publish({
        head: {
          tenant: 't',
          revision: head.revision + 1,
          versions: new Map([...head.versions, ['snapshot', high], ['timestamp', high]]),
        },
        files: [...forged].map(([name, bytes]) => ({
          role: name.includes('snapshot') ? 'snapshot' : 'timestamp',
          version: high,
          bytes,
        })),
        ...{ intentId: 'none', atMs: parts.clock.nowMs() },
      });
      await parts.store.close();
      const { dir, clock, vault } = parts;
      clock.advance(DAY_MS);
      const again = await openParts({ ...QUICK, dir, clock, vault, people });
      // One device meets what the thief has signed before it meets the new root, the other does not.
      await new Device(again, seen).update().catch(() => undefined);
      expect(seen.stored.get('timestamp')).toEqual(forged.get('timestamp.json'));
      if (high === Number.MAX_SAFE_INTEGER)
        await expect(publishRelease(again, { version: '1.2.0' })).rejects.toMatchObject({
          code: 'REPOSITORY_KEYS',
        });
      const until = again.clock.nowMs() + 365 * DAY_MS;
      const change = { kind: 'root', rotateOnline: true, expiresAtMs: until, targetsExpiresAtMs: until } as const;
      await signedByAll(again, await again.signing.start(change, 'a break-in'));
      expect(again.repository.head?.versions.get('snapshot')).toBe(3);
      await publishRelease(again, { version: '1.3.0' });
      for (const one of [seen, device]) {
        const follower = new Device(again, one);
        expect(await follower.update(new Map(), 'firmware/1.3.0/hw')).toEqual({ found: true, snapshot: 4, root: 2 });
        await expect(follower.update(forged)).rejects.toMatchObject({ code: 'TRUST_SIGNATURES' });
      }
    },
  );

  it("SEC-23 a supplier's key is stolen: what it signed is taken out, it is replaced, and signs no more", async () => {
    const { parts, device } = await released();
    const [acme, acme2] = makePeople(2) as [Person, Person];
    const delegate = async (signer: Person) => {
      const delegation = {
        name: 'acme',
        keys: [signer.targets.publicKey],
        threshold: 1,
        terminating: false,
        paths: ['acme/*'],
      };
      const change = { kind: 'delegate', delegation, expiresAtMs: parts.clock.nowMs() + 60 * DAY_MS } as const;
      return signedByAll(parts, await signedBy(parts.signing, await parts.signing.start(change, ''), signer));
    };
    const release = async (version: string) => {
      const content = Buffer.from(`modem ${version}`);
      await parts.blobs.put(sha256Hex(content), content.length, chunksOf(content));
      const artifacts = [{ hardware: 'hw', sha256: sha256Hex(content), path: `acme/${version}` }];
      const change = {
        kind: 'release',
        component: 'modem',
        version,
        artifacts,
        payloadKeys: [],
        supplier: 'acme',
      } as const;
      return parts.signing.start({ ...change, expiresAtMs: parts.clock.nowMs() + 60 * DAY_MS }, '');
    };
    await delegate(acme);
    await signedBy(parts.signing, await release('1'), acme);
    // The thief has acme's key and the API token.
    await signedBy(parts.signing, await release('666'), acme);
    expect(await device.update(new Map(), 'acme/666')).toMatchObject({ found: true });
    const old = parts.repository.head?.versions.get('acme') ?? 0;
    const stolen = await parts.repository.file(`${old}.acme.json`);
    await delegate(acme2);
    const remove = {
      kind: 'remove',
      paths: ['acme/666'],
      supplier: 'acme',
      expiresAtMs: parts.clock.nowMs() + 60 * DAY_MS,
    } as const;
    const taken = await parts.signing.start(remove, 'never ours');
    await expect(signedBy(parts.signing, taken, acme)).rejects.toMatchObject({ code: 'SIGNING_KEY' });
    expect((await signedBy(parts.signing, taken, acme2)).event.state).toBe('published');
    expect(await device.update(new Map(), 'acme/666')).toMatchObject({ found: false });
    expect(await device.update(new Map(), 'acme/1')).toMatchObject({ found: true });
    const current = parts.repository.head?.versions.get('acme') ?? 0;
    const replay = new Map([[`${current}.acme.json`, stolen ?? new Uint8Array()]]);
    const fresh = new Device(parts);
    await expect(fresh.update(replay, 'acme/666')).rejects.toMatchObject({ detail: { role: 'acme' } });
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
    const fresh = await partsWithRoot({ ...QUICK, people: [alice, ...strangers] });
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

describe('DESIGN-6 the page of the drills', () => {
  const page = readFileSync(join(ROOT, 'docs/how-to/recover-keys.md'), 'utf8');
  const verbs = createProgram()
    .commands.find((command) => command.name() === 'trust')
    ?.commands.map((command) => command.name());

  it('DESIGN-6 names commands that exist, and says of each drill how many there are and who is visited', () => {
    const named = [...page.matchAll(/sealift trust ([a-z-]+)/g)].map(([, verb = '']) => verb);
    const rows = [...page.matchAll(/^\| .+ \| ([0-9]+|as)\b[^|]* \| (?:none|all) \|$/gm)].map(([row]) => row);
    const listed = rows.flatMap((row) => [...row.matchAll(/`([a-z-]+)`/g)].map(([, verb = '']) => verb));
    expect(named.length).toBeGreaterThan(8);
    expect(verbs).toEqual(expect.arrayContaining([...named, ...listed]));
    expect(rows).toHaveLength([...page.matchAll(/^## /gm)].length);
    for (const row of rows.filter((one) => /\| [0-9]/.test(one)))
      expect(Number(/\| ([0-9]+)/.exec(row)?.[1])).toBe([...row.matchAll(/`[a-z-]+`/g)].length);
  });
});
