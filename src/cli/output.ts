/** Data to standard output, messages to standard error. */
import { isOtaError } from '../core/errors.ts';
import { printable } from '../core/text.ts';

export interface Output {
  /** One JSON document with `--json`, else `text`. */
  result(data: unknown, text: () => string): void;
  message(text: string): void;
  /** One line that is drawn over and over, on a terminal only; `undefined` takes it away. */
  progress(text: string | undefined): void;
}

export function createOutput(json: boolean): Output {
  return {
    result: (data, text) => process.stdout.write(json ? `${JSON.stringify(data, null, 2)}\n` : `${text()}\n`),
    message: (text) => process.stderr.write(`${text}\n`),
    progress: (text) => drawProgress(process.stderr, text),
  };
}

/** Data goes to standard output, so a line on standard error is in nobody's way; where no person looks there is none. */
export function drawProgress(stream: { isTTY?: boolean; write(text: string): unknown }, text: string | undefined) {
  if (stream.isTTY) stream.write(`\r\u001b[K${text ?? ''}`);
}

/** Columns as wide as their widest cell; `-` where a cell is empty. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'There are none.';
  const all = [head, ...rows.map((row) => row.map((cell) => printable(cell) || '-'))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What failed, why, and what to do; on one to three lines. */
export function explain(error: unknown): string {
  if (!isOtaError(error))
    return `sealift failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  const lines = [`${printable(error.message)} [${error.code}]`];
  if (isOtaError(error.cause)) lines.push(`  because ${printable(error.cause.message)} [${error.cause.code}]`);
  if (error.fix !== undefined) lines.push(`  ${printable(error.fix)}`);
  return lines.join('\n');
}
