import type { Command } from 'commander';
import { CliError } from '../exit.ts';
import { requireFolderOf } from '../files.ts';
import { table } from '../output.ts';
import { readPayloadKey } from '../signer-folder.ts';
import { collect, noun, verb } from '../verbs.ts';
import { uploadArtifact } from './artifact.ts';
import { type DraftOptions, draft, draftOptions } from './trust-ceremony.ts';

interface ReleaseView {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly artifacts: readonly { hardware: string; sha256: string; lengthBytes: number }[];
  readonly signingEventId: string;
  readonly signedBy: readonly string[];
  readonly createdAt: string;
}

interface CreateOptions extends DraftOptions {
  readonly version: string;
  readonly component: string;
  readonly artifact: readonly string[];
  readonly sigKey: readonly string[];
  readonly supplier?: string;
  readonly path: readonly string[];
}

export function addReleaseCommands(program: Command): void {
  const release = noun(program, 'release', 'signed versions of a component');
  verb<CreateOptions>(
    release,
    'create',
    'upload artifacts and draft a release for people to sign',
    (command) =>
      draftOptions(command, 'targets metadata (default 90)')
        .requiredOption('--version <version>', 'version it is')
        .requiredOption('--artifact <hardware=file>', 'what a piece of hardware gets (repeatable)', collect, [])
        .option(
          '--path <hardware=path>',
          'the target path of its image (repeatable); COMPONENT/VERSION/HARDWARE without it',
          collect,
          [],
        )
        .option('--component <name>', 'what it updates', 'firmware')
        .option('--sig-key <file>', 'sig-N.key that gateways check it with (repeatable)', collect, [])
        .option('--supplier <name>', 'the supplier who signs it'),
    async ({ api, out }, _args, options) => {
      const { version, component, artifact, sigKey, supplier } = options;
      const client = api();
      const images = artifact.map((text) => splitPair('--artifact', text, 'FILE'));
      const paths = new Map(options.path.map((text) => splitPair('--path', text, 'PATH')));
      for (const hardware of paths.keys()) requireImage(hardware, images);
      requireFolderOf(options.out);
      const artifacts = [];
      for (const [hardware, file] of images) {
        const { sha256 } = await uploadArtifact(client, file, out);
        const path = paths.get(hardware);
        artifacts.push({ hardware, sha256, ...(path === undefined ? {} : { path }) });
      }
      await draft(client, out, options, {
        ...{ kind: 'release', component, version, artifacts, payloadKeys: sigKey.map(readPayloadKey) },
        ...(supplier === undefined ? {} : { supplier }),
      });
    },
  );
  verb(
    release,
    'list',
    'all releases, oldest first',
    () => undefined,
    async ({ api, out }) => {
      const releases = await api().list<ReleaseView>('/releases');
      out.result(releases, () =>
        table(
          ['id', 'component', 'version', 'hardware', 'signed by', 'created'],
          releases.map((one) => [
            ...[one.id, one.component, one.version, one.artifacts.map(({ hardware }) => hardware).join(' ')],
            ...[signers(one), one.createdAt],
          ]),
        ),
      );
    },
  );
  verb(
    release,
    'get <id>',
    'one release',
    () => undefined,
    async ({ api, out }, [id = '']) => {
      const one = await api().get<ReleaseView>(`/releases/${encodeURIComponent(id)}`);
      out.result(one, () =>
        [
          `${one.component} ${one.version}, signed by ${signers(one)}`,
          table(
            ['hardware', 'bytes', 'sha256'],
            one.artifacts.map((a) => [a.hardware, String(a.lengthBytes), a.sha256]),
          ),
        ].join('\n'),
      );
    },
  );
}

function signers({ signedBy }: ReleaseView): string {
  return signedBy.map((keyId) => keyId.slice(0, 8)).join(', ');
}

/** @throws {CliError} CLI_USAGE */
function splitPair(option: string, text: string, what: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  throw new CliError('CLI_USAGE', `${option}: "${text}" does not name hardware and ${what.toLowerCase()}`, {
    fix: `Write ${option} HARDWARE=${what}.`,
  });
}

/** @throws {CliError} CLI_USAGE */
function requireImage(hardware: string, images: readonly (readonly [string, string])[]): void {
  if (images.some(([of]) => of === hardware)) return;
  throw new CliError('CLI_USAGE', `--path: there is no --artifact for ${hardware}`, {
    fix: `Add --artifact ${hardware}=FILE.`,
  });
}
