import type { Command } from 'commander';
import { EXIT } from '../exit.ts';
import { table } from '../output.ts';
import { noun, verb } from '../verbs.ts';

export function addLabCommands(program: Command): void {
  const lab = noun(program, 'lab', 'attacks on virtual devices, each run for real and seen to be stopped');
  verb(
    lab,
    'cups',
    'attacks on LoRa Basics Station gateways',
    () => undefined,
    async ({ out }) => {
      const [{ runCupsLab }, { withWorld }, { createLog }] = await Promise.all([
        import('../../lab/cups.ts'),
        import('../../lab/temporary.ts'),
        import('../../server/log.ts'),
      ]);
      const scenarios = await withWorld(createLog('silent'), (world) => runCupsLab(world));
      out.result({ scenarios }, () =>
        table(
          ['attack', 'outcome', 'stopped by'],
          scenarios.map(({ name, outcome, observed, check }) => [name, `${outcome}: ${observed}`, check]),
        ),
      );
      if (scenarios.some(({ outcome }) => outcome === 'unexpected')) process.exitCode = EXIT.failure;
    },
  );
}
