import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chunksOf, recordingLog, temporaryDir } from '../../../test/support/ports.ts';
import { FileDeviceState, FileSlots } from '../../adapters/files/device.ts';
import { ScriptInstaller } from '../../adapters/files/script-installer.ts';
import { DeviceEngine } from '../../device/engine.ts';
import type { PostAnswer, PostRequest } from '../../transport/http/post.ts';
import { generatePayloadSigner } from '../../trust/payload.ts';
import { type ClientOptions, CupsClient } from './client.ts';
import { NO_UPDATE, NOTHING, ResponseHead } from './codec.ts';
import { crcOf } from './crc.ts';
import { StationHome } from './home.ts';

const { signer } = generatePayloadSigner();
const image = Buffer.from("#!/bin/sh\nprintf '2.0.0\\n' > version.txt\n");
const broken = Buffer.from('#!/bin/sh\nexit 3\n');

function signedAnswer(content: Buffer, by = signer): Buffer {
  const signature = { keyCrc: crcOf(by.key), der: by.sign(content) };
  return Buffer.concat([ResponseHead.encode({ ...NOTHING, signature, updateLength: content.length }), content]);
}

/** Made once: the length of a signature differs from one to the next. */
const good = signedAnswer(image);

/** A Station whose server gives these answers, one per request. */
function station(answers: readonly (Partial<PostAnswer> | Buffer)[], options?: ClientOptions) {
  const dir = temporaryDir();
  const home = join(dir, 'home');
  mkdirSync(home);
  writeFileSync(join(home, 'cups.uri'), 'https://localhost:6040\n');
  writeFileSync(join(home, 'version.txt'), '1.0.0 \n');
  writeFileSync(join(home, 'sig-0.key'), 'too short');
  writeFileSync(join(home, 'sig-1.key'), signer.key);
  const slots = new FileSlots(join(dir, 'slots'));
  const engine = new DeviceEngine({
    slots,
    state: new FileDeviceState(join(dir, 'slots')),
    installer: new ScriptInstaller(slots, home),
  });
  const requests: PostRequest[] = [];
  const waiting = [...answers];
  const post = async (request: PostRequest): Promise<PostAnswer> => {
    requests.push(request);
    const next = waiting.shift() ?? NO_UPDATE;
    const body = next instanceof Uint8Array ? next : Buffer.alloc(0);
    return {
      status: 200,
      contentLength: body.length,
      body: chunksOf(body),
      ...(next instanceof Uint8Array ? {} : next),
    };
  };
  const log = recordingLog();
  const client = new CupsClient(
    { eui: '00000000000000a1', station: '2.0.6', model: 'linux' },
    { home: new StationHome(home), engine, post, log },
    options,
  );
  return { client, engine, requests, log, version: () => readFileSync(join(home, 'version.txt'), 'utf8').trim() };
}

describe('CUPS-3.1 the request', () => {
  it('CUPS-3.1 goes to the URI of the home, with the headers of a Station and what the home holds', async () => {
    const { client, requests } = station([NO_UPDATE as Buffer]);
    expect(await client.check()).toEqual({ kind: 'unchanged' });
    const [request] = requests;
    expect(request).toMatchObject({ uri: 'https://localhost:6040', path: '/update-info' });
    expect(request?.headers).toEqual([
      ['Host', 'localhost:6040'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(request?.body.length)],
    ]);
    expect(JSON.parse(Buffer.from(request?.body ?? []).toString())).toMatchObject({
      ...{ router: '::a1', cupsUri: 'https://localhost:6040', tcUri: null, package: '1.0.0' },
      ...{ cupsCredCrc: 0x7bd5_c66f, keys: [crcOf(Buffer.from('too short')), crcOf(signer.key)] },
    });
  });
});

describe('CUPS-8 updates', () => {
  it('CUPS-8 a signed image is installed, and confirmed by the next answer', async () => {
    const { client, engine, version } = station([signedAnswer(image)]);
    expect(await client.check()).toMatchObject({ kind: 'installed' });
    expect(version()).toBe('2.0.0');
    expect(await engine.onTrial()).toBe(true);
    await client.check();
    expect(await engine.onTrial()).toBe(false);
  });

  it('CUPS-8 an image that does not come up is reverted, and not taken again', async () => {
    const { client, version } = station([signedAnswer(broken), signedAnswer(broken)]);
    expect(await client.check()).toMatchObject({ kind: 'reverted' });
    await expect(client.check()).rejects.toMatchObject({ code: 'IMAGE_REFUSED_BEFORE' });
    expect(version()).toBe('1.0.0');
  });

  it('REL-14 a device that keeps starting without reaching its server goes back to what it ran', async () => {
    const { client, engine } = station([signedAnswer(image)]);
    await client.check();
    for (let boot = 0; boot < 3; boot += 1) await client.boot();
    expect(await engine.onTrial()).toBe(false);
    expect(await engine.running()).toBeUndefined();
  });

  it('CUPS-8 the key CRC is only a hint: every key is tried, and a wrong hint is reported', async () => {
    const head = { ...NOTHING, signature: { keyCrc: 7, der: signer.sign(image) }, updateLength: image.length };
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
    ['signed by a stranger', signedAnswer(image, generatePayloadSigner().signer), 'IMAGE_SIGNATURE'],
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
    const { client, engine, version } = station([answer]);
    await expect(client.check()).rejects.toMatchObject({ code });
    expect(version()).toBe('1.0.0');
    expect(await engine.running()).toBeUndefined();
  });

  it('CUPS-8 unsigned images run only where the owner has said so', async () => {
    const { client, version } = station(
      [Buffer.concat([ResponseHead.encode({ ...NOTHING, updateLength: image.length }), image])],
      { allowUnsigned: true },
    );
    expect(await client.check()).toMatchObject({ kind: 'installed' });
    expect(version()).toBe('2.0.0');
  });
});

describe('CUPS-14 answers that are none', () => {
  it.each([
    [{ status: 404 }, 'CUPS_REJECTED'],
    [{ status: 204 }, 'CUPS_REJECTED'],
    [{ status: 302 }, 'CUPS_REJECTED'],
    [{ contentLength: undefined }, 'CUPS_NO_LENGTH'],
  ])('CUPS-14 %j', async (answer, code) => {
    await expect(station([answer as Partial<PostAnswer>]).client.check()).rejects.toMatchObject({ code });
  });

  it('CUPS-4 ignores four bytes too many, which one server always sends', async () => {
    expect(await station([Buffer.alloc(18)]).client.check()).toEqual({ kind: 'unchanged' });
  });

  it('CUPS-9 says which segments it does not store yet', async () => {
    const { client, log } = station([Buffer.from(ResponseHead.encode({ ...NOTHING, cupsUri: 'https://x:1' }))]);
    await client.check();
    expect(log.entries).toContainEqual({ code: 'CUPS_SEGMENT_IGNORED', segments: 'cupsUri' });
  });
});
