/**
 * The home folder of a Station: what a request reports (spec/cups.md sections 2 and 6), and two files of ours for release proofs. Read only.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TlsIdentity } from '../../transport/http/exchange.ts';
import { crcOf, credentialCrc } from './crc.ts';
import { MAX_KEYS, SIGNATURE_KEY_BYTES } from './limits.ts';

export interface StationFacts {
  readonly cupsUri: string;
  readonly tcUri: string;
  readonly cupsCredCrc: number;
  readonly tcCredCrc: number;
  readonly package: string | null;
  readonly keys: readonly number[];
}

export class StationHome {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async facts(): Promise<StationFacts> {
    const version = await this.#text('version.txt');
    return {
      cupsUri: await this.#text('cups.uri'),
      tcUri: await this.#text('tc.uri'),
      cupsCredCrc: await this.#setCrc('cups'),
      tcCredCrc: await this.#setCrc('tc'),
      package: version || null,
      keys: (await this.#keyFiles()).map(crcOf),
    };
  }

  /** Keys that can verify firmware: 64 bytes X || Y each. Files of another size are reported, not used. */
  async signatureKeys(): Promise<readonly Uint8Array[]> {
    return (await this.#keyFiles()).filter((key) => key.length === SIGNATURE_KEY_BYTES);
  }

  /** Mutual TLS with the regular cups set; `undefined` when it has no trust file. */
  async tls(): Promise<TlsIdentity | undefined> {
    const [trust, crt, key] = await this.#set('cups');
    if (!trust?.length) return undefined;
    return crt?.length && key?.length ? { trust, crt, key } : { trust };
  }

  /** The root of release metadata this device was provisioned with. */
  releaseRoot(): Promise<Uint8Array | undefined> {
    return this.#read('release-root.json');
  }

  /** What releases must be signed for to run here; `''` when nobody wrote it down. */
  hardwareId(): Promise<string> {
    return this.#text('hardware.txt');
  }

  async #keyFiles(): Promise<Uint8Array[]> {
    const keys: Uint8Array[] = [];
    // Reading stops at the first missing index, as in Station.
    for (let index = 0; index < MAX_KEYS; index += 1) {
      const key = await this.#read(`sig-${index}.key`);
      if (!key) break;
      keys.push(key);
    }
    return keys;
  }

  async #setCrc(category: 'cups' | 'tc'): Promise<number> {
    const [trust, crt, key] = await this.#set(category);
    return credentialCrc({ trust, crt, key });
  }

  #set(category: 'cups' | 'tc'): Promise<(Uint8Array | undefined)[]> {
    return Promise.all(['trust', 'crt', 'key'].map((part) => this.#read(`${category}.${part}`)));
  }

  async #text(name: string): Promise<string> {
    return Buffer.from((await this.#read(name)) ?? [])
      .toString('utf8')
      .trimEnd();
  }

  async #read(name: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(join(this.#dir, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}
