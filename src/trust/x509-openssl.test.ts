/**
 * OpenSSL's opinion and ours, on chains that it made. Where we differ, `differs` says why; a difference that goes away fails too.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { OpensslWorkshop, type Recipe } from '../../test/support/openssl-certificates.ts';
import { temporaryDir } from '../../test/support/ports.ts';
import { isSkipped } from '../../test/support/programs.ts';
import { parseCertificate } from './x509-certificate.ts';
import { type Purpose, TrustedRoots, verifyChain } from './x509-chain.ts';
import { CertificateError } from './x509-errors.ts';
import { createRevocations } from './x509-revocations.ts';

const AUTHORITY = {
  basicConstraints: 'critical,CA:TRUE',
  keyUsage: 'critical,keyCertSign,cRLSign',
  subjectKeyIdentifier: 'hash',
};
// Authorities outlive leaves, in whatever second they are made.
const ROOT: Recipe = { subject: '/CN=root', key: 'p256', days: 60, extensions: AUTHORITY };
const BETWEEN: Recipe = {
  subject: '/CN=between',
  key: 'p256',
  days: 60,
  issuer: ROOT,
  extensions: { ...AUTHORITY, basicConstraints: 'critical,CA:TRUE,pathlen:0', authorityKeyIdentifier: 'keyid' },
};
const LEAF: Recipe = {
  subject: '/CN=gw',
  key: 'p256',
  days: 30,
  issuer: BETWEEN,
  extensions: {
    basicConstraints: 'critical,CA:FALSE',
    keyUsage: 'critical,digitalSignature',
    extendedKeyUsage: 'serverAuth,clientAuth',
    subjectAltName: 'DNS:gw.example.org',
    subjectKeyIdentifier: 'hash',
    authorityKeyIdentifier: 'keyid',
  },
};
type Extensions = Recipe['extensions'];
const leafWith = (extensions: Extensions, more: Partial<Recipe> = {}): Recipe => ({
  ...LEAF,
  ...more,
  extensions: { ...LEAF.extensions, ...extensions },
});
const betweenWith = (extensions: Extensions, more: Partial<Recipe> = {}): Recipe => ({
  ...BETWEEN,
  ...more,
  extensions: { ...BETWEEN.extensions, ...extensions },
});
/** A leaf below this authority, and that below its own. */
const below = (issuer: Recipe, more: Partial<Recipe> = {}): Recipe => ({ ...LEAF, issuer, ...more });
/** All three with this kind of key, signed in this way. */
function allOf(key: Recipe['key'], more: Partial<Recipe> = {}): Recipe {
  const root = { ...ROOT, key, ...more };
  const between = { ...BETWEEN, key, issuer: root, ...more };
  return { ...LEAF, key, issuer: between, ...more };
}

interface Case {
  readonly what: string;
  /** Its issuers are presented with it, but for the last, which is trusted. */
  readonly leaf?: Recipe;
  readonly trusted?: Recipe;
  readonly purpose?: Purpose;
  readonly hostName?: string;
  /** Milliseconds before the end of the leaf, or after its beginning. */
  readonly at?: { readonly beforeEnd: number } | { readonly afterBegin: number };
  readonly altered?: (leaf: Uint8Array) => Uint8Array;
  readonly revoked?: Recipe;
  readonly revokedBy?: 'serial' | 'fingerprint';
  /** Absent: accepted. */
  readonly refused?: CertificateError['code'];
  readonly differs?: string;
}

const SECOND = 1_000;

