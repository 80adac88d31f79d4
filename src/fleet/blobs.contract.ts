/** What every adapter of the Blobs port must do. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../core/ports.ts';
import { DAY_MS } from '../core/time.ts';
import { MAX_OPEN_UPLOADS, SCRUB_BYTES_PER_SECOND, UPLOAD_IDLE_MS } from './limits.ts';
import type { Blobs } from './ports.ts';
import { type BadBlob, Scrub } from './scrub.ts';

const bytes = Buffer.from('artifact '.repeat(1_000));
const sha256 = createHash('sha256').update(bytes).digest('hex');
const absent = 'f'.repeat(64);

async function* source(content: Uint8Array = bytes): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += 100) yield content.subarray(at, at + 100);
}

async function read(blobs: Blobs, digest: string, range?: { start: number; end: number }): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of blobs.read(digest, range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A store under test, and what a suite needs around it. */
export interface BlobsUnderTest {
  readonly blobs: Blobs;
  readonly clock: TestClock;
  /** The same store after its process was killed and started again. */
  reopen(): Promise<Blobs>;
  /** Flips one bit of a stored blob, behind the back of the store. */
  rot(sha256: string, bit: number): Promise<void>;
}

/** Wall and monotonic time apart; who sleeps finds that the time has passed. */
export interface TestClock extends Clock {
  advance(ms: number): void;
  jump(ms: number): void;
  elapsedMs(): number;
}

