/**
 * From text to filter: recursive descent over tokens, one token ahead, never back.
 *
 *   filter = all { "or" all }        all = one { "and" one }        one = "not" one | "(" filter ")" | test
 *   test   = field ( == | != | < | <= | > | >= ) value | field "in" "(" value { "," value } ")"
 *          | field "like" value | "lastSeen" "within" duration
 */
import { nearest } from '../../core/nearest.ts';
import { printable } from '../../core/text.ts';
import { isVersion } from '../../core/version.ts';
import type { Assurance } from '../model.ts';
import type { RulesError } from './errors.ts';
import {
  DURATION_UNITS,
  type Field,
  type FieldName,
  type Filter,
  OPERATORS_OF,
  type Operator,
  RESERVED,
} from './filter-model.ts';
import { printField, printFilter } from './filter-print.ts';
import { misread, misreadToken, type Token, tokensOf } from './filter-tokens.ts';
import {
  MAX_FILTER_CHARACTERS,
  MAX_FILTER_DEPTH,
  MAX_FILTER_DURATION_MS,
  MAX_FILTER_VALUE_CHARACTERS,
  MAX_FILTER_VALUES,
  MAX_TAG_NAME_CHARACTERS,
} from './limits.ts';

const FIELD_NAMES = Object.keys(OPERATORS_OF) as readonly FieldName[];
const OPERATORS: readonly Operator[] = ['==', '!=', '<', '<=', '>', '>=', 'in', 'like', 'within'];
const ASSURANCES: readonly Assurance[] = ['proven', 'bearer', 'claimed', 'anonymous'];
const DURATION = /^([1-9][0-9]{0,8})([smhdw])$/;

/** How other languages spell ours. */
const FOREIGN = new Map([
  ['=', '=='],
  ['===', '=='],
  ['<>', '!='],
  ['!==', '!='],
  ['=<', '<='],
  ['=>', '>='],
  ['~', 'like'],
  ['=~', 'like'],
  ['&', 'and'],
  ['&&', 'and'],
  ['|', 'or'],
  ['||', 'or'],
  [',', 'and'],
  [';', 'and'],
  ['!', 'not'],
]);

/**
 * @param text 1 to 4,096 characters, in its canonical spelling as well
 * @throws {RulesError} FILTER_SYNTAX a word is out of place; FILTER_FIELD there is no such field; FILTER_OPERATOR the field cannot be
 *   compared like that; FILTER_VALUE nor with that; FILTER_LIMIT too long, too deep, or too many values
 */
export function parseFilter(text: string): Filter {
  requireShort(text, 'as written');
  const filter = new FilterParser(text).filter();
  // What was taken in is printed, stored and read again.
  requireShort(printFilter(filter), 'in its canonical spelling');
  return filter;
}

function requireShort({ length }: { readonly length: number }, how: string): void {
  if (length <= MAX_FILTER_CHARACTERS) return;
  const found = `${length} characters`;
  throw misread(
    'FILTER_LIMIT',
    '',
    0,
    found,
    `at most ${MAX_FILTER_CHARACTERS} ${how}`,
    'Put the devices into a group',
  );
}

