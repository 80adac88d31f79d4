/** How an attempt moves: forward, skipping what its protocol cannot see; an ended one never again (REL-9). */
import { type AttemptState, OPEN_STATES } from './model.ts';

const ORDER: readonly string[] = OPEN_STATES;

export function isOpen(state: AttemptState): boolean {
  return ORDER.includes(state);
}

/** Whether a report of `to` changes an attempt in `from`. Late, repeated and backward reports change nothing. */
export function moves(from: AttemptState, to: AttemptState): boolean {
  return isOpen(from) && (!isOpen(to) || ORDER.indexOf(to) > ORDER.indexOf(from));
}
