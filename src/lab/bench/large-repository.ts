/** A repository on a real store, signed by two people; the large one has 10,000 targets in 256 bins. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import { openSqliteStore } from '../../adapters/sqlite/store.ts';
import { DAY_MS } from '../../core/time.ts';
import { createUlids } from '../../core/ulid.ts';
import { ImageRepository } from '../../fleet/repository.ts';
import { generateSigner, type Signer } from '../../trust/keys.ts';
import { sha256Hex } from '../../trust/payload.ts';
import type { RoleContent, TargetContent } from '../../trust/repository/documents.ts';
import { type DraftFile, firstFiles, renewedFiles, roleOf, targetFiles } from '../../trust/repository/draft.ts';
import { metadataFile, signWith } from '../../trust/repository/sign.ts';
import type { Vault } from '../../trust/vault.ts';

export interface LargeRepository {
  /** One target more. @returns bytes written */
  addOne(): Promise<number>;
  /** Every file signed anew. @returns bytes written */
  rewriteAll(): Promise<number>;
  /** Bytes of a release proof. */
  proofBytes(): Promise<number>;
  close(): Promise<void>;
}

export const LARGE = { targets: 10_000, bits: 8 };

export async function makeRepository(size: {
  readonly targets: number;
  readonly bits?: number;
}): Promise<LargeRepository> {
  const { targets, bits } = size;
  const people = [generateSigner('ed25519').signer, generateSigner('ed25519').signer];
  const online = new Map(['snapshot', 'timestamp'].map((role) => [role, generateSigner('ed25519').signer]));
  const dir = mkdtempSync(join(tmpdir(), 'sealift-bench-'));
  const store = await openSqliteStore({ path: join(dir, 'sealift.db') });
  const lifetimes = { snapshotMs: DAY_MS, timestampMs: DAY_MS };
  const ids = { clock: systemClock, random: systemRandom };
  const repository = await ImageRepository.open({
    ...{ tenant: 't', store, clock: systemClock, nextId: createUlids(ids), lifetimes, vault: vaultOf(online) },
  });
  const expiresAtMs = systemClock.nowMs() + 90 * DAY_MS;
  const publish = async (drafts: readonly DraftFile[]) => {
    const files = new Map<string, Uint8Array>();
    for (const { role, signed } of drafts) files.set(role, metadataFile(signed, await signWith(signed, people)));
    const versions = new Map(drafts.map(({ role, version }) => [role, version]));
    await repository.publish({ files, versions });
    return writtenBytes(repository, files);
  };
  const role = (signers: readonly Signer[]): RoleContent => ({
    keys: signers.map(({ publicKey }) => ({ name: 'bench', key: publicKey })),
    threshold: signers.length,
  });
  const roles = {
    ...{ root: role(people), targets: role(people) },
    ...{ snapshot: role([online.get('snapshot')].flatMap((one) => one ?? [])) },
    ...{ timestamp: role([online.get('timestamp')].flatMap((one) => one ?? [])) },
  };
  await publish(firstFiles({ version: 1, expiresAtMs, roles }, bits, expiresAtMs));
  const own = [...repository.reading.published.versions.keys()];
  const all = new Map(Array.from({ length: targets }, (_, number) => entry(number)));
  const add = async (more: ReadonlyMap<string, TargetContent>) => {
    const touched = [...new Set([...more.keys()].map((path) => roleOf(path, bits)))];
    const { published } = await repository.readWith(touched);
    return publish(targetFiles(published, { add: more, remove: [] }, { bits }, expiresAtMs));
  };
  await add(all);
  let next = targets;
  return {
    addOne: () => add(new Map([entry(next++)])),
    rewriteAll: async () => publish(renewedFiles((await repository.readWith(own)).published, own, expiresAtMs)),
    proofBytes: async () => (await repository.proof(digestOf(0)))?.length ?? 0,
    async close() {
      await store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function entry(number: number): [string, TargetContent] {
  const version = `1.${number}.0`;
  const custom = new Map<string, string | string[]>([
    ['component', 'firmware'],
    ['hardwareIds', ['corecell']],
    ['version', version],
  ]);
  return [
    `firmware/${version}/corecell`,
    { lengthBytes: number + 1, hashes: new Map([['sha256', digestOf(number)]]), custom },
  ];
}

function digestOf(number: number): string {
  return sha256Hex(Buffer.from(String(number)));
}

/** What people signed, and the two files that the server signs over it. */
async function writtenBytes(repository: ImageRepository, files: ReadonlyMap<string, Uint8Array>): Promise<number> {
  const { snapshot, timestamp } = repository.reading.trusted;
  const all = [...files.values(), snapshot.bytes, timestamp.bytes];
  return all.reduce((sum, { length }) => sum + length, 0);
}

function vaultOf(online: ReadonlyMap<string, Signer>): Vault {
  const refuse = () => Promise.reject(new Error('a benchmark makes no keys'));
  return {
    keys: async () => [...online].map(([label, { publicKey }]) => ({ label, publicKey, createdAtMs: 0 })),
    signer: async (label) => online.get(label) ?? refuse(),
    ...{ generate: refuse, import: refuse, destroy: refuse, close: async () => undefined },
  };
}
