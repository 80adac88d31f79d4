/** Reading TypeScript just far enough to know what is code: strings, comments and regular expressions apart. */
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

export interface Token {
  readonly kind: 'code' | 'string' | 'comment' | 'regex';
  readonly text: string;
}

/** A regular expression may begin where a value may begin. */
const BEFORE_REGEX = /(?:^|[=(,:;[!&|?{}+\-*%~^<>]|\b(?:return|typeof|case|of|in|void|throw|new|yield|await))\s*$/;

/** Templates count as strings as a whole; what stands in `${}` inside of them is not looked at. */
export function tokens(source: string): readonly Token[] {
  const found: Token[] = [];
  let code = '';
  const push = (kind: Token['kind'], text: string) => {
    if (code !== '') found.push({ kind: 'code', text: code });
    code = '';
    found.push({ kind, text });
  };
  for (let at = 0; at < source.length; ) {
    const rest = source.slice(at);
    const special =
      match('comment', /^\/\/[^\n]*/, rest) ??
      match('comment', /^\/\*[\s\S]*?\*\//, rest) ??
      match('string', /^'(?:[^'\\\n]|\\[\s\S])*'/, rest) ??
      match('string', /^"(?:[^"\\\n]|\\[\s\S])*"/, rest) ??
      match('string', /^`(?:[^`\\]|\\[\s\S])*`/, rest) ??
      (BEFORE_REGEX.test(code.slice(-40) || lastCode(found))
        ? match('regex', /^\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/, rest)
        : undefined);
    if (special) {
      push(special.kind, special.text);
      at += special.text.length;
    } else {
      code += source.charAt(at);
      at += 1;
    }
  }
  if (code !== '') found.push({ kind: 'code', text: code });
  return found;
}

export function withoutComments(source: string): string {
  return tokens(source)
    .map(({ kind, text }) => (kind === 'comment' ? ' ' : text))
    .join('');
}

/** Paths below the root (posix) to text. */
export function readSources(patterns: readonly string[], exclude: RegExp): ReadonlyMap<string, string> {
  const files = globSync([...patterns], { cwd: ROOT }).map((file) => file.replaceAll('\\', '/'));
  return new Map(
    files.filter((file) => !exclude.test(file)).map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]),
  );
}

function match(kind: Token['kind'], pattern: RegExp, text: string): Token | undefined {
  const found = pattern.exec(text)?.[0];
  return found === undefined ? undefined : { kind, text: found };
}

function lastCode(found: readonly Token[]): string {
  return found.findLast(({ kind }) => kind === 'code')?.text.slice(-40) ?? '';
}
