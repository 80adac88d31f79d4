/** Lines of files that may be large, each within a bound. */
import { concat } from '../../core/bytes.ts';

const NEWLINE = 0x0a;

/**
 * Lines without their ends. What follows the last end is no line: a file that was cut off ends in the middle of one.
 * @param tooLong the error to throw, given the number of the line from 1 on
 */
export async function* linesOf(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  tooLong: (line: number) => Error,
): AsyncGenerator<Uint8Array> {
  let begun: Uint8Array[] = [];
  let begunBytes = 0;
  let number = 1;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); ; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end < 0 ? undefined : end);
      begunBytes += piece.length;
      if (begunBytes > maxBytes) throw tooLong(number);
      if (end < 0) {
        // A copy, since the chunk belongs to whoever made it; and none of nothing, or empty chunks would add up.
        if (piece.length > 0) begun.push(piece.slice());
        break;
      }
      yield begun.length === 0 ? piece : concat(...begun, piece);
      begun = [];
      begunBytes = 0;
      number += 1;
      start = end + 1;
    }
  }
}
