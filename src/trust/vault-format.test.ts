import { createDecipheriv, hkdfSync, scryptSync } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { everyPrintOf, leaks } from '../../test/support/canary.ts';
import { seededRandom } from '../../test/support/ports.ts';
import { isOtaError } from '../core/errors.ts';
import { generateSigner } from './keys.ts';
import { MAX_VAULT_KEYS, MIN_SCRYPT_N } from './limits.ts';
import { newEntry, type VaultEntry, VaultSeal } from './vault-format.ts';

const PASSPHRASE = 'correct horse battery staple';
/** PKCS#8 of Ed25519 is this and the seed. */
const ED25519_HEAD = '302e020100300506032b657004220420';
const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(`${ED25519_HEAD}${'a1'.repeat(32)}`, 'hex').toString('base64')}\n-----END PRIVATE KEY-----\n`;
const entry: VaultEntry = { label: 'snapshot', createdAtMs: 1_764_000_000_000, scheme: 'ed25519', pem };

/** Made of this seed, passphrase and entry by the first version. Never to be renewed: it stands for the vaults that are out there. */
const GOLDEN = [
  '{"check":"9d9c4a4c4f44095f0cf13e8a82a25039","ciphertext":"d6efa914f62371af54cbe82c031dcaf9f928bb013ecd109a8c8d',
  'aa5d2cddb78519705438a091901c60232563d1e6561858bc67e72b7a6119d24d4f3393848e59cced0aa8dfd05721e25010e33fc9b32936',
  'e46220b4013f04b0fc03c7965767a4c574b50fefc7f5aa3ec8199705444638b52aac7d82552a13798e860483b70afd8af942f77285b1b1',
  '81ca553138f3b73e18b6a9d53e0429f4190151a428dbf04b018bd3ad8849d40684e35b917425d33f1bd527af0d443f37e4d021983de418',
  '61072e59b1cc10498e8808d909ffc0afe5a2edcfe5067f2578","format":"sealift-vault","kdf":{"N":16384,"name":"scrypt",',
  '"p":1,"r":8,"salt":"de108a9af5a720dd83704a81f68e38f9f864200ec11cd23447594d6a41af4640"},"nonce":"87f461c3c8c637',
  '852ce53d4b","version":1}',
].join('');

let seal: VaultSeal;
let file: Uint8Array;
beforeAll(async () => {
  const random = seededRandom('vault');
  seal = await VaultSeal.create(PASSPHRASE, random, MIN_SCRYPT_N);
  file = seal.seal([entry], random);
});

const text = () => Buffer.from(file).toString();
const withMember = (from: string, to: string) => Buffer.from(text().replace(from, to));

describe('SEC-21 the format of a vault', () => {
  it('SEC-21 is this one, byte for byte: what is written today opens for ever', () => {
    expect(text()).toBe(GOLDEN);
  });

  it('SEC-21 can be opened by what its description says, without our code', () => {
    const { ciphertext, ...head } = JSON.parse(text()) as Record<string, string> & {
      kdf: { N: number; r: number; p: number; salt: string };
    };
    const { N, r, p, salt } = head.kdf;
    const root = scryptSync(PASSPHRASE, Buffer.from(salt, 'hex'), 32, { N, r, p });
    const derive = (info: string, length: number) =>
      Buffer.from(hkdfSync('sha256', root, '', `sealift-vault ${info}`, length));
    expect(derive('check', 16).toString('hex')).toBe(head.check);
    const sealed = Buffer.from(ciphertext ?? '', 'hex');
    const decipher = createDecipheriv('aes-256-gcm', derive('key', 32), Buffer.from(head.nonce ?? '', 'hex'));
    decipher.setAAD(Buffer.from(JSON.stringify(head))).setAuthTag(sealed.subarray(-16));
    const plain = decipher.update(sealed.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
    expect(JSON.parse(plain)).toEqual([entry]);
  });

  it('SEC-21 opens with its passphrase, in any Unicode form, and no other', async () => {
    const accented = await VaultSeal.create('caf\u00e9 \ufb01n', seededRandom('e'), MIN_SCRYPT_N);
    const sealed = accented.seal([entry], seededRandom('n'));
    expect((await VaultSeal.of(sealed, 'cafe\u0301 fin')).open(sealed)).toEqual([entry]);
    for (const wrong of ['', 'cafe fin', 'caf\u00e9 \ufb01n ', 'x'.repeat(100_000)]) {
      await expect(VaultSeal.of(sealed, wrong)).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
    }
    await expect(VaultSeal.create('', seededRandom('e'))).rejects.toMatchObject({ code: 'VAULT_PASSPHRASE' });
  });

  it('SEC-21 never uses a nonce twice', () => {
    const random = seededRandom('nonces');
    const nonces = Array.from({ length: 500 }, () =>
      String(/"nonce":"([0-9a-f]{24})"/.exec(Buffer.from(seal.seal([entry], random)).toString())?.[1]),
    );
    expect(new Set(nonces).size).toBe(500);
  });

  it('SEC-21 prints as nothing, and no error holds a key, also when a sealed text makes no sense', () => {
    const broken = [
      { ...entry, label: 1 },
      { ...entry, createdAtMs: -1 },
      { ...entry, scheme: pem },
      { ...entry, pem: null },
      [pem],
      pem,
    ];
    const printed = broken.map((one) => {
      const sealed = seal.seal([one as VaultEntry], seededRandom('broken'));
      const error = attempt(() => seal.open(sealed));
      expect(error).toMatchObject({ code: 'VAULT_DAMAGED' });
      return everyPrintOf(error);
    });
    expect(leaks([everyPrintOf(seal), everyPrintOf({ seal }), ...printed].join('\n'), [pem])).toEqual([]);
    expect(everyPrintOf(seal)).not.toContain(PASSPHRASE);
  });

  it('SEC-21 keeps of a key its PKCS#8 alone', () => {
    const { entry: kept, publicKey } = newEntry('snapshot', 5, `Bag Attributes: friend\n${pem}\nand more`);
    expect(kept).toEqual({ label: 'snapshot', createdAtMs: 5, scheme: 'ed25519', pem });
    expect(publicKey.keyType).toBe('ed25519');
  });

  it('SEC-10 holds 256 keys of the longest usual kind, no more, and reads all that it writes', () => {
    const { pem: longest } = generateSigner('ml-dsa');
    const entries = Array.from({ length: MAX_VAULT_KEYS }, (_, index) => ({
      ...entry,
      label: `${'l'.repeat(60)}-${index}`,
      pem: longest,
    }));
    expect(seal.open(seal.seal(entries, seededRandom('many')))).toEqual(entries);
    const full = expect.objectContaining({ code: 'VAULT_FULL' }) as Error;
    expect(() => seal.seal([...entries, entry], seededRandom('many'))).toThrow(full);
    expect(() => seal.seal([{ ...entry, pem: 'A'.repeat(2 ** 20) }], seededRandom('large'))).toThrow(full);
  });
});

describe('SEC-7 an altered vault', () => {
  it('SEC-7 opens with no byte changed', () => {
    const accepted: number[] = [];
    for (let at = 0; at < file.length; at += 1) {
      for (const flip of [1, 32]) {
        const altered = file.slice();
        altered[at] = (altered[at] ?? 0) ^ flip;
        const error = attempt(() => seal.open(altered));
        if (!isOtaError(error) || !/^VAULT_(?:DAMAGED|PASSPHRASE|VERSION)$/.test(error.code)) accepted.push(at);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('SEC-9 is refused wherever it was cut, and with anything around it', () => {
    for (let end = 0; end < file.length; end += 1) {
      expect(attempt(() => seal.open(file.subarray(0, end)))).toMatchObject({ code: 'VAULT_DAMAGED' });
    }
    for (const around of [`${text()}\n`, ` ${text()}`, `\ufeff${text()}`, text().replaceAll(',', ', ')]) {
      expect(attempt(() => seal.open(Buffer.from(around)))).toMatchObject({ code: 'VAULT_DAMAGED' });
    }
  });

  it('SEC-9 gives a named error for any bytes', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => Buffer.from(json)),
    );
    const member = fc.constantFrom(
      'check',
      'ciphertext',
      'format',
      'kdf',
      'nonce',
      'version',
      'N',
      'r',
      'p',
      'salt',
      'name',
    );
    const changed = fc
      .tuple(member, fc.json())
      .map(([name, value]) =>
        Buffer.from(text().replace(new RegExp(`"${name}":("[^"]*"|[0-9]+)`), () => `"${name}":${value}`)),
      );
    fc.assert(
      fc.property(fc.oneof(noise, changed), (bytes) => {
        const outcome = attempt(() => seal.open(bytes));
        if (Buffer.compare(bytes, file) !== 0) expect(isOtaError(outcome)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ['a wait for hours', '"N":16384', `"N":${2 ** 30}`],
    ['more memory than is allowed', '"N":16384', `"N":${2 ** 19}`],
    ['a weak derivation', '"N":16384', '"N":8192'],
    ['no power of two', '"N":16384', '"N":16385'],
    ['another r', '"r":8', '"r":1024'],
    ['no p', '"p":1', '"p":0'],
    ['many p', '"p":1', '"p":5'],
    ['another function', '"scrypt"', '"pbkdf2"'],
    ['a short salt', '"salt":"', '"salt":"","was":"'],
    ['another format', 'sealift-vault', 'age-encryption'],
    ['version 0', '"version":1', '"version":0'],
    ['a member more', '"check"', '"a":1,"check"'],
  ])('SEC-10 asks for %s: refused before any work', async (_what, from, to) => {
    const altered = withMember(from, to);
    expect(Buffer.compare(altered, file)).not.toBe(0);
    await expect(VaultSeal.of(altered, PASSPHRASE)).rejects.toMatchObject({ code: 'VAULT_DAMAGED' });
  });

  it('REL-6 of a newer format is told apart from damage', async () => {
    const newer = withMember('"version":1', '"version":2,"with":"more"');
    await expect(VaultSeal.of(newer, PASSPHRASE)).rejects.toMatchObject({ code: 'VAULT_VERSION' });
  });

  it('SEC-7 of another vault with the same passphrase does not open, nor parts of two', async () => {
    const other = await VaultSeal.create(PASSPHRASE, seededRandom('other'), MIN_SCRYPT_N);
    const theirs = other.seal([entry], seededRandom('x'));
    expect(attempt(() => seal.open(theirs))).toMatchObject({ code: 'VAULT_PASSPHRASE' });
    const [mine, second] = [
      JSON.parse(text()),
      JSON.parse(Buffer.from(seal.seal([], seededRandom('y'))).toString()),
    ] as Record<string, string>[];
    const mixed = Buffer.from(JSON.stringify({ ...mine, nonce: second?.nonce }));
    expect(attempt(() => seal.open(mixed))).toMatchObject({ code: 'VAULT_DAMAGED' });
  });
});

function attempt(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
