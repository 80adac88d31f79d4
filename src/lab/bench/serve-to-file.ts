/** The server as `sealift serve` runs it, its log in the file named by the first argument. */
import { openSync } from 'node:fs';
import { systemClock, systemRandom } from '../../adapters/node/ports.ts';
import { loadConfig } from '../../server/config.ts';
import { createLog } from '../../server/log.ts';
import { startServer } from '../../server/serve.ts';
import { packageVersion } from '../../server/version.ts';

const { config } = loadConfig(process.env);
const server = await startServer(config, {
  ...{ clock: systemClock, random: systemRandom, version: packageVersion() },
  log: createLog(config.log.level, openSync(process.argv[2] ?? '/dev/null', 'a')),
});
const { managementUrl, cupsUrl } = server;
process.stdout.write(`${JSON.stringify({ managementUrl, cupsUrl })}\n`);
process.once('SIGTERM', () => void server.close());
