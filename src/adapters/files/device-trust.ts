/**
 * What a device trusts, as one file: each role exactly as it was signed, digests of the roots it has gone by, and a digest over all,
 * so that bit rot is noticed.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { wireJson } from '../../core/canonical-json.ts';
import { asArray, asObject, asString, JsonError, type JsonValue, parseJson } from '../../core/json.ts';
import { DeviceError } from '../../device/errors.ts';
import { MAX_TRUST_BYTES } from '../../device/limits.ts';
import type { DeviceTrust } from '../../device/ports.ts';
import { provisioned, type SavedTrust, withStored } from '../../device/trust.ts';
import { sha256Hex } from '../../trust/payload.ts';
import type { Stored } from '../../trust/tuf/refresh.ts';
import { hasCode, writeFileDurably } from './durable.ts';

export class FileDeviceTrust implements DeviceTrust {
  readonly #path: string;
  readonly #pinned: Uint8Array | undefined;

  /** @param pinned the root this device was provisioned with */
  constructor(dir: string, pinned: Uint8Array | undefined) {
    this.#path = join(dir, 'trust.json');
    this.#pinned = pinned;
  }

  async load(): Promise<Stored | undefined> {
    return provisioned(await this.#saved(), this.#pinned);
  }

  async save(stored: Stored): Promise<void> {
    const next = withStored(await this.#saved(), this.#pinned, stored);
    const roles = new Map([...next.stored].map(([role, bytes]) => [role, Buffer.from(bytes).toString('base64')]));
    const content = { roles, roots: next.roots };
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    await writeFileDurably(this.#path, wireJson({ ...content, sha256: sha256Hex(wireJson(content)) }));
  }

  async #saved(): Promise<SavedTrust | undefined> {
    try {
      return readSaved(parseJson(await readFile(this.#path), { maxBytes: MAX_TRUST_BYTES }));
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return undefined;
      if (!(cause instanceof JsonError)) throw cause;
      throw new DeviceError('TRUST_DAMAGED', `${this.#path} is not as it was saved: ${cause.message}`, {
        cause,
        fix: 'Restore the file, or remove it: the device begins anew with the root it was provisioned with, and no longer knows which versions it has seen.',
      });
    }
  }
}

function readSaved(json: JsonValue): SavedTrust {
  const document = asObject(json, '');
  const roles = asObject(document.get('roles'), '/roles');
  const roots = asArray(document.get('roots'), '/roots').map((root, index) => asString(root, `/roots/${index}`));
  if (asString(document.get('sha256'), '/sha256') !== sha256Hex(wireJson({ roles, roots })))
    throw new JsonError('JSON_SHAPE', '/sha256 is not the digest of /roles and /roots');
  const stored = [...roles].map(
    ([role, base64]) => [role, new Uint8Array(Buffer.from(asString(base64, `/roles/${role}`), 'base64'))] as const,
  );
  return { stored: new Map(stored), roots };
}
