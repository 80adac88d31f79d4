/** Uploads in parts, killed before every write-type call, and with every one of them failing. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Call, callsIn, type Fault, runWithFault, traceOf } from '../../../test/support/calls.ts';
import { collect, temporaryDir } from '../../../test/support/ports.ts';
import { isSkipped } from '../../../test/support/programs.ts';
import { CUTS, content, parts, ports, sha256 } from '../../../test/support/upload-writer.ts';
import { createUlids } from '../../core/ulid.ts';
import { FileBlobs } from './blobs.ts';

const WRITER = join(import.meta.dirname, '../../../test/support/upload-writer.ts');
const id = createUlids(ports)();

async function prepare() {
  const dir = temporaryDir();
  // The folders stand already; of those of one artifact only the last is made on the way.
  await FileBlobs.open(dir, ports);
  const [uploads, shard] = [join(dir, 'uploads'), join(dir, sha256.slice(0, 2))];
  const files = [join(uploads, `${id}.${sha256}.${content.length}`), join(shard, sha256)];
  return { dir, traced: { script: WRITER, args: [dir], paths: [dir, uploads, shard, ...files] } };
}

/** Nothing that was acknowledged is lost, nothing half is served, and it goes on from where it is. */
async function goesOn(dir: string, said: readonly string[]): Promise<void> {
  const blobs = await FileBlobs.open(dir, ports);
  const isFinished = (await blobs.lengthBytes(sha256)) !== undefined;
  if (said.includes('finish')) expect(isFinished).toBe(true);
  if (!isFinished) {
    const acknowledged = Math.max(0, ...said.map((line) => Number(/^append ([0-9]+)$/.exec(line)?.[1] ?? 0)));
    const upload = await blobs.uploads.open(sha256, content.length);
    expect(upload.offsetBytes).toBeGreaterThanOrEqual(acknowledged);
    await blobs.uploads.append(upload.id, upload.offsetBytes, parts(upload.offsetBytes, content.length));
    await blobs.uploads.finish(upload.id);
  }
  expect(await collect(blobs.read(sha256))).toEqual(content);
}

async function enumerate(fault: Fault) {
  const { traced } = await prepare();
  const calls = callsIn(await traceOf(traced, temporaryDir()));
  expect(calls.length).toBeGreaterThanOrEqual(15);
  const outcomes: { call: Call; said: readonly string[] }[] = [];
  for (const call of calls) {
    const one = await prepare();
    const said = (await runWithFault(one.traced, call, fault)).stdout.toString().split('\n').filter(Boolean);
    await goesOn(one.dir, said);
    outcomes.push({ call, said });
  }
  return outcomes;
}

describe.skipIf(isSkipped('strace'))('REL-3 uploads in parts, call by call', () => {
  it('REL-3 killed before any call: what was acknowledged is there, and the upload goes on', async () => {
    const outcomes = await enumerate('signal=KILL');
    expect(outcomes.filter(({ said }) => said.includes('finish'))).toEqual([]);
    const most = outcomes.map(({ said }) => said.length);
    expect([Math.min(...most), Math.max(...most)]).toEqual([0, CUTS.length]);
  });

  it('REL-4 whichever call fails: it is said by name, and the upload goes on', async () => {
    const outcomes = await enumerate('error=EIO');
    const silent = outcomes.filter(({ said }) => !/^error (?:BLOB_WRITE|EIO)$/.test(said.at(-1) ?? ''));
    // A folder that cannot be made because it is there is no failure.
    expect(silent.map(({ call, said }) => [call.name, said.at(-1)])).toEqual([['mkdir', 'finish']]);
    // Only a server that cannot even start says it in the words of the system.
    expect(outcomes.filter(({ said }) => said.at(-1) === 'error EIO' && said.length > 1)).toEqual([]);
  });
});
