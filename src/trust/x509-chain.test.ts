import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  BETWEEN,
  betweenKeys,
  betweenWith,
  type Changes,
  CLIENT,
  CODE_SIGNING,
  chain,
  LEAF,
  leafKeys,
  leafWith,
  otherKeys,
  ROOT,
  rootKeys,
  rootWith,
  SERVER,
} from '../../test/support/certificate-chain.ts';
import {
  authorityKeyId,
  basicConstraints,
  certificate,
  DIGITAL_SIGNATURE,
  dnsNames,
  ECDSA_SHA256,
  ecKeys,
  extendedKeyUsage,
  extension,
  keyUsage,
  NONE,
  NOT_AFTER_MS,
  NOT_BEFORE_MS,
  nameOf,
  type Parts,
  subjectKeyId,
} from '../../test/support/certificates.ts';
import { integer, oid, sequence, text } from '../../test/support/der.ts';
import { SHA256_HEX } from '../core/bytes.ts';
import { parseDer } from '../core/der.ts';
import { INTEGER } from '../core/der-types.ts';
import { parseCertificate } from './x509-certificate.ts';
import { type ChainRequest, TrustedRoots, verifyChain } from './x509-chain.ts';
import { CertificateError } from './x509-errors.ts';
import { createRevocations, type RevocationList } from './x509-revocations.ts';

const ANY_PURPOSE = '2.5.29.37.0';
/** As FIPS 186-4 prints them, in decimal digits. */
const ORDERS = {
  'P-256': 115792089210356248762697446949407573529996955224135760342422259061068512044369n,
  'P-384':
    39402006196394479212279040100143613805079739270465446667946905279627659399113263569398956308152294913554433653942643n,
};

