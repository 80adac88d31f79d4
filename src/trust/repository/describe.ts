/** A signing request in words: what is different once it is published. Derived from the files alone, never from what came with them. */
import { canonicalJson } from '../../core/canonical-json.ts';
import { TUF1 } from '../tuf/dialect.ts';
import {
  type Delegation,
  type Delegations,
  type Root,
  readTargets,
  type Target,
  type Targets,
  type TopRole,
} from '../tuf/roles.ts';
import { writeTime } from '../tuf/shape.ts';
import { BINS, isOwnRole } from './draft.ts';
import { type FileReview, holder, type Review } from './review.ts';

const TOP_ROLES: readonly TopRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

/** One sentence per change; files that only get a new version and a new expiry are counted together. */
export function describe(review: Review): readonly string[] {
  const lines: string[] = [];
  const unchanged: FileReview[] = [];
  if (review.nextRoot) lines.push(...rootWords(review, review.nextRoot));
  for (const file of review.files.filter(({ role }) => role !== 'root')) {
    const words = targetsWords(review, file);
    if (words.length === 0) unchanged.push(file);
    lines.push(...words);
  }
  if (unchanged.length > 0) lines.push(renewedWords(unchanged));
  lines.push(...review.request.body.payloads.map(payloadWords));
  return lines;
}

function rootWords({ before, names }: Review, next: Root): string[] {
  const lines = [`root ${next.version}, valid until ${writeTime(next.expiresAtMs)}`];
  for (const role of TOP_ROLES) lines.push(...roleWords(role, before?.root, next, names));
  if (before && before.root.consistentSnapshot !== next.consistentSnapshot)
    lines.push('root: changes how files are named');
  return lines;
}

function roleWords(role: TopRole, before: Root | undefined, next: Root, names: ReadonlyMap<string, string>): string[] {
  const old = before?.roles[role] ?? { keyIds: [], threshold: 0 };
  const { keyIds, threshold } = next.roles[role];
  const added = keyIds.filter((keyId) => !old.keyIds.includes(keyId));
  const gone = old.keyIds.filter((keyId) => !keyIds.includes(keyId));
  const said = (list: readonly string[]) => list.map((keyId) => holder(keyId, names)).join(', ');
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

function targetsWords({ before }: Review, { role, signed }: FileReview): string[] {
  const old = before?.files.get(role);
  const next = readTargets(signed, TUF1);
  const where = isOwnRole(role) ? '' : `${role}: `;
  const lines = [...entryWords(old, next), ...delegationWords(old?.delegations, next.delegations)];
  if (old && lines.length > 0 && old.expiresAtMs !== next.expiresAtMs)
    lines.push(`${role} is valid until ${writeTime(next.expiresAtMs)}`);
  return lines.map((line) => `${where}${line}`);
}

function entryWords(old: Targets | undefined, next: Targets): string[] {
  const lines: string[] = [];
  for (const [path, target] of next.targets) {
    const was = old?.targets.get(path);
    if (!was) lines.push(`adds ${path}: ${targetWords(target)}`);
    else if (!sameTarget(was, target))
      lines.push(`CHANGES ${path}: from ${targetWords(was)}, to ${targetWords(target)}`);
  }
  for (const path of old?.targets.keys() ?? []) if (!next.targets.has(path)) lines.push(`removes ${path}`);
  return lines;
}

function targetWords({ lengthBytes, hashes, hardwareIds, component, version, custom }: Target): string {
  const digests = [...hashes].map(([algorithm, digest]) => `${algorithm} ${digest}`).join(', ');
  const other = [...custom.keys()].filter((name) => !['hardwareIds', 'component', 'version'].includes(name));
  return [
    `${component ?? 'an image'} ${version ?? 'without a version'}`,
    `for ${hardwareIds.join(', ') || 'no hardware'}`,
    `${lengthBytes} bytes, ${digests}`,
    ...other.map((name) => `${name} ${Buffer.from(canonicalJson(custom.get(name) ?? null)).toString()}`),
  ].join(', ');
}

function sameTarget(one: Target, other: Target): boolean {
  const bytes = ({ lengthBytes, hashes, custom }: Target) => canonicalJson({ lengthBytes, hashes, custom });
  return Buffer.compare(bytes(one), bytes(other)) === 0;
}

function delegationWords(old: Delegations | undefined, next: Delegations | undefined): string[] {
  const lines: string[] = [];
  for (const role of next?.roles ?? []) {
    const was = old?.roles.find(({ name }) => name === role.name);
    const words = delegationText(role);
    if (!was) lines.push(`${role.name === BINS ? 'splits targets into' : 'lets'} ${words}`);
    else if (delegationText(was) !== words) lines.push(`CHANGES ${words}; it was: ${delegationText(was)}`);
  }
  for (const { name } of old?.roles ?? []) {
    if (!next?.roles.some((role) => role.name === name)) lines.push(`no longer lets ${name} speak for anything`);
  }
  const order = (delegations: Delegations | undefined) => delegations?.roles.map(({ name }) => name) ?? [];
  const kept = order(old).filter((name) => order(next).includes(name));
  if (
    order(next)
      .filter((name) => kept.includes(name))
      .join() !== kept.join()
  )
    lines.push('changes the priority of suppliers');
  if (next?.succinct && old?.succinct?.bits !== next.succinct.bits)
    lines.push(`splits targets into ${2 ** next.succinct.bits} bins`);
  return lines;
}

function delegationText({
  name,
  keyIds,
  threshold,
  paths,
  hashPrefixes,
  hardwareIds,
  terminating,
}: Delegation): string {
  if (name === BINS) return `bins, signed as targets are`;
  return [
    `${name} speak for ${(paths ?? hashPrefixes ?? []).join(', ')}`,
    `on ${hardwareIds?.join(', ') ?? 'any hardware'}`,
    `signed by ${threshold} of ${keyIds.map((keyId) => keyId.slice(0, 8)).join(', ')}`,
    terminating ? 'and nobody after it' : 'others after it',
  ].join(', ');
}

function renewedWords(files: readonly FileReview[]): string {
  const [first] = files;
  const names = files.length === 1 ? (first?.role ?? '') : `${files.length} files (${first?.role ?? ''} and others)`;
  const expires = files.map(({ signed }) => readTargets(signed, TUF1).expiresAtMs);
  return `signs ${names} anew without changing what ${files.length === 1 ? 'it lists' : 'they list'}, valid until ${writeTime(Math.min(...expires))}`;
}

function payloadWords({ path, scheme, keys, sha256 }: Review['request']['body']['payloads'][number]): string {
  return `${path} (sha256 ${sha256}) gets a ${scheme} signature by ${keys.map((key) => key.slice(0, 8)).join(', ')}`;
}
