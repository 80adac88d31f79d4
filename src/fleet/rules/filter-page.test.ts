/** Runs every example of the reference page, and holds its table of fields against the code. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RulesError } from './errors.ts';
import { type DeviceFacts, matches, parseFilter, printFilter } from './filter.ts';
import { OPERATORS_OF } from './filter-model.ts';

const page = readFileSync(new URL('../../../docs/reference/filter-language.md', import.meta.url), 'utf8');
const NOW_MS = Date.UTC(2027, 0, 10);

const [, json = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
const { tags, versions, lastSeen, ...rest } = JSON.parse(json) as Omit<
  DeviceFacts,
  'tags' | 'versions' | 'lastSeenAtMs'
> & {
  tags: Record<string, string>;
  versions: Record<string, string | null>;
  lastSeen: string;
};
const device: DeviceFacts = {
  ...{ ...rest, tags: new Map(Object.entries(tags)), versions: new Map(Object.entries(versions)) },
  lastSeenAtMs: NOW_MS - Number.parseInt(lastSeen, 10) * 60_000,
};

const rows = (pattern: RegExp) => [...page.matchAll(pattern)].map(([, ...cells]) => cells);
const asked = rows(/^\| `(.+?)` \| (yes|no) \|/gm);
const spelled = rows(/^\| `([^`]+)` \| `([^`]+)` \|$/gm);
const refused = rows(/^\| `([^`]+)` \| `(FILTER_\w+)` (.+) \|$/gm);

describe('DESIGN-6 the page about filters', () => {
  it('DESIGN-6 has examples of everything', () => {
    expect([asked.length, spelled.length, refused.length]).toEqual([44, 3, 6]);
    // Each row of a table whose first cell is code is one of them, or a field.
    expect(rows(/^(\| `.*)$/gm)).toHaveLength(44 + 3 + 6 + 10);
    const operators = new Set(Object.values(OPERATORS_OF).flat());
    const shown = asked.map(([filter = '']) => ` ${filter} `).join();
    expect([...operators].filter((operator) => !shown.includes(` ${operator} `))).toEqual([]);
    const [first = ''] = rows(/```text\n(.+)\n```/g)[0] ?? [];
    expect(matches(parseFilter(first), device, NOW_MS)).toBe(false);
  });

  it.each(asked)('DESIGN-6 %s: %s', (filter = '', answer) => {
    expect(matches(parseFilter(filter), device, NOW_MS)).toBe(answer === 'yes');
  });

  it.each(spelled)('DESIGN-6 %s is shown as %s', (filter = '', shown) => {
    expect(printFilter(parseFilter(filter))).toBe(shown);
  });

  it.each(refused)('DESIGN-6 %s is refused: %s', (filter = '', code, text) => {
    try {
      parseFilter(filter);
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      expect([error.code, [error.message, error.fix].filter(Boolean).join('. ')]).toEqual([code, text]);
      return;
    }
    expect.unreachable();
  });

  it('DESIGN-6 names each field with the operators it takes', () => {
    const fields = rows(/^\| `([A-Za-z]+)(?:[.(][A-Z]+\)?)?` \| [^|]+ \| ((?:`[^`]+` ?)+) \|$/gm);
    expect(fields).toHaveLength(10);
    const documented = fields.map(([name, operators = '']) => [name, operators.replaceAll('`', '').split(' ')]);
    expect(Object.fromEntries(documented)).toEqual(OPERATORS_OF);
  });
});
