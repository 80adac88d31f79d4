/** Keys that cost nothing, for properties with 100,000 cases: an Ed25519 verification takes about 100 microseconds. */
import type { CanonicalInput } from '../../src/core/canonical-json.ts';
import { asObject, type JsonValue } from '../../src/core/json.ts';
import type { PublicKey, SchemeName } from '../../src/trust/keys.ts';

/** Holds for signatures whose first byte is its `mark` (0 to 255), and counts how often it was asked. */
export class FakeKey implements PublicKey {
  readonly keyId: string;
  readonly keyType = 'ed25519';
  readonly scheme: SchemeName;
  readonly json: CanonicalInput;
  readonly fingerprint: string;
  readonly spki = new Uint8Array();
  readonly #mark: number;
  asked = 0;

  constructor(mark: number, scheme: SchemeName = 'ed25519') {
    this.keyId = `key ${mark}`;
    this.fingerprint = `fingerprint ${mark}`;
    this.scheme = scheme;
    this.json = { keytype: 'fake', keyval: { public: mark } };
    this.#mark = mark;
  }

  verify(_message: Uint8Array, signature: Uint8Array): boolean {
    this.asked += 1;
    return signature[0] === this.#mark;
  }
}

/** Takes the place of `parsePublicKey`. */
export function parseFakeKey(json: JsonValue): FakeKey {
  return new FakeKey(Number(asObject(asObject(json, '').get('keyval'), '').get('public')));
}

/** The one signature that a fake key makes, hex. */
export function fakeSignature(mark: number): string {
  return mark.toString(16).padStart(2, '0');
}
