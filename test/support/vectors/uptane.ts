/** Vectors of uptane/ that are built: canonical JSON, key ids, paths, the scenarios of one repository. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { canonicalJson } from '../../../src/core/canonical-json.ts';
import { JsonError, parseJson } from '../../../src/core/json.ts';
import { type KeyDialect, parsePublicKey } from '../../../src/trust/keys.ts';
import { binIndex, matchesPattern, pathDigest } from '../../../src/trust/tuf/paths.ts';
import { hexOf, type Kind, listOf, type Members, textOf, withEntries } from './kind.ts';
import { REPOSITORY } from './repository.ts';

export const UPTANE: readonly Kind[] = [
  {
    name: 'SEC-10 canonical JSON',
    recognises: withEntries('cases', 'input', 'canonical_hex'),
    cases: (file) =>
      listOf(file, 'cases').map((one) => ({
        name: String(one.id),
        run() {
          const canonical = canonicalJson(parseJson(Buffer.from(textOf(one, 'input'))));
          expect(Buffer.from(canonical).toString('hex')).toBe(one.canonical_hex);
          const digest = createHash('sha256').update(canonical).digest('hex');
          if (one.sha256 !== undefined) expect(digest).toBe(one.sha256);
        },
      })),
  },
  {
    name: 'SEC-10 refused JSON',
    recognises: withEntries('cases', 'input_hex', 'why'),
    cases: (file) =>
      listOf(file, 'cases').map((one) => ({
        name: `${String(one.id)} ${String(one.why)}`,
        run: () => expect(() => parseJson(hexOf(one, 'input_hex'))).toThrow(JsonError),
      })),
  },
  {
    name: 'SEC-2 key ids',
    recognises: withEntries('cases', 'public_hex', 'tuf1', 'reference', 'aktualizr'),
    cases: (file) =>
      listOf(file, 'cases').map((one) => ({
        name: String(one.id),
        run() {
          const keyval = { public: textOf(one, 'public_hex') };
          const objects = {
            tuf1: { keytype: 'ed25519', scheme: 'ed25519', keyval },
            reference: { keyid_hash_algorithms: ['sha256', 'sha512'], keytype: 'ed25519', keyval },
            aktualizr: { keytype: 'ED25519', keyval },
          };
          const idIn = (dialect: KeyDialect) =>
            parsePublicKey(parseJson(Buffer.from(JSON.stringify(objects[dialect]))), dialect).keyId;
          expect(idIn('tuf1')).toBe(one.tuf1);
          expect(idIn('reference')).toBe(one.reference);
          expect(idIn('aktualizr')).toBe(one.aktualizr);
        },
      })),
  },
  {
    name: 'SEC-4 path patterns',
    recognises: withEntries('cases', 'pattern', 'match'),
    cases: (file) =>
      listOf(file, 'cases').map((one) => ({
        name: `${String(one.id)} ${String(one.pattern)} ${String(one.target)}`,
        run: () => expect(matchesPattern(textOf(one, 'pattern'), textOf(one, 'target'))).toBe(one.match),
      })),
  },
  {
    name: 'SEC-4 path hashes',
    recognises: withEntries('cases', 'target', 'sha256'),
    cases: (file) => listOf(file, 'cases').map((one) => ({ name: String(one.id), run: () => checkPathHash(one) })),
  },
  REPOSITORY,
];

/** `bin_bits_N` is the prefix of a bin written out (N/4 digits), `succinct_bits_N` the suffix of a succinct one. */
function checkPathHash(one: Members): void {
  const path = textOf(one, 'target');
  expect(pathDigest(path)).toBe(one.sha256);
  for (const [name, expected] of Object.entries(one)) {
    const [, kind, bits] = /^(bin|succinct)_bits_([0-9]+)$/.exec(name) ?? [];
    if (kind === 'succinct') expect(binIndex(path, Number(bits))).toBe(expected);
    if (kind === 'bin') expect(pathDigest(path).slice(0, Math.ceil(Number(bits) / 4))).toBe(expected);
  }
}
