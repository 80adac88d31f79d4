import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostileJson, parseAll } from '../test/support/hostile-json.ts';
import { ROOT, readSources, tokens } from '../test/support/source.ts';
import { regexProblem, trapsIn } from '../test/support/traps.ts';

const sources = readSources(['src/**/*.ts', 'tools/*.{ts,mjs}', 'bin/*.js'], /\.test\.ts$/);

/** Everything that a prototype of the language holds. */
function prototypes(): string {
  const all = [Object, Array, String, Number, Boolean, Function, Map, Set, Promise, RegExp, Date, Error, Uint8Array];
  return JSON.stringify(all.map(({ name, prototype }) => [name, Object.getOwnPropertyNames(prototype).toSorted()]));
}

describe('SEC-13 language traps', () => {
  it('SEC-13 no shell, no eval, no require, no regular expression from input', () => {
    expect(sources.size).toBeGreaterThan(90);
    expect([...sources].flatMap(([file, text]) => trapsIn(text).map((trap) => `${file}: ${trap}`))).toEqual([]);
  });

  it.each([
    ["exec('ls ' + name)", 'exec'],
    ["import { execSync } from 'node:child_process'", 'execSync'],
    ["spawn('ls', { shell: true })", 'shell: true'],
    ["eval('1')", 'eval'],
    ["new Function('return 1')", 'new Function'],
    ["import vm from 'node:vm'", 'node:vm'],
    ["require('./x.js')", 'require'],
    ['new RegExp(input)', 'RegExp'],
    ['RegExp(input)', 'RegExp'],
    ['object.__proto__ = other', '__proto__'],
  ])('SEC-13 sees %s', (text, trap) => {
    expect(trapsIn(text).join()).toContain(trap);
  });

  it('SEC-13 every regular expression is linear', () => {
    const found = [...sources].flatMap(([file, text]) =>
      tokens(text)
        .filter(({ kind }) => kind === 'regex')
        .map((token) => ({ file, text: token.text })),
    );
    expect(found.length).toBeGreaterThan(30);
    expect(
      found.flatMap(({ file, text }) => (regexProblem(text) ? [`${file}: ${text} ${regexProblem(text)}`] : [])),
    ).toEqual([]);
  });

  it.each([
    '/(a+)+$/',
    '/(a*)*b/',
    '/(?:a|a)+$/',
    '/([a-z]+)*x/',
    '/(a|ab)*c/',
    '/(\\w+\\s?)*$/',
    '/(.*)=(\\1)/',
    '/^(?:x+y*)+$/',
    '/\\d+\\d+x/',
    '/.*.*=/',
  ])('SEC-13 sees that %s is not', (regex) => {
    expect(regexProblem(regex)).toBeTypeOf('string');
  });

  it('SEC-13 hostile names change no prototype, with and without __proto__', () => {
    const before = prototypes();
    const outcome = parseAll(hostileJson('traps'));
    expect(prototypes()).toBe(before);
    expect(outcome.parsed).toBeGreaterThan(500);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    const child = spawnSync(process.execPath, ['--disable-proto=delete', join(ROOT, 'test/support/hostile-json.ts')], {
      encoding: 'utf8',
    });
    expect(child.stderr).toBe('');
    expect(JSON.parse(child.stdout)).toEqual(outcome);
  });
});
