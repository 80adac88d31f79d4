/** One target is added to 10,000 in 256 bins: drafted, signed by two people, published on disk. */
import { largeRepository } from './large-repository.ts';
import { answerRounds, repeat } from './rounds.ts';

const { addOne } = await largeRepository();
await answerRounds((durationMs) => repeat(addOne, (bytes) => bytes > 0, durationMs));
