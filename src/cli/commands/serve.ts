import type { Command } from 'commander';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import { createLog } from '../../server/log.ts';
import { packageVersion } from '../../server/version.ts';
import { verb } from '../verbs.ts';

export function addServeCommand(program: Command): void {
  verb(
    program,
    'serve',
    'run the server until SIGINT or SIGTERM',
    () => undefined,
    async ({ loadConfig, out }) => {
      const { config } = loadConfig();
      // Loaded here: other commands start faster without the server.
      const { startServer } = await import('../../server/serve.ts');
      const server = await startServer(config, {
        ...{ clock: systemClock, random: systemRandom, version: packageVersion() },
        log: createLog(config.log.level),
      });
      const { managementUrl, cupsUrl, dataDir } = server;
      out.result({ managementUrl, cupsUrl, dataDir }, () =>
        [
          `Sealift ${packageVersion()} serves`,
          `  REST API  ${managementUrl}/api/openapi.json`,
          `  CUPS      ${cupsUrl ? `${cupsUrl}/update-info` : 'off'}`,
          `  data in   ${dataDir} (API token: admin.token)`,
          ...(config.trust.targetsKeyFiles === ''
            ? [
                'No key may sign releases yet, so none is admitted: run "sealift trust init" and set trust.targetsKeyFiles.',
              ]
            : []),
        ].join('\n'),
      );
      await stopSignal();
      await server.close();
    },
  );
}

/** Resolves at the first SIGINT or SIGTERM. A second SIGINT ends the process at once; a repeated SIGTERM changes nothing. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.on('SIGTERM', () => resolve());
  });
}
