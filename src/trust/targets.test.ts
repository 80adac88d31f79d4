import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { toHex, utf8Encode } from '../core/bytes.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { generateSigner, type Signer } from './keys.ts';
import { signTargets, type Target, verifyTargets } from './targets.ts';

const NOW_MS = Date.UTC(2026, 10, 24);
const target: Target = {
  lengthBytes: 5,
  sha256: 'ab'.repeat(32),
  hardwareIds: ['corecell'],
  component: 'firmware',
  version: '1.1.0',
};
const content = {
  version: 3,
  expiresAtMs: NOW_MS + 86_400_000,
  targets: new Map([['firmware/1.1.0/corecell', target]]),
};
const signers: readonly Signer[] = [
  generateSigner('ed25519').signer,
  generateSigner('ecdsa').signer,
  generateSigner('ed25519').signer,
];
const [first = generateSigner('ed25519').signer, second = first] = signers;
const trust = { keys: [first.publicKey], threshold: 1, nowMs: NOW_MS, minVersion: 0 };

let signed: Uint8Array;
beforeAll(async () => {
  signed = await signTargets(content, [first]);
});

/** Signs any `signed` object, well-formed or not. */
async function signAnything(body: object, signer = first): Promise<Uint8Array> {
  const message = canonicalJson(body as never);
  return canonicalJson({
    signatures: [{ keyid: signer.publicKey.keyId, sig: toHex(await signer.sign(message)) }],
    signed: body as never,
  });
}

const wellFormed = {
  _type: 'targets',
  spec_version: '1.0.31',
  version: 3,
  expires: '2026-12-01T00:00:00Z',
  targets: {},
};

describe('SEC-7 targets metadata', () => {
  it('SEC-7 verifies what was signed, and says by whom', () => {
    const verified = verifyTargets(signed, trust);
    expect(verified).toMatchObject({ version: 3, signedBy: [first.publicKey.keyId], expiresAtMs: content.expiresAtMs });
    expect([...verified.targets]).toEqual([...content.targets]);
  });

  it('SEC-7 is refused with any single bit of it flipped, or is the same document', () => {
    const original = verifyTargets(signed, trust);
    for (let at = 0; at < signed.length; at += 1) {
      for (const mask of [1, 0x20, 0x80]) {
        const damaged = signed.slice();
        damaged[at] = (damaged[at] ?? 0) ^ mask;
        let verified: unknown;
        try {
          verified = verifyTargets(damaged, trust);
        } catch {
          continue;
        }
        expect(verified).toEqual(original);
      }
    }
  });

  it('SEC-7 fails closed: no key, an unknown key, no signature', async () => {
    expect(() => verifyTargets(signed, { ...trust, keys: [] })).toThrow(
      expect.objectContaining({ code: 'TRUST_THRESHOLD' }),
    );
    expect(() => verifyTargets(signed, { ...trust, keys: [second.publicKey] })).toThrow(
      expect.objectContaining({ code: 'TRUST_SIGNATURES' }),
    );
    const unsigned = await signTargets(content, []);
    expect(() => verifyTargets(unsigned, trust)).toThrow(expect.objectContaining({ code: 'TRUST_SIGNATURES' }));
  });
});

