import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type webcrypto } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyPrintOf, leaks } from '../../test/support/canary.ts';
import { integer, littleEndian, orderEight, P256_ORDER, P25519, readDer, writeDer } from '../../test/support/curves.ts';
import { bits, integer as derInteger, sequence } from '../../test/support/der.ts';
import { temporaryDir } from '../../test/support/ports.ts';
import { isSkipped, run } from '../../test/support/programs.ts';
import { fromHex, toHex, utf8Encode } from '../core/bytes.ts';
import { type CanonicalInput, canonicalJson } from '../core/canonical-json.ts';
import { asObject, asString, JsonError, parseJson } from '../core/json.ts';
import { TrustError } from './errors.ts';
import {
  generateSigner,
  importPublicKey,
  importSigner,
  type KeyDialect,
  type PublicKey,
  parsePublicKey,
  type SchemeName,
} from './keys.ts';

const message = utf8Encode('message');

const parse = (json: CanonicalInput, dialect?: KeyDialect) =>
  parsePublicKey(parseJson(utf8Encode(JSON.stringify(json))), dialect);
/** Members of a key that we made. */
const membersOf = ({ json }: PublicKey) => {
  const object = asObject(parseJson(utf8Encode(JSON.stringify(json))), '');
  const text = (name: string, from = object) => asString(from.get(name), name);
  return { keytype: text('keytype'), scheme: text('scheme'), text: text('public', asObject(object.get('keyval'), '')) };
};

function rsaPem(modulusLength: number, publicExponent = 65_537): string {
  return pemOf(generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey);
}

function pemOf(key: ReturnType<typeof createPrivateKey>): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function spkiPem(pem: string): string {
  return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
}

const RSA_PEM = rsaPem(2_048);
/** Those that sign metadata. */
type MetadataScheme = Exclude<SchemeName, 'cups-p256-sha512'>;
const PEMS: Readonly<Record<MetadataScheme, string>> = {
  ed25519: generateSigner('ed25519').pem,
  'ecdsa-sha2-nistp256': generateSigner('ecdsa').pem,
  'rsassa-pss-sha256': RSA_PEM,
  'rsa-pkcs1v15-sha256': RSA_PEM,
  'ml-dsa-44': generateSigner('ml-dsa').pem,
};
const SCHEME_NAMES = Object.keys(PEMS) as MetadataScheme[];
const signerFor = (scheme: MetadataScheme) => importSigner(PEMS[scheme], scheme);

