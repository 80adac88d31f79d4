/** The inside of a program under load: rounds are asked for on standard input, one line each. */
import { createInterface } from 'node:readline';

export interface RoundResult {
  readonly operations: number;
  /** What was wrong with which answers; empty, or the figure is void. */
  readonly wrong: readonly string[];
}

/** Answers each {"durationMs"} line with a `RoundResult` line; ends with its input. */
export async function answerRounds(run: (durationMs: number) => Promise<RoundResult>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { durationMs } = JSON.parse(line) as { durationMs: number };
    process.stdout.write(`${JSON.stringify(await run(durationMs))}\n`);
  }
}

/** One operation again and again. `isRight` sees the last result of the round, so that looking costs nothing that counts. */
export async function repeat<T>(
  operation: () => T | Promise<T>,
  isRight: (result: T) => boolean,
  durationMs: number,
): Promise<RoundResult> {
  const until = performance.now() + durationMs;
  let operations = 0;
  let last: T;
  do {
    last = await operation();
    operations += 1;
  } while (performance.now() < until);
  return { operations, wrong: isRight(last) ? [] : [`result ${operations} of a round`] };
}