describe('SEC-2 thresholds', () => {
  it('SEC-2 count distinct trusted keys: copies, renamed keys and strangers add nothing', async () => {
    const messages = await Promise.all(
      signers.map(async (signer) => ({ signer, envelope: parseEnvelope(await signTargets(content, [signer])) })),
    );
    fc.assert(
      fc.property(
        fc.subarray([0, 1, 2]),
        fc.subarray([0, 1, 2], { minLength: 1 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        (signedBy, trusted, threshold, copies) => {
          const signatures = signedBy.flatMap((index) =>
            Array<object>(copies).fill(messages[index]?.envelope.signatures[0] ?? {}),
          );
          const document = utf8Encode(JSON.stringify({ signatures, signed: messages[0]?.envelope.signed }));
          const keys = trusted.flatMap(
            (index) => Array(copies).fill(signers[index]?.publicKey) as Signer['publicKey'][],
          );
          const good = signedBy.filter((index) => trusted.includes(index)).length;
          const verify = () => verifyTargets(document, { ...trust, keys, threshold });
          if (good >= threshold && threshold <= trusted.length) expect(verify().signedBy).toHaveLength(good);
          else
            expect(verify).toThrow(
              expect.objectContaining({
                code: threshold > new Set(trusted).size ? 'TRUST_THRESHOLD' : 'TRUST_SIGNATURES',
              }),
            );
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([0, -1, 1.5, 2, Number.NaN])('SEC-2 of %s for one key are refused', (threshold) => {
    expect(() => verifyTargets(signed, { ...trust, threshold })).toThrow(
      expect.objectContaining({ code: 'TRUST_THRESHOLD' }),
    );
  });
});

describe('SEC-3 versions', () => {
  it('SEC-3 never go back; the same one again is fine', () => {
    expect(verifyTargets(signed, { ...trust, minVersion: 3 }).version).toBe(3);
    expect(() => verifyTargets(signed, { ...trust, minVersion: 4 })).toThrow(
      expect.objectContaining({ code: 'TRUST_ROLLBACK' }),
    );
  });

  it('SEC-3 expired metadata is refused from the very second on', () => {
    expect(() => verifyTargets(signed, { ...trust, nowMs: content.expiresAtMs })).toThrow(
      expect.objectContaining({ code: 'TRUST_EXPIRED' }),
    );
    expect(verifyTargets(signed, { ...trust, nowMs: content.expiresAtMs - 1 }).version).toBe(3);
  });
});

describe('SEC-10 signed nonsense is still nonsense', () => {
  it.each([
    ['another type', { ...wellFormed, _type: 'snapshot' }, 'TRUST_UNSUPPORTED'],
    ['another spec version', { ...wellFormed, spec_version: '2.0' }, 'TRUST_UNSUPPORTED'],
    ['delegations', { ...wellFormed, delegations: {} }, 'TRUST_UNSUPPORTED'],
    ['version 0', { ...wellFormed, version: 0 }, 'JSON_SHAPE'],
    ['an impossible day', { ...wellFormed, expires: '2027-02-30T00:00:00Z' }, 'TRUST_MALFORMED'],
    ['a time zone', { ...wellFormed, expires: '2027-02-01T00:00:00+01:00' }, 'TRUST_MALFORMED'],
    ['a path that climbs', { ...wellFormed, targets: { '../x': {} } }, 'TRUST_MALFORMED'],
    ['a target without hashes', { ...wellFormed, targets: { x: { length: 1 } } }, 'JSON_SHAPE'],
    ['a short hash', { ...wellFormed, targets: { x: { length: 1, hashes: { sha256: 'ab' } } } }, 'TRUST_MALFORMED'],
    [
      'no hardware',
      { ...wellFormed, targets: { x: { length: 1, hashes: { sha256: 'ab'.repeat(32) } } } },
      'TRUST_MALFORMED',
    ],
    [
      'a negative length',
      {
        ...wellFormed,
        targets: { x: { length: -1, hashes: { sha256: 'ab'.repeat(32) }, custom: { hardwareIds: ['a'] } } },
      },
      'JSON_SHAPE',
    ],
  ])('SEC-10 refuses %s', async (_what, body, code) => {
    const document = await signAnything(body);
    expect(() => verifyTargets(document, trust)).toThrow(expect.objectContaining({ code }));
  });

  it('SEC-10 a target called __proto__ is a name like any other', async () => {
    const named = new Map([['__proto__', target]]);
    const verified = verifyTargets(await signTargets({ ...content, targets: named }, [first]), trust);
    expect(verified.targets.get('__proto__')).toEqual(target);
  });

  it('SEC-10 refuses more signatures than could matter', () => {
    const signatures = Array(65).fill({ keyid: 'x', sig: '00' });
    const document = utf8Encode(JSON.stringify({ signatures, signed: {} }));
    expect(() => verifyTargets(document, trust)).toThrow(expect.objectContaining({ code: 'TRUST_MALFORMED' }));
  });
});

function parseEnvelope(bytes: Uint8Array): { signatures: object[]; signed: object } {
  return JSON.parse(Buffer.from(bytes).toString()) as { signatures: object[]; signed: object };
}
