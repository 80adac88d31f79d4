/** What every command gets: options that stand before or after any verb, the API, a place to print. */

import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type LoadedConfig, loadConfig } from '../server/config.ts';
import { ApiClient, findToken } from './api-client.ts';
import { createOutput, type Output } from './output.ts';

interface GlobalOptions {
  readonly json?: boolean;
  readonly config?: string;
  readonly server?: string;
}

export interface Context {
  readonly json: boolean;
  readonly out: Output;
  /** Loaded when asked for: commands that work offline never read it. */
  loadConfig(): LoadedConfig;
  api(): ApiClient;
}

const PROJECT_FILE = 'sealift.yaml';

export function addGlobalOptions(command: Command): Command {
  return command
    .addOption(new Option('--json', 'print one JSON document'))
    .addOption(
      new Option('--config <file>', `YAML configuration (default: SEALIFT_CONFIG, or ./${PROJECT_FILE} if it exists)`),
    )
    .addOption(
      new Option('--server <url>', 'REST API to talk to (default: SEALIFT_SERVER, or the configured listener)'),
    );
}

export function contextOf(command: Command): Context {
  const options = command.optsWithGlobals<GlobalOptions>();
  const load = () => loadConfig(process.env, options.config ?? process.env.SEALIFT_CONFIG ?? projectFile());
  return {
    json: options.json ?? false,
    out: createOutput(options.json ?? false),
    loadConfig: load,
    api: () => {
      const { config } = load();
      const server = options.server ?? process.env.SEALIFT_SERVER ?? managementUrl(config.management);
      return new ApiClient({ server, token: findToken(process.env, config.dataDir) });
    },
  };
}

function projectFile(): string | undefined {
  return existsSync(PROJECT_FILE) ? PROJECT_FILE : undefined;
}

function managementUrl({ host, port, tls }: { host: string; port: number; tls: { certFile: string } }): string {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${tls.certFile === '' ? 'http' : 'https'}://${name}:${port}`;
}
