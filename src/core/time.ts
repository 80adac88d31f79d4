/** Time, in milliseconds. */

export const DAY_MS = 86_400_000;

const UTC_SECONDS = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/;

/** Since the epoch, of `YYYY-MM-DDTHH:MM:SSZ`; `undefined` for another form, and for a date that no calendar has. */
export function parseUtc(text: string): number | undefined {
  const ms = UTC_SECONDS.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse moves 31 June into July; writing it back shows that.
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text.replace('Z', '.000Z') ? ms : undefined;
}
