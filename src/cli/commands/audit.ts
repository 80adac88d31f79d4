/** The audit log, verified where the server has no say. */
import type { Command } from 'commander';
import { printable } from '../../core/text.ts';
import { AuditError } from '../../fleet/audit/errors.ts';
import { type NoteKey, parseVerifierKey } from '../../fleet/audit/note.ts';
import { type AuditReport, verifyAudit } from '../../fleet/audit/verify.ts';
import { TrustError } from '../../trust/errors.ts';
import { CliError, EXIT } from '../exit.ts';
import { readBytes, readChunks } from '../files.ts';
import { collect, noun, verb } from '../verbs.ts';

interface VerifyOptions {
  readonly checkpoints: string;
  readonly key: readonly string[];
}

export function addAuditCommands(program: Command): void {
  const audit = noun(program, 'audit', 'who did what, proven by a log that cannot be rewritten unseen');
  verb<VerifyOptions>(
    audit,
    'verify <export>',
    'hold an export against checkpoints that were kept elsewhere, offline; exit code 6 when something does not hold',
    (command) =>
      command
        .requiredOption('--checkpoints <file>', 'where the server exported its checkpoints to')
        .requiredOption('--key <file>', 'verifier key of the log, NAME+KEYID+KEY; may be given several times', collect),
    async ({ out }, [exported = ''], { checkpoints, key }) => {
      const report = await verifyAudit({
        exported: readChunks(exported),
        checkpoints: readChunks(checkpoints),
        keys: key.flatMap(readKeys),
      });
      out.result(report, () => reportText(report));
      if (!report.holds) process.exitCode = EXIT.verification;
    },
  );
}

/** One key on each line. @throws {CliError} CLI_FILE */
function readKeys(file: string): readonly NoteKey[] {
  const lines = readBytes(file).toString().trim().split('\n');
  try {
    return lines.map((line) => parseVerifierKey(line.trim()));
  } catch (cause) {
    if (!(cause instanceof AuditError) && !(cause instanceof TrustError)) throw cause;
    throw new CliError('CLI_FILE', `${file} is no file of verifier keys`, {
      cause,
      fix: 'Name the file with the verifier key of the log: NAME+KEYID+KEY.',
    });
  }
}

function reportText(report: AuditReport): string {
  const { holds, origin, tenant, size, entries, checkpoints, provenSize, findings, moreFindings } = report;
  const whose = tenant === null ? 'all tenants' : `tenant ${tenant}`;
  const unproven = size - Math.min(size, provenSize);
  return [
    ...(holds ? [] : ['THE LOG DOES NOT HOLD.', '']),
    ...findings.map(({ wrong, text }) => `${wrong.toUpperCase().padEnd(10)} ${printable(text)}.`),
    ...(moreFindings > 0 ? [`… and ${moreFindings} more.`] : []),
    ...(holds ? [] : ['']),
    printable(`Log ${origin}: ${size} entries, ${entries} of them shown (${whose}).`),
    `${checkpoints} checkpoints hold; the largest is over ${provenSize} entries.`,
    ...(unproven > 0 ? [`Nothing is proven yet of the last ${unproven}.`] : []),
    ...(tenant === null ? [] : ['That none is missing is shown by an export of all tenants alone.']),
    ...(holds ? ['Everything holds.'] : []),
  ].join('\n');
}
