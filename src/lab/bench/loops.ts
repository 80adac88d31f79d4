/**
 * Rows without a wire: NAME.loop.ts does our operation again and again, NAME.baseline.ts the unavoidable part of the same work.
 * Each is a process of its own on the same processor, and answers rounds (rounds.ts).
 */
import { type Child, startProgram } from './child.ts';
import { DEFAULT_PLAN, measureRow, type RoundPlan, type Row } from './harness.ts';

/** Both sides run here in turns: which processor it is then makes no difference. */
const CPU = 0;

/** Rows of `bench trust`, with the NAME of their two files. */
export const TRUST_LOOPS: ReadonlyMap<string, string> = new Map([
  ['json.canonical', 'json-canonical'],
  ['trust.verifyUpdate', 'trust-verify-update'],
  ['trust.publish', 'trust-publish'],
]);

export async function measureLoop(name: string, file: string, plan: RoundPlan = DEFAULT_PLAN): Promise<Row> {
  const started: Child[] = [];
  const contender = (side: 'baseline' | 'loop') => {
    const program = startProgram(new URL(`./${file}.${side}.ts`, import.meta.url), [], { cpu: CPU });
    started.push(program);
    return { server: program, load: program };
  };
  try {
    return await measureRow(name, contender('baseline'), contender('loop'), plan);
  } finally {
    await Promise.all(started.map((program) => program.stop()));
  }
}
