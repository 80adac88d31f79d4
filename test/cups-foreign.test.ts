/** Foreign clients against a running server: curl asks, OpenSSL verifies. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firmwareImage, type World } from '../src/lab/world.ts';
import { StationHome } from '../src/protocols/cups/home.ts';
import { decodeResponse, encodeRequest } from '../src/protocols/cups/index.ts';
import { isSkipped, run } from './support/programs.ts';
import { testWorld } from './support/world.ts';

const EUI = '00000000000000a1';
const image = firmwareImage('1.1.0');

async function offered(): Promise<{ world: World; home: string }> {
  const world = await testWorld();
  const { home } = await world.addGateway({ eui: EUI, groups: [], version: '1.0.0' });
  const releaseId = await world.release('1.1.0', image);
  await world.api.post('/rollouts', { releaseId, phases: [{ name: 'all', share: 1 }] });
  const facts = await new StationHome(home).facts();
  writeFileSync(join(home, 'request.json'), encodeRequest({ router: EUI, ...facts, station: 'curl', model: 'test' }));
  return { world, home };
}

function curl(world: World, home: string, ...more: string[]) {
  const at = (name: string) => join(home, name);
  const identity = ['--cacert', at('cups.trust'), '--cert', at('cups.crt'), '--key', at('cups.key')];
  const output = [
    '--silent',
    '--show-error',
    '--output',
    at('body'),
    '--write-out',
    '%{http_code} %{size_download} %header{content-length}',
  ];
  return run('curl', [
    ...identity,
    ...output,
    '--data-binary',
    `@${at('request.json')}`,
    ...more,
    `${world.server.cupsUrl}/update-info`,
  ]);
}

describe.skipIf(isSkipped('curl'))('CUPS-4 curl with a client certificate', () => {
  it.each([
    ['as a Station does', '-H', 'Content-Type: application/json'],
    ['as Stations before 2.0.4 did, without Content-Type', '-H', 'Content-Type:'],
    ['limited to TLS 1.2', '--tls-max', '1.2'],
  ])('CUPS-4 gets the right bytes, %s', async (_how, ...more) => {
    const { world, home } = await offered();
    const { stdout, stderr } = await curl(world, home, ...more);
    const body = readFileSync(join(home, 'body'));
    expect(stdout.toString(), stderr).toBe(`200 ${body.length} ${body.length}`);
    const { head, update, trailingBytes } = decodeResponse(body);
    expect(Buffer.from(update)).toEqual(Buffer.from(image));
    expect(trailingBytes).toBe(0);
    expect(head).toMatchObject({ cupsUri: '', tcUri: '', cupsCred: new Uint8Array(), tcCred: new Uint8Array() });
  });

  it('CUPS-8 OpenSSL verifies the firmware signature in them', async () => {
    const { world, home } = await offered();
    await curl(world, home);
    const { head, update } = decodeResponse(readFileSync(join(home, 'body')));
    const at = (name: string) => join(home, name);
    // X || Y as a Station holds it, with the head that makes it a public key OpenSSL reads.
    const spki = Buffer.concat([
      Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
      readFileSync(at('sig-0.key')),
    ]);
    writeFileSync(at('pub.der'), spki);
    writeFileSync(at('update.bin'), update);
    writeFileSync(at('signature.der'), head.signature?.der ?? '');
    const key = await run('openssl', ['pkey', '-pubin', '-inform', 'DER', '-in', at('pub.der'), '-out', at('pub.pem')]);
    expect(key.code, key.stderr).toBe(0);
    const args = ['dgst', '-sha512', '-verify', at('pub.pem'), '-signature', at('signature.der'), at('update.bin')];
    expect((await run('openssl', args)).stdout.toString()).toBe('Verified OK\n');
    writeFileSync(at('update.bin'), `${Buffer.from(update).toString()} `);
    expect((await run('openssl', args)).code).toBe(1);
  });

  it('SEC-19 without a certificate there is no connection, without a known CA neither', async () => {
    const { world, home } = await offered();
    const at = (name: string) => join(home, name);
    const bare = await run('curl', [
      '--silent',
      '--cacert',
      at('cups.trust'),
      '--data',
      '{}',
      `${world.server.cupsUrl}/update-info`,
    ]);
    expect(bare.code).not.toBe(0);
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${EUI}`,
      '-keyout',
      at('cups.key'),
      '-out',
      at('cups.crt'),
    ];
    expect((await run('openssl', args)).code).toBe(0);
    expect((await curl(world, home)).code).not.toBe(0);
  });

  it.each([
    ['{"router":"::a2","cupsCredCrc":1,"tcCredCrc":2}', 403],
    ['{"router"', 400],
    ['', 400],
    [`{"x":"${'x'.repeat(20_000)}"}`, 413],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
  ])('CUPS-14 bad requests get a refusal with a length, and leave no attempt: %j', async (body, status) => {
    const { world, home } = await offered();
    writeFileSync(join(home, 'request.json'), body);
    const { stdout } = await curl(world, home);
    const [code, size, contentLength] = stdout.toString().split(' ');
    expect([Number(code), contentLength]).toEqual([status, size]);
    expect(readFileSync(join(home, 'body'), 'utf8')).toMatch(/^[A-Z0-9_]+: .+\n$/);
    expect(await world.api.get('/attempts')).toEqual({ items: [], nextCursor: null });
  });

  it('CUPS-7 a router nobody registered gets 404, and the log says what to do', async () => {
    const { world, home } = await offered();
    const other = await world.addGateway({ eui: '00000000000000a2', groups: [], version: '1.0.0' });
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(join(world.server.dataDir, 'sealift.db'));
    db.exec("DELETE FROM device WHERE identity = '00000000000000a2'");
    db.close();
    const facts = await new StationHome(other.home).facts();
    writeFileSync(
      join(other.home, 'request.json'),
      encodeRequest({ router: other.eui, ...facts, station: 'curl', model: 'test' }),
    );
    const { stdout } = await curl(world, other.home);
    expect(stdout.toString()).toMatch(/^404 /);
    expect(readFileSync(join(other.home, 'body'), 'utf8')).toContain('sealift device create');
    expect(home).not.toBe(other.home);
  });
});
