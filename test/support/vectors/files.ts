/** Finds vector files and the kind of each. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { CUPS } from './cups.ts';
import type { Kind, Members } from './kind.ts';
import { PENDING } from './pending.ts';
import { UPTANE } from './uptane.ts';

/** What is built comes first: a pending kind may be described more loosely. */
const BUILT: Readonly<Record<string, readonly Kind[]>> = { cups: CUPS, uptane: UPTANE };
const FOLDERS = Object.keys(PENDING);

export interface VectorFile {
  /** Relative to the folder of all vectors. */
  readonly path: string;
  readonly folder: string;
  readonly members: Members;
}

export function vectorsDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return resolve(env.SEALIFT_VECTORS ?? join(import.meta.dirname, '../../vectors'));
}

export function readVectors(dir: string): readonly VectorFile[] {
  return globSync('*/**/*.json', { cwd: dir })
    .toSorted()
    .map((path) => ({
      path,
      folder: path.split(sep)[0] ?? '',
      members: JSON.parse(readFileSync(join(dir, path), 'utf8')) as Members,
    }))
    .filter(({ folder }) => FOLDERS.includes(folder));
}

/** `undefined` when nobody knows what the file is. */
export function kindOf({ folder, members }: Pick<VectorFile, 'folder' | 'members'>): Kind | undefined {
  return [...(BUILT[folder] ?? []), ...(PENDING[folder] ?? [])].find((kind) => kind.recognises(members));
}
