/** Every case of every vector file is one test. The folder is ours, or the one that SEALIFT_VECTORS names. */
import { describe, expect, it } from 'vitest';
import { kindOf, readVectors, vectorsDir } from './support/vectors/files.ts';
import { pendingKinds } from './support/vectors/pending.ts';

const files = readVectors(vectorsDir());

it('SEC-9 vector files are there, and each is of a known kind', () => {
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => kindOf(file) === undefined).map(({ path }) => path)).toEqual([]);
});

for (const file of files) {
  const kind = kindOf(file);
  const cases = kind?.cases?.(file.members) ?? [];
  if (!kind || cases.length === 0) continue;
  describe(`${kind.name} ${file.path}`, () => {
    for (const [index, { name, run }] of cases.entries()) it(`${kind.name} ${index} ${name}`, run);
  });
}

describe('SEC-9 recognising vector files', () => {
  it('SEC-9 knows a file by its content, without the members that only describe', () => {
    const bare = { folder: 'uptane', members: { cases: [{ id: 'x', input: '{}', canonical_hex: '7b7d' }] } };
    expect(kindOf(bare)?.name).toBe('SEC-10 canonical JSON');
  });

  it('SEC-9 does not know what it was never told of', () => {
    expect(kindOf({ folder: 'cups', members: { kind: 'horoscope', cases: [] } })).toBeUndefined();
    expect(kindOf({ folder: 'uptane', members: { something: [] } })).toBeUndefined();
  });

  it('SEC-9 names each pending kind once', () => {
    expect(new Set(pendingKinds()).size).toBe(pendingKinds().length);
  });
});
