import type { Command } from 'commander';
import { type Config, SETTINGS } from '../../server/config.ts';
import { table } from '../output.ts';
import { noun, verb } from '../verbs.ts';

export function addConfigCommands(program: Command): void {
  const config = noun(program, 'config', 'the configuration that a server would run with');
  verb(
    config,
    'check',
    'say whether the configuration is sound',
    () => undefined,
    ({ loadConfig, out }) => {
      loadConfig();
      out.result({ ok: true }, () => 'The configuration is sound.');
    },
  );
  verb<{ origin?: boolean }>(
    config,
    'view',
    'print every setting with its value',
    (command) => command.option('--origin', 'tell where each value came from'),
    ({ loadConfig, out }, _args, { origin = false }) => {
      const { config: values, origins } = loadConfig();
      const rows = SETTINGS.map(({ path, variable, description }) => ({
        ...{ setting: path, value: valueAt(values, path), variable, description },
        ...(origin ? { origin: origins.get(path) } : {}),
      }));
      const head = ['setting', 'value', origin ? 'origin' : 'variable'];
      out.result(rows, () =>
        table(
          head,
          rows.map((row) => [row.setting, String(row.value), (origin ? row.origin : row.variable) ?? '']),
        ),
      );
    },
  );
}

function valueAt(config: Config, path: string): unknown {
  return path.split('.').reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], config);
}
