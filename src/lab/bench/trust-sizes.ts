/** What publishing writes and what a device has to fetch, in bytes: exact, so there is nothing to repeat. */
import type { Row } from './harness.ts';
import { LARGE, makeRepository } from './large-repository.ts';

export async function trustSizes(): Promise<readonly Row[]> {
  const large = await makeRepository(LARGE);
  try {
    const one = await large.addOne();
    const all = await large.rewriteAll();
    return [
      bytesRow('trust.publish.bytes', one, all),
      await proofRow({ targets: 1 }),
      await proofRow({ targets: 100 }),
      bytesRow(`trust.proof.${LARGE.targets}`, await large.proofBytes(), all),
    ];
  } finally {
    await large.close();
  }
}

async function proofRow(size: { readonly targets: number }): Promise<Row> {
  const repository = await makeRepository(size);
  try {
    const proof = await repository.proofBytes();
    return bytesRow(`trust.proof.${size.targets}`, proof, await repository.rewriteAll());
  } finally {
    await repository.close();
  }
}

/** @param all bytes of all files that people and server sign: what a client without proofs would fetch */
function bytesRow(name: string, figure: number, all: number): Row {
  const ratio = Math.round((all / figure) * 100) / 100;
  return {
    ...{ name, figure, unit: 'bytes', baseline: all, ratio, cpuMicrosPerOp: 0, rssBytes: process.memoryUsage.rss() },
    ...{ spread: [ratio, ratio], rounds: 1, noisy: false, peer: 'absent' },
  };
}
