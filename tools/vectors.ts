/** `npm run vectors`: the vector tests alone, on test/vectors or on the folder that SEALIFT_VECTORS names. */
import { pendingKinds } from '../test/support/vectors/pending.ts';
import { runSteps, type Step, vitestStep } from './steps.ts';

const vectors = vitestStep('vectors', ['test/vectors.test.ts']);

const withPending: Step = {
  name: vectors.name,
  async run() {
    const count = await vectors.run();
    const kinds = pendingKinds();
    process.stdout.write(
      `${kinds.length} kinds of vectors wait for the part that they test: ${kinds.join(', ') || 'none'}\n`,
    );
    return count;
  },
};

process.exitCode = await runSteps([withPending]);
