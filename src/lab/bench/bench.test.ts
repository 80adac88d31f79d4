import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Child } from './child.ts';
import { cupsNoUpdate } from './cups-no-update.ts';
import { measureRow } from './harness.ts';
import { measureLoop, TRUST_LOOPS } from './loops.ts';
import { cpuMicros, rssBytes } from './measure.ts';
import { repeat } from './rounds.ts';
import { trustSizes } from './trust-sizes.ts';

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

  it.each([...TRUST_LOOPS])('DESIGN-8 %s measures both programs and prints its row', async (name, file) => {
    const row = await measureLoop(name, file, QUICK);
    expect(row).toMatchObject({ name, rounds: 1, unit: 'operations per CPU second' });
    expect(row.ratio).toBeGreaterThan(0);
    expect(row.figure).toBeGreaterThan(1);
    expect(row.rssBytes).toBeGreaterThan(1e6);
  });

  it('DESIGN-8 one target more writes a tenth of 10,000 at most; the size of proofs is printed', async () => {
    const rows = new Map((await trustSizes()).map((row) => [row.name, row]));
    expect(rows.get('trust.publish.bytes')?.ratio).toBeGreaterThan(10);
    for (const targets of [1, 100, 10_000]) expect(rows.get(`trust.proof.${targets}`)?.figure).toBeGreaterThan(500);
  });

  it('DESIGN-8 a loop says how often it ran, and when its last result is wrong', async () => {
    let calls = 0;
    const next = () => (calls += 1);
    expect(await repeat(next, (result) => result === 1, 0)).toEqual({ operations: 1, wrong: [] });
    expect(await repeat(next, (result) => result === 1, 0)).toEqual({ operations: 1, wrong: ['result 1 of a round'] });
    const { operations } = await repeat(next, (result) => result === calls, 5);
    expect(operations).toBe(calls - 2);
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
