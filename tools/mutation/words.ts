/**
 * Stryker plugin: leaves out what is said to people, so that no test has to pin a wording.
 *
 * That is the message and the `fix` of an error, and the JSON pointers that readers get for their messages. Codes, faults and details
 * are mutated like all other code.
 */

/** The part of Babel's `NodePath` that is looked at. */
export interface SyntaxPath {
  readonly node: SyntaxNode;
  readonly parent: SyntaxNode | null;
  /** Name of the property of `parent` that holds the node, or its index in the list `listKey`. */
  readonly key: string | number | null;
  readonly listKey: string | null | undefined;
}

export interface SyntaxNode {
  readonly type: string;
  readonly name?: unknown;
  readonly value?: unknown;
  readonly callee?: SyntaxNode;
  readonly key?: SyntaxNode;
  readonly quasis?: readonly { readonly value: { readonly raw: string } }[];
  readonly expressions?: readonly SyntaxNode[];
}

const POINTER = /^\/[a-z]/;

/** @returns why mutants of this node do not count, `undefined` when they do */
export function shouldIgnore(path: SyntaxPath): string | undefined {
  if (isMessage(path)) return 'the message of an error';
  if (isFix(path)) return 'the fix of an error';
  return isPointer(path) ? 'a JSON pointer for a message' : undefined;
}

/** What Stryker looks for in a plugin module. */
export const strykerPlugins = [{ kind: 'Ignore', name: 'words', value: { shouldIgnore } }];

function isMessage({ parent, key, listKey }: SyntaxPath): boolean {
  const made = parent?.type === 'NewExpression' ? parent.callee?.name : undefined;
  return typeof made === 'string' && made.endsWith('Error') && listKey === 'arguments' && key === 1;
}

function isFix({ parent, key }: SyntaxPath): boolean {
  return parent?.type === 'ObjectProperty' && parent.key?.name === 'fix' && key === 'value';
}

/** `'/signed/version'` or `${path}/sig`, handed on beside the value that it names. */
function isPointer({ node, key, listKey }: SyntaxPath): boolean {
  if (listKey !== 'arguments' || key === 0) return false;
  if (node.type === 'StringLiteral') return typeof node.value === 'string' && POINTER.test(node.value);
  if (node.type !== 'TemplateLiteral') return false;
  const [head = '', next = ''] = (node.quasis ?? []).map(({ value }) => value.raw);
  return POINTER.test(head) || (head === '' && node.expressions?.[0]?.name === 'path' && POINTER.test(next));
}
