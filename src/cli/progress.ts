/** How far the signatures of a request are, in lines. */
import { printable } from '../core/text.ts';

/** Who has signed a file for one authority, and who could, by name; all of it as the request says it. */
export interface FileProgress {
  readonly role: string;
  readonly authority: string;
  readonly need: number;
  readonly signed: readonly string[];
  readonly missing: readonly string[];
}

/** A root that changes the signers of a binned repository signs hundreds of files alike. */
const MAX_LINES = 12;

export function progressLines(files: readonly FileProgress[]): readonly string[] {
  const said = (names: readonly string[]) => names.join(', ') || 'nobody';
  const lines = files
    .slice(0, MAX_LINES)
    .map(({ role, authority, need, signed, missing }) =>
      printable(
        `${role} (${authority}): ${signed.length} of ${need} have signed: ${said(signed)}${
          signed.length < need ? `; could still: ${said(missing)}` : ''
        }`,
      ),
    );
  return files.length > MAX_LINES ? [...lines, `... and ${files.length - MAX_LINES} more files`] : lines;
}

/** Artifacts whose own signature is missing, each with the key that has to make it. */
export function payloadLines(missing: readonly { readonly path: string; readonly key: string }[]): readonly string[] {
  const lines = missing
    .slice(0, MAX_LINES)
    .map(({ path, key }) => printable(`${path} still needs a signature by payload key ${key.slice(0, 16)}`));
  return missing.length > MAX_LINES ? [...lines, `... and ${missing.length - MAX_LINES} more artifacts`] : lines;
}
