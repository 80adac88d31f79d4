import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chunksOf, FakeClock, recordingLog, temporaryDir } from '../../../test/support/ports.ts';
import { keyIdsOf, proofFor, releaseKeys, rootFile, TODAY_MS } from '../../../test/support/releases.ts';
import { FileDeviceState, FileSlots } from '../../adapters/files/device.ts';
import { FileDeviceTrust } from '../../adapters/files/device-trust.ts';
import { ScriptInstaller } from '../../adapters/files/script-installer.ts';
import { DeviceEngine } from '../../device/engine.ts';
import type { HttpAnswer, HttpRequest } from '../../transport/http/exchange.ts';
import { MAX_PROOF_BYTES } from '../../trust/limits.ts';
import { generatePayloadSigner, sha256Hex } from '../../trust/payload.ts';
import { type ClientOptions, CupsClient } from './client.ts';
import { NO_UPDATE, NOTHING, ResponseHead } from './codec.ts';
import { crcOf } from './crc.ts';
import { StationHome } from './home.ts';

const { signer } = generatePayloadSigner();
const image = Buffer.from("#!/bin/sh\nprintf '2.0.0\\n' > version.txt\n");
const broken = Buffer.from('#!/bin/sh\nexit 3\n');

async function signedAnswer(content: Buffer, by = signer): Promise<Buffer> {
  const signature = { keyCrc: crcOf(by.key), der: await by.sign(content) };
  return Buffer.concat([ResponseHead.encode({ ...NOTHING, signature, updateLength: content.length }), content]);
}

/** Made once: the length of a signature differs from one to the next. */
const good = await signedAnswer(image);
const foreign = await signedAnswer(image, generatePayloadSigner().signer);

const HARDWARE = 'corecell';
const keys = releaseKeys();
const root = await rootFile(keys);
const proof = await proofFor(image, keys, {
  images: [{ content: image, hardwareId: HARDWARE, component: 'firmware', version: '2.0.0' }],
});

type Answer = Partial<HttpAnswer> | Uint8Array;
type Files = Readonly<Record<string, Uint8Array | string>>;

/** A Station whose server gives these answers, one per request; it has what release proofs need only where `files` say so. */
function station(answers: readonly Answer[], options: ClientOptions = { releaseProof: 'off' }, files: Files = {}) {
  const dir = temporaryDir();
  const home = join(dir, 'home');
  mkdirSync(home);
  writeFileSync(join(home, 'cups.uri'), 'https://localhost:6040\n');
  writeFileSync(join(home, 'version.txt'), '1.0.0 \n');
  writeFileSync(join(home, 'sig-0.key'), 'too short');
  writeFileSync(join(home, 'sig-1.key'), signer.key);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content);
  const pinned = files['release-root.json'];
  const slots = new FileSlots(join(dir, 'slots'));
  const engine = new DeviceEngine({
    slots,
    state: new FileDeviceState(join(dir, 'slots')),
    trust: new FileDeviceTrust(join(dir, 'slots'), pinned === undefined ? undefined : Buffer.from(pinned)),
    installer: new ScriptInstaller(slots, home),
    clock: new FakeClock(TODAY_MS),
  });
  const requests: HttpRequest[] = [];
  const waiting = [...answers];
  let open = 0;
  const exchange = async (request: HttpRequest): Promise<HttpAnswer> => {
    requests.push(request);
    open += 1;
    const next = waiting.shift() ?? NO_UPDATE;
    const body = next instanceof Uint8Array ? next : Buffer.alloc(0);
    return {
      status: 200,
      contentLength: body.length,
      body: chunksOf(body, 4_096),
      close: () => {
        open -= 1;
      },
      ...(next instanceof Uint8Array ? {} : next),
    };
  };
  const log = recordingLog();
  const client = new CupsClient(
    { eui: '00000000000000a1', station: '2.0.6', model: 'linux' },
    { home: new StationHome(home), engine, exchange, log },
    options,
  );
  const openConnections = () => open;
  return {
    client,
    engine,
    requests,
    log,
    openConnections,
    version: () => readFileSync(join(home, 'version.txt'), 'utf8').trim(),
  };
}

