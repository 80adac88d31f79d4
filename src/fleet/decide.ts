/**
 * What a device is offered, and why: a pure function of what is known of the device, of the plan, and of the time.
 *
 * Per component the newest rollout is looked at first; the first that passes every rule makes the offer. The trace names each rule
 * in order with the values compared; its codes are stable.
 */
import { compareVersions, isVersion } from '../core/version.ts';
import type { Artifact, Decision, DeviceView, Offer, TraceStep } from './model.ts';
import { isInPhase } from './phase.ts';
import type { Candidate, Plan } from './plan.ts';
import type { ProtocolTraits } from './ports.ts';

interface Question {
  readonly view: DeviceView;
  readonly candidate: Candidate;
  readonly plan: Plan;
  readonly nowMs: number;
  readonly traits: ProtocolTraits;
  /** `null`: the device does not know, or never said. */
  readonly installed: string | null;
}

type Rule = (question: Question) => TraceStep;

/** In this order; the first that does not pass ends the candidate. */
const RULES: readonly Rule[] = [
  rolloutRuns,
  hardwareMatches,
  imageIsSigned,
  versionIsNew,
  versionIsNoDowngrade,
  phaseIsOpen,
  payloadFits,
];

export function decide(view: DeviceView, plan: Plan, traits: ProtocolTraits, nowMs: number): Decision {
  const offers: Offer[] = [];
  const trace: TraceStep[] = [];
  for (const component of componentsOf(view, plan)) {
    const candidates = plan.candidates(view.tenant, component);
    if (candidates.length === 0) trace.push(no('rollout.exists', `no rollout concerns ${component}`));
    for (const candidate of candidates) {
      const installed = view.installed.get(component) ?? null;
      const steps = judge({ view, candidate, plan, traits, nowMs, installed });
      trace.push(...steps);
      if (!steps.at(-1)?.passed) continue;
      offers.push(offerOf(candidate, component, view.hardware));
      break;
    }
  }
  return { offers, trace };
}

function componentsOf(view: DeviceView, plan: Plan): readonly string[] {
  return view.installed.size > 0 ? [...view.installed.keys()] : plan.components(view.tenant);
}

function judge(question: Question): TraceStep[] {
  const steps: TraceStep[] = [];
  for (const rule of RULES) {
    const step = rule(question);
    steps.push(step);
    if (!step.passed) break;
  }
  return steps;
}

function rolloutRuns({ candidate: { rollout, release } }: Question): TraceStep {
  const text = `rollout ${rollout.id} of ${release.component} ${release.version} is ${rollout.state}`;
  return rollout.state === 'running' ? yes('rollout.running', text) : no('rollout.running', text);
}

function hardwareMatches({ view, candidate: { release } }: Question): TraceStep {
  const has = artifactFor(release.artifacts, view.hardware) !== undefined;
  const made = release.artifacts.map(({ hardware }) => hardware).join(', ');
  return step('hardware.matches', has, `the device is ${view.hardware}, the release is made for ${made}`);
}

/** Nothing is offered that valid targets metadata does not name, by digest and length (design section 4). */
function imageIsSigned({ view, candidate: { release }, plan, nowMs }: Question): TraceStep {
  const artifact = artifactFor(release.artifacts, view.hardware);
  const signed = artifact && plan.endorsement(view.tenant, artifact);
  if (!artifact || !signed) return no('image.signed', 'no published metadata names its image');
  if (signed.sha256 !== artifact.sha256 || signed.lengthBytes !== artifact.lengthBytes)
    return no('image.signed', `its image is ${artifact.sha256}, ${signed.sha256} was signed`);
  const until = new Date(signed.expiresAtMs).toISOString();
  return step('image.signed', nowMs < signed.expiresAtMs, `its image is signed, valid until ${until}`);
}

function versionIsNew({ installed, candidate: { release } }: Question): TraceStep {
  const text = `it runs ${installed ?? 'an unknown version'}, the release is ${release.version}`;
  return step('version.differs', installed !== release.version, text);
}

/** Text that is no version cannot be compared; such a device is treated as one that does not know. */
function versionIsNoDowngrade({ installed, candidate: { release } }: Question): TraceStep {
  const isUp = installed === null || !isVersion(installed) || compareVersions(installed, release.version) <= 0;
  return step(
    'version.no-downgrade',
    isUp,
    `${release.version} ${isUp ? 'is not' : 'is'} older than ${installed ?? 'nothing known'}`,
  );
}

function phaseIsOpen({ view, candidate: { rollout } }: Question): TraceStep {
  const index = rollout.phases.findIndex((phase) => isInPhase(phase, rollout.id, view));
  const phase = rollout.phases[index];
  if (!phase) return no('phase.open', `it belongs to none of the ${rollout.phases.length} phases`);
  const isOpen = index < rollout.openPhases;
  return step(
    'phase.open',
    isOpen,
    `it belongs to phase ${index + 1} "${phase.name}", which is ${isOpen ? 'open' : 'closed'}`,
  );
}

function payloadFits({ view, candidate: { release }, traits }: Question): TraceStep {
  const artifact = artifactFor(release.artifacts, view.hardware);
  const objection = artifact && traits.objection(view.facts, artifact);
  if (objection) return no(objection.code, objection.text);
  return yes('payload.fits', `${traits.name} can carry the image to it`);
}

function offerOf({ rollout, release }: Candidate, component: string, hardware: string): Offer {
  const artifact = artifactFor(release.artifacts, hardware);
  if (!artifact) throw new Error('an offer without an artifact: rule hardware.matches comes first');
  return { component, rolloutId: rollout.id, releaseId: release.id, version: release.version, artifact };
}

function artifactFor(artifacts: readonly Artifact[], hardware: string): Artifact | undefined {
  return artifacts.find((artifact) => artifact.hardware === hardware);
}

function step(code: string, passed: boolean, text: string): TraceStep {
  return { code, passed, text };
}

function yes(code: string, text: string): TraceStep {
  return step(code, true, text);
}

function no(code: string, text: string): TraceStep {
  return step(code, false, text);
}
