/** Counts character look-ups, which is what the time of a parser is made of; wall time would prove nothing on a shared machine. */
export function countedSteps(work: () => unknown): number {
  let steps = 0;
  const { charCodeAt, charAt } = String.prototype;
  String.prototype.charCodeAt = function counted(this: string, at: number) {
    steps += 1;
    return charCodeAt.call(this, at);
  };
  String.prototype.charAt = function counted(this: string, at: number) {
    steps += 1;
    return charAt.call(this, at);
  };
  try {
    work();
  } catch {
    // Refused or not: the steps count.
  } finally {
    Object.assign(String.prototype, { charCodeAt, charAt });
  }
  return steps;
}
