/**
 * A row: the bare limit and ours, side by side under the same load.
 *
 * Rounds are interleaved, CPU and memory are read from outside, replies are checked by what gives the load. Only the
 * ratio of one run counts: absolute figures move with the machine.
 */
import type { Child } from './child.ts';
import { cpuMicros, rssBytes } from './measure.ts';
import type { RoundResult } from './rounds.ts';

export interface Row {
  readonly name: string;
  /** Ours and the baseline, in `unit`. */
  readonly figure: number;
  readonly unit: 'operations per CPU second' | 'bytes';
  readonly baseline: number;
  /** Median over rounds of baseline CPU per operation / ours. */
  readonly ratio: number;
  readonly cpuMicrosPerOp: number;
  /** Of our process after the last round. */
  readonly rssBytes: number;
  /** Lowest and highest ratio of a round. */
  readonly spread: readonly [number, number];
  readonly rounds: number;
  /** Set when the baseline alone varied more than 1.5 times: then neither passed nor failed. */
  readonly noisy: boolean;
  /** Well-known server that does the same, if it is installed. */
  readonly peer: 'absent' | number;
}

/** What is measured, and what gives it work: the same program where there is no wire between them. */
export interface Contender {
  readonly server: Child;
  readonly load: Child;
}

export interface RoundPlan {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly roundMs: number;
}

export const DEFAULT_PLAN: RoundPlan = { rounds: 5, warmUpMs: 1_000, roundMs: 2_000 };
const NOISE = 1.5;

/** @throws {Error} when a reply was wrong: a fast wrong answer is no figure */
export async function measureRow(name: string, limit: Contender, ours: Contender, plan: RoundPlan): Promise<Row> {
  for (const contender of [limit, ours]) await round(contender, plan.warmUpMs);
  const pairs: { limit: number; ours: number }[] = [];
  for (let index = 0; index < plan.rounds; index += 1) {
    pairs.push({ limit: await round(limit, plan.roundMs), ours: await round(ours, plan.roundMs) });
  }
  const ratios = pairs.map((pair) => pair.limit / pair.ours).toSorted((a, b) => a - b);
  const limits = pairs.map((pair) => pair.limit).toSorted((a, b) => a - b);
  const cpuMicrosPerOp = median(pairs.map((pair) => pair.ours));
  return {
    name,
    figure: Math.round(1e6 / cpuMicrosPerOp),
    unit: 'operations per CPU second',
    baseline: Math.round(1e6 / median(limits)),
    ratio: rounded(median(ratios)),
    cpuMicrosPerOp: rounded(cpuMicrosPerOp),
    rssBytes: rssBytes(ours.server.pid),
    spread: [rounded(ratios[0] ?? 0), rounded(ratios.at(-1) ?? 0)],
    rounds: plan.rounds,
    noisy: (limits.at(-1) ?? 0) > NOISE * (limits[0] ?? 0),
    peer: 'absent',
  };
}

/** CPU microseconds of the server per operation in one round. */
async function round({ server, load }: Contender, durationMs: number): Promise<number> {
  const before = cpuMicros(server.pid);
  load.send({ durationMs });
  const { operations, wrong } = (await load.nextLine()) as RoundResult;
  if (wrong.length > 0 || operations === 0) throw new Error(`wrong replies: ${wrong.join('; ') || 'none at all'}`);
  return (cpuMicros(server.pid) - before) / operations;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
