import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { shouldIgnore } from './mutation/words.ts';
import { type Accepted, isGood, judge, type MutationReport, SURVIVORS_FILE, scoreOf } from './mutation.ts';
import { ROOT } from './steps.ts';

const SOURCE = 'if (a >= 1) {\n  run(\n    b,\n  );\n}';

/** A mutant over `a >= 1`, unless it says otherwise. */
function mutant(status: string, replacement = 'a > 1', from = [1, 5], to = [1, 11]) {
  const [start, end] = [from, to].map(([line = 0, column = 0]) => ({ line, column }));
  const location = { start: start ?? { line: 0, column: 0 }, end: end ?? { line: 0, column: 0 } };
  return { mutatorName: 'EqualityOperator', replacement, status, location };
}

function report(...mutants: ReturnType<typeof mutant>[]): MutationReport {
  return { files: { 'src/a.ts': { source: SOURCE, mutants } } };
}

const killed = (count: number) => Array.from({ length: count }, () => mutant('Killed'));
const accepted: Accepted = {
  ...{ file: 'src/a.ts', mutator: 'EqualityOperator', original: 'a >= 1', replacement: 'a > 1' },
  reason: 'a is never 1',
};

describe('SEC-8 mutation testing', () => {
  it.each([
    ['nine of ten are noticed', report(...killed(9), mutant('Survived')), 90, true],
    ['fewer are', report(...killed(8), mutant('Survived')), (100 * 8) / 9, false],
    ['one is in code that no test runs', report(...killed(8), mutant('NoCoverage')), (100 * 8) / 9, false],
    ['one runs without end', report(...killed(8), mutant('Timeout'), mutant('Survived')), 90, true],
    [
      'some could not run or were left out',
      report(...killed(9), mutant('Survived'), mutant('RuntimeError'), mutant('Ignored')),
      90,
      true,
    ],
    ['nothing was mutated', report(), 0, false],
    ['nothing could run', report(mutant('RuntimeError')), 0, false],
  ])('SEC-8 judges when %s', (_what, result, score, good) => {
    const verdict = judge(result, []);
    expect(scoreOf(verdict)).toBe(score);
    expect(isGood(verdict)).toBe(good);
  });

  it('SEC-8 names each survivor by what it changes, with the reason why it may', () => {
    const block = mutant('Survived', '{}', [1, 13], [5, 2]);
    const { survivors } = judge(report(block, mutant('Survived'), ...killed(1)), [accepted]);
    expect(survivors).toEqual([
      { ...accepted, original: '{\n  run(\n    b,\n  );\n}', replacement: '{}', line: 1, reason: undefined },
      { ...accepted, line: 1 },
    ]);
  });

  it('SEC-8 an accepted survivor counts all the same, and must exist', () => {
    expect(scoreOf(judge(report(...killed(8), mutant('Survived')), [accepted]))).toBeLessThan(90);
    expect(isGood(judge(report(...killed(1)), [accepted]))).toBe(true);
    const gone = { ...accepted, original: 'a >= 2' };
    expect(judge(report(...killed(1)), [gone]).stale).toEqual([gone]);
    expect(isGood(judge(report(...killed(1)), [gone]))).toBe(false);
    expect(isGood(judge(report(...killed(1)), [{ ...gone, file: 'src/not-mutated-this-time.ts' }]))).toBe(true);
  });

  it('SEC-8 every accepted survivor has a reason, and a file', () => {
    const list = JSON.parse(readFileSync(join(ROOT, SURVIVORS_FILE), 'utf8')) as Accepted[];
    expect(list.filter(({ file, reason }) => !existsSync(join(ROOT, file)) || reason.length < 10)).toEqual([]);
  });

  const text = { type: 'StringLiteral', value: 'not signed' };
  const made = { type: 'NewExpression', callee: { type: 'Identifier', name: 'TrustError' } };
  const call = { type: 'CallExpression', callee: { type: 'Identifier', name: 'asString' } };
  const template = (...raw: string[]) => ({
    type: 'TemplateLiteral',
    quasis: raw.map((part) => ({ value: { raw: part } })),
    expressions: [{ type: 'Identifier', name: 'path' }],
  });
  const fix = { type: 'ObjectProperty', key: { type: 'Identifier', name: 'fix' } };
  const pointer = { type: 'StringLiteral', value: '/signed/version' };

  it.each([
    ['the message of an error', { node: text, parent: made, listKey: 'arguments', key: 1 }],
    ['the message of an error', { node: template('x'), parent: made, listKey: 'arguments', key: 1 }],
    ['the fix of an error', { node: text, parent: fix, listKey: undefined, key: 'value' }],
    ['a JSON pointer for a message', { node: pointer, parent: call, listKey: 'arguments', key: 1 }],
    [
      'a JSON pointer for a message',
      { node: template('/signatures/', ''), parent: call, listKey: 'arguments', key: 1 },
    ],
    ['a JSON pointer for a message', { node: template('', '/sig'), parent: call, listKey: 'arguments', key: 1 }],
  ])('SEC-8 leaves out %s', (reason, path) => {
    expect(shouldIgnore(path)).toBe(reason);
  });

  const map = { type: 'NewExpression', callee: { type: 'Identifier', name: 'Map' } };
  it.each([
    ['the code of an error', { node: text, parent: made, listKey: 'arguments', key: 0 }],
    ['its details', { node: { type: 'ObjectExpression' }, parent: made, listKey: 'arguments', key: 2 }],
    ['what another class is made with', { node: text, parent: map, listKey: 'arguments', key: 1 }],
    ['the name of a fix', { node: text, parent: fix, listKey: undefined, key: 'key' }],
    ['a text that is no pointer', { node: text, parent: call, listKey: 'arguments', key: 1 }],
    ['a separator', { node: { ...text, value: '/' }, parent: call, listKey: 'arguments', key: 1 }],
    ['what is looked at', { node: pointer, parent: call, listKey: 'arguments', key: 0 }],
    ['a text put together', { node: template('', '-x'), parent: call, listKey: 'arguments', key: 1 }],
    ['a whole program', { node: { type: 'Program' }, parent: null, listKey: null, key: null }],
  ])('SEC-8 mutates %s', (_what, path) => {
    expect(shouldIgnore(path)).toBeUndefined();
  });
});
