import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { CliError } from '../exit.ts';
import { table } from '../output.ts';
import { collect, noun, verb } from '../verbs.ts';
import { uploadArtifact } from './artifact.ts';

interface ReleaseView {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly artifacts: readonly { hardware: string; sha256: string; lengthBytes: number }[];
  readonly targetsVersion: number;
  readonly signedBy: readonly string[];
  readonly createdAt: string;
}

export function addReleaseCommands(program: Command): void {
  const release = noun(program, 'release', 'signed versions of a component');
  verb<{ file: string[] }>(
    release,
    'create <bundle>',
    'admit a release that "trust sign" made',
    (command) => command.option('--file <file>', 'upload this artifact first (repeatable)', collect, []),
    async ({ api, out }, [bundle = ''], { file }) => {
      const client = api();
      const body = readBundle(bundle);
      for (const path of file) await uploadArtifact(client, path);
      const created = await client.post<ReleaseView>('/releases', body);
      out.result(
        created,
        () => `Release ${created.id}: ${created.component} ${created.version}, signed by ${signers(created)}`,
      );
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
          `${one.component} ${one.version}, targets v${one.targetsVersion}, signed by ${signers(one)}`,
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

function readBundle(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new CliError('CLI_FILE', `${file} is not a release bundle`, {
      cause,
      fix: 'Make one with: sealift trust sign',
    });
  }
}
