/** Helps commands to look alike: global options, a context, an action. */
import type { Command } from 'commander';
import { addGlobalOptions, type Context, contextOf } from './context.ts';
import { CliError } from './exit.ts';

/** Adds `noun` (or finds it), so that its verbs can be added to it. */
export function noun(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).exitOverride();
}

/** @param usage verb and arguments in commander's spelling, e.g. `get <id>` */
export function verb<O extends object>(
  parent: Command,
  usage: string,
  description: string,
  setUp: (command: Command) => void,
  run: (context: Context, args: readonly string[], options: O) => Promise<void> | void,
): Command {
  const command = addGlobalOptions(parent.command(usage).description(description)).exitOverride();
  setUp(command);
  command.action(async () => {
    await run(contextOf(command), command.args, command.opts<O>());
  });
  return command;
}

/** Collects a repeatable option. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** A whole number above 0. @throws {CliError} CLI_USAGE */
export function number(option: string, text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new CliError('CLI_USAGE', `${option}: "${text}" is no whole number above 0`, { fix: `Write ${option} 2.` });
}
