/** The same with every file written and signed anew: what bins save. */
import { LARGE, makeRepository } from './large-repository.ts';
import { answerRounds, repeat } from './rounds.ts';

const { rewriteAll, close } = await makeRepository(LARGE);
await answerRounds((durationMs) => repeat(rewriteAll, (bytes) => bytes > 0, durationMs));
await close();
