/** Audit logs for tests: keys, a lease that nobody else wants, places for checkpoints. */
import type { NoteKey } from '../../src/fleet/audit/note.ts';
import type { CheckpointSink } from '../../src/fleet/audit/ports.ts';
import type { Lease } from '../../src/fleet/coordination/lease.ts';
import { generateSigner } from '../../src/trust/keys.ts';

export const ORIGIN = 'updates.example/audit';
export const FREE_LEASE: Pick<Lease, 'hold'> = {
  hold: async (_name, _ttlMs, work) => ({
    isHeld: true,
    value: await work({ signal: new AbortController().signal, token: 1 }),
  }),
};

export function logKey(name = ORIGIN) {
  const { signer } = generateSigner('ed25519');
  const key: NoteKey = { name, publicKey: signer.publicKey };
  return { signer, key };
}

export class MemorySink implements CheckpointSink {
  readonly notes: string[] = [];

  async last(): Promise<string | undefined> {
    return this.notes.at(-1);
  }

  async append(note: string): Promise<void> {
    this.notes.push(note);
  }
}
