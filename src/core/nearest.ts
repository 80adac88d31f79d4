/** Which known name somebody may have meant; for hints in messages only. */

/** Longer ones are no slip of the pen, and to compare them costs the product of both lengths. */
const MAX_CHARACTERS = 64;

/** The known name nearest to `name` by edit distance, upper and lower case alike; `undefined`: none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > MAX_CHARACTERS) return undefined;
  let best: { readonly other: string; readonly steps: number } | undefined;
  for (const other of known) {
    const steps = distance(name.toLowerCase(), other.toLowerCase());
    if (steps <= name.length / 2 && steps < (best?.steps ?? Number.POSITIVE_INFINITY)) best = { other, steps };
  }
  return best?.other;
}

function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...left].entries()) {
    const next = [i + 1];
    for (let j = 0; j < right.length; j += 1) {
      const replaced = (row[j] ?? 0) + (letter === right[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