/** `undefined` when the chain is accepted. */
function refusal(request: ChainRequest): string | undefined {
  try {
    verifyChain(request);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(CertificateError);
    const { code, fix } = error as CertificateError;
    expect(fix).toBeTypeOf('string');
    return code;
  }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('SEC-20 certificate chains', () => {
  it('SEC-20 give what the certificate says, once it is verified', () => {
    const request = chain();
    const [leaf, between] = request.presented.map((der) => new X509Certificate(der));
    const { publicKey, chain: ids, ...rest } = verifyChain(request);
    expect(rest).toEqual({
      fingerprint: leaf?.fingerprint256.replaceAll(':', '').toLowerCase(),
      twins: [expect.stringMatching(SHA256_HEX), expect.stringMatching(SHA256_HEX)],
      issuerHash: sha256(nameOf('between')),
      serial: '1234',
      commonName: '00000000000000aa',
      dnsNames: ['gw.example', '*.station.example'],
      notBeforeMs: NOT_BEFORE_MS,
      notAfterMs: NOT_AFTER_MS,
      extendedKeyUsage: [SERVER, CLIENT],
    });
    expect(publicKey.equals(leafKeys.publicKey)).toBe(true);
    expect(ids.map(({ issuerHash }) => issuerHash)).toEqual(
      ['between', 'root', 'root'].map((cn) => sha256(nameOf(cn))),
    );
    expect(ids[1]?.fingerprint).toBe(between?.fingerprint256.replaceAll(':', '').toLowerCase());
    const { fingerprint, twins, issuerHash, serial } = rest;
    expect(ids[0]).toEqual({ fingerprint, twins, issuerHash, serial });
  });

  it.each<[string, Changes, Partial<ChainRequest>?]>([
    [
      'without key usages',
      { ...leafWith({ usage: NONE }), ...betweenWith({ usage: NONE }), ...rootWith({ usage: NONE }) },
    ],
    ['without purposes', leafWith({ purposes: NONE })],
    [
      'whose authorities are for the purpose too',
      { ...betweenWith({ p: extendedKeyUsage(CODE_SIGNING, SERVER) }), ...rootWith({ p: extendedKeyUsage(SERVER) }) },
    ],
    [
      'without key ids',
      {
        ...leafWith({ issuerKey: NONE }),
        ...betweenWith({ subjectKey: NONE, issuerKey: NONE }),
        ...rootWith({ subjectKey: NONE }),
      },
    ],
    ['whose leaf says nothing of authority', leafWith({ constraints: NONE })],
    ['for a client', {}, { purpose: 'client', hostName: undefined }],
    [
      'for a signer',
      leafWith({ purposes: extendedKeyUsage(CODE_SIGNING) }),
      { purpose: 'codeSigning', hostName: undefined },
    ],
    ['with an extension nobody knows', leafWith({ odd: extension('1.2.3.4', integer(1)) })],
    ['without a subject, named by subjectAltName', { leaf: { subject: sequence() } }],
    ['whose root allows one authority below', rootWith({ constraints: basicConstraints(true, 1) })],
    ['whose root has serial number 0', { root: { serial: integer(0) } }],
    ['of serial numbers with 20 bytes', { leaf: { serial: integer(2n ** 160n - 1n) } }],
    ['of version 1 at its end', { leaf: { version: NONE, extensions: {} } }, { hostName: undefined }],
    ['on its first millisecond', {}, { nowMs: NOT_BEFORE_MS }],
    ['on its last millisecond', {}, { nowMs: NOT_AFTER_MS }],
    ['whose root was signed by a key that is gone', { root: { signingKey: otherKeys.privateKey } }],
    ['of times after 2049', { leaf: { notAfter: text(0x18, '99991231235959Z') } }],
  ])('SEC-20 hold %s', (_what, changes, request) => {
    expect(refusal(chain(changes, request))).toBeUndefined();
  });

  it.each<[string, string, Changes, Partial<ChainRequest>?]>([
    ['CERT_SIGNATURE', 'signed by another key', { leaf: { signingKey: otherKeys.privateKey } }],
    ['CERT_SIGNATURE', 'whose authority is signed by another key', { between: { signingKey: otherKeys.privateKey } }],
    ['CERT_SIGNATURE', 'below another root of the same name', { root: { publicKey: otherKeys.publicKey } }],
    ['CERT_NOT_YET_VALID', 'a millisecond early', {}, { nowMs: NOT_BEFORE_MS - 1 }],
    ['CERT_EXPIRED', 'a millisecond late', {}, { nowMs: NOT_AFTER_MS + 1 }],
    ['CERT_NOT_YET_VALID', 'at no time', {}, { nowMs: Number.NaN }],
    ['CERT_EXPIRED', 'whose authority has expired', { between: { notAfter: text(0x17, '261124000000Z') } }],
    ['CERT_NOT_YET_VALID', 'whose root is not valid yet', { root: { notBefore: text(0x17, '261126000000Z') } }],
    ['CERT_NO_CA', 'issued by a server', betweenWith({ constraints: basicConstraints(false) })],
    ['CERT_NO_CA', 'issued by what says nothing of authority', betweenWith({ constraints: NONE })],
    ['CERT_NO_CA', 'below a root that is no authority', rootWith({ constraints: NONE })],
    ['CERT_NO_CA', 'below a root of version 1', { root: { version: NONE, extensions: {} } }],
    ['CERT_PURPOSE', 'of an authority itself', leafWith({ constraints: basicConstraints(true) })],
    [
      'CERT_PATH_LENGTH',
      'below a root that allows no authority below',
      rootWith({ constraints: basicConstraints(true, 0) }),
    ],
    ['CERT_KEY_USAGE', 'that may not sign', leafWith({ usage: keyUsage(0x20) })],
    ['CERT_KEY_USAGE', 'whose authority may not issue', betweenWith({ usage: keyUsage(DIGITAL_SIGNATURE) })],
    ['CERT_KEY_USAGE', 'whose root may not issue', rootWith({ usage: keyUsage(0x02) })],
    ['CERT_PURPOSE', 'of a client', leafWith({ purposes: extendedKeyUsage(CLIENT) })],
    ['CERT_PURPOSE', 'of a server, for signing', {}, { purpose: 'codeSigning', hostName: undefined }],
    ['CERT_PURPOSE', 'for any purpose, which is none', leafWith({ purposes: extendedKeyUsage(ANY_PURPOSE) })],
    ['CERT_PURPOSE', 'whose authority is for clients', betweenWith({ p: extendedKeyUsage(CLIENT) })],
    ['CERT_PURPOSE', 'whose root is for clients', rootWith({ p: extendedKeyUsage(CLIENT) })],
    [
      'CERT_UNSUPPORTED',
      'with an unknown critical extension',
      leafWith({ odd: extension('1.2.3.4', integer(1), true) }),
    ],
    [
      'CERT_UNSUPPORTED',
      'whose root has an unknown critical extension',
      rootWith({ odd: extension('1.2.3.4', integer(1), true) }),
    ],
    [
      'CERT_UNSUPPORTED',
      'whose authority has critical name constraints',
      betweenWith({ c: extension('2.5.29.30', sequence(), true) }),
    ],
    [
      'CERT_UNSUPPORTED',
      'whose authority has name constraints',
      betweenWith({ c: extension('2.5.29.30', sequence()) }),
    ],
    ['CERT_MALFORMED', 'with serial number 0', { leaf: { serial: integer(0) } }],
    ['CERT_MALFORMED', 'whose authority has serial number 0', { between: { serial: integer(0) } }],
    ['CERT_UNTRUSTED', 'of another issuer', { leaf: { issuer: nameOf('somebody') } }],
    ['CERT_UNTRUSTED', 'whose authority is of another issuer', { between: { issuer: nameOf('somebody') } }],
    ['CERT_UNTRUSTED', 'below a root with another key id', rootWith({ subjectKey: subjectKeyId(otherKeys.publicKey) })],
    ['CERT_UNTRUSTED', 'without a root', {}, { roots: new TrustedRoots() }],
    ['CERT_NAME', 'for another host', {}, { hostName: 'gw.example.org' }],
    ['CERT_MALFORMED', 'of no certificate', {}, { presented: [] }],
    ['CERT_MALFORMED', 'of an empty one', {}, { presented: [new Uint8Array()] }],
    [
      'CERT_UNSUPPORTED',
      'with a key on another curve',
      { leaf: { publicKey: generateKeyPairSync('ec', { namedCurve: 'secp521r1' }).publicKey } },
    ],
  ])('SEC-20 are refused with %s: %s', (code, _what, changes, request) => {
    expect(refusal(chain(changes, request))).toBe(code);
  });

  it('SEC-20 are checked in one order, whatever else is wrong with them', () => {
    const issuerHash = sha256(nameOf('root'));
    const defects: readonly {
      code: string;
      leaf?: Partial<Parts>;
      extensions?: Parts['extensions'];
      request?: Partial<ChainRequest>;
    }[] = [
      { code: 'CERT_MALFORMED', leaf: { serial: integer(0) } },
      { code: 'CERT_UNSUPPORTED', leaf: { publicKey: generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey } },
      { code: 'CERT_SIGNATURE', leaf: { signingKey: otherKeys.privateKey } },
      { code: 'CERT_EXPIRED', request: { nowMs: NOT_AFTER_MS + 1 } },
      {
        code: 'CERT_REVOKED',
        request: { revocations: createRevocations({ serials: [{ issuerHash, serial: '1234' }], fingerprints: [] }) },
      },
      { code: 'CERT_UNSUPPORTED', extensions: { odd: extension('1.2.3.4', integer(1), true) } },
      { code: 'CERT_PURPOSE', extensions: { constraints: basicConstraints(true) } },
      { code: 'CERT_KEY_USAGE', extensions: { usage: keyUsage(0x20) } },
      { code: 'CERT_PURPOSE', extensions: { purposes: extendedKeyUsage(CODE_SIGNING) } },
      { code: 'CERT_NAME', request: { hostName: 'other.example' } },
    ];
    for (const [at, { code }] of defects.entries()) {
      const [leaf, extensions, request] = [{}, { ...LEAF.extensions }, {}];
      for (const defect of defects.slice(at)) {
        Object.assign(leaf, defect.leaf);
        Object.assign(extensions, defect.extensions);
        Object.assign(request, defect.request);
      }
      expect(refusal(chain({ leaf: { ...leaf, extensions } }, request)), `defect ${at}`).toBe(code);
    }
  });

  it('SEC-20 name the certificate at fault, and what to do', () => {
    const request = chain(betweenWith({ constraints: NONE }));
    expect(() => verifyChain(request)).toThrow(
      expect.objectContaining({ detail: { certificate: sha256(request.presented[1] ?? NONE) }, fault: 'peer' }),
    );
  });
});

describe('SEC-20 paths to a root', () => {
  const root = certificate(ROOT);
  const between = certificate(BETWEEN);
  const leaf = certificate(LEAF);
  const stranger = certificate({ ...BETWEEN, subject: nameOf('stranger') });

  it.each<[string, readonly Uint8Array[]]>([
    ['the root at the end', [leaf, between, root]],
    ['the root before its authority', [leaf, root, between]],
    ['an authority of something else', [leaf, stranger, between]],
    ['a certificate twice', [leaf, leaf, between, between]],
    ['eight certificates', [leaf, ...Array.from({ length: 6 }, () => stranger), between]],
  ])('SEC-20 are found with %s', (_what, presented) => {
    expect(verifyChain(chain({}, { presented })).chain).toHaveLength(3);
  });

  it('SEC-20 are found below the root itself, and below an authority that is trusted by itself', () => {
    const direct = certificate({
      ...LEAF,
      issuer: nameOf('root'),
      signingKey: rootKeys.privateKey,
      ...leafWith({ issuerKey: NONE }).leaf,
    });
    expect(verifyChain(chain({}, { presented: [direct] })).chain).toHaveLength(2);
    expect(verifyChain(chain({}, { presented: [leaf], roots: new TrustedRoots(between) })).chain).toHaveLength(2);
  });

  it('SEC-20 are found among authorities and roots of one name, whatever their order', () => {
    const anonymous = certificate({ ...LEAF, ...leafWith({ issuerKey: NONE }).leaf });
    const twinRoot = certificate({ ...ROOT, publicKey: otherKeys.publicKey, ...rootWith({ subjectKey: NONE }).root });
    const twinBetween = certificate({ ...BETWEEN, publicKey: otherKeys.publicKey });
    for (const presented of [
      [anonymous, twinBetween, between],
      [anonymous, between, twinBetween],
    ]) {
      for (const roots of [
        [twinRoot, root],
        [root, twinRoot],
      ])
        expect(verifyChain(chain({}, { presented, roots: new TrustedRoots(...roots) })).chain).toHaveLength(3);
    }
  });

  it('SEC-20 that all fail give the error of the one that came furthest', () => {
    const expired = certificate({ ...BETWEEN, notAfter: text(0x17, '260201000000Z') });
    const forged = certificate({ ...BETWEEN, signingKey: otherKeys.privateKey });
    for (const presented of [
      [leaf, expired, forged],
      [leaf, forged, expired],
    ])
      expect(refusal(chain({}, { presented }))).toBe('CERT_EXPIRED');
  });

  it('SEC-20 are at most three certificates long', () => {
    const lowerKeys = ecKeys();
    const lower = certificate({
      ...BETWEEN,
      subject: nameOf('lower'),
      issuer: nameOf('between'),
      publicKey: lowerKeys.publicKey,
      signingKey: betweenKeys.privateKey,
      extensions: { constraints: basicConstraints(true), subjectKey: subjectKeyId(lowerKeys.publicKey) },
    });
    const end = certificate({
      ...LEAF,
      issuer: nameOf('lower'),
      signingKey: lowerKeys.privateKey,
      ...leafWith({ issuerKey: authorityKeyId(lowerKeys.publicKey) }).leaf,
    });
    for (const presented of [
      [end, lower, between],
      [end, between, lower],
    ])
      expect(refusal(chain({}, { presented }))).toBe('CERT_CHAIN_LENGTH');
    expect(refusal(chain({}, { presented: [end, lower, between], roots: new TrustedRoots() }))).toBe('CERT_UNTRUSTED');
    expect(refusal(chain({}, { presented: Array.from({ length: 9 }, () => leaf) }))).toBe('CERT_CHAIN_LENGTH');
  });

  it('SEC-20 do not go round in circles', () => {
    const [one, other] = [ecKeys(), ecKeys()];
    const extensions = { constraints: basicConstraints(true) };
    const a = certificate({
      ...ROOT,
      subject: nameOf('a'),
      issuer: nameOf('b'),
      publicKey: one.publicKey,
      signingKey: other.privateKey,
      extensions,
    });
    const b = certificate({
      ...ROOT,
      subject: nameOf('b'),
      issuer: nameOf('a'),
      publicKey: other.publicKey,
      signingKey: one.privateKey,
      extensions,
    });
    const end = certificate({ ...LEAF, issuer: nameOf('a'), signingKey: one.privateKey, extensions: {} });
    expect(refusal(chain({}, { presented: [end, a, b] }))).toBe('CERT_UNTRUSTED');
  });

  it('SEC-20 do not lead through a self-issued certificate, nor end at the leaf itself', () => {
    const renewed = { ...ROOT, publicKey: otherKeys.publicKey, extensions: { constraints: basicConstraints(true) } };
    const byRenewed = certificate({
      ...LEAF,
      issuer: nameOf('root'),
      signingKey: otherKeys.privateKey,
      extensions: { names: dnsNames('gw.example') },
    });
    expect(refusal(chain({}, { presented: [byRenewed, certificate(renewed)] }))).toBe('CERT_SIGNATURE');
    const selfSigned = certificate({
      ...LEAF,
      issuer: LEAF.subject,
      signingKey: leafKeys.privateKey,
      ...leafWith({ issuerKey: NONE }).leaf,
    });
    expect(refusal(chain({}, { presented: [selfSigned] }))).toBe('CERT_UNTRUSTED');
    expect(refusal(chain({}, { presented: [selfSigned], roots: new TrustedRoots(selfSigned) }))).toBe('CERT_NO_CA');
  });

  it('SEC-20 take authorities for each other by key id only where both name one', () => {
    const other = authorityKeyId(otherKeys.publicKey);
    expect(refusal(chain(leafWith({ issuerKey: other })))).toBe('CERT_UNTRUSTED');
    expect(refusal(chain({ ...leafWith({ issuerKey: other }), ...betweenWith({ subjectKey: NONE }) }))).toBeUndefined();
    const byName = extension('2.5.29.35', sequence());
    expect(refusal(chain(leafWith({ issuerKey: byName })))).toBeUndefined();
  });
});

describe('SEC-20 names of hosts', () => {
  it.each<[string | readonly string[], string, boolean]>([
    ['gw.example', 'gw.example', true],
    ['gw.example', 'GW.Example', true],
    ['GW.EXAMPLE', 'gw.example', true],
    ['localhost', 'localhost', true],
    ['a_b.example', 'a_b.example', true],
    [['one.example', 'two.example'], 'two.example', true],
    ['*.example.org', 'gw.example.org', true],
    ['*.example.org', 'GW.EXAMPLE.ORG', true],
    ['*.example.org', 'a.b.example.org', false],
    ['*.example.org', 'example.org', false],
    ['*.example.org', '.example.org', false],
    ['*.example.org', '*.example.org', false],
    ['*.example.org', 'gw.example.com', false],
    ['*.org', 'example.org', false],
    ['*', 'localhost', false],
    ['*.*.org', 'a.b.org', false],
    ['gw*.example.org', 'gw1.example.org', false],
    ['gw.*.org', 'gw.example.org', false],
    ['xgw.example', 'gw.example', false],
    ['gw.example', 'gw.example.', false],
    ['gw.example.', 'gw.example', false],
    ['gw.example', '', false],
    ['', '', false],
    ['gw..example', 'gw..example', false],
    ['gw.example\0.evil', 'gw.example', false],
    ['-gw.example', '-gw.example', false],
    ['gw-.example', 'gw-.example', false],
    ['g w.example', 'g w.example', false],
    ['k.example', '\u212a.example', false],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`, true],
    [`${'a'.repeat(64)}.example`, `${'a'.repeat(64)}.example`, false],
    [`${'abcdefg.'.repeat(31)}abcde`, `${'abcdefg.'.repeat(31)}abcde`, true],
    [`${'abcdefg.'.repeat(31)}abcdef`, `${'abcdefg.'.repeat(31)}abcdef`, false],
    ['127.0.0.1', '127.0.0.1', false],
    ['*.0.0.1', '127.0.0.1', false],
    ['::1', '::1', false],
  ])('SEC-20 a certificate for %s, host %s: %s', (names, hostName, isAccepted) => {
    const list = typeof names === 'string' ? [names] : names;
    const inSubject = { leaf: { subject: nameOf(...list), ...leafWith({ names: NONE }).leaf } };
    expect(refusal(chain(leafWith({ names: dnsNames(...list) }), { hostName }))).toBe(
      isAccepted ? undefined : 'CERT_NAME',
    );
    // The same without subjectAltName, by a single common name.
    const inCommonName: unknown =
      isAccepted && list.length === 1 ? undefined : expect.stringMatching(/^CERT_(?:NAME|MALFORMED)$/);
    expect(refusal(chain(inSubject, { hostName }))).toEqual(inCommonName);
  });

  it('SEC-20 the common name counts only where there is no subjectAltName at all', () => {
    const subject = nameOf('gw.example');
    const other = { leaf: { subject, ...leafWith({ names: dnsNames('other.example') }).leaf } };
    expect(refusal(chain(other))).toBe('CERT_NAME');
    const address = extension('2.5.29.17', sequence(text(0x87, '\x7f\x00\x00\x01')));
    expect(refusal(chain({ leaf: { subject, ...leafWith({ names: address }).leaf } }))).toBe('CERT_NAME');
    const kelvin = { leaf: { subject: nameOf('\u212a.example'), ...leafWith({ names: NONE }).leaf } };
    expect(refusal(chain(kelvin, { hostName: 'k.example' }))).toBe('CERT_NAME');
  });
});

describe('SEC-20 revocation', () => {
  const request = chain();
  const { chain: ids } = verifyChain(request);
  const revoking = (list: Partial<RevocationList>) =>
    chain({}, { ...request, revocations: createRevocations({ serials: [], fingerprints: [], ...list }) });

  it.each([
    ['leaf', 0],
    ['authority', 1],
    ['root', 2],
  ])('SEC-20 of the %s, by fingerprint and by serial number', (_what, at) => {
    const { fingerprint = '', issuerHash = '', serial = '' } = ids[at] ?? {};
    expect(refusal(revoking({ fingerprints: [fingerprint] }))).toBe('CERT_REVOKED');
    expect(refusal(revoking({ serials: [{ issuerHash, serial }] }))).toBe('CERT_REVOKED');
    const spelled = fingerprint.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:');
    expect(refusal(revoking({ fingerprints: [spelled] }))).toBe('CERT_REVOKED');
    expect(refusal(revoking({ serials: [{ issuerHash: issuerHash.toUpperCase(), serial: `00${serial}` }] }))).toBe(
      'CERT_REVOKED',
    );
  });

  it('SEC-20 of the same serial number under another issuer is of another certificate', () => {
    const issuerHash = sha256(nameOf('somebody'));
    expect(
      refusal(revoking({ serials: [{ issuerHash, serial: '1234' }], fingerprints: [issuerHash] })),
    ).toBeUndefined();
    expect(refusal(revoking({ serials: [{ issuerHash: ids[0]?.issuerHash ?? '', serial: '12340' }] }))).toBeUndefined();
  });

  it('SEC-20 outlives the renewal of the authority', () => {
    const renewed = { between: { serial: integer(77) } };
    const { issuerHash = '', serial = '' } = ids[0] ?? {};
    const revocations = createRevocations({ serials: [{ issuerHash, serial }], fingerprints: [] });
    expect(refusal(chain(renewed, { revocations }))).toBe('CERT_REVOKED');
  });

  const hash = 'ab'.repeat(32);
  it.each<[string, Partial<RevocationList>]>([
    ['a short fingerprint', { fingerprints: [hash.slice(2)] }],
    ['a long fingerprint', { fingerprints: [`${hash}00`] }],
    ['a fingerprint that is not hexadecimal', { fingerprints: [`xy${hash.slice(2)}`] }],
    ['an issuer by name', { serials: [{ issuerHash: 'CN=root', serial: '01' }] }],
    ['a serial number in words', { serials: [{ issuerHash: hash, serial: 'one' }] }],
    ['no serial number', { serials: [{ issuerHash: hash, serial: '' }] }],
    ['a serial number of 21 bytes', { serials: [{ issuerHash: hash, serial: '01'.repeat(21) }] }],
  ])('SEC-20 refuses a list with %s, instead of never matching', (_what, list) => {
    expect(() => createRevocations({ serials: [], fingerprints: [hash], ...list })).toThrow(
      expect.objectContaining({ code: 'REVOCATION_INVALID', fault: 'caller', fix: expect.any(String) as string }),
    );
  });

  /** The same signature in its other form: (r, n - s) for (r, s). */
  function flipped(signature: Uint8Array, namedCurve: keyof typeof ORDERS): Uint8Array {
    const pair = parseDer(signature).members();
    return sequence(integer(pair.next().read(INTEGER)), integer(ORDERS[namedCurve] - pair.next().read(INTEGER)));
  }

  it.each([
    ['P-256', 'sha256', ECDSA_SHA256],
    ['P-384', 'sha384', sequence(oid('1.2.840.10045.4.3.3'))],
    ['P-384', 'sha256', ECDSA_SHA256],
  ] as const)(
    'SEC-7 by fingerprint is of both forms that a signature has, on %s with %s, whichever was listed',
    (namedCurve, hash, algorithm) => {
      const keys = generateKeyPairSync('ec', { namedCurve });
      const between = { publicKey: keys.publicKey, ...betweenWith({ subjectKey: NONE }).between };
      const parts = {
        ...{ ...LEAF, ...leafWith({ issuerKey: NONE }).leaf, innerAlgorithm: algorithm, outerAlgorithm: algorithm },
        sign: (signed: Uint8Array) => sign(hash, signed, keys.privateKey),
      };
      // Often enough for numbers of several lengths, on both sides of the middle.
      for (let again = 0; again < 40; again += 1) {
        const one = certificate(parts);
        const { signature, fingerprint } = parseCertificate(one);
        const other = certificate({ ...parts, sign: () => flipped(signature, namedCurve) });
        expect(sha256(other)).not.toBe(fingerprint);
        const revoked = (leaf: Uint8Array, ...fingerprints: readonly string[]) => {
          const { presented, ...rest } = chain({ between });
          const revocations = createRevocations({ serials: [], fingerprints });
          return refusal({ ...rest, presented: [leaf, ...presented.slice(1)], revocations });
        };
        expect([revoked(one), revoked(other)], 'control').toEqual([undefined, undefined]);
        for (const listed of [one, other])
          for (const shown of [one, other]) expect(revoked(shown, sha256(listed))).toBe('CERT_REVOKED');
      }
    },
  );

  it('SEC-7 by fingerprint is of an authority in both forms of its signature', () => {
    const between = certificate(BETWEEN);
    const twin = certificate({ ...BETWEEN, sign: () => flipped(parseCertificate(between).signature, 'P-256') });
    const presented = [certificate(LEAF), twin];
    const revocations = createRevocations({ serials: [], fingerprints: [sha256(between)] });
    expect(refusal(chain({}, { presented }))).toBeUndefined();
    expect(refusal(chain({}, { presented, revocations }))).toBe('CERT_REVOKED');
  });

  it('SEC-20 can be asked again when a session is resumed', () => {
    const revocations = createRevocations({ serials: [], fingerprints: [ids[1]?.fingerprint ?? ''] });
    expect(ids.map((id) => revocations.has(id))).toEqual([false, true, false]);
  });
});