describe('SEC-21 keys', () => {
  it.each(SCHEME_NAMES)('SEC-21 %s keys come back from PEM, and their public half from metadata', async (scheme) => {
    const signer = signerFor(scheme);
    const signature = await signer.sign(message);
    const publicKey = parse(signer.publicKey.json);
    expect(publicKey).toMatchObject({
      ...{ keyId: signer.publicKey.keyId, fingerprint: signer.publicKey.fingerprint },
      ...{ scheme, keyType: signer.publicKey.keyType },
    });
    expect(publicKey.verify(message, signature)).toBe(true);
    expect(publicKey.verify(utf8Encode('massage'), signature)).toBe(false);
    expect(publicKey.verify(message, signature.subarray(1))).toBe(false);
    expect(publicKey.verify(message, Buffer.concat([signature, new Uint8Array(1)]))).toBe(false);
    expect(publicKey.verify(message, new Uint8Array())).toBe(false);
  });

  it.each([
    ['ed25519', 'ed25519', 'ed25519'],
    ['ecdsa', 'ecdsa', 'ecdsa-sha2-nistp256'],
    ['rsa', 'rsa', 'rsassa-pss-sha256'],
    ['rsa-pkcs1v15-sha256', 'rsa', 'rsa-pkcs1v15-sha256'],
    ['ml-dsa-44', 'ml-dsa', 'ml-dsa-44'],
  ] as const)('SEC-21 a fresh key asked for as %s', async (kind, keyType, scheme) => {
    const { signer, pem } = generateSigner(kind);
    expect(signer.publicKey).toMatchObject({ keyType, scheme });
    const signature = await importSigner(pem, scheme).sign(message);
    expect(signer.publicKey.verify(message, signature)).toBe(true);
  });

  it.each(SCHEME_NAMES)('SEC-21 %s keys whose private half lies elsewhere are the same keys', (scheme) => {
    const pem = createPublicKey(PEMS[scheme]).export({ type: 'spki', format: 'pem' }).toString();
    const { keyId, json } = signerFor(scheme).publicKey;
    expect(importPublicKey(pem, scheme)).toMatchObject({ keyId, json, scheme });
  });

  it('SEC-21 a private key is not taken for a public one, nor is anything else', () => {
    const weak = createPublicKey(rsaPem(1_024)).export({ type: 'spki', format: 'pem' }).toString();
    for (const text of [PEMS.ed25519, PEMS['ecdsa-sha2-nistp256'], 'x', '', weak])
      expect(() => importPublicKey(text)).toThrow(expect.objectContaining({ code: 'TRUST_KEY' }));
    const other = generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(() => importPublicKey(other)).toThrow(expect.objectContaining({ code: 'TRUST_UNSUPPORTED' }));
  });

  it('SEC-21 no private key in anything that can be printed', async () => {
    for (const scheme of SCHEME_NAMES) {
      const made = generateSigner(scheme);
      const output = everyPrintOf([made.signer, made.signer.publicKey, await made.signer.sign(message)]);
      expect(output).toContain(made.signer.publicKey.fingerprint);
      expect(leaks(output, [made.pem])).toEqual([]);
      // The search itself can find something.
      expect(leaks(everyPrintOf({ pem: made.pem }), [made.pem])).not.toEqual([]);
    }
  });

  it('SEC-21 no private key in the error about one that cannot be used', () => {
    const pem = PEMS.ed25519;
    const whole = [pemOf(generateKeyPairSync('x25519').privateKey), rsaPem(1_024)];
    for (const text of [...whole, pem.slice(0, -40), pem.replace('PRIVATE', 'PUBLIC'), pem.replaceAll('\n', '')]) {
      const refusal = refusalOf(() => importSigner(text));
      expect(leaks(everyPrintOf(refusal), [pem, ...whole])).toEqual([]);
    }
    for (const value of [pem, PEMS['ecdsa-sha2-nistp256']]) {
      const json = { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: value } };
      expect(leaks(everyPrintOf(refusalOf(() => parse(json))), [value])).toEqual([]);
    }
  });
});

describe.skipIf(isSkipped('openssl'))('SEC-21 with OpenSSL', () => {
  const PSS = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'];
  const rawIn = (verb: string) => ['pkeyutl', verb, '-rawin', '-in', 'message'];
  it.each([
    ['ed25519', [...rawIn('-sign'), '-inkey'], [...rawIn('-verify'), '-sigfile', 'ours.sig', '-pubin', '-inkey']],
    ['ecdsa-sha2-nistp256', ['dgst', '-sha256', '-sign'], ['dgst', '-sha256', '-signature', 'ours.sig', '-verify']],
    [
      'rsassa-pss-sha256',
      ['dgst', '-sha256', ...PSS, '-sign'],
      ['dgst', '-sha256', ...PSS, '-signature', 'ours.sig', '-verify'],
    ],
    ['rsa-pkcs1v15-sha256', ['dgst', '-sha256', '-sign'], ['dgst', '-sha256', '-signature', 'ours.sig', '-verify']],
  ] as const)(
    'SEC-21 OpenSSL verifies %s of ours, we verify what OpenSSL signs',
    async (scheme, signArgs, verifyArgs) => {
      const cwd = temporaryDir();
      const openssl = (...args: string[]) => run('openssl', args, { cwd });
      const signer = signerFor(scheme);
      writeFileSync(join(cwd, 'key.pem'), PEMS[scheme]);
      writeFileSync(join(cwd, 'pub.pem'), spkiPem(PEMS[scheme]));
      writeFileSync(join(cwd, 'message'), message);
      writeFileSync(join(cwd, 'ours.sig'), await signer.sign(message));
      const onFile = scheme === 'ed25519' ? [] : ['message'];
      const verified = await openssl(...verifyArgs, 'pub.pem', ...onFile);
      expect(verified.code, verified.stderr).toBe(0);
      const out =
        scheme === 'ed25519' ? ['key.pem', '-out', 'theirs.sig'] : ['key.pem', '-out', 'theirs.sig', 'message'];
      const signed = await openssl(...signArgs, ...out);
      expect(signed.code, signed.stderr).toBe(0);
      expect(signer.publicKey.verify(message, readFileSync(join(cwd, 'theirs.sig')))).toBe(true);
      writeFileSync(join(cwd, 'message'), 'massage');
      expect((await openssl(...verifyArgs, 'pub.pem', ...onFile)).code).not.toBe(0);
    },
  );
});

