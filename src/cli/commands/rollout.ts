import type { Command } from 'commander';
import { CliError } from '../exit.ts';
import { table } from '../output.ts';
import { collect, noun, verb } from '../verbs.ts';

interface RolloutView {
  readonly id: string;
  readonly releaseId: string;
  readonly state: string;
  readonly phases: readonly { name: string; group?: string; share?: number; open: boolean }[];
  readonly attempts: readonly { state: string; count: number }[];
  readonly createdAt: string;
}

export function addRolloutCommands(program: Command): void {
  const rollout = noun(program, 'rollout', 'a release on its way to devices, phase by phase');
  verb<{ release: string; phase: string[] }>(
    rollout,
    'create',
    'start a rollout; its first phase is open at once',
    (command) =>
      command
        .requiredOption('--release <id>', 'release to bring out')
        .option('--phase <name=who>', 'phase: canary=group:NAME or half=share:50% (repeatable, in order)', collect, []),
    async ({ api, out }, _args, { release, phase }) => {
      const started = await api().post<RolloutView>('/rollouts', { releaseId: release, phases: phase.map(parsePhase) });
      out.result(started, () => describe(started));
    },
  );
  verb(
    rollout,
    'list',
    'all rollouts, oldest first',
    () => undefined,
    async ({ api, out }) => {
      const rollouts = await api().list<RolloutView>('/rollouts');
      out.result(rollouts, () =>
        table(
          ['id', 'release', 'state', 'open phases', 'attempts'],
          rollouts.map((one) => [
            ...[one.id, one.releaseId, one.state],
            ...[`${one.phases.filter(({ open }) => open).length} of ${one.phases.length}`, attempts(one)],
          ]),
        ),
      );
    },
  );
  verb(
    rollout,
    'get <id>',
    'one rollout',
    () => undefined,
    async ({ api, out }, [id = '']) => {
      const one = await api().get<RolloutView>(`/rollouts/${encodeURIComponent(id)}`);
      out.result(one, () => describe(one));
    },
  );
  for (const [action, description] of [
    ['advance', 'open the next phase'],
    ['pause', 'make no offers until it is resumed; attempts under way go on'],
    ['resume', 'make offers again after a pause'],
    ['halt', 'make no further offers, for good; attempts under way go on'],
    ['cancel', 'make no further offers, and give the rollout up; attempts under way go on'],
  ] as const) {
    verb(
      rollout,
      `${action} <id>`,
      description,
      () => undefined,
      async ({ api, out }, [id = '']) => {
        const changed = await api().post<RolloutView>(`/rollouts/${encodeURIComponent(id)}:${action}`);
        out.result(changed, () => describe(changed));
      },
    );
  }
}

/** `canary=group:NAME`, `half=share:50%`, `half=share:0.5` @throws {CliError} CLI_USAGE */
export function parsePhase(text: string): { name: string; group: string } | { name: string; share: number } {
  const [, name = '', kind = '', value = ''] = /^([^=]+)=(group|share):(.+)$/.exec(text) ?? [];
  if (kind === 'group') return { name, group: value };
  const [, digits, percent] = /^([0-9]{1,3}(?:\.[0-9]{1,6})?)(%?)$/.exec(value) ?? [];
  if (kind === '' || digits === undefined) {
    throw new CliError('CLI_USAGE', `"${text}" is not a phase`, { fix: 'Write canary=group:NAME, or half=share:50%.' });
  }
  return { name, share: Number(digits) / (percent ? 100 : 1) };
}

function describe(one: RolloutView): string {
  const phases = one.phases.map(({ name, group, share, open }) => {
    const who = group === undefined ? `${((share ?? 0) * 100).toFixed(2)} % of all devices` : `group ${group}`;
    return [name, who, open ? 'open' : 'closed'];
  });
  return [
    `Rollout ${one.id}: ${one.state}; attempts: ${attempts(one) || 'none'}`,
    table(['phase', 'who', 'gate'], phases),
  ].join('\n');
}

function attempts({ attempts: counts }: RolloutView): string {
  return counts.map(({ state, count }) => `${count} ${state}`).join(', ');
}
