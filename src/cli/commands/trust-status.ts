/** What is published, who may sign it, and what expires. */
import type { Command } from 'commander';
import { printable } from '../../core/text.ts';
import { EXIT } from '../exit.ts';
import { writeOutput } from '../files.ts';
import { table } from '../output.ts';
import { digestOf } from '../trusted-roots.ts';
import { verb } from '../verbs.ts';

interface RepositoryView {
  readonly revision: number;
  readonly rootDigest: string | null;
  readonly roles: readonly {
    role: string;
    version: number;
    threshold: number;
    keys: readonly { keyId: string; name: string }[];
    online: boolean;
  }[];
  readonly targets: number;
  /** Why the server could not renew what it signs. */
  readonly keysProblem: string | null;
  readonly expiries: readonly ExpiryView[];
}

interface ExpiryView {
  readonly what: string;
  readonly version: number | null;
  readonly expiresAt: string;
  readonly renewedBy: string;
  readonly warning: string | null;
}

export function addStatusCommands(trust: Command): void {
  verb(
    trust,
    'status',
    'roles, keys, thresholds, and when each expires',
    () => undefined,
    async ({ api, out }) => {
      const status = await api().get<RepositoryView>('/trust/repository');
      out.result(status, () => statusText(status));
    },
  );
  verb(
    trust,
    'expire-check',
    'end with exit code 1 when something has expired or will within 30 days',
    () => undefined,
    async ({ api, out }) => {
      const { expiries } = await api().get<RepositoryView>('/trust/repository');
      const due = expiries.filter(({ warning }) => warning !== null);
      out.result({ due }, () => (due.length === 0 ? 'Nothing expires soon.' : expiryTable(due)));
      if (due.length > 0) process.exitCode = EXIT.failure;
    },
  );
  verb<{ out: string }>(
    trust,
    'export-root',
    'write the newest root into a file: what devices are provisioned with',
    (command) => command.requiredOption('--out <file>', 'where the root goes'),
    async ({ api, out }, _args, { out: file }) => {
      const { root, version } = await api().get<{ version: number; root: string }>('/trust/root');
      await writeOutput(file, root);
      const digest = digestOf(Buffer.from(root));
      out.result({ version, digest, file }, () => `Root ${version} with digest ${digest} is in ${file}.`);
    },
  );
}

function statusText({ revision, rootDigest, roles, keysProblem, expiries }: RepositoryView): string {
  if (revision === 0 || rootDigest === null) {
    return 'Nobody has signed a root yet. Begin with: sealift trust init --keys DIR --name NAME';
  }
  return [
    `Publication ${revision}. Its root has digest ${rootDigest}: compare it with the other signers.`,
    ...(keysProblem === null ? [] : [`The server cannot renew snapshot and timestamp: ${keysProblem}.`]),
    table(
      ['role', 'version', 'must sign', 'keys', 'kept'],
      roles.map(({ role, version, threshold, keys, online }) => [
        ...[role, String(version), `${threshold} of ${keys.length}`],
        ...[
          keys.map(({ name, keyId }) => printable(name) || keyId.slice(0, 8)).join(', '),
          online ? 'in the vault' : 'by people',
        ],
      ]),
    ),
    '',
    expiryTable(expiries),
  ].join('\n');
}

function expiryTable(expiries: readonly ExpiryView[]): string {
  return table(
    ['what', 'version', 'expires', 'renewed by', 'warning'],
    expiries.map(({ what, version, expiresAt, renewedBy, warning }) => [
      ...[what, version === null ? '' : String(version), expiresAt, renewedBy, warning ?? ''],
    ]),
  );
}
