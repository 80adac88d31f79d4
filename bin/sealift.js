#!/usr/bin/env node
/** The `sealift` command: compiled when installed as a package, from the sources in a clone (set up first if needed). */
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = 24;
const sources = new URL('../src/cli/main.ts', import.meta.url);

if (existsSync(sources)) {
  const { runUnderRuntime } = await import('../tools/run.mjs');
  await runUnderRuntime(fileURLToPath(sources), process.argv.slice(2));
} else if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  process.stderr.write(`Sealift needs Node ${OLDEST_NODE} or later; this is ${process.version}.\n`);
  process.exitCode = 1;
} else {
  await import('../dist/cli/main.js');
}
