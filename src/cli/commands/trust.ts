/** Keys and signatures. What signs needs no server and no network; what drafts, imports and shows talks to the server. */
import type { Command } from 'commander';
import { noun } from '../verbs.ts';
import { addCeremonyCommands } from './trust-ceremony.ts';
import { addKeyCommands } from './trust-keys.ts';
import { addSigningCommands } from './trust-sign.ts';
import { addStatusCommands } from './trust-status.ts';

export function addTrustCommands(program: Command): void {
  const trust = noun(program, 'trust', 'who may sign what: keys, signing events, what expires');
  addKeyCommands(trust);
  addSigningCommands(trust);
  addCeremonyCommands(trust);
  addStatusCommands(trust);
}