describe('SEC-21 ML-DSA-44 with a foreign implementation', () => {
  it('SEC-21 it verifies ours, we verify what it signs', async () => {
    const ours = generateSigner('ml-dsa-44');
    const publicBytes = fromHex(membersOf(ours.signer.publicKey).text) ?? new Uint8Array();
    const signature = await ours.signer.sign(message);
    expect(ml_dsa44.verify(signature, message, publicBytes)).toBe(true);
    expect(ml_dsa44.verify(signature, utf8Encode('massage'), publicBytes)).toBe(false);
    const theirs = ml_dsa44.keygen();
    const read = parse({ keytype: 'ml-dsa', scheme: 'ml-dsa-44', keyval: { public: toHex(theirs.publicKey) } });
    const foreign = ml_dsa44.sign(message, theirs.secretKey);
    expect(read.verify(message, foreign)).toBe(true);
    expect(read.verify(utf8Encode('massage'), foreign)).toBe(false);
  });

  it('SEC-21 the same seed is the same key in both', () => {
    const { pem, signer } = generateSigner('ml-dsa-44');
    const { priv = '' } = createPrivateKey(pem).export({ format: 'jwk' }) as webcrypto.JsonWebKey & { priv?: string };
    const { publicKey } = ml_dsa44.keygen(new Uint8Array(Buffer.from(priv, 'base64url')));
    expect(signer.publicKey.json).toMatchObject({ keyval: { public: toHex(publicKey) } });
  });
});

describe('SEC-2 what a key is called', () => {
  const ecdsa = (text: string, keytype = 'ecdsa') =>
    parse({ keytype, scheme: 'ecdsa-sha2-nistp256', keyval: { public: text } });
  const rsa = (text: string, scheme = 'rsassa-pss-sha256') =>
    parse({ keytype: 'rsa', scheme, keyval: { public: text } });

  const spelling = fc.record({
    lineEnd: fc.constantFrom('\n', '\r\n', '\r', ' \n'),
    width: fc.integer({ min: 1, max: 2_000 }),
    before: fc.stringMatching(/^\s{0,3}$/),
    after: fc.stringMatching(/^\s{0,3}$/),
  });
  const respell = (pem: string, { lineEnd, width, before, after }: Spelling) => {
    const [head = '', ...rest] = pem.trim().split('\n');
    const body = rest.slice(0, -1).join('');
    const lines = Array.from({ length: Math.ceil(body.length / width) }, (_, row) =>
      body.slice(row * width, (row + 1) * width),
    );
    return `${before}${[head, ...lines, rest.at(-1)].join(lineEnd)}${after}`;
  };
  type Spelling = typeof spelling extends fc.Arbitrary<infer T> ? T : never;

  it.each([
    ['P-256', spkiPem(PEMS['ecdsa-sha2-nistp256']), ecdsa],
    ['RSA', spkiPem(RSA_PEM), rsa],
  ])('SEC-2 one %s key has one fingerprint in every spelling of its PEM, and many ids', (_name, pem, read) => {
    const { fingerprint } = read(pem);
    const ids = new Set<string>();
    fc.assert(
      fc.property(spelling, (how) => {
        const key = read(respell(pem, how));
        ids.add(key.keyId);
        expect(key.fingerprint).toBe(fingerprint);
      }),
      { numRuns: 1_000 },
    );
    expect(ids.size).toBeGreaterThan(100);
  });

  it('SEC-2 a compressed point is the same key as the whole one', () => {
    const whole = spkiPem(PEMS['ecdsa-sha2-nistp256']);
    const compressed = pemBlock(
      compressedSpki(Buffer.from(createPublicKey(whole).export({ type: 'spki', format: 'der' }))),
    );
    expect(compressed).not.toBe(whole);
    expect(ecdsa(compressed).fingerprint).toBe(ecdsa(whole).fingerprint);
  });

  it('SEC-2 older key types, other schemes and other dialects name the same key', () => {
    const pem = spkiPem(PEMS['ecdsa-sha2-nistp256']);
    const [newer, older] = [ecdsa(pem), ecdsa(pem, 'ecdsa-sha2-nistp256')];
    expect(older).toMatchObject({ keyType: 'ecdsa', fingerprint: newer.fingerprint });
    expect(older.keyId).not.toBe(newer.keyId);
    expect(Buffer.from(canonicalJson(older.json)).toString()).toContain('"keytype":"ecdsa-sha2-nistp256"');

    const rsaText = spkiPem(RSA_PEM);
    const keys = [
      ...[rsa(rsaText), rsa(rsaText, 'rsa-pkcs1v15-sha256')],
      parse({ keytype: 'rsa', keyid_hash_algorithms: ['sha256', 'sha512'], keyval: { public: rsaText } }, 'reference'),
      parse({ keytype: 'RSA', keyval: { public: rsaText } }, 'aktualizr'),
    ];
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect(new Set(keys.map(({ keyId }) => keyId)).size).toBe(keys.length);
  });

  it('SEC-2 different keys have different fingerprints', () => {
    const keys = SCHEME_NAMES.filter((name) => name !== 'rsa-pkcs1v15-sha256').flatMap((name) => [
      signerFor(name).publicKey,
      generateSigner(name).signer.publicKey,
    ]);
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(keys.length);
  });

  it('SEC-2 the id covers every member of the key object, also those we do not know', () => {
    const { json, keyId } = signerFor('ed25519').publicKey;
    const more = { ...(json as Readonly<Record<string, string>>), 'x-note': 'ours' };
    expect(parse(more).keyId).not.toBe(keyId);
  });

  it('SEC-2 the ids in metadata of the reference implementation are what we derive', () => {
    const file = join(import.meta.dirname, '../../test/vectors/uptane/reference-run/imagerepo/root.json');
    const keys = asObject(asObject(asObject(parseJson(readFileSync(file)), '').get('signed'), '').get('keys'), '');
    expect(keys.size).toBeGreaterThan(3);
    for (const [keyId, json] of keys) expect(parsePublicKey(json, 'reference').keyId).toBe(keyId);
  });

  it('SEC-2 aktualizr ids do not depend on line ends behind the key', () => {
    const pem = spkiPem(RSA_PEM).trimEnd();
    const idOf = (text: string) => parse({ keytype: 'RSA', keyval: { public: text } }, 'aktualizr').keyId;
    expect(idOf(`${pem}\n\n`)).toBe(idOf(pem));
  });
});

