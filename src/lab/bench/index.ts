/** Benchmarks by name; each measures one or more rows. */
import { cupsNoUpdate } from './cups-no-update.ts';
import type { Row } from './harness.ts';
import { measureLoop, TRUST_LOOPS } from './loops.ts';
import { trustSizes } from './trust-sizes.ts';

export const BENCHES: ReadonlyMap<string, () => Promise<readonly Row[]>> = new Map([
  ['cups', async () => [await cupsNoUpdate()]],
  ['trust', async () => [...(await loopRows(TRUST_LOOPS)), ...(await trustSizes())]],
]);

/** One after the other: rows measured at the same time would measure each other. */
async function loopRows(loops: ReadonlyMap<string, string>): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const [name, file] of loops) rows.push(await measureLoop(name, file));
  return rows;
}
