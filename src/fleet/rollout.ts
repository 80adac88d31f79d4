/** What may be done to a rollout, as a table of states: what is not in it cannot happen (REL-30). Pure. */
import { FleetError } from './errors.ts';
import type { Rollout, RolloutState } from './model.ts';

/**
 * `advance` opens the next phase; `pause` makes no offers until `resume`; `halt` makes none any more, for good; `cancel` does the same
 * and takes the rollout out of the plan.
 */
export type RolloutCommand = 'advance' | 'pause' | 'resume' | 'halt' | 'cancel';

/** State after the command, by state before it. A halt is never undone: going on is a new rollout, which somebody decides on. */
const NEXT: Readonly<Record<RolloutCommand, Partial<Record<RolloutState, RolloutState>>>> = {
  advance: { running: 'running' },
  pause: { running: 'paused', paused: 'paused' },
  resume: { paused: 'running', running: 'running' },
  halt: { running: 'halted', paused: 'halted', halted: 'halted' },
  cancel: { running: 'cancelled', paused: 'cancelled', halted: 'cancelled', cancelled: 'cancelled' },
};

const FIXES: Readonly<Record<RolloutState, string>> = {
  running: 'Nothing has to be done.',
  paused: 'Resume it first.',
  halted: 'Start a new rollout.',
  cancelled: 'Start a new rollout.',
};

/** @returns the very same rollout when the command changes nothing @throws {FleetError} ROLLOUT_STATE, ROLLOUT_ALL_OPEN */
export function commanded(rollout: Rollout, command: RolloutCommand): Rollout {
  const state = NEXT[command][rollout.state];
  if (state === undefined) {
    throw new FleetError('ROLLOUT_STATE', `the rollout is ${rollout.state}: ${command} is not possible`, {
      detail: { state: rollout.state, command },
      fix: FIXES[rollout.state],
    });
  }
  if (command !== 'advance') return state === rollout.state ? rollout : { ...rollout, state };
  if (rollout.openPhases < rollout.phases.length) return { ...rollout, openPhases: rollout.openPhases + 1 };
  throw new FleetError('ROLLOUT_ALL_OPEN', `all ${rollout.phases.length} phases are open`, { fix: FIXES.running });
}

/** Whether nothing can be offered of it any more, so that no decision has to look at it. */
export function isOver({ state }: Rollout): boolean {
  return state === 'cancelled';
}
