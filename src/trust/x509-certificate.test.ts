import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BETWEEN, betweenKeys, chain, LEAF, leafKeys, leafWith, ROOT } from '../../test/support/certificate-chain.ts';
import {
  attribute,
  basicConstraints,
  certificate,
  ECDSA_SHA256,
  extension,
  NONE,
  nameOf,
  type Parts,
  spkiOf,
} from '../../test/support/certificates.ts';
import { bits, integer, octets, oid, sequence, text, tlv } from '../../test/support/der.ts';
import { concat, fromHex, toHex, utf8Encode } from '../core/bytes.ts';
import { type Certificate, parseCertificate } from './x509-certificate.ts';
import { TrustedRoots, verifyChain } from './x509-chain.ts';
import { CertificateError } from './x509-errors.ts';
import { certificatesOf } from './x509-pem.ts';

const withCode = (code: string): unknown => expect.objectContaining({ code, fix: expect.any(String) as string });
const leafOf = (parts: Partial<Parts>) => certificate({ ...LEAF, ...parts });
const pemOf = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;

describe('SEC-20 parsing of certificates', () => {
  it('SEC-20 reads every root that Node brings along, as Node does', () => {
    expect(rootCertificates.length).toBeGreaterThan(100);
    for (const pem of rootCertificates) {
      const theirs = new X509Certificate(pem);
      const ours = parseCertificate(theirs.raw);
      expect(BigInt(`0x${ours.serial}`)).toBe(BigInt(`0x${theirs.serialNumber}`));
      expect(ours.fingerprint).toBe(theirs.fingerprint256.replaceAll(':', '').toLowerCase());
      expect([ours.notBeforeMs, ours.notAfterMs]).toEqual([Date.parse(theirs.validFrom), Date.parse(theirs.validTo)]);
      expect(ours.extensions.basicConstraints?.isCa).toBe(theirs.ca);
      expect(ours.commonName).toBe(theirs.toLegacyObject().subject.CN);
      expect(ours.subjectHash === ours.issuerHash).toBe(theirs.subject === theirs.issuer);
    }
    expect(() => new TrustedRoots(rootCertificates.join('\n'))).not.toThrow();
  });

  it('SEC-20 copies what it reads', () => {
    const der = Buffer.from(certificate(LEAF));
    const { signed } = parseCertificate(der);
    const before = toHex(signed);
    der.fill(0);
    expect(toHex(signed)).toBe(before);
  });

  it.each<[string, Partial<Parts>, Partial<Certificate>]>([
    ['no common name', { subject: nameOf(attribute('2.5.4.10', text(0x13, 'Example'))) }, { commonName: undefined }],
    ['two common names', { subject: nameOf('a', 'b') }, { commonName: undefined }],
    [
      'a common name that is printable',
      { subject: nameOf(attribute('2.5.4.3', text(0x13, 'a'))) },
      { commonName: 'a' },
    ],
    [
      'an old string in the name',
      { subject: nameOf(attribute('2.5.4.10', text(0x14, 'a')), 'b') },
      { commonName: 'b' },
    ],
    ['a serial number with a sign byte', { serial: integer(0x80) }, { serial: '80' }],
    ['a serial number with a leading zero', { serial: integer(0x0a) }, { serial: '0a' }],
    ['a generalized time', { notBefore: text(0x18, '20260101000000Z') }, { notBeforeMs: Date.UTC(2026, 0, 1) }],
    [
      'FALSE written out',
      leafWith({ constraints: extension('2.5.29.19', sequence(tlv(0x01, Uint8Array.of(0)))) }).leaf,
      {},
    ],
    [
      'names of other kinds',
      leafWith({ names: extension('2.5.29.17', sequence(text(0x81, 'a@b'), text(0x82, 'c.example'))) }).leaf,
      { extensions: expect.objectContaining({ dnsNames: ['c.example'] }) as Certificate['extensions'] },
    ],
    [
      'an issuer key id in long',
      leafWith({
        issuerKey: extension(
          '2.5.29.35',
          sequence(text(0x80, 'ab'), tlv(0xa1, tlv(0xa4, nameOf('root'))), text(0x82, '\x01')),
        ),
      }).leaf,
      { extensions: expect.objectContaining({ authorityKeyId: '6162' }) as Certificate['extensions'] },
    ],
  ])('SEC-20 takes %s', (_what, parts, expected) => {
    expect(parseCertificate(leafOf(parts))).toMatchObject(expected);
  });

  it.each<[string, Uint8Array]>([
    ['another algorithm outside than inside', leafOf({ outerAlgorithm: sequence(oid('1.2.840.10045.4.3.3')) })],
    ['another algorithm inside than outside', leafOf({ innerAlgorithm: sequence(oid('1.2.840.10045.4.3.3')) })],
    ['parameters outside only', leafOf({ outerAlgorithm: sequence(oid('1.2.840.10045.4.3.2'), tlv(0x05)) })],
    ['version 1 written out', leafOf({ version: tlv(0xa0, integer(0)) })],
    ['version 4', leafOf({ version: tlv(0xa0, integer(3)) })],
    ['extensions in version 2', leafOf({ version: tlv(0xa0, integer(1)) })],
    ['extensions in version 1', leafOf({ version: NONE })],
    ['a negative serial number', leafOf({ serial: integer(-1) })],
    ['a serial number of 21 bytes', leafOf({ serial: integer(2n ** 160n) })],
    ['an issuer without a name', leafOf({ issuer: sequence() })],
    ['an empty part of a name', leafOf({ subject: sequence(tlv(0x31)) })],
    ['a common name of numbers', leafOf({ subject: nameOf(attribute('2.5.4.3', integer(5))) })],
    ['a line break in the common name', leafOf({ subject: nameOf('a\nb') })],
    ['a time without seconds', leafOf({ notAfter: text(0x17, '2612312359Z') })],
    ['a time of another type', leafOf({ notAfter: text(0x0c, '261231235959Z') })],
    ['a unique identifier', leafOf({ spki: concat(spkiOf(leafKeys.publicKey), tlv(0x81, Uint8Array.of(0, 1))) })],
    ['a member after the extensions', leafOf({ more: integer(1) })],
    ['a signature that ends within a byte', leafOf({ unusedBits: 1, sign: () => Uint8Array.of(2) })],
    [
      'a key that ends within a byte',
      leafOf({ spki: sequence(sequence(oid('1.3.101.112')), bits(1, new Uint8Array(32))) }),
    ],
    ['no extensions where they are announced', leafOf({ extensions: {}, more: tlv(0xa3, sequence()) })],
    ['an extension twice', leafOf(leafWith({ again: basicConstraints(false) }).leaf)],
    [
      'an unknown extension twice',
      leafOf({ extensions: { a: extension('1.2.3', NONE), b: extension('1.2.3', NONE) } }),
    ],
    [
      'an extension that is not DER',
      leafOf({ extensions: { a: extension('2.5.29.19', concat(sequence(), NONE, Uint8Array.of(0))) } }),
    ],
    ['a path length without authority', leafOf({ extensions: { a: basicConstraints(false, 1) } })],
    ['a negative path length', leafOf({ extensions: { a: basicConstraints(true, -1) } })],
    ['no purposes where they are announced', leafOf({ extensions: { a: extension('2.5.29.37', sequence()) } })],
    ['no names where they are announced', leafOf({ extensions: { a: extension('2.5.29.17', sequence()) } })],
    [
      'a DNS name beyond ASCII',
      leafOf({ extensions: { a: extension('2.5.29.17', sequence(text(0x82, 'ä.example'))) } }),
    ],
    ['a key id that is none', leafOf({ extensions: { a: extension('2.5.29.14', integer(1)) } })],
    ['a key usage that is none', leafOf({ extensions: { a: extension('2.5.29.15', octets(Uint8Array.of(0x80))) } })],
    ['more than 16 KiB', leafOf({ extensions: { a: extension('1.2.3', new Uint8Array(16_384)) } })],
    ['a fourth part', sequence(sequence(), ECDSA_SHA256, bits(0), bits(0))],
  ])('SEC-20 refuses %s', (_what, der) => {
    expect(() => parseCertificate(der)).toThrow(withCode('CERT_MALFORMED'));
  });
});

