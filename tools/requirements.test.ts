import { describe, expect, it } from 'vitest';
import { citations, problems, type Requirement, statusPage } from './requirements.ts';

const listed: readonly Requirement[] = [
  { id: 'REL-1', title: 'One', status: 'done' },
  { id: 'REL-2', title: 'Two', status: 'missing', note: 'later' },
];

describe('DESIGN-8 requirements', () => {
  it('DESIGN-8 are found in titles, and in nothing else', () => {
    const source = [
      "it('REL-1 one', () => {});",
      'describe.skipIf(isSkipped(`x`))("CUPS-3.2 two", () => {});',
      "it.each([[1]])('SEC-13 %s', () => {});",
      "// it('REL-3 in a comment')",
      "/* test('REL-4 in a comment') */",
      "const text = 'REL-5 in a text';",
    ].join('\n');
    expect(citations('a.test.ts', source).map(({ id }) => id)).toEqual(['REL-1', 'CUPS-3', 'SEC-13']);
  });

  it('DESIGN-8 marked done without a test, shown but marked missing, or unknown: each is a problem', () => {
    const cited = (...ids: string[]) => ids.map((id) => ({ id, file: 'a.test.ts' }));
    expect(problems(listed, cited('REL-1'))).toEqual([]);
    expect(problems(listed, [])).toEqual(['REL-1 is marked done, but no test names it.']);
    expect(problems(listed, cited('REL-1', 'REL-2'))).toEqual([expect.stringContaining('REL-2 is marked missing')]);
    expect(problems(listed, cited('REL-1', 'SEC-99'))).toEqual([expect.stringContaining('a.test.ts names SEC-99')]);
  });

  it('DESIGN-8 make a page', () => {
    const page = statusPage(listed, [{ id: 'REL-1', file: 'a.test.ts' }], ['OMAHA XML']);
    expect(page).toContain('1 done, 0 partial, 1 missing.');
    expect(page).toContain('| REL-1 | One | done | `a.test.ts` |  |');
    expect(page).toContain('| REL-2 | Two | missing |  | later |');
    expect(page).toContain('- OMAHA XML');
  });
});