/** @param make gives a fresh, empty store */
export function describeBlobs(name: string, make: () => Promise<BlobsUnderTest>): void {
  describe(`REL-5 ${name} keeps bytes under their digest`, () => {
    it('REL-5 gives back what was put, whole and in ranges', async () => {
      const { blobs } = await make();
      await blobs.put(sha256, bytes.length, source());
      expect(await blobs.lengthBytes(sha256)).toBe(bytes.length);
      expect(await read(blobs, sha256)).toEqual(bytes);
      expect(await read(blobs, sha256, { start: 5, end: 250 })).toEqual(bytes.subarray(5, 250));
      expect(await read(blobs, sha256, { start: 5, end: 5 })).toHaveLength(0);
    });

    it('REL-5 takes the same again, also twice at once', async () => {
      const { blobs } = await make();
      await Promise.all([1, 2, 3].map(() => blobs.put(sha256, bytes.length, source())));
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    it.each([
      ['too few bytes', sha256, bytes.length + 1, 'BLOB_LENGTH'],
      ['too many bytes', sha256, bytes.length - 1, 'BLOB_LENGTH'],
      ['other bytes', absent, bytes.length, 'BLOB_DIGEST'],
    ])('REL-5 keeps nothing of %s', async (_what, digest, lengthBytes, code) => {
      const { blobs } = await make();
      await expect(blobs.put(digest, lengthBytes, source())).rejects.toMatchObject({ code });
      expect(await blobs.lengthBytes(digest)).toBeUndefined();
    });

    it('REL-5 keeps nothing of a source that breaks off', async () => {
      const { blobs } = await make();
      async function* broken() {
        yield bytes.subarray(0, 100);
        throw new Error('connection lost');
      }
      await expect(blobs.put(sha256, bytes.length, broken())).rejects.toMatchObject({ code: 'BLOB_WRITE' });
      expect(await blobs.lengthBytes(sha256)).toBeUndefined();
    });

    it('REL-5 says what is missing', async () => {
      const { blobs } = await make();
      await expect(read(blobs, absent)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
    });

    it.each(['../../etc/passwd', '', 'AB'.repeat(32), `${'a'.repeat(63)}/`, '..'.repeat(32)])(
      'SEC-11 takes no path for a digest: %j',
      async (digest) => {
        const { blobs } = await make();
        await expect(blobs.put(digest, bytes.length, source())).rejects.toMatchObject({ name: 'BlobError' });
        await expect(blobs.lengthBytes(digest)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
      },
    );
  });

  describe(`REL-5 ${name} finds bit rot`, () => {
    it('REL-5 one flipped bit in each of 200 blobs: all are found, none is served, a new upload heals', async () => {
      const { blobs, clock, rot, reopen } = await make();
      const stored = await store(blobs, 200);
      for (const [index, [digest, content]] of [...stored].entries())
        await rot(digest, (index * 7_919) % (content.length * 8));
      const { bad, scrub } = scrubOf(blobs, clock);
      clock.advance(PERIOD_MS);
      expect(await scrub.round()).toBe(200);
      expect(bad.map((one) => one.sha256).toSorted()).toEqual([...stored.keys()].toSorted());
      expect(bad.every((one) => one.reason === 'changed' && one.isAside && one.found !== one.sha256)).toBe(true);
      for (const after of [blobs, await reopen()]) {
        for (const digest of stored.keys()) {
          expect(await after.lengthBytes(digest)).toBeUndefined();
          await expect(read(after, digest)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
        }
        expect(await after.list({ after: undefined, limit: 1_000 })).toEqual([]);
        expect(await after.quarantined({ after: undefined, limit: 1_000 })).toEqual([...stored.keys()].toSorted());
      }
      const [[digest, content] = ['', new Uint8Array()]] = stored;
      await blobs.put(digest, content.length, source(content));
      expect(await read(blobs, digest)).toEqual(Buffer.from(content));
      expect(await blobs.check(digest)).toEqual({ state: 'good' });
    });

    it('REL-5 looks at each blob once per period, at a bounded rate, and lets good ones be', async () => {
      const { blobs, clock } = await make();
      const content = Buffer.alloc(SCRUB_BYTES_PER_SECOND / 8, 'x');
      const digest = sha256Of(content);
      await blobs.put(digest, content.length, source(content));
      const { bad, scrub } = scrubOf(blobs, clock);
      expect([await scrub.round(), clock.elapsedMs()]).toEqual([0, 0]);
      clock.advance(PERIOD_MS);
      expect(await scrub.round()).toBe(1);
      expect(clock.elapsedMs() - PERIOD_MS).toBeGreaterThanOrEqual(100);
      expect(await scrub.round()).toBe(0);
      clock.advance(PERIOD_MS);
      expect([await scrub.round(), bad]).toEqual([1, []]);
      expect(await blobs.lengthBytes(digest)).toBe(content.length);
    });

    it('REL-11 a wall clock that jumps by ten years makes blobs due, never safe', async () => {
      const { blobs, clock, rot } = await make();
      const { bad, scrub } = scrubOf(blobs, clock);
      const tenYearsMs = 3_650 * DAY_MS;
      clock.jump(tenYearsMs);
      const [digest = ''] = (await store(blobs, 1)).keys();
      clock.jump(-tenYearsMs);
      expect([await scrub.round(), await scrub.round()]).toEqual([1, 0]);
      await rot(digest, 0);
      clock.jump(tenYearsMs);
      expect(await scrub.round()).toBe(1);
      expect(bad).toHaveLength(1);
    });

    it('REL-5 what is stored again while it is checked stays', async () => {
      const { blobs, rot } = await make();
      await blobs.put(sha256, bytes.length, source());
      await rot(sha256, 0);
      const check = await blobs.check(sha256, () => blobs.put(sha256, bytes.length, source()));
      expect(check).toEqual({ state: 'good' });
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    it('REL-24 a scrub that is told to stop does so in the middle of a blob, without a verdict', async () => {
      const { blobs, clock, rot } = await make();
      await blobs.put(sha256, bytes.length, source());
      await rot(sha256, 0);
      clock.advance(PERIOD_MS);
      const stop = new AbortController();
      const { bad, scrub } = scrubOf(
        {
          ...pick(blobs),
          check: (one, pace) => {
            stop.abort();
            return blobs.check(one, pace);
          },
        },
        clock,
      );
      await scrub.run(stop.signal);
      expect(bad).toEqual([]);
      expect(await blobs.check(absent)).toEqual({ state: 'missing' });
    });

    it('DESIGN-5 lists by digest, page by page, without gaps', async () => {
      const { blobs } = await make();
      const stored = await store(blobs, 25);
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await blobs.list({ after, limit: 4 });
        seen.push(...page.map((one) => one.sha256));
        expect(page.every((one) => one.lengthBytes === stored.get(one.sha256)?.length)).toBe(true);
        after = page.at(-1)?.sha256;
        if (page.length < 4) break;
      }
      expect(seen).toEqual([...stored.keys()].toSorted());
    });
  });

  describe(`REL-1 ${name} takes blobs in parts`, () => {
    it('REL-1 at offsets, in any cut, and makes a blob of them', async () => {
      const { blobs } = await make();
      const { id, offsetBytes } = await blobs.uploads.open(sha256, bytes.length);
      expect(offsetBytes).toBe(0);
      let at = 0;
      for (const cut of [0, 1, 4_000, bytes.length]) {
        const upload = await blobs.uploads.append(id, at, source(bytes.subarray(at, cut)));
        expect(upload).toMatchObject({ id, sha256, lengthBytes: bytes.length, offsetBytes: cut });
        expect(await blobs.uploads.state(id)).toEqual(upload);
        at = cut;
      }
      expect(await blobs.lengthBytes(sha256)).toBeUndefined();
      await blobs.uploads.finish(id);
      expect(await read(blobs, sha256)).toEqual(bytes);
      expect(await blobs.uploads.state(id)).toBeUndefined();
      await expect(blobs.uploads.finish(id)).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' });
    });

    it('REL-1 goes on after a kill from what was acknowledged, under the same name', async () => {
      const { blobs, reopen } = await make();
      const { id } = await blobs.uploads.open(sha256, bytes.length);
      await blobs.uploads.append(id, 0, source(bytes.subarray(0, 5_000)));
      const again = await reopen();
      expect(await again.uploads.open(sha256, bytes.length)).toMatchObject({ id, offsetBytes: 5_000 });
      await again.uploads.append(id, 5_000, source(bytes.subarray(5_000)));
      await again.uploads.finish(id);
      expect(await read(again, sha256)).toEqual(bytes);
      expect(await (await reopen()).uploads.state(id)).toBeUndefined();
    });

    it('REL-1 keeps what came before a connection broke, and goes on from there', async () => {
      const { blobs } = await make();
      const { id } = await blobs.uploads.open(sha256, bytes.length);
      async function* broken() {
        yield bytes.subarray(0, 700);
        throw new Error('connection lost');
      }
      await expect(blobs.uploads.append(id, 0, broken())).rejects.toMatchObject({ code: 'UPLOAD_CUT' });
      expect(await blobs.uploads.state(id)).toMatchObject({ offsetBytes: 700 });
      await blobs.uploads.append(id, 700, source(bytes.subarray(700)));
      await blobs.uploads.finish(id);
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    it('REL-23 a newer connection ends one that hangs, whenever it comes', async () => {
      const { blobs } = await make();
      const { id } = await blobs.uploads.open(sha256, bytes.length);
      const cutOff = (error: unknown) => error;
      const hangingAt = (at: number) => {
        const hangs = Promise.withResolvers<void>();
        async function* hanging() {
          yield bytes.subarray(at, at + 700);
          hangs.resolve();
          await new Promise(() => undefined);
        }
        return { hangs: hangs.promise, ended: blobs.uploads.append(id, at, hanging()).catch(cutOff) };
      };
      const first = hangingAt(0);
      await first.hangs;
      const second = await blobs.uploads.append(id, 0, source()).catch(cutOff);
      expect([await first.ended, second]).toMatchObject([
        { code: 'UPLOAD_CUT' },
        { code: 'UPLOAD_OFFSET', detail: { offsetBytes: 700 } },
      ]);
      const third = hangingAt(700);
      await third.hangs;
      expect(await blobs.uploads.open(sha256, bytes.length)).toMatchObject({ id, offsetBytes: 1_400 });
      expect(await third.ended).toMatchObject({ code: 'UPLOAD_CUT' });
      // Before it has read anything.
      const fourth = hangingAt(1_400);
      const fifth = await blobs.uploads.append(id, 1_400, source(bytes.subarray(1_400)));
      expect([await fourth.ended, fifth.offsetBytes]).toMatchObject([{ code: 'UPLOAD_CUT' }, bytes.length]);
      await blobs.uploads.finish(id);
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    it('REL-1 refuses another offset, more bytes than announced, and an end before all have come', async () => {
      const { blobs } = await make();
      const { id } = await blobs.uploads.open(sha256, bytes.length);
      await blobs.uploads.append(id, 0, source(bytes.subarray(0, 500)));
      for (const offset of [0, 499, 501]) {
        await expect(blobs.uploads.append(id, offset, source(bytes.subarray(offset)))).rejects.toMatchObject({
          code: 'UPLOAD_OFFSET',
          detail: { offsetBytes: 500 },
        });
      }
      await expect(blobs.uploads.append(id, 500, source(bytes))).rejects.toMatchObject({ code: 'BLOB_LENGTH' });
      await expect(blobs.uploads.finish(id)).rejects.toMatchObject({ code: 'BLOB_LENGTH' });
      const { offsetBytes = 0 } = (await blobs.uploads.state(id)) ?? {};
      await blobs.uploads.append(id, offsetBytes, source(bytes.subarray(offsetBytes)));
      await blobs.uploads.finish(id);
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    it('REL-5 a wrong digest discards all of it, and says both', async () => {
      const { blobs } = await make();
      const { id } = await blobs.uploads.open(absent, bytes.length);
      await blobs.uploads.append(id, 0, source());
      await expect(blobs.uploads.finish(id)).rejects.toMatchObject({
        code: 'BLOB_DIGEST',
        message: `the bytes hash to ${sha256}, not to ${absent}`,
      });
      expect(await blobs.uploads.state(id)).toBeUndefined();
      expect(await blobs.lengthBytes(absent)).toBeUndefined();
    });

    it('REL-19 as many at once as there may be, each of which can be aborted', async () => {
      const { blobs } = await make();
      const openings = Array.from({ length: MAX_OPEN_UPLOADS }, (_, index) => blobs.uploads.open(absent, index + 1));
      const ids = (await Promise.all(openings)).map(({ id }) => id);
      expect(new Set(ids).size).toBe(MAX_OPEN_UPLOADS);
      await expect(blobs.uploads.open(sha256, bytes.length)).rejects.toMatchObject({ code: 'BLOB_BUSY' });
      expect(await blobs.uploads.open(absent, 1)).toMatchObject({ id: ids[0] });
      expect([await blobs.uploads.abort(ids[0] ?? ''), await blobs.uploads.abort(ids[0] ?? '')]).toEqual([true, false]);
      await blobs.uploads.open(sha256, bytes.length);
    });

    it('REL-19 what nobody adds to goes away; clocks that jump take nothing away', async () => {
      const { blobs, clock } = await make();
      const [idle, busy] = [await blobs.uploads.open(absent, 1), await blobs.uploads.open(sha256, bytes.length)];
      expect(idle.expiresAtMs - clock.nowMs()).toBe(UPLOAD_IDLE_MS);
      clock.jump(3_650 * DAY_MS);
      clock.advance(UPLOAD_IDLE_MS - 1);
      await blobs.uploads.append(busy.id, 0, source(bytes.subarray(0, 10)));
      expect(await blobs.uploads.expire()).toBe(0);
      clock.advance(1);
      expect(await blobs.uploads.state(idle.id)).toBeUndefined();
      expect(await blobs.uploads.expire()).toBe(1);
      await expect(blobs.uploads.append(idle.id, 0, source())).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' });
      expect(await blobs.uploads.state(busy.id)).toMatchObject({ offsetBytes: 10 });
    });

    it.each(['../../etc/passwd', '', 'AB'.repeat(32)])(
      'SEC-11 takes no path for a digest or an id: %j',
      async (name) => {
        const { blobs } = await make();
        await expect(blobs.uploads.open(name, 5)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
        expect(await blobs.uploads.state(name)).toBeUndefined();
        expect(await blobs.uploads.abort(name)).toBe(false);
        await expect(blobs.uploads.append(name, 0, source())).rejects.toMatchObject({ code: 'UPLOAD_UNKNOWN' });
        await expect(blobs.check(name)).rejects.toMatchObject({ code: 'BLOB_MISSING' });
      },
    );
  });
}

const PERIOD_MS = 30 * DAY_MS;

function scrubOf(blobs: Pick<Blobs, 'list' | 'check'>, clock: Clock) {
  const bad: BadBlob[] = [];
  const onError = (error: unknown) => {
    throw error;
  };
  const scrub = new Scrub({ blobs, clock, periodMs: PERIOD_MS, onBad: (one) => bad.push(one), onError });
  return { bad, scrub };
}

async function store(blobs: Blobs, count: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = Array.from({ length: count }, (_, index) => Buffer.from(`image ${index} `.repeat(1 + index)));
  await Promise.all(contents.map((content) => blobs.put(sha256Of(content), content.length, source(content))));
  return new Map(contents.map((content) => [sha256Of(content), content]));
}

function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function pick(blobs: Blobs): Pick<Blobs, 'list'> {
  return { list: (page) => blobs.list(page) };
}
