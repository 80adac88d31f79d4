import { type Command, Option } from 'commander';
import { systemClock } from '../../adapters/node/ports.ts';
import { stationClient } from '../../lab/station.ts';
import type { CheckResult, CupsClient } from '../../protocols/cups/client.ts';
import { createLog } from '../../server/log.ts';
import { CliError } from '../exit.ts';
import { explain } from '../output.ts';
import { noun, verb } from '../verbs.ts';
import { stopSignal } from './serve.ts';

interface CupsOptions {
  readonly home: string;
  readonly eui: string;
  readonly once?: boolean;
  readonly interval: string;
  readonly releaseProof: 'required' | 'off';
}

const DEFAULT_INTERVAL_SECONDS = 60;

export function addClientCommands(program: Command): void {
  const client = noun(program, 'client', 'the device side of a protocol');
  verb<CupsOptions>(
    client,
    'cups',
    'be a LoRa Basics Station: ask a CUPS server, install what it offers',
    (command) =>
      command
        .requiredOption(
          '--home <dir>',
          'home folder of the Station: cups.uri, cups.trust, cups.crt, cups.key, sig-0.key, version.txt, release-root.json, hardware.txt',
        )
        .requiredOption('--eui <eui>', 'EUI of the gateway')
        .option('--once', 'ask once and end')
        .option('--interval <seconds>', 'seconds between two requests', String(DEFAULT_INTERVAL_SECONDS))
        .addOption(
          new Option(
            '--release-proof <mode>',
            'whether an image must be proven to be released; off: the server decides alone',
          )
            .choices(['required', 'off'])
            .default('required'),
        ),
    async ({ out }, _args, { home, eui, once = false, interval, releaseProof }) => {
      const seconds = Number(interval);
      if (!(seconds >= 1))
        throw new CliError('CLI_USAGE', `"${interval}" is no number of seconds`, { fix: 'Write --interval 60.' });
      const station = await stationClient({ home, eui, log: createLog('warn'), options: { releaseProof } });
      await station.boot();
      if (once) {
        const result = await station.check();
        out.result(result, () => describe(result));
        return;
      }
      await askForever(station, seconds, out.message);
    },
  );
}

async function askForever(station: CupsClient, seconds: number, say: (text: string) => void): Promise<void> {
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  while (!stop.signal.aborted) {
    try {
      const result = await station.check(stop.signal);
      if (result.kind !== 'unchanged') say(describe(result));
    } catch (error) {
      if (!stop.signal.aborted) say(explain(error));
    }
    await systemClock.sleep(seconds * 1_000, stop.signal).catch(() => undefined);
  }
}

function describe(result: CheckResult): string {
  if (result.kind === 'unchanged') return 'Nothing to change.';
  const { kind, sha256, provenance } = result;
  const outcome =
    kind === 'installed'
      ? `Image ${sha256} runs, on trial until the server answers the next request.`
      : `Image ${sha256} did not come up; the one before runs again.`;
  return provenance === 'off' ? `${outcome} No release proof was asked for.` : outcome;
}
