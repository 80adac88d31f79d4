/**
 * A signing request in words: what is different once it is published. Derived from the files alone, never from what came with them.
 *
 * Whoever signs reads nothing else, so nothing may go unsaid: reviewRequest lets only files pass that say what we read, and here is
 * a word for all of that. Names from elsewhere are quoted as soon as they could be taken for words of ours.
 */
import { canonicalJson } from '../../core/canonical-json.ts';
import { printable } from '../../core/text.ts';
import type { Delegation, Delegations, Root, Target, Targets, TopRole } from '../tuf/roles.ts';
import { writeTime } from '../tuf/shape.ts';
import type { RoleKeys } from '../tuf/threshold.ts';
import { isOwnRole } from './draft.ts';
import type { Review } from './review.ts';

const TOP_ROLES: readonly TopRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

/** One sentence per change; files that begin empty, or only get a new version and a new expiry, are counted together. */
export function describe(review: Review): readonly string[] {
  const lines = review.nextRoot ? rootWords(review, review.nextRoot) : [];
  const quiet: Quiet[] = [];
  for (const { role, targets } of review.files) {
    if (!targets) continue;
    const words = targetsWords(review, role, targets);
    if (words.length === 0) quiet.push({ role, was: before(review, role), until: untilWords(targets) });
    lines.push(...words);
  }
  for (const files of Map.groupBy(quiet, ({ was, until }) => `${was} ${until}`).values()) lines.push(quietWords(files));
  lines.push(...review.request.body.payloads.map(payloadWords));
  return lines.map(printable);
}

/** A file of which there is nothing to say but that it is signed. */
interface Quiet {
  readonly role: string;
  readonly was: 'there' | 'never' | 'gone';
  readonly until: string;
}

/** A supplier that comes back has versions, but no file that counted until now. */
function before({ before: published }: Review, role: string): Quiet['was'] {
  if (published?.files.has(role)) return 'there';
  return published?.versions.has(role) ? 'gone' : 'never';
}

function rootWords({ before, names }: Review, next: Root): string[] {
  const lines: string[] = [];
  for (const role of TOP_ROLES) lines.push(...roleWords(role, before?.root, next, names));
  for (const keyId of next.keys.keys()) {
    const [was, is] = [before?.names.get(keyId) ?? '', names.get(keyId) ?? ''];
    if (before?.root.keys.has(keyId) && was !== is)
      lines.push(`key ${keyId} is said to be of ${named(is)}, it was of ${named(was)}`);
  }
  const root = `root ${next.version}, ${untilWords(next)}`;
  return lines.length === 0 ? [`signs root anew without changing keys and thresholds: ${root}`] : [root, ...lines];
}

function roleWords(role: TopRole, before: Root | undefined, next: Root, names: ReadonlyMap<string, string>): string[] {
  const old = before?.roles[role] ?? { keyIds: [], threshold: 0 };
  const { keyIds, threshold } = next.roles[role];
  const added = keyIds.filter((keyId) => !old.keyIds.includes(keyId));
  const gone = old.keyIds.filter((keyId) => !keyIds.includes(keyId));
  const said = (list: readonly string[]) =>
    list.map((keyId) => `${named(names.get(keyId) ?? '')} (${named(keyId)})`).join(', ');
  return [
    ...(added.length > 0 ? [`${role}: adds key ${said(added)}`] : []),
    ...(gone.length > 0 ? [`${role}: removes key ${said(gone)}`] : []),
    ...(old.threshold === threshold
      ? []
      : [`${role}: ${threshold} of ${keyIds.length} must sign${wasWords(old.threshold)}`]),
  ];
}

function wasWords(threshold: number): string {
  return threshold === 0 ? '' : `, it was ${threshold}`;
}

function targetsWords({ before, nextRoot }: Review, role: string, next: Targets): string[] {
  const old = before?.files.get(role);
  const was = { delegations: old?.delegations, own: before?.root.roles.targets };
  const is = { delegations: next.delegations, own: (nextRoot ?? before?.root)?.roles.targets };
  const lines = [...entryWords(old, next), ...delegationWords(was, is), ...binWords(was, is)];
  if (lines.length === 0) return [];
  const where = isOwnRole(role) ? '' : `${named(role)}: `;
  const until = old?.expiresAtMs === next.expiresAtMs ? [] : [`${named(role)} is ${untilWords(next)}`];
  return [...lines.map((line) => `${where}${line}`), ...until];
}

function untilWords({ expiresAtMs }: { readonly expiresAtMs: number }): string {
  return `valid until ${writeTime(expiresAtMs)}`;
}

function entryWords(old: Targets | undefined, next: Targets): string[] {
  const lines: string[] = [];
  for (const [path, target] of next.targets) {
    const was = old?.targets.get(path);
    if (!was) lines.push(`adds ${named(path)}: ${targetWords(target)}`);
    else if (!sameTarget(was, target))
      lines.push(`CHANGES ${named(path)}: from ${targetWords(was)}, to ${targetWords(target)}`);
  }
  for (const path of old?.targets.keys() ?? []) if (!next.targets.has(path)) lines.push(`removes ${named(path)}`);
  return lines;
}

