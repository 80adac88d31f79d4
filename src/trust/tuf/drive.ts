/** Answers a conversation (refresh.ts) from files at hand. */
import type { Conversation } from './refresh.ts';

/** @param file bytes by name @param stored changed as the conversation says, when given */
export function drive<T>(
  conversation: Conversation<T>,
  file: (name: string) => Uint8Array | undefined,
  stored?: Map<string, Uint8Array>,
): T {
  let turn = conversation.next();
  while (!turn.done) {
    const step = turn.value;
    if (step.do === 'keep') stored?.set(step.role, step.bytes);
    if (step.do === 'drop') stored?.delete(step.role);
    turn = conversation.next(step.do === 'fetch' ? file(step.file) : undefined);
  }
  return turn.value;
}
