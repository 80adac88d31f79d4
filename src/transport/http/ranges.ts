/** One byte range of a request (RFC 9110 section 14); several at once are answered with the whole. */

export interface Range {
  readonly start: number;
  /** First byte behind it. */
  readonly end: number;
}

const ONE_RANGE = /^bytes=([0-9]{0,15})-([0-9]{0,15})$/;

/** @returns `undefined` for the whole, `'unsatisfiable'` when nothing of it is there */
export function rangeOf(header: string | undefined, lengthBytes: number): Range | undefined | 'unsatisfiable' {
  const [, first = '', last = ''] = ONE_RANGE.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const tail = Math.min(Number(last), lengthBytes);
    return tail === 0 ? 'unsatisfiable' : { start: lengthBytes - tail, end: lengthBytes };
  }
  const start = Number(first);
  const end = last === '' ? lengthBytes : Math.min(Number(last) + 1, lengthBytes);
  if (last !== '' && Number(last) < start) return undefined;
  return start < lengthBytes ? { start, end } : 'unsatisfiable';
}