describe('CUPS-3.1 the request', () => {
  it('CUPS-3.1 goes to the URI of the home, with the headers of a Station and what the home holds', async () => {
    const { client, requests } = station([NO_UPDATE]);
    expect(await client.check()).toEqual({ kind: 'unchanged' });
    const [request] = requests;
    expect(request).toMatchObject({ method: 'POST', uri: 'https://localhost:6040', path: '/update-info' });
    expect(request?.headers).toEqual([
      ['Host', 'localhost:6040'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(request?.body?.length)],
    ]);
    expect(JSON.parse(Buffer.from(request?.body ?? []).toString())).toMatchObject({
      ...{ router: '::a1', cupsUri: 'https://localhost:6040', tcUri: null, package: '1.0.0' },
      ...{ cupsCredCrc: 0x7bd5_c66f, keys: [crcOf(Buffer.from('too short')), crcOf(signer.key)] },
    });
  });
});

describe('CUPS-8 updates', () => {
  it('CUPS-8 a signed image is installed, and confirmed by the next answer', async () => {
    const { client, engine, version } = station([await signedAnswer(image)]);
    expect(await client.check()).toMatchObject({ kind: 'installed' });
    expect(version()).toBe('2.0.0');
    expect(await engine.onTrial()).toBe(true);
    await client.check();
    expect(await engine.onTrial()).toBe(false);
  });

  it('CUPS-8 an image that does not come up is reverted, and not taken again', async () => {
    const { client, version } = station([await signedAnswer(broken), await signedAnswer(broken)]);
    expect(await client.check()).toMatchObject({ kind: 'reverted' });
    await expect(client.check()).rejects.toMatchObject({ code: 'IMAGE_REFUSED_BEFORE' });
    expect(version()).toBe('1.0.0');
  });

  it('REL-14 a device that keeps starting without reaching its server goes back to what it ran', async () => {
    const { client, engine } = station([await signedAnswer(image)]);
    await client.check();
    for (let boot = 0; boot < 3; boot += 1) await client.boot();
    expect(await engine.onTrial()).toBe(false);
    expect(await engine.running()).toBeUndefined();
  });

  it('CUPS-8 the key CRC is only a hint: every key is tried, and a wrong hint is reported', async () => {
    const head = { ...NOTHING, signature: { keyCrc: 7, der: await signer.sign(image) }, updateLength: image.length };
    const { client, log } = station([Buffer.concat([ResponseHead.encode(head), image])]);
    expect(await client.check()).toMatchObject({ kind: 'installed' });
    expect(log.entries).toContainEqual({ code: 'CUPS_KEY_HINT_UNKNOWN', keyCrc: 7 });
  });

  it.each([
    [
      'unsigned',
      Buffer.concat([ResponseHead.encode({ ...NOTHING, updateLength: image.length }), image]),
      'CUPS_UNSIGNED',
    ],
    ['signed by a stranger', foreign, 'IMAGE_SIGNATURE'],
    ['cut off', { contentLength: good.length, body: chunksOf(good.subarray(0, -1)) }, 'WIRE_TRUNCATED'],
    [
      'longer than Content-Length',
      { contentLength: good.length, body: chunksOf(Buffer.concat([good, image])) },
      'CUPS_LENGTH',
    ],
    ['shorter than Content-Length says', { contentLength: good.length + 65, body: chunksOf(good) }, 'CUPS_LENGTH'],
    ['cut off in the head', { contentLength: 20, body: chunksOf(NO_UPDATE.subarray(0, 5)) }, 'WIRE_TRUNCATED'],
    [
      'with a signature of 3 bytes',
      Buffer.from([0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0]),
      'WIRE_LIMIT',
    ],
  ])('CUPS-14 an answer that is %s changes nothing', async (_what, answer, code) => {
    const { client, engine, openConnections, version } = station([answer]);
    await expect(client.check()).rejects.toMatchObject({ code });
    expect(openConnections()).toBe(0);
    expect(version()).toBe('1.0.0');
    expect(await engine.running()).toBeUndefined();
  });

  it('CUPS-8 unsigned images run only where the owner has said so', async () => {
    const { client, version } = station(
      [Buffer.concat([ResponseHead.encode({ ...NOTHING, updateLength: image.length }), image])],
      { releaseProof: 'off', allowUnsigned: true },
    );
    expect(await client.check()).toMatchObject({ kind: 'installed' });
    expect(version()).toBe('2.0.0');
  });
});

