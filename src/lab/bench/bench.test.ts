import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Child } from './child.ts';
import { cupsNoUpdate } from './cups-no-update.ts';
import { measureRow } from './harness.ts';
import { cpuMicros, rssBytes } from './measure.ts';

const QUICK = { rounds: 1, warmUpMs: 50, roundMs: 300 };

describe('DESIGN-8 benchmarks', () => {
  it('DESIGN-8 cups.noUpdate measures both contenders and prints its row', async () => {
    const row = await cupsNoUpdate(QUICK);
    expect(row).toMatchObject({ name: 'cups.noUpdate', rounds: 1, peer: 'absent', noisy: false });
    expect(row.figure).toBeGreaterThan(0);
    expect(row.ratio).toBeGreaterThan(0);
    expect(row.rssBytes).toBeGreaterThan(1e6);
    expect(row.spread).toEqual([row.ratio, row.ratio]);
  });

  it('DESIGN-8 a wrong reply ends the run: a fast wrong answer is no figure', async () => {
    const self: Child = {
      pid: process.pid,
      nextLine: async () => ({ operations: 5, wrong: ['status 500'] }),
      send() {},
      stop: async () => undefined,
    };
    const contender = { server: self, load: self };
    await expect(measureRow('x', contender, contender, QUICK)).rejects.toThrow('status 500');
  });

  it('DESIGN-8 CPU and memory are those of the process', () => {
    const before = cpuMicros(process.pid);
    for (let spin = 0; cpuMicros(process.pid) === before && spin < 1e9; spin += 1) JSON.stringify([spin]);
    expect(cpuMicros(process.pid)).toBeGreaterThan(before);
    expect(rssBytes(process.pid)).toBeGreaterThan(1e7);
  });

  it('DESIGN-8 a baseline has at most 40 lines', () => {
    const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.baseline.ts'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files)
      expect(readFileSync(join(import.meta.dirname, file), 'utf8').split('\n').length, file).toBeLessThanOrEqual(41);
  });
});
