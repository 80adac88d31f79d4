/**
 * How a repository spells its JSON metadata (spec/uptane.md section 3). One repository has one dialect; they are never mixed.
 */
import type { KeyDialect } from '../keys.ts';

export interface Dialect {
  readonly name: KeyDialect;
  /** How the four types are written in `_type`. */
  readonly types: {
    readonly root: string;
    readonly timestamp: string;
    readonly snapshot: string;
    readonly targets: string;
  };
  /** Whether `spec_version` must be there and of major version 1. */
  readonly hasSpecVersion: boolean;
  /** Control characters in the bytes that are signed: raw (OLPC), or escaped as jsoncpp writes them. PEM keys hold newlines. */
  readonly canonicalForm: 'olpc' | 'jsoncpp';
  readonly signatureEncoding: 'hex' | 'base64';
  /** Whether each signature names its method, which must be the method of its key. */
  readonly hasMethod: boolean;
  /** Roots as `N.root.json`, followed one by one; or one `root.json` that is replaced (spec 18 trap 4). */
  readonly rootFiles: 'chain' | 'single';
  /** Whether a timestamp must list a hash of the snapshot (Uptane 5.2.5); in TUF it need not. */
  readonly needsSnapshotHash: boolean;
  /** What hashes and lengths in snapshot and timestamp are taken over. */
  readonly hashesOver: 'file' | 'canonical';
  /** Whether `*` in a delegation's path stops at a slash (spec section 10). */
  readonly patterns: 'segments' | 'anything';
}

const CAPITAL = { root: 'Root', timestamp: 'Timestamp', snapshot: 'Snapshot', targets: 'Targets' } as const;

/** TUF 1.0.x: what our own repositories speak. */
export const TUF1: Dialect = {
  name: 'tuf1',
  types: { root: 'root', timestamp: 'timestamp', snapshot: 'snapshot', targets: 'targets' },
  hasSpecVersion: true,
  canonicalForm: 'olpc',
  signatureEncoding: 'hex',
  hasMethod: false,
  rootFiles: 'chain',
  needsSnapshotHash: false,
  hashesOver: 'file',
  patterns: 'segments',
};

/** The Python reference implementation of Uptane. */
export const REFERENCE: Dialect = {
  ...TUF1,
  name: 'reference',
  types: CAPITAL,
  hasSpecVersion: false,
  hasMethod: true,
  rootFiles: 'single',
  needsSnapshotHash: true,
  patterns: 'anything',
};

/** aktualizr and its servers. */
export const AKTUALIZR: Dialect = {
  ...TUF1,
  name: 'aktualizr',
  types: CAPITAL,
  hasSpecVersion: false,
  canonicalForm: 'jsoncpp',
  signatureEncoding: 'base64',
  hasMethod: true,
  needsSnapshotHash: true,
  hashesOver: 'canonical',
  patterns: 'anything',
};
