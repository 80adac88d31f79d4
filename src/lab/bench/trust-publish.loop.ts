/** One target is added to 10,000 in 256 bins: drafted, signed by two people, published on disk. */
import { LARGE, makeRepository } from './large-repository.ts';
import { answerRounds, repeat } from './rounds.ts';

const { addOne, close } = await makeRepository(LARGE);
await answerRounds((durationMs) => repeat(addOne, (bytes) => bytes > 0, durationMs));
await close();