function targetWords({ lengthBytes, hashes, hardwareIds, component, version, custom }: Target): string {
  const digests = [...hashes].map(([algorithm, digest]) => `${named(algorithm)} ${digest}`).join(', ');
  const other = [...custom.keys()].filter((name) => !['hardwareIds', 'component', 'version'].includes(name));
  return [
    `${component === undefined ? 'an image' : named(component)} ${version === undefined ? 'without a version' : named(version)}`,
    `for ${hardwareIds.map(named).join(', ') || 'no hardware'}`,
    `${lengthBytes} bytes, ${digests}`,
    ...other.map((name) => `${named(name)} ${Buffer.from(canonicalJson(custom.get(name) ?? null)).toString()}`),
  ].join(', ');
}

function sameTarget(one: Target, other: Target): boolean {
  const bytes = ({ lengthBytes, hashes, custom }: Target) => canonicalJson({ lengthBytes, hashes, custom });
  return Buffer.compare(bytes(one), bytes(other)) === 0;
}

/** Delegations at one time, and who signs targets then: our bins are signed by the same, and anything else has to be seen. */
interface Side {
  readonly delegations: Delegations | undefined;
  readonly own: RoleKeys | undefined;
}

function delegationWords(old: Side, next: Side): string[] {
  const lines: string[] = [];
  const texts = ({ delegations, own }: Side) =>
    new Map(delegations?.roles.map((role) => [role.name, delegationText(role, own)]));
  const [before, after] = [texts(old), texts(next)];
  for (const [name, words] of after) {
    const was = before.get(name);
    if (was === undefined) lines.push(`lets ${words}`);
    else if (was !== words) lines.push(`CHANGES who may speak: ${words}; it was: ${was}`);
  }
  for (const name of before.keys())
    if (!after.has(name)) lines.push(`no longer lets ${named(name)} speak for anything`);
  const order = [...after.keys()];
  if (order.length > 1 && JSON.stringify(order) !== JSON.stringify([...before.keys()]))
    lines.push(`asks in this order: ${order.map(named).join(', ')}`);
  return lines;
}

function delegationText(role: Delegation, own: RoleKeys | undefined): string {
  const { name, paths, hashPrefixes, hardwareIds, terminating } = role;
  const what = hashPrefixes
    ? `paths whose digest begins with ${hashPrefixes.join(', ')}`
    : (paths ?? []).map(named).join(', ') || 'no path';
  return [
    `${named(name)} speak for ${what}`,
    `on ${hardwareIds === undefined ? 'any hardware' : hardwareIds.map(named).join(', ') || 'no hardware'}`,
    signersWords(role, own),
    terminating ? 'and nobody after it' : 'others after it',
  ].join(', ');
}

function binWords(old: Side, next: Side): string[] {
  const text = ({ delegations, own }: Side) => {
    const bins = delegations?.succinct;
    return bins && `${2 ** bins.bits} files ${named(bins.namePrefix)}-*, ${signersWords(bins, own)}`;
  };
  const [was, is] = [text(old), text(next)];
  if (was === is) return [];
  if (is === undefined) return [`no longer splits targets into ${was}`];
  return [was === undefined ? `splits targets into ${is}` : `CHANGES how targets are split: ${is}; it was: ${was}`];
}

function signersWords(role: RoleKeys, own: RoleKeys | undefined): string {
  const said = ({ keyIds, threshold }: RoleKeys) => JSON.stringify([threshold, ...keyIds.toSorted()]);
  if (own && said(own) === said(role)) return 'signed as targets are';
  return `signed by ${role.threshold} of ${role.keyIds.map(named).join(', ')}`;
}

/** @param files alike but for their names */
function quietWords(files: readonly Quiet[]): string {
  const [{ role, was, until } = { role: '', was: 'there' as const, until: '' }] = files;
  const isOne = files.length === 1;
  const names = isOne ? named(role) : `${files.length} files (${named(role)} and others)`;
  const words = {
    there: `signs ${names} anew without changing what ${isOne ? 'it lists' : 'they list'}`,
    never: `begins ${names}, which ${isOne ? 'lists' : 'list'} nothing yet`,
    gone: `begins ${names} anew, with nothing listed`,
  };
  return `${words[was]}, ${until}`;
}

function payloadWords(payload: Review['request']['body']['payloads'][number]): string {
  const { path, scheme, keys, sha256, lengthBytes } = payload;
  const by = keys.map((key) => named(key.slice(0, 16))).join(', ') || 'nobody';
  return `${named(path)} (${lengthBytes} bytes, sha256 ${sha256}) gets a ${scheme} signature by ${by}`;
}

/** A name that can be mistaken for nothing else stands as it is. */
const PLAIN = /^[\p{L}\p{N}._/+@*?[\]!-]+$/u;

function named(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}
