/**
 * Gates: when the next phase of a rollout opens by itself.
 *
 * All conditions of a gate must hold. Done are devices that confirmed, not those that ended: a canary that fails opens nothing, however
 * small it is. Only devices that prove who they are count; a phase that has none of them opens by time or by hand only, since a
 * report that anybody can send must not advance a rollout. Opening a phase by hand against its gate is a command, not a gate.
 */
import type { CountersByProof } from './counters.ts';
import { CANARY_SHARE, MAX_SOAK_MS, MIN_CANARY_DEVICES, SHARE_PARTS } from './limits.ts';
import { asMembers, asNumber, quoted, refuseAs } from './shape.ts';
import { decimalsOf, durationText, percentText } from './words.ts';

/** As it is written in JSON and stored; at least one member. */
export interface Gate {
  /** Somebody has to say so. */
  readonly byHand?: true;
  /** Of the devices of the phase before, 0.0001 to 1: so many have confirmed. */
  readonly doneShare?: number;
  /** Since the phase before was opened; with `doneShare`, since that share was reached. */
  readonly soakMs?: number;
}

/** Of the phase before. */
export interface GateFacts {
  /** Devices of it that prove who they are, whether they have been attempted or not. */
  readonly devices: number;
  readonly counters: CountersByProof;
  readonly isOpenedByHand: boolean;
  /** `null`: it is closed itself. */
  readonly openedAtMs: number | null;
  /** When the share was first reached, kept by the caller; `null`: never, or the gate names none. */
  readonly doneAtMs: number | null;
}

export interface GateState {
  readonly open: boolean;
  /** One line: why it is open, or all that is missing. */
  readonly text: string;
  /** What is missing, in words; empty when it is open. */
  readonly missing: readonly string[];
}

/** Devices of a canary unless somebody says otherwise: 10, or 1 % of a large fleet, rounded down (REL-26). */
export function defaultCanaryDevices(devices: number): number {
  return Math.min(devices, Math.max(MIN_CANARY_DEVICES, Math.floor(devices * CANARY_SHARE)));
}

/** @param nowMs of a clock that the caller trusts: one that jumps ahead ends every soak */
export function gateState(gate: Gate, facts: GateFacts, nowMs: number): GateState {
  const { openedAtMs } = facts;
  if (openedAtMs === null) return closed(['the phase before is closed']);
  const missing = [
    ...missingDone(gate, facts),
    ...missingSoak(gate, facts, openedAtMs, nowMs),
    ...missingHand(gate, facts),
  ];
  return missing.length > 0 ? closed(missing) : { open: true, text: whyOpen(gate, facts), missing };
}

/**
 * Whether the share is reached: the caller keeps the time of the first yes as `doneAtMs`. Never for a phase without devices that prove
 * who they are.
 */
export function isDone({ doneShare }: Gate, { devices, counters }: Pick<GateFacts, 'devices' | 'counters'>): boolean {
  if (doneShare === undefined || devices === 0) return false;
  return counters.proven.confirmed * SHARE_PARTS >= Math.round(doneShare * SHARE_PARTS) * devices;
}

/**
 * @param json as `JSON.parse` gives it
 * @throws {RulesError} GATE_INVALID
 */
export function parseGate(json: unknown): Gate {
  const members = asMembers(json, '', ['byHand', 'doneShare', 'soakMs'], refuse);
  if (members.size === 0) return refuse('', 'no condition', 'Name at least one of byHand, doneShare, soakMs');
  const [byHand, doneShare, soakMs] = ['byHand', 'doneShare', 'soakMs'].map((name) => members.get(name));
  if (byHand !== undefined && byHand !== true)
    return refuse('/byHand', `found ${quoted(byHand)}, expected true`, 'Leave it out for a gate that opens by itself');
  const shares = { min: 1 / SHARE_PARTS, max: 1, parts: SHARE_PARTS };
  const soaks = { min: 1, max: MAX_SOAK_MS, parts: 1 };
  return {
    ...(byHand === undefined ? {} : { byHand }),
    ...(doneShare === undefined ? {} : { doneShare: asNumber(doneShare, '/doneShare', shares, refuse) }),
    ...(soakMs === undefined ? {} : { soakMs: asNumber(soakMs, '/soakMs', soaks, refuse) }),
  };
}

const refuse = refuseAs('GATE_INVALID');

function closed(missing: readonly string[]): GateState {
  return { open: false, text: missing.join('; '), missing };
}

/** Left out for a phase in which nobody proves anything, if something else is left to wait for. */
function countsDone({ doneShare }: Gate, { devices }: GateFacts): boolean {
  return doneShare !== undefined && devices !== 0;
}

function missingDone(gate: Gate, facts: GateFacts): readonly string[] {
  if (gate.doneShare === undefined || isDone(gate, facts)) return [];
  if (countsDone(gate, facts)) return [doneText(gate.doneShare, facts)];
  if (gate.byHand === true || gate.soakMs !== undefined) return [];
  return ['no device of the phase before proves who it is: it opens by hand only'];
}

function doneText(doneShare: number, { devices, counters }: GateFacts): string {
  const decimals = decimalsOf(doneShare, 0);
  const limit = percentText(Math.round(doneShare * SHARE_PARTS), SHARE_PARTS, decimals);
  return `${percentText(counters.proven.confirmed, devices, decimals)} of ${limit} done`;
}

function missingSoak(gate: Gate, facts: GateFacts, openedAtMs: number, nowMs: number): readonly string[] {
  if (gate.soakMs === undefined) return [];
  if (!countsDone(gate, facts)) return soakLeft(gate.soakMs, openedAtMs, nowMs);
  if (facts.doneAtMs !== null) return soakLeft(gate.soakMs, Math.max(openedAtMs, facts.doneAtMs), nowMs);
  const soak = durationText(gate.soakMs);
  return [isDone(gate, facts) ? `opens in ${soak}` : `then ${soak} of soak`];
}

/** A clock that was set back must not make the wait longer than the soak. */
function soakLeft(soakMs: number, sinceMs: number, nowMs: number): readonly string[] {
  const leftMs = Math.min(soakMs, sinceMs + soakMs - nowMs);
  return leftMs <= 0 ? [] : [`opens in ${durationText(leftMs)}`];
}

function missingHand(gate: Gate, { isOpenedByHand }: GateFacts): readonly string[] {
  return gate.byHand === true && !isOpenedByHand ? ['waits for somebody to open it'] : [];
}

function whyOpen(gate: Gate, facts: GateFacts): string {
  const reasons = [
    ...(gate.doneShare !== undefined && countsDone(gate, facts) ? [doneText(gate.doneShare, facts)] : []),
    ...(gate.soakMs === undefined ? [] : [`${durationText(gate.soakMs)} have passed`]),
    ...(gate.byHand === true ? ['opened by hand'] : []),
  ];
  return reasons.join('; ');
}
