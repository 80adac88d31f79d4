/** All verbs of the command line. */
import { Command } from 'commander';
import { packageVersion } from '../server/version.ts';
import { addArtifactCommands } from './commands/artifact.ts';
import { addAuditCommands } from './commands/audit.ts';
import { addBenchCommand } from './commands/bench.ts';
import { addClientCommands } from './commands/client.ts';
import { addConfigCommands } from './commands/config.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDeviceCommands } from './commands/device.ts';
import { addLabCommands } from './commands/lab.ts';
import { addReleaseCommands } from './commands/release.ts';
import { addRolloutCommands } from './commands/rollout.ts';
import { addServeCommand } from './commands/serve.ts';
import { addTokenCommands } from './commands/token.ts';
import { addTrustCommands } from './commands/trust.ts';

export function createProgram(): Command {
  const program = new Command('sealift')
    .description('Over-the-air updates: one signed release for every device, whatever protocol it speaks')
    .version(packageVersion())
    // So that --version before a verb is ours, and behind one (trust sign --version) is the verb's.
    .enablePositionalOptions()
    .showHelpAfterError('See: sealift --help')
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of COMMANDS) add(program);
  return program;
}

const COMMANDS = [
  addDemoCommand,
  addServeCommand,
  addConfigCommands,
  addTokenCommands,
  addTrustCommands,
  addArtifactCommands,
  addReleaseCommands,
  addDeviceCommands,
  addRolloutCommands,
  addAuditCommands,
  addClientCommands,
  addLabCommands,
  addBenchCommand,
];