describe('SEC-22 release proofs', () => {
  const files = { 'release-root.json': root, 'hardware.txt': `${HARDWARE}\n` };
  const provisioned = (...answers: Answer[]) => station(answers, {}, files);

  it('SEC-22 the proof of a staged image is fetched from the same server, and the result says who signed', async () => {
    const { client, engine, requests, log, openConnections, version } = provisioned(good, proof);
    expect(await client.check()).toEqual({
      ...{ kind: 'installed', sha256: sha256Hex(image) },
      provenance: {
        path: `firmware/2.0.0/${HARDWARE}`,
        signedBy: keyIdsOf(keys.targets),
      },
    });
    expect(requests[1]).toEqual({
      ...{ method: 'GET', uri: 'https://localhost:6040', path: `/proofs/${sha256Hex(image)}?hardware=${HARDWARE}` },
      headers: [['Host', 'localhost:6040']],
    });
    expect(version()).toBe('2.0.0');
    expect(await engine.running()).toMatchObject({ version: '2.0.0' });
    expect([openConnections(), log.entries]).toEqual([0, []]);
  });

  it.each<[string, Answer, string]>([
    ['has none', { status: 404 }, 'CUPS_NO_PROOF'],
    ['fails', { status: 500 }, 'CUPS_REJECTED'],
    ['sends something else', Buffer.from('{}'), 'TRUST_MALFORMED'],
    ['sends without an end', { body: chunksOf(Buffer.alloc(MAX_PROOF_BYTES + 1), 2 ** 20) }, 'HTTP_BODY_TOO_LARGE'],
  ])('SEC-22 nothing is installed when the server %s', async (_what, answer, code) => {
    const { client, engine, openConnections, version } = provisioned(good, answer);
    await expect(client.check()).rejects.toMatchObject({ code });
    expect([version(), openConnections(), await engine.running()]).toEqual(['1.0.0', 0, undefined]);
  });

  it('SEC-22 a proof is no substitute for the signature of the protocol', async () => {
    const { client } = provisioned(await signedAnswer(image, generatePayloadSigner().signer), proof);
    await expect(client.check()).rejects.toMatchObject({ code: 'IMAGE_SIGNATURE' });
  });

  it('SEC-6 bytes that follow the update are read before a proof is asked for', async () => {
    const long = { contentLength: good.length, body: chunksOf(Buffer.concat([good, image]), good.length) };
    const { client, requests } = provisioned(long, proof);
    await expect(client.check()).rejects.toMatchObject({ code: 'CUPS_LENGTH' });
    expect(requests).toHaveLength(1);
  });

  it.each<[string, Files, string]>([
    ['release-root.json', { 'hardware.txt': HARDWARE }, 'export-root'],
    ['hardware.txt', { 'release-root.json': root }, 'Write the hardware id'],
    ['hardware.txt', { 'release-root.json': root, 'hardware.txt': ' \n' }, 'Write the hardware id'],
  ])('SEC-7 without %s nothing is taken, and the fix says what to do', async (name, has, fix) => {
    const { client, requests, version } = station([good, NO_UPDATE], {}, has);
    await expect(client.check()).rejects.toMatchObject({
      ...{ code: 'CUPS_NO_ROOT', message: expect.stringContaining(name) as string },
      fix: expect.stringContaining(fix) as string,
    });
    expect([requests.length, version()]).toEqual([1, '1.0.0']);
    expect(await client.check()).toEqual({ kind: 'unchanged' });
  });

  it('SEC-22 off is logged at each update, and stands in the result', async () => {
    const { client, log } = station([good]);
    expect(await client.check()).toMatchObject({ kind: 'installed', provenance: 'off' });
    expect(log.entries).toEqual([{ code: 'RELEASE_PROOF_OFF', sha256: sha256Hex(image) }]);
  });
});

describe('CUPS-14 answers that are none', () => {
  it.each([
    [{ status: 404 }, 'CUPS_REJECTED'],
    [{ status: 204 }, 'CUPS_REJECTED'],
    [{ status: 302 }, 'CUPS_REJECTED'],
    [{ contentLength: undefined }, 'CUPS_NO_LENGTH'],
  ])('CUPS-14 %j', async (answer, code) => {
    await expect(station([answer]).client.check()).rejects.toMatchObject({ code });
  });

  it('CUPS-4 ignores four bytes too many, which one server always sends', async () => {
    expect(await station([Buffer.alloc(18)]).client.check()).toEqual({ kind: 'unchanged' });
  });

  it('CUPS-9 says which segments it does not store yet', async () => {
    const { client, log } = station([ResponseHead.encode({ ...NOTHING, cupsUri: 'https://x:1' })]);
    await client.check();
    expect(log.entries).toContainEqual({ code: 'CUPS_SEGMENT_IGNORED', segments: 'cupsUri' });
  });
});