describe('SEC-7 signatures', () => {
  it('SEC-7 of ECDSA have no other accepted form than (r, n - s)', async () => {
    const { publicKey, sign: signWith } = signerFor('ecdsa-sha2-nistp256');
    for (let round = 0; round < 64; round += 1) {
      const signature = await signWith(utf8Encode(`message ${round}`));
      const { r, s } = readDer(signature);
      const holds = (bytes: Uint8Array) => publicKey.verify(utf8Encode(`message ${round}`), bytes);
      expect(holds(writeDer(r, s))).toBe(true);
      expect(holds(writeDer(r, P256_ORDER - s))).toBe(true);
      const [rBytes, sBytes] = [integer(r), integer(s)];
      const length = rBytes.length + sBytes.length;
      const variants = [
        writeDer(r + P256_ORDER, s),
        writeDer(r, s + P256_ORDER),
        writeDer(-r, s),
        Buffer.from([0x30, 0x81, length, ...rBytes, ...sBytes]),
        Buffer.from([0x30, length + 1, 2, (rBytes[1] ?? 0) + 1, 0, ...rBytes.subarray(2), ...sBytes]),
        Buffer.from([0x30, length + 3, ...rBytes, ...sBytes, 2, 1, 0]),
        Buffer.from([...signature, 0]),
        Buffer.from([0x30, 0x80, ...rBytes, ...sBytes, 0, 0]),
        signature.subarray(0, -1),
      ];
      expect(variants.map(holds)).toEqual(variants.map(() => false));
    }
  });

  it.each(SCHEME_NAMES)('SEC-7 of %s do not survive a changed bit in any byte', async (scheme) => {
    const { publicKey, sign: signWith } = signerFor(scheme);
    const signature = await signWith(message);
    expect(publicKey.verify(message, signature)).toBe(true);
    const accepted = [...signature.keys()].filter((at) => {
      const altered = signature.slice();
      altered[at] = (altered[at] ?? 0) ^ (1 << (at % 8));
      return publicKey.verify(message, altered);
    });
    expect(accepted).toEqual([]);
  });

  it('SEC-7 of one RSA scheme do not hold for the other, nor with another salt', async () => {
    const [pss, pkcs1] = [signerFor('rsassa-pss-sha256'), signerFor('rsa-pkcs1v15-sha256')];
    expect(pss.publicKey.verify(message, await pkcs1.sign(message))).toBe(false);
    expect(pkcs1.publicKey.verify(message, await pss.sign(message))).toBe(false);
    const key = createPrivateKey(RSA_PEM);
    const salted = (saltLength: number) =>
      sign('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
    expect([0, 31, 32, 33, 64].map((length) => pss.publicKey.verify(message, salted(length)))).toEqual([
      ...[false, false, true, false, false],
    ]);
    const sha512 = sign('sha512', message, key);
    expect(pkcs1.publicKey.verify(message, sha512)).toBe(false);
  });

  it('SEC-9 any bytes give a verdict', () => {
    const keys = SCHEME_NAMES.map((scheme) => signerFor(scheme).publicKey);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.uint8Array({ maxLength: 3_000, size: 'max' }), (key, noise) => {
        expect(key.verify(message, noise)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('SEC-7 keys that are refused', () => {
  const spki = (pem: string) => Buffer.from(createPublicKey(pem).export({ type: 'spki', format: 'der' }));
  const ecPem = spkiPem(PEMS['ecdsa-sha2-nistp256']);
  const ecDer = spki(PEMS['ecdsa-sha2-nistp256']);
  const rsaKey = (text: string) => ({ keytype: 'rsa', scheme: 'rsassa-pss-sha256', keyval: { public: text } });
  const ecKey = (text: string) => ({ keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', keyval: { public: text } });
  const edKey = (text: string) => ({ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: text } });
  const ed = asObject(parseJson(canonicalJson(signerFor('ed25519').publicKey.json)), '');
  /** Numbers that OpenSSL would make no key of, and reads. */
  const rsaText = (modulus: bigint, exponent: bigint) => {
    const numbers = sequence(derInteger(modulus), derInteger(exponent));
    return pemBlock(
      Buffer.from(sequence(fromHex('300d06092a864886f70d0101010500') ?? new Uint8Array(), bits(0, numbers))),
    );
  };
  /** The last letter before the padding, with its lowest bit set. */
  const strayBits = (pem: string) => {
    const at = pem.indexOf('=') - 1;
    const next = String.fromCharCode((pem.codePointAt(at) ?? 0) + 1);
    return `${pem.slice(0, at)}${next}${pem.slice(at + 1)}`;
  };

  it.each<[string, CanonicalInput, string]>([
    ['RSA of 1,024 bits', rsaKey(spkiPem(rsaPem(1_024))), 'TRUST_KEY'],
    ['RSA of 2,040 bits', rsaKey(spkiPem(rsaPem(2_040))), 'TRUST_KEY'],
    ['RSA with exponent 3', rsaKey(spkiPem(rsaPem(2_048, 3))), 'TRUST_KEY'],
    ['RSA with an even exponent', rsaKey(rsaText(2n ** 2_047n + 1n, 65_538n)), 'TRUST_KEY'],
    ['RSA with an exponent of 65 bits', rsaKey(rsaText(2n ** 2_047n + 1n, 2n ** 64n + 1n)), 'TRUST_KEY'],
    ['RSA of 8,193 bits', rsaKey(rsaText(2n ** 8_192n + 1n, 65_537n)), 'TRUST_KEY'],
    ['a PEM without its padding', ecKey(ecPem.replace(/=+\n/, '\n')), 'TRUST_KEY'],
    ['a PEM with bits that do not count', ecKey(strayBits(ecPem)), 'TRUST_KEY'],
    [
      'RSA bound to PSS',
      rsaKey(spkiPem(pemOf(generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).privateKey))),
      'TRUST_KEY',
    ],
    [
      'RSA of PKCS#1',
      rsaKey(createPublicKey(RSA_PEM).export({ type: 'pkcs1', format: 'pem' }).toString()),
      'TRUST_KEY',
    ],
    ['P-384', ecKey(spkiPem(pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey))), 'TRUST_KEY'],
    ['RSA where ECDSA is named', ecKey(spkiPem(RSA_PEM)), 'TRUST_KEY'],
    ['ECDSA where RSA is named', rsaKey(ecPem), 'TRUST_KEY'],
    [
      'a point off the curve',
      ecKey(pemBlock(Buffer.concat([ecDer.subarray(0, -1), Buffer.from([(ecDer.at(-1) ?? 0) ^ 1])]))),
      'TRUST_KEY',
    ],
    ['bytes after the DER', ecKey(pemBlock(Buffer.concat([ecDer, Buffer.from([0])]))), 'TRUST_KEY'],
    ['a cut DER', ecKey(pemBlock(ecDer.subarray(0, -1))), 'TRUST_KEY'],
    ['two keys in one text', ecKey(`${ecPem}${ecPem}`), 'TRUST_KEY'],
    ['text around the PEM', ecKey(`a key: ${ecPem}`), 'TRUST_KEY'],
    ['an empty PEM', ecKey('-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----'), 'TRUST_KEY'],
    ['a private key as public', ecKey(PEMS['ecdsa-sha2-nistp256']), 'TRUST_KEY'],
    [
      'a private half beside',
      { ...edKey('ab'), keyval: { public: 'ab'.repeat(32), private: 'cd'.repeat(32) } },
      'TRUST_KEY',
    ],
    ['Ed25519 in capitals', edKey('AB'.repeat(32)), 'TRUST_KEY'],
    ['Ed25519 too short', edKey('ab'.repeat(31)), 'TRUST_KEY'],
    [
      'ML-DSA too short',
      { keytype: 'ml-dsa', scheme: 'ml-dsa-44', keyval: { public: 'ab'.repeat(1_311) } },
      'TRUST_KEY',
    ],
    ['more text than any key has', edKey('a'.repeat(4_097)), 'TRUST_KEY'],
    ['no key', rsaKey(''), 'TRUST_KEY'],
    ['another key type', { keytype: 'dsa', scheme: 'dsa', keyval: { public: '' } }, 'TRUST_UNSUPPORTED'],
    ['a scheme of another key type', { ...edKey('ab'), scheme: 'rsassa-pss-sha256' }, 'TRUST_UNSUPPORTED'],
    ['a key for payloads', { ...ecKey(ecPem), scheme: 'cups-p256-sha512' }, 'TRUST_UNSUPPORTED'],
    ['a key type named __proto__', { ...edKey('ab'), keytype: '__proto__' }, 'TRUST_UNSUPPORTED'],
    ['a key type in capitals', { ...edKey('ab'), keytype: 'ED25519' }, 'TRUST_UNSUPPORTED'],
    ['no scheme', { keytype: 'ed25519', keyval: { public: 'ab'.repeat(32) } }, 'JSON_SHAPE'],
    ['no value', { keytype: 'ed25519', scheme: 'ed25519' }, 'JSON_SHAPE'],
    ['a list', [], 'JSON_SHAPE'],
  ])('SEC-7 refuses %s', (_what, json, code) => {
    expect(refusalOf(() => parse(json))).toMatchObject({ code });
  });

  it.each<[string, bigint]>([
    ...[0n, 1n, -1n, ...orderEight()].map((y): [string, bigint] => [`order up to 8, y = ${y}`, (y + P25519) % P25519]),
    ...[0n, 1n, 3n, 18n].map((y): [string, bigint] => [`y = ${y} written as y + p`, y + P25519]),
  ])('SEC-7 refuses an Ed25519 key of %s', (_what, y) => {
    for (const sign of [0n, 2n ** 255n]) {
      expect(refusalOf(() => parse(edKey(littleEndian(y + sign))))).toMatchObject({ code: 'TRUST_KEY' });
    }
  });

  it('SEC-7 control: RSA of numbers that are fit for use is taken', () => {
    for (const [modulus, exponent] of [
      [2n ** 2_047n + 1n, 65_537n],
      [2n ** 8_191n + 1n, 2n ** 64n - 1n],
    ] as const)
      expect(parse(rsaKey(rsaText(modulus, exponent))).keyType).toBe('rsa');
  });

  it('SEC-10 reads no more text than any key has, however well it ends', () => {
    const padded = (length: number) => spkiPem(RSA_PEM).padEnd(length, '\n');
    for (const dialect of ['tuf1', 'reference', 'aktualizr'] as const) {
      expect(parse(rsaKey(padded(4_096)), dialect).keyType).toBe('rsa');
      expect(refusalOf(() => parse(rsaKey(padded(4_097)), dialect))).toMatchObject({ code: 'TRUST_KEY' });
    }
  });

  it('SEC-10 refuses a text of line ends at once, in every dialect', () => {
    const text = `${'\n'.repeat(2 ** 20)}x`;
    expect(refusalOf(() => parse({ keytype: 'RSA', keyval: { public: text } }, 'aktualizr'))).toMatchObject({
      code: 'TRUST_KEY',
    });
    expect(refusalOf(() => parse(rsaKey(text)))).toMatchObject({ code: 'TRUST_KEY' });
  });

  it('SEC-7 takes the empty private member that some tools write', () => {
    const keyval = new Map(asObject(ed.get('keyval'), '')).set('private', '');
    expect(parsePublicKey(new Map(ed).set('keyval', keyval)).fingerprint).toBe(
      signerFor('ed25519').publicKey.fingerprint,
    );
  });

  it.each([
    ['ed25519', 'ecdsa-sha2-nistp256', 'TRUST_UNSUPPORTED'],
    ['rsassa-pss-sha256', 'ml-dsa-44', 'TRUST_UNSUPPORTED'],
  ] as const)('SEC-7 does not import a %s key for %s', (have, want, code) => {
    expect(refusalOf(() => importSigner(PEMS[have], want))).toMatchObject({ code });
  });

  it.each([
    ['RSA of 1,024 bits', rsaPem(1_024), 'TRUST_KEY'],
    ['P-384', pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey), 'TRUST_KEY'],
    ['X25519', pemOf(generateKeyPairSync('x25519').privateKey), 'TRUST_UNSUPPORTED'],
    ['a public key', ecPem, 'TRUST_KEY'],
    ['nothing', '', 'TRUST_KEY'],
  ])('SEC-7 does not import %s', (_what, pem, code) => {
    expect(refusalOf(() => importSigner(pem))).toMatchObject({ code });
  });

  it('SEC-9 any JSON gives a key or a named error', () => {
    const good = SCHEME_NAMES.map((name) => membersOf(signerFor(name).publicKey));
    const word = fc.oneof(fc.string(), fc.constantFrom('RSA', 'ECDSA-SHA2-NISTP256', '__proto__', ...SCHEME_NAMES));
    const change = fc.record({ keytype: word, scheme: word, text: fc.string() }, { requiredKeys: [] });
    const edit = fc.record({ at: fc.nat(), by: fc.constantFrom('', 'A', '\0', '\n', '-') });
    const document = fc
      .record({
        base: fc.constantFrom(...good),
        change: fc.option(change, { nil: {} }),
        edits: fc.array(edit, { maxLength: 2 }),
      })
      .map(({ base, change: changed, edits }) => {
        const { keytype, scheme, text } = { ...base, ...changed };
        const splice = (value: string, { at, by }: { at: number; by: string }) => {
          const cut = at % (value.length + 1);
          return `${value.slice(0, cut)}${by}${value.slice(cut + 1)}`;
        };
        return { keytype, scheme, keyval: { public: edits.reduce(splice, text) } };
      });
    let keys = 0;
    fc.assert(
      fc.property(document, fc.constantFrom<KeyDialect>('tuf1', 'reference', 'aktualizr'), (json, dialect) => {
        const outcome = attempt(() => parse(json, dialect));
        if (outcome instanceof TrustError || outcome instanceof JsonError) return;
        expect((outcome as PublicKey).fingerprint).toMatch(/^[0-9a-f]{64}$/);
        keys += 1;
      }),
      { numRuns: 5_000 },
    );
    expect(keys).toBeGreaterThan(100);
  });
});

function attempt(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

function refusalOf(action: () => unknown): unknown {
  const outcome = attempt(action);
  expect(outcome).toBeInstanceOf(Error);
  return outcome;
}

function pemBlock(der: Buffer): string {
  return `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

/** The same point on P-256 with x and the parity of y alone. */
function compressedSpki(whole: Buffer): Buffer {
  const point = whole.subarray(-65);
  const head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
  return Buffer.concat([head, Buffer.from([2 + ((point.at(-1) ?? 0) & 1)]), point.subarray(1, 33)]);
}
