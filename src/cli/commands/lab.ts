import type { Command } from 'commander';
export function addLabCommands(_program: Command): void {}
