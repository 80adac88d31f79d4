/** A client that asks for files while others change them: one file after the other, from wherever they come. */
import { TUF1 } from '../../src/trust/tuf/dialect.ts';
import { type Conversation, type Found, findTarget, refresh, type Trusted } from '../../src/trust/tuf/refresh.ts';

export class Follower {
  /** What it trusts, kept as the conversations say. */
  readonly stored: Map<string, Uint8Array>;
  readonly #load: (name: string) => Promise<Uint8Array | undefined>;
  readonly #nowMs: () => number;

  constructor(root: Uint8Array, nowMs: () => number, load: (name: string) => Promise<Uint8Array | undefined>) {
    this.stored = new Map([['root', root]]);
    this.#nowMs = nowMs;
    this.#load = load;
  }

  /** @throws {TrustError} */
  refresh(): Promise<Trusted> {
    return this.#drive(refresh(new Map(this.stored), { dialect: TUF1, nowMs: this.#nowMs() }));
  }

  /** In what the last refresh gave. @throws {TrustError} */
  find(trusted: Trusted, path: string, hardwareId: string): Promise<Found | undefined> {
    return this.#drive(findTarget(trusted, { path, hardwareId }, new Map(this.stored)));
  }

  async #drive<T>(conversation: Conversation<T>): Promise<T> {
    let turn = conversation.next();
    while (!turn.done) {
      const step = turn.value;
      if (step.do === 'keep') this.stored.set(step.role, step.bytes);
      if (step.do === 'drop') this.stored.delete(step.role);
      turn = conversation.next(step.do === 'fetch' ? await this.#load(step.file) : undefined);
    }
    return turn.value;
  }
}
