/** Signing events on the server: drafted, exported to those who sign, taken in when they have. */

import type { Command } from 'commander';
import { printable } from '../../core/text.ts';
import { readRequest } from '../../trust/repository/request.ts';
import type { ApiClient } from '../api-client.ts';
import { CliError } from '../exit.ts';
import { readBytes, requireFolderOf, writeOutput } from '../files.ts';
import { type Output, table } from '../output.ts';
import { type FileProgress, payloadLines, progressLines } from '../progress.ts';
import { keyObject, readPublicSigner } from '../signer-folder.ts';
import { collect, number, verb } from '../verbs.ts';

interface Signer {
  readonly keyId: string;
  readonly name: string;
}

export interface SigningEventView {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  readonly changes: readonly string[];
  readonly files: readonly {
    role: string;
    authority: string;
    need: number;
    signed: readonly Signer[];
    missing: readonly Signer[];
    complete: boolean;
  }[];
  readonly payloads: readonly { path: string; key: string; signed: boolean }[];
  readonly complete: boolean;
  readonly releaseId: string | null;
  readonly createdAt: string;
}

export interface DraftOptions {
  readonly reason?: string;
  readonly days?: string;
  readonly out: string;
}

interface CeremonyOptions extends DraftOptions {
  readonly signer: readonly string[];
  readonly threshold?: string;
  readonly targetsThreshold?: string;
  readonly rootOnly?: boolean;
  readonly rotateOnline?: boolean;
  readonly bins?: string;
  readonly targetsDays?: string;
}

interface DelegateOptions extends DraftOptions {
  readonly signer: readonly string[];
  readonly threshold: string;
  readonly path: readonly string[];
  readonly hardware: readonly string[];
  readonly terminating?: boolean;
}

export function addCeremonyCommands(trust: Command): void {
  verb<CeremonyOptions>(
    trust,
    'ceremony',
    'draft the first root, or the next one: who may sign from now on',
    (command) =>
      draftOptions(command, 'root (default 365)')
        .option(
          '--signer <file>',
          'signer.pub.json of one who signs (repeatable); all of them, as they shall be',
          collect,
          [],
        )
        .option('--threshold <n>', 'how many of them must sign (default: all)')
        .option('--targets-threshold <n>', 'how many must sign releases (default: as --threshold)')
        .option('--root-only', 'change who signs roots, and leave who signs releases')
        .option('--rotate-online', 'new keys in the vault for snapshot and timestamp')
        .option('--bins <n>', 'first root only: split targets into this many files, a power of two')
        .option('--targets-days <days>', 'how long the targets metadata is valid (default 90)'),
    async ({ api, out }, _args, options) => draft(api(), out, options, { kind: 'root', ...rootBody(options) }),
  );
  verb<DelegateOptions>(
    trust,
    'delegate <supplier>',
    'let a supplier speak for some paths, with its own keys; replaces all that it was given before',
    (command) =>
      draftOptions(command, 'targets metadata (default 90)')
        .requiredOption('--signer <file>', 'signer.pub.json of one who signs for it (repeatable)', collect, [])
        .requiredOption(
          '--path <pattern>',
          'paths it may speak for (repeatable); * stops at a slash, a release is at COMPONENT/VERSION/HARDWARE unless it names another',
          collect,
          [],
        )
        .option('--threshold <n>', 'how many of them must sign', '1')
        .option('--hardware <id>', 'only for this hardware (repeatable)', collect, [])
        .option('--terminating', 'nobody after it may speak for these paths'),
    async ({ api, out }, [name = ''], options) => {
      const { signer, path, hardware, threshold, terminating = false } = options;
      await draft(api(), out, options, {
        ...{ kind: 'delegate', name, terminating, paths: path, threshold: number('--threshold', threshold) },
        keys: signer.map((file) => keyObject(readPublicSigner(file).targets)),
        ...(hardware.length > 0 ? { hardware } : {}),
      });
    },
  );
  verb<DraftOptions>(
    trust,
    'undelegate <supplier>',
    'take a supplier its right to speak',
    (command) => draftOptions(command, 'targets metadata (default 90)'),
    ({ api, out }, [supplier = ''], options) => draft(api(), out, options, { kind: 'undelegate', supplier }),
  );
  verb<DraftOptions & { supplier?: string }>(
    trust,
    'remove <path...>',
    'take targets out of the metadata: nobody is offered them any more',
    (command) =>
      draftOptions(command, 'targets metadata (default 90)').option('--supplier <name>', 'whose targets they are'),
    ({ api, out }, paths, options) =>
      draft(api(), out, options, {
        kind: 'remove',
        paths,
        ...(options.supplier === undefined ? {} : { supplier: options.supplier }),
      }),
  );
  verb<DraftOptions>(
    trust,
    'renew [role...]',
    'sign metadata anew before it expires: targets, bins, suppliers, root; without roles all that the signers of targets sign',
    (command) => draftOptions(command, 'targets metadata (default 90)'),
    ({ api, out }, roles, options) =>
      draft(api(), out, options, { kind: 'renew', ...(roles.length > 0 ? { roles } : {}) }),
  );
  verb(
    trust,
    'import <request>',
    'bring a signed request back; it is published when enough have signed',
    () => undefined,
    async ({ api, out }, [file = '']) => {
      const bytes = readBytes(file);
      const { body } = readRequest(bytes);
      const event = await api().put<SigningEventView>(`/trust/signing-events/${body.id}/request`, {
        request: bytes.toString(),
      });
      out.result(event, () => eventText(event));
    },
  );
  verb<{ out: string }>(
    trust,
    'export <event>',
    'write the signing request of an event into a file, with all signatures so far',
    (command) => command.requiredOption('--out <file>', 'where the request goes'),
    async ({ api, out }, [id = ''], { out: file }) => {
      await exportRequest(api(), id, file);
      out.result({ id, request: file }, () => `The request is in ${file}.`);
    },
  );
  verb(
    trust,
    'events [event]',
    'signing events: all of them, or one with who has signed and who is missing',
    () => undefined,
    async ({ api, out }, [id]) => {
      if (id !== undefined) {
        const event = await api().get<SigningEventView>(`/trust/signing-events/${encodeURIComponent(id)}`);
        out.result(event, () => eventText(event));
        return;
      }
      const events = await api().list<SigningEventView>('/trust/signing-events');
      out.result(events, () =>
        table(
          ['id', 'state', 'change', 'created'],
          events.map((one) => [one.id, one.state, one.changes[0] ?? '', one.createdAt]),
        ),
      );
    },
  );
  verb(
    trust,
    'cancel <event>',
    'give a signing event up',
    () => undefined,
    async ({ api, out }, [id = '']) => {
      const event = await api().post<SigningEventView>(`/trust/signing-events/${encodeURIComponent(id)}:cancel`);
      out.result(event, () => `Signing event ${event.id} is cancelled.`);
    },
  );
}

