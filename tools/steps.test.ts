import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDir } from '../test/support/ports.ts';
import { findProgram, skipped } from './programs.ts';
import { checkStep, countReport } from './steps.ts';

describe('DESIGN-8 the test runner', () => {
  it.each([
    [
      'all is well',
      { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0 },
      0,
      { passed: 3, failed: 0, skipped: 1 },
    ],
    [
      'tests fail',
      { numPassedTests: 3, numFailedTests: 2, numPendingTests: 0, numTodoTests: 1 },
      1,
      { passed: 3, failed: 2, skipped: 1 },
    ],
    ['a file does not load', { numPassedTests: 3, numFailedTests: 0 }, 1, { passed: 3, failed: 1, skipped: 0 }],
    ['nothing ran', { numPassedTests: 0, numFailedTests: 0 }, 0, { passed: 0, failed: 1, skipped: 0 }],
    ['the runner died', undefined, null, { passed: 0, failed: 1, skipped: 0 }],
  ])('DESIGN-8 counts when %s', (_what, report, code, count) => {
    expect(countReport(report, code)).toEqual(count);
  });

  it('DESIGN-8 a check that throws is one failure', async () => {
    expect(await checkStep('fine', () => undefined).run()).toEqual({ passed: 1, failed: 0, skipped: 0 });
    const failing = checkStep('broken', () => {
      throw new Error('install it');
    });
    expect(await failing.run()).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('DESIGN-8 finds programs on the PATH, executable files alone', () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, 'bin'));
    writeFileSync(join(dir, 'bin', 'tool'), '', { mode: 0o755 });
    writeFileSync(join(dir, 'bin', 'text'), '', { mode: 0o644 });
    expect(findProgram('tool', `${dir}:${join(dir, 'bin')}`)).toBe(join(dir, 'bin', 'tool'));
    expect([findProgram('text', join(dir, 'bin')), findProgram('none', join(dir, 'bin'))]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('DESIGN-8 goes without exactly what was named', () => {
    expect([...skipped({ SEALIFT_TEST_SKIP: 'curl, openssl,' })]).toEqual(['curl', 'openssl']);
    expect([...skipped({})]).toEqual([]);
  });
});
