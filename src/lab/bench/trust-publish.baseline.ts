/** The same with every file written and signed anew: what bins save. */
import { largeRepository } from './large-repository.ts';
import { answerRounds, repeat } from './rounds.ts';

const { rewriteAll } = await largeRepository();
await answerRounds((durationMs) => repeat(rewriteAll, (bytes) => bytes > 0, durationMs));
