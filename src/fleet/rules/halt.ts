/**
 * Halt rules: when a rollout stops by itself (REL-26, REL-27).
 *
 * A rule watches what failed (failed, rolled back, refused, timed out) or what fell silent (timed out). It halts at a share of the devices
 * that were attempted, cancelled ones left out, once there are enough of them to tell; or at a number of devices. Shares are of devices
 * attempted, not of the group, and not of those that have ended only: failures are reported sooner than successes, and would
 * halt every rollout in its first minutes.
 *
 * Each rule is looked at for the devices that prove who they are, for the others, and for all: so reports that anybody can send may halt
 * a rollout, but success that anybody can claim hides no failure of the rest.
 */
import { areCounts, type Counters, type CountersByProof, sumOf } from './counters.ts';
import { MAX_HALT_DEVICES, MAX_HALT_RULES, SHARE_PARTS } from './limits.ts';
import { asList, asMembers, asNumber, quoted, refuseAs } from './shape.ts';
import { countText, decimalsOf, percentText } from './words.ts';

export type Watched = 'failed' | 'silent';

/** As it is written in JSON and stored. */
export type HaltRule =
  /** Halts when `share` (0.0001 to 0.9999) of at least `minSample` attempted devices is reached. */
  | { readonly watch: Watched; readonly share: number; readonly minSample: number }
  /** Halts at so many devices. */
  | { readonly watch: Watched; readonly count: number };

/**
 * For each phase. A small sample needs a large share: 4 of 8 to 10, 6 of 60, 10 of 200. Of phases of up to 5,000 devices of which 0.5 % fail
 * by chance, 3 in a million halt (computed in halt.test.ts). What a canary of 10 lets through, its gate does not: gates.ts.
 */
export const DEFAULT_HALT_RULES: readonly HaltRule[] = [
  { watch: 'failed', share: 0.4, minSample: 8 },
  { watch: 'failed', share: 0.1, minSample: 60 },
  { watch: 'failed', share: 0.05, minSample: 200 },
  { watch: 'silent', share: 0.03, minSample: 400 },
];

export type Population = 'all' | 'proven' | 'unproven';

/** How a rule stands, for the population that is nearest to halting by it. */
export interface RuleStanding {
  readonly rule: HaltRule;
  readonly population: Population;
  /** Devices that count against the rule, of so many attempted. */
  readonly count: number;
  readonly attempted: number;
  /** How many more in a row would halt it; 0: it halts. */
  readonly moreToHalt: number;
  readonly text: string;
}

export interface HaltVerdict {
  readonly halt: boolean;
  /** The first that halts, else the nearest to it; `null` when the counters or the rules themselves are the reason. */
  readonly rule: HaltRule | null;
  readonly text: string;
  readonly standings: readonly RuleStanding[];
}

/** Halts when in doubt: without rules, and with counters that cannot be. */
export function haltVerdict(rules: readonly HaltRule[], counters: CountersByProof): HaltVerdict {
  if (rules.length === 0) return inDoubt('It has no halt rule.');
  if (!areCounts(counters.proven) || !areCounts(counters.unproven)) return inDoubt('Its counters make no sense.');
  const standings = rules.map((rule) => standingOf(rule, counters));
  const nearest = standings.reduce((best, one) => (one.moreToHalt < best.moreToHalt ? one : best));
  return { halt: nearest.moreToHalt === 0, rule: nearest.rule, text: nearest.text, standings };
}

/**
 * @param json as `JSON.parse` gives it
 * @throws {RulesError} HALT_RULE_MISSING there are none, none about a share that failed, or none about silence; HALT_RULE_INVALID one of
 *   them cannot be understood
 */
export function parseHaltRules(json: unknown): readonly HaltRule[] {
  const list = json === undefined || json === null ? [] : asList(json, '', MAX_HALT_RULES, refuse);
  const rules = list.map((rule, index) => parseRule(rule, `/${index}`));
  if (!rules.some((rule) => rule.watch === 'failed' && 'share' in rule))
    return refuseMissing('', 'no rule halts at a share of failed devices', `For instance ${example('failed')}`);
  if (!rules.some((rule) => rule.watch === 'silent'))
    return refuseMissing('', 'no rule halts when devices fall silent', `For instance ${example('silent')}`);
  return rules;
}

const refuse = refuseAs('HALT_RULE_INVALID');
const refuseMissing = refuseAs('HALT_RULE_MISSING');

function example(watch: Watched): string {
  return JSON.stringify(DEFAULT_HALT_RULES.findLast((rule) => rule.watch === watch));
}

