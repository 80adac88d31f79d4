/**
 * One upload in parts, in a process that a test may kill: `upload-writer.ts DIR`; prints what was acknowledged, line by line, or the
 * code of the error.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { FileBlobs } from '../../src/adapters/files/blobs.ts';
import { systemClock } from '../../src/adapters/node/ports.ts';

export const content = Buffer.from('artifact '.repeat(10_000));
export const sha256 = createHash('sha256').update(content).digest('hex');
/** Where it is cut. */
export const CUTS = [0, 30_000, 90_000];
/** The same names in each run, so that their calls can be told from others. */
export const ports = {
  clock: { ...systemClock, nowMs: () => 1_800_000_000_000 },
  random: { bytes: (length: number) => new Uint8Array(length) },
};

export async function* parts(from: number, to: number): AsyncGenerator<Uint8Array> {
  yield content.subarray(from, to);
}

async function work(dir: string, acknowledge: (what: string) => void): Promise<void> {
  const { uploads } = await FileBlobs.open(dir, ports);
  const { id } = await uploads.open(sha256, content.length);
  acknowledge(`open ${id}`);
  for (const [index, to] of CUTS.slice(1).entries()) {
    const from = CUTS[index] ?? 0;
    await uploads.append(id, from, parts(from, to));
    acknowledge(`append ${to}`);
  }
  await uploads.finish(id);
  acknowledge('finish');
}

if (import.meta.main) {
  const say = (text: string) => void writeSync(1, `${text}\n`);
  await work(process.argv[2] ?? '', say).catch((error: unknown) => say(`error ${(error as { code?: string }).code}`));
}
