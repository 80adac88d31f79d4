/** Issues certificates for transport (TLS); they admit no firmware. EC P-256 and SHA-256 throughout, which every Station reads. */
// @peculiar/x509 finds its parts through decorators and wants this loaded before it.
import { DAY_MS } from '../core/time.ts';
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { toHex } from '../core/bytes.ts';
import type { Clock, Random } from '../core/ports.ts';

/** Both PEM; the private key is PKCS#8 and secret. */
export interface CertificateAuthority {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface TlsKey {
  /** SPKI, PEM. */
  readonly publicKey: string;
  /** PKCS#8, PEM; secret. */
  readonly privateKey: string;
}

interface Ports {
  readonly clock: Clock;
  readonly random: Random;
}

export interface CertificateRequest extends Ports {
  /** SPKI, PEM. */
  readonly publicKey: string;
  readonly commonName: string;
  readonly purpose: 'client' | 'server';
  /** For servers; Stations look at these names, never at IP addresses (spec/cups.md section 11). */
  readonly dnsNames?: readonly string[];
  readonly days: number;
}

const EC: webcrypto.EcKeyGenParams = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING: webcrypto.EcdsaParams = { name: 'ECDSA', hash: 'SHA-256' };
/** A device clock may lag behind ours; a certificate that is not valid yet would lock it out. */
const BACKDATED_MS = 3_600_000;
const SERIAL_BYTES = 16;

export async function generateTlsKey(): Promise<TlsKey> {
  return exportPair(await generatePair());
}

/** A self-signed CA that can sign end entities only (path length 0). */
export async function createCa(
  request: Ports & { readonly commonName: string; readonly days: number },
): Promise<CertificateAuthority> {
  const keys = await generatePair();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: subject(request.commonName),
      keys,
      signingAlgorithm: SIGNING,
      ...frame(request),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return { certificate: pem(certificate), privateKey: (await exportPair(keys)).privateKey };
}

/** @returns the certificate, PEM */
export async function issueCertificate(ca: CertificateAuthority, request: CertificateRequest): Promise<string> {
  const issuer = new X509Certificate(ca.certificate);
  const publicKey = await webcrypto.subtle.importKey('spki', der(request.publicKey), EC, true, ['verify']);
  const certificate = await X509CertificateGenerator.create(
    {
      subject: subject(request.commonName),
      issuer: issuer.subject,
      publicKey,
      signingKey: await webcrypto.subtle.importKey('pkcs8', der(ca.privateKey), EC, false, ['sign']),
      signingAlgorithm: SIGNING,
      ...frame(request),
      extensions: [
        ...endEntityExtensions(request),
        await SubjectKeyIdentifierExtension.create(publicKey),
        await AuthorityKeyIdentifierExtension.create(issuer),
      ],
    },
    webcrypto,
  );
  return pem(certificate);
}

function endEntityExtensions({ purpose, dnsNames = [] }: CertificateRequest): Extension[] {
  const usage = purpose === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  const names = dnsNames.map((value) => ({ type: 'dns' as const, value }));
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([usage]),
    ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
  ];
}

function frame({ clock, random, days }: Ports & { readonly days: number }) {
  const nowMs = clock.nowMs();
  const serial = random.bytes(SERIAL_BYTES);
  // Positive, as RFC 5280 section 4.1.2.2 wants it.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return {
    serialNumber: toHex(serial),
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + days * DAY_MS),
  };
}

function subject(commonName: string): { CN: string[] }[] {
  return [{ CN: [commonName] }];
}

function generatePair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
}

async function exportPair({ publicKey, privateKey }: webcrypto.CryptoKeyPair): Promise<TlsKey> {
  const spki = await webcrypto.subtle.exportKey('spki', publicKey);
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  return { publicKey: PemConverter.encode(spki, 'PUBLIC KEY'), privateKey: PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

function der(text: string): ArrayBuffer {
  return PemConverter.decodeFirst(text);
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