function parseRule(json: unknown, pointer: string): HaltRule {
  const members = asMembers(json, pointer, ['watch', 'share', 'minSample', 'count'], refuse);
  const watch = members.get('watch');
  if (watch !== 'failed' && watch !== 'silent')
    return refuse(`${pointer}/watch`, `found ${quoted(watch)}, expected "failed" or "silent"`);
  const devices = { min: 1, max: MAX_HALT_DEVICES, parts: 1 };
  const isShare = members.has('share') || members.has('minSample');
  if (isShare === members.has('count'))
    return refuse(pointer, 'expected share and minSample, or count', 'To watch both, write two rules');
  if (!isShare) return { watch, count: asNumber(members.get('count'), `${pointer}/count`, devices, refuse) };
  const shares = { min: 1 / SHARE_PARTS, max: 1 - 1 / SHARE_PARTS, parts: SHARE_PARTS };
  const share = asNumber(members.get('share'), `${pointer}/share`, shares, refuse);
  return { watch, share, minSample: asNumber(members.get('minSample'), `${pointer}/minSample`, devices, refuse) };
}

function inDoubt(text: string): HaltVerdict {
  return { halt: true, rule: null, text, standings: [] };
}

function standingOf(rule: HaltRule, { proven, unproven }: CountersByProof): RuleStanding {
  const all = standingFor(rule, 'all', sumOf(proven, unproven));
  if (attemptedOf(unproven) === 0) return all;
  const others = [standingFor(rule, 'proven', proven), standingFor(rule, 'unproven', unproven)];
  return others.reduce((best, one) => (one.moreToHalt < best.moreToHalt ? one : best), all);
}

function standingFor(rule: HaltRule, population: Population, counters: Counters): RuleStanding {
  const count = countOf(rule.watch, counters);
  const attempted = attemptedOf(counters);
  const moreToHalt = 'share' in rule ? moreToShare(rule, count, attempted, counters.moving) : rule.count - count;
  const standing = { rule, population, count, attempted, moreToHalt: Math.max(0, moreToHalt) };
  return { ...standing, text: `${howItStands(standing)}${WHOSE[population]}; ${whatHappens(standing)}.` };
}

function countOf(watch: Watched, { failed, rolledBack, refused, timedOut }: Counters): number {
  return watch === 'silent' ? timedOut : failed + rolledBack + refused + timedOut;
}

/** Cancelled is nobody's fault. Counters that are read while they change may not add up: the larger number is taken. */
function attemptedOf(counters: Counters): number {
  const parts = counters.confirmed + countOf('failed', counters) + counters.moving;
  return Math.max(counters.attempted - counters.cancelled, parts);
}

/**
 * The smallest number of further devices, one after the other, that would reach the share. Those that are moving fail first: they are
 * attempted already. Each makes the share and the sample larger or leaves them, so the number can be found by halving.
 */
function moreToShare(
  { share, minSample }: { readonly share: number; readonly minSample: number },
  count: number,
  attempted: number,
  moving: number,
): number {
  const limitParts = Math.round(share * SHARE_PARTS);
  const halts = (more: number): boolean => {
    const sample = attempted + Math.max(0, more - moving);
    return sample >= minSample && (count + more) * SHARE_PARTS >= limitParts * sample;
  };
  if (halts(0)) return 0;
  let [tooFew, enough] = [0, 1];
  while (!halts(enough) && enough < Number.MAX_SAFE_INTEGER) [tooFew, enough] = [enough, enough * 2];
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (halts(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

const WORD = { failed: 'failed', silent: 'fell silent' } as const;
const WHOSE = {
  all: '',
  proven: ', counting only devices that prove who they are',
  unproven: ', counting only devices that do not prove who they are',
} as const;

type Numbers = Omit<RuleStanding, 'text'>;

function howItStands({ rule, count, attempted }: Numbers): string {
  if ('count' in rule) return `${countText(count)} of ${countText(rule.count)} devices ${WORD[rule.watch]}`;
  const decimals = decimalsOf(rule.share, 1);
  const limit = percentText(Math.round(rule.share * SHARE_PARTS), SHARE_PARTS, decimals);
  const of = `${countText(count)} of ${countText(attempted)} attempted devices`;
  if (attempted < rule.minSample)
    return `${of} ${WORD[rule.watch]}, too few to judge: the rule is ${limit} of at least ${countText(rule.minSample)}`;
  return `${percentText(count, attempted, decimals)} of ${limit} ${WORD[rule.watch]} (${of})`;
}

function whatHappens({ moreToHalt }: Numbers): string {
  if (moreToHalt === 0) return 'this halts it';
  return `${countText(moreToHalt)} more${moreToHalt === 1 ? '' : ' in a row'} would halt it`;
}