const CASES: readonly Case[] = [
  { what: 'three certificates of P-256' },
  { what: 'a leaf below the root', leaf: below(ROOT) },
  { what: 'P-384 and SHA-384', leaf: allOf('p384', { digest: 'sha384' }) },
  { what: 'Ed25519', leaf: allOf('ed25519') },
  { what: 'RSA and SHA-256', leaf: allOf('rsa2048') },
  { what: 'RSA and SHA-512', leaf: allOf('rsa2048', { digest: 'sha512' }) },
  ...(['sha256', 'sha384', 'sha512'] as const).map((digest) => ({
    what: `RSA-PSS and ${digest}`,
    leaf: allOf('rsa2048', { digest, signatureOptions: ['rsa_padding_mode:pss', 'rsa_pss_saltlen:digest'] }),
  })),
  { what: 'a client', purpose: 'client' },
  { what: 'a server without purposes', leaf: leafWith({ extendedKeyUsage: '' }) },
  { what: 'a name in capitals', hostName: 'GW.EXAMPLE.ORG' },
  { what: 'a wildcard', leaf: leafWith({ subjectAltName: 'DNS:*.example.org' }) },
  { what: 'a common name alone', leaf: leafWith({ subjectAltName: '' }, { subject: '/CN=gw.example.org' }) },
  { what: 'a root that has signed itself with SHA-1', leaf: below({ ...ROOT, digest: 'sha1' }) },
  { what: 'the first second', at: { afterBegin: 0 } },
  { what: 'the last second but one', at: { beforeEnd: SECOND } },

  { what: 'a second too early', at: { afterBegin: -SECOND }, refused: 'CERT_NOT_YET_VALID' },
  { what: 'a second too late', at: { beforeEnd: -SECOND }, refused: 'CERT_EXPIRED' },
  {
    what: 'a server that issues',
    leaf: below(leafWith({}, { subject: '/CN=server', issuer: ROOT, days: 60 })),
    refused: 'CERT_NO_CA',
  },
  {
    what: 'an issuer without basicConstraints',
    leaf: below(betweenWith({ basicConstraints: '' })),
    refused: 'CERT_NO_CA',
  },
  {
    what: 'an authority below path length 0',
    leaf: below({
      ...BETWEEN,
      issuer: { ...ROOT, extensions: { ...AUTHORITY, basicConstraints: 'critical,CA:TRUE,pathlen:0' } },
    }),
    refused: 'CERT_PATH_LENGTH',
  },
  { what: 'a client as server', leaf: leafWith({ extendedKeyUsage: 'clientAuth' }), refused: 'CERT_PURPOSE' },
  {
    what: 'a server as client',
    leaf: leafWith({ extendedKeyUsage: 'serverAuth' }),
    purpose: 'client',
    refused: 'CERT_PURPOSE',
  },
  { what: 'any purpose', leaf: leafWith({ extendedKeyUsage: 'anyExtendedKeyUsage' }), refused: 'CERT_PURPOSE' },
  {
    what: 'an authority for clients',
    leaf: below(betweenWith({ extendedKeyUsage: 'clientAuth' })),
    refused: 'CERT_PURPOSE',
  },
  {
    what: 'an authority that may not issue',
    leaf: below(betweenWith({ keyUsage: 'critical,digitalSignature' })),
    refused: 'CERT_KEY_USAGE',
  },
  {
    what: 'a leaf that may only issue CRLs',
    leaf: leafWith({ keyUsage: 'critical,cRLSign' }),
    refused: 'CERT_KEY_USAGE',
  },
  { what: 'another name', hostName: 'other.example.org', refused: 'CERT_NAME' },
  {
    what: 'a wildcard for two labels',
    leaf: leafWith({ subjectAltName: 'DNS:*.example.org' }),
    hostName: 'a.gw.example.org',
    refused: 'CERT_NAME',
  },
  { what: 'a wildcard for no label', leaf: leafWith({ subjectAltName: 'DNS:*.gw.example.org' }), refused: 'CERT_NAME' },
  {
    what: 'a wildcard for a whole domain',
    leaf: leafWith({ subjectAltName: 'DNS:*.org' }),
    hostName: 'example.org',
    refused: 'CERT_NAME',
  },
  { what: 'a wildcard in the middle', leaf: leafWith({ subjectAltName: 'DNS:gw.*.org' }), refused: 'CERT_NAME' },
  {
    what: 'a common name beside another DNS name',
    leaf: leafWith({ subjectAltName: 'DNS:other.example.org' }, { subject: '/CN=gw.example.org' }),
    refused: 'CERT_NAME',
  },
  { what: 'a foreign root', trusted: { ...ROOT, subject: '/CN=foreign' }, refused: 'CERT_UNTRUSTED' },
  { what: 'a foreign root of the same name', trusted: { ...ROOT, key: 'p384' }, refused: 'CERT_UNTRUSTED' },
  {
    what: 'an altered signature',
    altered: (leaf) => leaf.with(leaf.length - 1, (leaf.at(-1) ?? 0) ^ 1),
    refused: 'CERT_SIGNATURE',
  },
  {
    what: 'an altered name',
    altered: (leaf) => replaced(leaf, 'gw.example.org', 'gx.example.org'),
    hostName: 'gx.example.org',
    refused: 'CERT_SIGNATURE',
  },
  { what: 'SHA-1', leaf: allOf('rsa2048', { digest: 'sha1' }), refused: 'CERT_UNSUPPORTED' },
  { what: 'MD5', leaf: allOf('rsa2048', { digest: 'md5' }), refused: 'CERT_UNSUPPORTED' },
  { what: 'ECDSA and SHA-1', leaf: { ...LEAF, digest: 'sha1' }, refused: 'CERT_UNSUPPORTED' },
  { what: 'RSA of 1,024 bits', leaf: { ...LEAF, key: 'rsa1024' }, refused: 'CERT_UNSUPPORTED' },
  { what: 'a root of RSA with 1,024 bits', leaf: below({ ...ROOT, key: 'rsa1024' }), refused: 'CERT_UNSUPPORTED' },
  {
    what: 'an unknown critical extension',
    leaf: leafWith({ '1.2.3.4': 'critical,DER:0500' }),
    refused: 'CERT_UNSUPPORTED',
  },
  {
    what: 'an authority with an unknown critical extension',
    leaf: below(betweenWith({ '1.2.3.4': 'critical,DER:0500' })),
    refused: 'CERT_UNSUPPORTED',
  },
  {
    what: 'a name outside of constraints',
    leaf: below(betweenWith({ nameConstraints: 'critical,permitted;DNS:example.com' })),
    refused: 'CERT_UNSUPPORTED',
  },
  {
    what: 'four certificates',
    leaf: below(
      betweenWith({}, { subject: '/CN=lower', issuer: betweenWith({ basicConstraints: 'critical,CA:TRUE' }) }),
    ),
    refused: 'CERT_CHAIN_LENGTH',
  },
  { what: 'a revoked leaf, by serial number', revoked: LEAF, revokedBy: 'serial', refused: 'CERT_REVOKED' },
  { what: 'a revoked leaf, by fingerprint', revoked: LEAF, revokedBy: 'fingerprint', refused: 'CERT_REVOKED' },
  { what: 'a revoked authority, by serial number', revoked: BETWEEN, revokedBy: 'serial', refused: 'CERT_REVOKED' },
  { what: 'a revoked authority, by fingerprint', revoked: BETWEEN, revokedBy: 'fingerprint', refused: 'CERT_REVOKED' },
  { what: 'another revoked certificate', revoked: leafWith({}, { subject: '/CN=other' }), revokedBy: 'serial' },

  {
    what: 'the last second',
    at: { beforeEnd: 0 },
    differs: 'RFC 5280 section 4.1.2.5: notAfter belongs to it; OpenSSL ends a second earlier',
  },
  {
    what: 'a root as "openssl req -x509" makes it, without keyUsage',
    leaf: below({ ...ROOT, extensions: { ...AUTHORITY, keyUsage: '' } }),
    differs:
      'RFC 5280 section 6.1.4 (n) asks for keyCertSign only where there is a keyUsage; most private roots have none',
  },
  {
    what: 'basicConstraints that are not critical',
    leaf: below({ ...ROOT, extensions: { ...AUTHORITY, basicConstraints: 'CA:TRUE' } }),
    differs: 'critical tells others to refuse what they do not know; we know it',
  },
  {
    what: 'an authority as server',
    leaf: leafWith({ basicConstraints: 'critical,CA:TRUE', keyUsage: 'critical,digitalSignature,keyCertSign' }),
    refused: 'CERT_PURPOSE',
    differs: 'a key that issues has no business in a server',
  },
  {
    what: 'a server key that only decrypts',
    leaf: leafWith({ keyUsage: 'critical,keyEncipherment' }),
    refused: 'CERT_KEY_USAGE',
    differs: 'it could serve RSA key exchange alone, which has no forward secrecy',
  },
  {
    what: 'half a label as wildcard',
    leaf: leafWith({ subjectAltName: 'DNS:g*.example.org' }),
    refused: 'CERT_NAME',
    differs: 'RFC 6125 section 6.4.3 allows to refuse it',
  },
  {
    what: 'a common name beside an address',
    leaf: leafWith({ subjectAltName: 'IP:127.0.0.1' }, { subject: '/CN=gw.example.org' }),
    refused: 'CERT_NAME',
    differs: 'the common name counts only without any subjectAltName, as on a Station (spec/cups.md section 11)',
  },
  {
    what: 'a name inside of constraints',
    leaf: below(betweenWith({ nameConstraints: 'critical,permitted;DNS:example.org' })),
    refused: 'CERT_UNSUPPORTED',
    differs: 'name constraints are refused, not evaluated',
  },
  { what: 'P-521', leaf: { ...LEAF, key: 'p521' }, refused: 'CERT_UNSUPPORTED', differs: 'not in our table' },
  {
    what: 'ECDSA and SHA-512',
    leaf: { ...LEAF, digest: 'sha512' },
    refused: 'CERT_UNSUPPORTED',
    differs: 'not in our table',
  },
  {
    what: 'RSA with exponent 3',
    leaf: { ...LEAF, key: 'rsaExponent3' },
    refused: 'CERT_UNSUPPORTED',
    differs: 'FIPS 186-5 wants more than 2^16',
  },
  {
    what: 'RSA-PSS with the longest salt',
    leaf: allOf('rsa2048', { signatureOptions: ['rsa_padding_mode:pss'] }),
    refused: 'CERT_UNSUPPORTED',
    differs: 'one spelling of the parameters, with a salt as long as the hash',
  },
  {
    what: 'serial number 0',
    leaf: { ...LEAF, serial: '0' },
    refused: 'CERT_MALFORMED',
    differs: 'RFC 5280 section 4.1.2.2: positive',
  },
];