class FilterParser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #values = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  filter(): Filter {
    const filter = this.#any(0);
    if (this.#peek().kind !== 'end') this.#fail('FILTER_SYNTAX', 'and, or, or the end', ['and', 'or']);
    return filter;
  }

  #any(depth: number): Filter {
    return this.#list('or', () => this.#all(depth));
  }

  #all(depth: number): Filter {
    return this.#list('and', () => this.#one(depth));
  }

  #list(kind: 'and' | 'or', read: () => Filter): Filter {
    const first = read();
    const rest: Filter[] = [];
    while (this.#takeWord(kind)) rest.push(read());
    const [second, ...others] = rest;
    return second ? { kind, filters: [first, second, ...others] } : first;
  }

  #one(depth: number): Filter {
    if (depth > MAX_FILTER_DEPTH)
      this.#fail('FILTER_LIMIT', `at most ${MAX_FILTER_DEPTH} parentheses and "not" inside each other`);
    if (this.#takeWord('not')) return { kind: 'not', filter: this.#one(depth + 1) };
    if (!this.#takeSymbol('(')) return this.#test();
    const filter = this.#any(depth + 1);
    if (!this.#takeSymbol(')')) this.#fail('FILTER_SYNTAX', 'and, or, or )', ['and', 'or']);
    return filter;
  }

  #test(): Filter {
    const field = this.#field();
    const operator = this.#operator(field);
    switch (operator) {
      case 'in':
        return { kind: 'in', field, values: this.#valueList(field) };
      case 'like':
        return { kind: 'like', field, pattern: this.#words('a pattern', true) };
      case 'within':
        return { kind: 'within', field, durationMs: this.#duration() };
      default:
        return { kind: 'compare', field, operator, value: this.#value(field) };
    }
  }

  #field(): Field {
    const token = this.#peek();
    if (token.kind !== 'word' || RESERVED.includes(token.text))
      this.#fail('FILTER_SYNTAX', 'a field, not or (', ['not']);
    const { text } = token;
    if (text.startsWith('tag.')) return this.#tag(text.slice('tag.'.length));
    const name = FIELD_NAMES.find((known) => known === text);
    if (name === undefined || name === 'tag') throw this.#unknownField(token);
    this.#next += 1;
    if (name !== 'version') return { name };
    if (!this.#takeSymbol('(')) return { name, component: null };
    const component = this.#words('a component', false);
    if (!this.#takeSymbol(')')) this.#fail('FILTER_SYNTAX', ')');
    return { name, component };
  }

  #tag(tag: string): Field {
    if (tag === '' || tag.includes('*') || tag.length > MAX_TAG_NAME_CHARACTERS) {
      const expected = `tag. and a name of 1 to ${MAX_TAG_NAME_CHARACTERS} letters, digits or _ . + : / @ -`;
      this.#fail('FILTER_FIELD', expected);
    }
    this.#next += 1;
    return { name: 'tag', tag };
  }

  #unknownField(token: Token): RulesError {
    const [head = '', ...rest] = token.text.split('.');
    const meant = nearest(head, FIELD_NAMES);
    const spelled =
      meant === 'tag'
        ? `tag.${rest.join('.') || 'NAME'}`
        : meant === 'version' && rest.length > 0
          ? `version(${rest.join('.')})`
          : meant;
    return misreadToken(
      'FILTER_FIELD',
      this.#text,
      token,
      'protocol, identity, hardware, group, channel, tag.NAME, version, version(COMPONENT), lastSeen or assurance',
      spelled === undefined ? undefined : `Did you mean ${spelled}?`,
    );
  }

  #operator(field: Field): Operator {
    const token = this.#peek();
    const taken: readonly Operator[] = OPERATORS_OF[field.name];
    const operator = token.kind === 'string' ? undefined : OPERATORS.find((known) => known === token.text);
    if (operator === undefined) {
      const isNotIn = token.kind === 'word' && token.text === 'not';
      const fix = isNotIn ? `Write not in front: not ${printField(field)} in (…)` : undefined;
      this.#fail('FILTER_SYNTAX', anyOf(taken), taken, fix);
    }
    if (!taken.includes(operator)) this.#fail('FILTER_OPERATOR', `${anyOf(taken)} behind ${field.name}`);
    this.#next += 1;
    return operator;
  }

  #valueList(field: Field): readonly [string, ...string[]] {
    if (!this.#takeSymbol('(')) this.#fail('FILTER_SYNTAX', '(');
    const first = this.#value(field);
    const rest: string[] = [];
    while (this.#takeSymbol(',')) rest.push(this.#value(field));
    if (!this.#takeSymbol(')')) this.#fail('FILTER_SYNTAX', 'a comma or )');
    return [first, ...rest];
  }

  #value(field: Field): string {
    const token = this.#peek();
    const value = this.#words('a value', false);
    if (field.name === 'version' && !isVersion(value))
      throw misreadToken('FILTER_VALUE', this.#text, token, 'a version: 1 to 64 ASCII characters, no space, no slash');
    if (field.name === 'assurance' && !ASSURANCES.some((known) => known === value)) {
      const meant = nearest(value, ASSURANCES);
      const fix = meant === undefined ? undefined : `Did you mean ${meant}?`;
      throw misreadToken('FILTER_VALUE', this.#text, token, anyOf(ASSURANCES), fix);
    }
    return value;
  }

  /** A bare word or a string. @param isPattern whether a bare `*` has a meaning */
  #words(what: string, isPattern: boolean): string {
    const token = this.#peek();
    const { kind, text } = token;
    const isReserved = kind === 'word' && RESERVED.includes(text);
    if (isReserved || (kind !== 'word' && kind !== 'string')) {
      const fix = isReserved ? `Quote it, if it is meant as a value: "${text}"` : 'Quote what has other characters';
      this.#fail('FILTER_SYNTAX', what, [], fix);
    }
    if (kind === 'word' && text.includes('*') && !isPattern)
      this.#fail('FILTER_VALUE', `${what} without *`, [], 'Write like for a pattern; quote it, if * itself is meant');
    if (text.length > MAX_FILTER_VALUE_CHARACTERS)
      this.#fail('FILTER_LIMIT', `${what} of at most ${MAX_FILTER_VALUE_CHARACTERS} characters`);
    if (!text.isWellFormed() || printable(text) !== text)
      this.#fail('FILTER_VALUE', `${what} whose characters are seen`);
    this.#values += 1;
    if (this.#values > MAX_FILTER_VALUES)
      this.#fail('FILTER_LIMIT', `at most ${MAX_FILTER_VALUES} values`, [], 'Put the devices into a group');
    this.#next += 1;
    return text;
  }

  #duration(): number {
    const { kind, text } = this.#peek();
    const [, digits, letter] = (kind === 'word' && DURATION.exec(text)) || [];
    const unitMs = DURATION_UNITS.find(([unit]) => unit === letter)?.[1] ?? 0;
    const durationMs = Number(digits) * unitMs;
    // `not <=`: what is no duration is NaN
    if (!(durationMs <= MAX_FILTER_DURATION_MS))
      this.#fail('FILTER_VALUE', 'a duration of at most 3650d: digits with s, m, h, d or w', [], 'For instance 2h');
    this.#values += 1;
    this.#next += 1;
    return durationMs;
  }

  #peek(): Token {
    const token = this.#tokens[this.#next];
    if (!token) throw new Error('read beyond the end of a filter');
    return token;
  }

  #takeWord(text: string): boolean {
    return this.#take('word', text);
  }

  #takeSymbol(text: string): boolean {
    return this.#take('symbol', text);
  }

  #take(kind: Token['kind'], text: string): boolean {
    const token = this.#peek();
    if (token.kind !== kind || token.text !== text) return false;
    this.#next += 1;
    return true;
  }

  /** At the next token. @param known words that may have been meant */
  #fail(code: RulesError['code'], expected: string, known: readonly string[] = [], fix?: string): never {
    throw misreadToken(code, this.#text, this.#peek(), expected, fix ?? hint(this.#peek(), known));
  }
}

function hint({ kind, text }: Token, known: readonly string[]): string | undefined {
  const foreign = kind === 'symbol' ? FOREIGN.get(text) : undefined;
  if (foreign !== undefined && known.includes(foreign)) return `Write ${foreign}`;
  const meant = kind === 'word' ? nearest(text, known) : undefined;
  return meant === undefined ? undefined : `Did you mean ${meant}?`;
}

function anyOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