describe('SEC-20 keys and signatures', () => {
  const rsa = (modulusLength: number, publicExponent = 65_537) =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent });
  const rsaKeys = rsa(2_048);
  const point = createPublicKey(leafKeys.publicKey.export({ format: 'pem', type: 'spki' })).export({ format: 'jwk' });
  const x = new Uint8Array(Buffer.from(String(point.x), 'base64url'));
  const isOdd = (Buffer.from(String(point.y), 'base64url').at(-1) ?? 0) % 2;
  const P256 = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'));
  const RSA = sequence(oid('1.2.840.113549.1.1.1'), tlv(0x05));

  it.each<[string, KeyObject | Uint8Array]>([
    ['RSA of 1,024 bits', rsa(1_024).publicKey],
    ['RSA of 2,047 bits', rsa(2_047).publicKey],
    ['RSA with exponent 3', rsa(2_048, 3).publicKey],
    ['RSA with an even exponent', sequence(RSA, bits(0, sequence(integer(2n ** 2_047n + 1n), integer(65_538))))],
    [
      'RSA with an exponent of 65 bits',
      sequence(RSA, bits(0, sequence(integer(2n ** 2_047n + 1n), integer(2n ** 64n + 1n)))),
    ],
    ['RSA of 8,193 bits', sequence(RSA, bits(0, sequence(integer(2n ** 8_192n + 1n), integer(65_537))))],
    [
      'RSA with bytes after its key',
      sequence(RSA, bits(0, sequence(integer(2n ** 2_047n + 1n), integer(65_537)), Uint8Array.of(0))),
    ],
    [
      'RSA without parameters',
      sequence(sequence(oid('1.2.840.113549.1.1.1')), bits(0, sequence(integer(2n ** 2_047n + 1n), integer(65_537)))),
    ],
    ['RSA for PSS alone', generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).publicKey],
    ['curve secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
    ['curve P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey],
    ['a compressed point', sequence(P256, bits(0, Uint8Array.of(2 + isOdd), x))],
    ['a point beside the curve', sequence(P256, bits(0, Uint8Array.of(4), x, x))],
    ['an empty point', sequence(P256, bits(0))],
    ['Ed448', generateKeyPairSync('ed448').publicKey],
    ['Ed25519 of 31 bytes', sequence(sequence(oid('1.3.101.112')), bits(0, new Uint8Array(31)))],
    ['DSA', sequence(sequence(oid('1.2.840.10040.4.1')), bits(0, integer(5)))],
  ])('SEC-20 refuses a key of %s', (_what, key) => {
    const spki = key instanceof Uint8Array ? key : spkiOf(key);
    const leaf = leafOf({ spki });
    const parsed = parseCertificate(leaf);
    expect(() => parsed.publicKey()).toThrow(withCode('CERT_UNSUPPORTED'));
    expect(() => verifyChain({ ...chain(), presented: [leaf, certificate(BETWEEN)] })).toThrow(
      expect.objectContaining({ code: 'CERT_UNSUPPORTED', detail: { certificate: parsed.fingerprint } }),
    );
  });

  it('SEC-20 parses a key once', () => {
    const parsed = parseCertificate(certificate(LEAF));
    expect(parsed.publicKey()).toBe(parsed.publicKey());
  });

  const PSS = '1.2.840.113549.1.1.10';
  const SHA256 = sequence(oid('2.16.840.1.101.3.4.2.1'), tlv(0x05));
  const SHA1 = sequence(oid('1.3.14.3.2.26'), tlv(0x05));
  const pss = (hash: Uint8Array, mgf: Uint8Array, saltLength: number, ...more: Uint8Array[]) =>
    sequence(
      oid(PSS),
      sequence(
        tlv(0xa0, hash),
        tlv(0xa1, sequence(oid('1.2.840.113549.1.1.8'), mgf)),
        tlv(0xa2, integer(saltLength)),
        ...more,
      ),
    );
  const pssSigned = (hash: string, saltLength: number) => (signed: Uint8Array) =>
    new Uint8Array(
      sign(hash, signed, { key: rsaKeys.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }),
    );
  const pkcs1Signed = (hash: string) => (signed: Uint8Array) => new Uint8Array(sign(hash, signed, rsaKeys.privateKey));
  const ecSigned = (hash: string) => (signed: Uint8Array) => new Uint8Array(sign(hash, signed, betweenKeys.privateKey));
  const rsaWith = (last: number) => sequence(oid(`1.2.840.113549.1.1.${last}`), tlv(0x05));

  /** A chain whose authority has this key, and signs the leaf in this way. */
  function signedBy(key: KeyObject, algorithm: Uint8Array, how: (signed: Uint8Array) => Uint8Array) {
    const spki = spkiOf(key);
    const extensions = { ...BETWEEN.extensions, subjectKey: NONE };
    const leaf = leafOf({
      innerAlgorithm: algorithm,
      outerAlgorithm: algorithm,
      sign: how,
      ...leafWith({ issuerKey: NONE }).leaf,
    });
    return { ...chain(), presented: [leaf, certificate({ ...BETWEEN, spki, extensions })] };
  }

  it.each<[string, KeyObject, Uint8Array, (signed: Uint8Array) => Uint8Array]>([
    ['RSA and SHA-256', rsaKeys.publicKey, rsaWith(11), pkcs1Signed('sha256')],
    ['RSA and SHA-384', rsaKeys.publicKey, rsaWith(12), pkcs1Signed('sha384')],
    ['RSA and SHA-512', rsaKeys.publicKey, rsaWith(13), pkcs1Signed('sha512')],
    ['RSA-PSS and SHA-256', rsaKeys.publicKey, pss(SHA256, SHA256, 32), pssSigned('sha256', 32)],
    ['ECDSA and SHA-384', betweenKeys.publicKey, sequence(oid('1.2.840.10045.4.3.3')), ecSigned('sha384')],
  ])('SEC-20 verifies %s', (_what, key, algorithm, how) => {
    expect(verifyChain(signedBy(key, algorithm, how)).serial).toBe('1234');
  });

  it.each<[string, string, KeyObject, Uint8Array, (signed: Uint8Array) => Uint8Array]>([
    ['CERT_UNSUPPORTED', 'RSA with SHA-1', rsaKeys.publicKey, rsaWith(5), pkcs1Signed('sha1')],
    ['CERT_UNSUPPORTED', 'RSA with MD5', rsaKeys.publicKey, rsaWith(4), pkcs1Signed('md5')],
    [
      'CERT_UNSUPPORTED',
      'ECDSA with SHA-1',
      betweenKeys.publicKey,
      sequence(oid('1.2.840.10045.4.1')),
      ecSigned('sha1'),
    ],
    [
      'CERT_UNSUPPORTED',
      '1.2.840.10045.4.3.4',
      betweenKeys.publicKey,
      sequence(oid('1.2.840.10045.4.3.4')),
      ecSigned('sha512'),
    ],
    ['CERT_UNSUPPORTED', PSS, rsaKeys.publicKey, pss(SHA256, SHA256, 20), pssSigned('sha256', 20)],
    ['CERT_UNSUPPORTED', PSS, rsaKeys.publicKey, pss(SHA256, SHA256, 222), pssSigned('sha256', 222)],
    ['CERT_UNSUPPORTED', PSS, rsaKeys.publicKey, pss(SHA1, SHA1, 20), pssSigned('sha1', 20)],
    ['CERT_UNSUPPORTED', PSS, rsaKeys.publicKey, pss(SHA256, SHA1, 32), pssSigned('sha256', 32)],
    [
      'CERT_UNSUPPORTED',
      PSS,
      rsaKeys.publicKey,
      pss(SHA256, SHA256, 32, tlv(0xa3, integer(1))),
      pssSigned('sha256', 32),
    ],
    [
      'CERT_UNSUPPORTED',
      '1.2.840.113549.1.1.11',
      rsaKeys.publicKey,
      sequence(oid('1.2.840.113549.1.1.11')),
      pkcs1Signed('sha256'),
    ],
    ['CERT_SIGNATURE', 'issuer', rsaKeys.publicKey, rsaWith(11), pkcs1Signed('sha512')],
    ['CERT_SIGNATURE', 'issuer', rsaKeys.publicKey, rsaWith(11), pssSigned('sha256', 32)],
    ['CERT_SIGNATURE', 'issuer', rsaKeys.publicKey, pss(SHA256, SHA256, 32), pkcs1Signed('sha256')],
    ['CERT_SIGNATURE', 'issuer', rsaKeys.publicKey, pss(SHA256, SHA256, 32), pssSigned('sha256', 33)],
    ['CERT_SIGNATURE', 'issuer', rsaKeys.publicKey, ECDSA_SHA256, ecSigned('sha256')],
    ['CERT_SIGNATURE', 'issuer', betweenKeys.publicKey, rsaWith(11), pkcs1Signed('sha256')],
    ['CERT_SIGNATURE', 'issuer', betweenKeys.publicKey, sequence(oid('1.3.101.112')), ecSigned('sha256')],
    ['CERT_SIGNATURE', 'issuer', betweenKeys.publicKey, ECDSA_SHA256, () => new Uint8Array()],
  ])('SEC-20 refuses with %s: %s', (code, words, key, algorithm, how) => {
    const verify = () => verifyChain(signedBy(key, algorithm, how));
    expect(verify).toThrow(withCode(code));
    expect(verify).toThrow(words);
  });
});