function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  return new Uint8Array(Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(from, to), 'latin1'));
}

/** The leaf and its issuers, the root last. */
function lineage(leaf: Recipe): readonly Recipe[] {
  return leaf.issuer ? [leaf, ...lineage(leaf.issuer)] : [leaf];
}

describe.skipIf(isSkipped('openssl'))('SEC-20 with OpenSSL', () => {
  const workshop = new OpensslWorkshop(temporaryDir(afterAll));

  async function verdicts(one: Case): Promise<{ ours: string | undefined; theirs: string | undefined }> {
    const { leaf = LEAF, purpose = 'server', hostName = 'gw.example.org', altered = (der: Uint8Array) => der } = one;
    const recipes = lineage(leaf);
    const made = await Promise.all(recipes.map((recipe) => workshop.certificate(recipe)));
    const presented = made.slice(0, -1).map((der, at) => (at === 0 ? altered(der) : der));
    const root = one.trusted ? await workshop.certificate(one.trusted) : (made.at(-1) ?? expect.fail('no root'));
    const { notBeforeMs, notAfterMs } = parseCertificate(made[0] ?? expect.fail('no leaf'));
    const { at = { afterBegin: 60 * SECOND } } = one;
    const nowMs = 'afterBegin' in at ? notBeforeMs + at.afterBegin : notAfterMs - at.beforeEnd;
    const host = purpose === 'server' ? hostName : undefined;
    const theirs = await workshop.verify(presented, root, {
      purpose: purpose === 'server' ? 'sslserver' : 'sslclient',
      hostName: host,
      atSeconds: nowMs / SECOND,
      ...(one.revoked ? { crls: await crls(recipes, one.revoked) } : {}),
    });
    const revocations = await revocationsOf(one);
    const request = { presented, roots: new TrustedRoots(root), purpose, hostName: host, revocations, nowMs };
    try {
      expect(verifyChain(request).fingerprint).toBe(parseCertificate(presented[0] ?? root).fingerprint);
      return { ours: undefined, theirs };
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      return { ours: error.code, theirs };
    }
  }

  function crls(recipes: readonly Recipe[], revoked: Recipe): Promise<string[]> {
    const issuerOf = JSON.stringify(revoked.issuer);
    return Promise.all(
      recipes
        .slice(1)
        .map((authority) => workshop.crl(authority, JSON.stringify(authority) === issuerOf ? [revoked] : [])),
    );
  }

  async function revocationsOf({ revoked, revokedBy }: Case) {
    if (!revoked) return createRevocations({ serials: [], fingerprints: [] });
    const certificate = parseCertificate(await workshop.certificate(revoked));
    return revokedBy === 'serial'
      ? createRevocations({ serials: [certificate], fingerprints: [] })
      : createRevocations({ serials: [], fingerprints: [certificate.fingerprint] });
  }

  it.each(CASES)('SEC-20 $what', async (one) => {
    const { ours, theirs } = await verdicts(one);
    expect(ours, theirs).toBe(one.refused);
    const isAlike = (ours === undefined) === (theirs === undefined);
    expect(isAlike, `${one.differs ?? 'both alike'}; OpenSSL: ${theirs ?? 'accepted'}`).toBe(one.differs === undefined);
  });
});
