import type { Command } from 'commander';
import type { Row } from '../../lab/bench/harness.ts';
import { CliError } from '../exit.ts';
import { table } from '../output.ts';
import { verb } from '../verbs.ts';

export function addBenchCommand(program: Command): void {
  verb(
    program,
    'bench [names...]',
    'measure against the bare limit in the same run; names: cups, trust (default: all)',
    () => undefined,
    async ({ out }, names) => {
      const { BENCHES } = await import('../../lab/bench/index.ts');
      const chosen = names.length === 0 ? [...BENCHES.keys()] : names;
      const unknown = chosen.find((name) => !BENCHES.has(name));
      if (unknown !== undefined) {
        throw new CliError('CLI_USAGE', `there is no benchmark ${unknown}`, {
          fix: `There is: ${[...BENCHES.keys()].join(', ')}.`,
        });
      }
      const rows: Row[] = [];
      for (const name of chosen) rows.push(...((await BENCHES.get(name)?.()) ?? []));
      out.result(rows, () =>
        table(
          ['row', 'ratio', 'spread', 'CPU us/op', 'limit us/op', 'RSS MB', 'noisy', 'peer'],
          rows.map((row) => [
            ...[row.name, row.ratio.toFixed(2), row.spread.map((ratio) => ratio.toFixed(2)).join(' to ')],
            ...[row.cpuMicrosPerOp.toFixed(1), (1e6 / row.baseline).toFixed(1), (row.rssBytes / 2 ** 20).toFixed(0)],
            ...[row.noisy ? 'noisy' : 'no', String(row.peer)],
          ]),
        ),
      );
    },
  );
}