describe('SEC-9 hostile certificates', () => {
  const request = chain();
  const [leaf = NONE, between = NONE] = request.presented;
  const root = certificate(ROOT);

  it('SEC-9 with any byte of the leaf changed are never accepted, nor with any of the authority', () => {
    for (const bit of [0x01, 0x20, 0x80, 0xff]) {
      for (const [at, byte] of leaf.entries()) {
        const presented = [leaf.with(at, byte ^ bit), between];
        expect(() => verifyChain({ ...request, presented }), `byte ${at}`).toThrow(CertificateError);
      }
      for (const [at, byte] of between.entries()) {
        const presented = [leaf, between.with(at, byte ^ bit)];
        expect(() => verifyChain({ ...request, presented }), `byte ${at}`).toThrow(CertificateError);
      }
    }
  });

  it('SEC-9 cut or with a tail are refused', () => {
    for (let length = 0; length < leaf.length; length += 1)
      expect(() => parseCertificate(leaf.subarray(0, length))).toThrow(withCode('CERT_MALFORMED'));
    expect(() => parseCertificate(concat(leaf, Uint8Array.of(0)))).toThrow(withCode('CERT_MALFORMED'));
  });

  /** Cut a piece out, put noise in, or copy a piece from elsewhere. */
  const anyMutation = fc.array(
    fc.record({
      at: fc.nat(1_000),
      remove: fc.nat(20),
      insert: fc.uint8Array({ maxLength: 8 }),
      from: fc.nat(1_000),
      copy: fc.nat(40),
    }),
    { minLength: 1, maxLength: 4 },
  );

  it('SEC-9 as noise or mutations give a value or a CertificateError, as leaf, as authority and as root', () => {
    const sources = fc.constantFrom(
      leaf,
      between,
      root,
      ...rootCertificates.slice(0, 40).map((pem) => new Uint8Array(new X509Certificate(pem).raw)),
    );
    fc.assert(
      fc.property(
        sources,
        anyMutation,
        fc.oneof(fc.constant(undefined), fc.uint8Array()),
        (source, mutations, noise) => {
          const mutated =
            noise ??
            mutations.reduce((bytes, { at, remove, insert, from, copy }) => {
              const start = at % (bytes.length + 1);
              return concat(
                bytes.subarray(0, start),
                insert,
                bytes.subarray(from, from + copy),
                bytes.subarray(start + remove),
              );
            }, source);
          const tries = [
            () => verifyChain({ ...request, presented: [mutated, between] }),
            () => verifyChain({ ...request, presented: [leaf, mutated] }),
            () => verifyChain({ ...request, roots: new TrustedRoots(mutated) }),
            () => parseCertificate(mutated).publicKey(),
          ];
          for (const attempt of tries) {
            try {
              attempt();
            } catch (error) {
              expect(error).toBeInstanceOf(CertificateError);
            }
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('SEC-20 files of roots', () => {
  const [one, two] = [certificate(ROOT), certificate(BETWEEN)];

  /** Whose base64 ends in two signs of padding. */
  const padded = [70, 71, 72]
    .map((length) => pemOf(leafOf({ sign: () => new Uint8Array(length) })))
    .find((pem) => pem.includes('==')) as string;
  const nextLetter = (letter: string) => String.fromCharCode((letter.codePointAt(0) ?? 0) + 1);

  it.each<[string, Uint8Array | string, number]>([
    ['DER', one, 1],
    ['PEM', pemOf(one), 1],
    ['PEM as bytes', utf8Encode(pemOf(one)), 1],
    ['two in one file', pemOf(one) + pemOf(two), 2],
    ['explanations around', `root:\n${pemOf(one)}\n# and\n${pemOf(two)}\nend`, 2],
    ['lines of Windows', pemOf(one).replaceAll('\n', '\r\n'), 1],
  ])('SEC-20 are read as %s', (_what, file, count) => {
    const found = certificatesOf(file);
    expect(found).toHaveLength(count);
    expect([...found]).toEqual([one, two].slice(0, count));
  });

  it.each<[string, Uint8Array | string]>([
    ['nothing', ''],
    ['no certificate', 'hello'],
    ['no end', pemOf(one).replace('-----END CERTIFICATE-----', '')],
    ['a private key beside it', `${pemOf(one)}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`],
    ['a private key before it', `-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n${pemOf(one)}`],
    ['a trusted certificate of OpenSSL', pemOf(one).replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    ['headers inside', pemOf(one).replace('\n', '\nProc-Type: 4\n\n')],
    ['no content', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['one of two that does not parse', pemOf(one) + pemOf(two.subarray(1))],
    ['bytes after the DER', concat(one, Uint8Array.of(0))],
    ['bytes after the DER in PEM', pemOf(concat(one, Uint8Array.of(0)))],
    ['base64 without its padding', padded.replaceAll('=', '')],
    ['base64 with bits that do not count', padded.replace(/.(?==)/, (last) => nextLetter(last))],
    ['base64 of an impossible length', padded.replaceAll('==', 'AAA')],
    ['bytes that are no text', fromHex('80ff') ?? NONE],
    ['more than 1 MiB', `${pemOf(one)}${' '.repeat(2 ** 20)}`],
  ])('SEC-20 are refused as a whole with %s', (_what, file) => {
    expect(() => new TrustedRoots(file)).toThrow(withCode('CERT_MALFORMED'));
    expect(() => new TrustedRoots(padded), 'control').not.toThrow();
  });
});
