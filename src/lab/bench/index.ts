/** Benchmarks by name; each measures one or more rows. */
import { cupsNoUpdate } from './cups-no-update.ts';
import type { Row } from './harness.ts';

export const BENCHES: ReadonlyMap<string, () => Promise<readonly Row[]>> = new Map([
  ['cups', async () => [await cupsNoUpdate()]],
]);