/** Options that every draft takes. */
export function draftOptions(command: Command, what: string): Command {
  return command
    .requiredOption('--out <file>', 'where the signing request goes')
    .option('--reason <text>', 'why; shown to those who sign')
    .option('--days <days>', `how long the ${what} is valid`);
}

/** Drafts a change and exports its request. */
export async function draft(
  api: ApiClient,
  out: Output,
  options: DraftOptions,
  change: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { reason, days, out: file } = options;
  requireFolderOf(file);
  const event = await api.post<SigningEventView>('/trust/signing-events', {
    ...change,
    ...(reason === undefined ? {} : { reason }),
    ...(days === undefined ? {} : { days: number('--days', days) }),
  });
  await exportRequest(api, event.id, file).catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error;
    throw new CliError('CLI_FILE', `signing event ${event.id} is drafted, but its request was not written`, {
      cause: error,
      fix: `Export it: sealift trust export ${event.id} --out FILE`,
    });
  });
  out.result({ ...event, request: file }, () =>
    [
      eventText(event),
      `The request is in ${file}. Each signer: sealift trust sign ${file} --keys DIR; then: sealift trust import ${file}`,
    ].join('\n'),
  );
}

async function exportRequest(api: ApiClient, id: string, file: string): Promise<void> {
  const { request } = await api.get<{ request: string }>(`/trust/signing-events/${encodeURIComponent(id)}/request`);
  await writeOutput(file, request);
}

function eventText({ id, state, changes, files, payloads, releaseId }: SigningEventView): string {
  const open = files.filter(({ complete }) => !complete);
  const waiting = payloads.filter(({ signed }) => !signed);
  return [
    `Signing event ${id} is ${state}.`,
    ...changes.map((line) => `  ${printable(line)}`),
    ...(state === 'open' ? progressLines(open.map(named)) : []),
    ...(state === 'open' ? payloadLines(waiting) : []),
    ...(releaseId === null ? [] : [`Release ${releaseId} is admitted.`]),
  ].join('\n');
}

function named({ signed, missing, ...file }: SigningEventView['files'][number]): FileProgress {
  const names = (list: readonly Signer[]) => list.map(({ name, keyId }) => name || keyId.slice(0, 8));
  return { ...file, signed: names(signed), missing: names(missing) };
}

function rootBody(options: CeremonyOptions): object {
  const { signer, rootOnly = false, rotateOnline = false, bins, targetsDays } = options;
  const people = signer.map(readPublicSigner);
  const threshold = options.threshold === undefined ? people.length : number('--threshold', options.threshold);
  const targetsThreshold =
    options.targetsThreshold === undefined ? threshold : number('--targets-threshold', options.targetsThreshold);
  if (people.length === 0 && !rotateOnline)
    throw new CliError('CLI_USAGE', 'nothing to change', {
      fix: 'Name who signs (--signer FILE ...), or --rotate-online.',
    });
  const role = (key: 'root' | 'targets', need: number) => ({
    threshold: need,
    keys: people.map((one) => ({ name: one.name, key: keyObject(one[key]) })),
  });
  return {
    ...(people.length > 0 ? { root: role('root', threshold) } : {}),
    ...(people.length > 0 && !rootOnly ? { targets: role('targets', targetsThreshold) } : {}),
    ...(rotateOnline ? { rotateOnline } : {}),
    ...(bins === undefined ? {} : { bins: number('--bins', bins) }),
    ...(targetsDays === undefined ? {} : { targetsDays: number('--targets-days', targetsDays) }),
  };
}
