import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { temporaryDir } from '../../test/support/ports.ts';
import { isSkipped, run } from '../../test/support/programs.ts';
import { systemClock, systemRandom } from '../adapters/node/ports.ts';
import { createCa, generateTlsKey, issueCertificate } from './x509.ts';
import { type Purpose, TrustedRoots, verifyChain } from './x509-chain.ts';
import { certificatesOf } from './x509-pem.ts';
import { createRevocations } from './x509-revocations.ts';

const ports = { clock: systemClock, random: systemRandom };

async function issued(purpose: 'client' | 'server', commonName: string) {
  const ca = await createCa({ commonName: 'test CA', days: 2, ...ports });
  const key = await generateTlsKey();
  const dnsNames = purpose === 'server' ? [commonName] : [];
  const certificate = await issueCertificate(ca, {
    publicKey: key.publicKey,
    commonName,
    purpose,
    dnsNames,
    days: 1,
    ...ports,
  });
  return { ca, key, certificate };
}

describe('CUPS-11 certificates', () => {
  it('CUPS-11 carry name, purpose, dates and a positive serial', async () => {
    const { ca, certificate } = await issued('server', 'gw.example');
    const parsed = new X509Certificate(certificate);
    expect(parsed.subject).toBe('CN=gw.example');
    expect(parsed.subjectAltName).toBe('DNS:gw.example');
    expect(parsed.ca).toBe(false);
    expect(parsed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(parsed.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
    expect(Date.parse(parsed.validTo) - Date.parse(parsed.validFrom)).toBe(25 * 3_600_000);
    expect(Number.parseInt(parsed.serialNumber.slice(0, 2), 16)).toBeLessThan(0x80);
  });

  it('CUPS-11 serve a mutual TLS 1.2 handshake, the newest a Station speaks', async () => {
    const server = await issued('server', 'localhost');
    const client = await issued('client', '00000000000000aa');
    const listener = createServer({
      ...{ cert: server.certificate, key: server.key.privateKey, ca: client.ca.certificate },
      ...{ requestCert: true, rejectUnauthorized: true },
    });
    listener.on('secureConnection', (socket) =>
      socket.end(`${String(socket.getPeerCertificate().subject.CN)} ${socket.getProtocol()}`),
    );
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect({
        ...{ port, host: 'localhost', servername: 'localhost', maxVersion: 'TLSv1.2' },
        ...{ ca: server.ca.certificate, cert: client.certificate, key: client.key.privateKey },
      });
      socket.on('data', (data: Buffer) => resolve(data.toString()));
      socket.on('error', reject);
    });
    listener.close();
    expect(text).toBe('00000000000000aa TLSv1.2');
  });

  it('CUPS-11 hold before our own verification, for the purpose and name they were issued for alone', async () => {
    const { ca, certificate } = await issued('client', '00000000000000aa');
    const server = await issued('server', 'gw.example');
    const verify = (pem: string, issuer: string, purpose: Purpose, hostName?: string) =>
      verifyChain({
        presented: certificatesOf(pem),
        roots: new TrustedRoots(issuer),
        revocations: createRevocations({ serials: [], fingerprints: [] }),
        nowMs: ports.clock.nowMs(),
        ...{ purpose, hostName },
      });
    expect(verify(certificate, ca.certificate, 'client').commonName).toBe('00000000000000aa');
    expect(verify(server.certificate, server.ca.certificate, 'server', 'gw.example').dnsNames).toEqual(['gw.example']);
    const refused = (code: string): unknown => expect.objectContaining({ code });
    expect(() => verify(certificate, ca.certificate, 'server')).toThrow(refused('CERT_PURPOSE'));
    expect(() => verify(certificate, server.ca.certificate, 'client')).toThrow(refused('CERT_UNTRUSTED'));
    expect(() => verify(server.certificate, server.ca.certificate, 'server', 'localhost')).toThrow(
      refused('CERT_NAME'),
    );
  });

  describe.skipIf(isSkipped('openssl'))('CUPS-11 with OpenSSL', () => {
    it.each([
      ['client', 'sslclient', 0],
      ['server', 'sslserver', 0],
      ['client', 'sslserver', 2],
    ] as const)('CUPS-11 a %s certificate as %s', async (purpose, asked, code) => {
      const dir = temporaryDir();
      const { ca, certificate } = await issued(purpose, 'localhost');
      writeFileSync(join(dir, 'ca.pem'), ca.certificate);
      writeFileSync(join(dir, 'crt.pem'), certificate);
      const result = await run('openssl', [
        'verify',
        '-x509_strict',
        '-purpose',
        asked,
        '-CAfile',
        join(dir, 'ca.pem'),
        join(dir, 'crt.pem'),
      ]);
      expect(result.code, result.stderr).toBe(code);
    });
  });
});
