import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeSecretFile } from '../../adapters/files/secret.ts';
import { printable } from '../../core/text.ts';
import type { ApiClient } from '../api-client.ts';
import { makeFolder, writeOutput } from '../files.ts';
import { table } from '../output.ts';
import { collect, noun, verb } from '../verbs.ts';

interface DeviceView {
  readonly id: string;
  readonly protocol: string;
  readonly identity: string;
  readonly hardware: string;
  readonly groups: readonly string[];
  readonly installed: readonly { component: string; version: string | null }[];
  readonly lastSeenAt: string | null;
}
interface DecisionView {
  readonly offers: readonly { component: string; version: string }[];
  readonly trace: readonly { code: string; passed: boolean; text: string }[];
}
interface CreateOptions {
  readonly protocol: string;
  readonly identity: string;
  readonly hardware: string;
  readonly group: string[];
  readonly credentials?: string;
}

export function addDeviceCommands(program: Command): void {
  const device = noun(program, 'device', 'devices that are answered when they get in touch');
  verb<CreateOptions>(
    device,
    'create',
    'register a device',
    (command) =>
      command
        .requiredOption('--protocol <name>', 'protocol it speaks: cups')
        .requiredOption('--identity <name>', "the protocol's name of it; CUPS: its EUI")
        .requiredOption('--hardware <id>', 'hardware id that releases must match')
        .option('--group <name>', 'group it belongs to (repeatable)', collect, [])
        .option(
          '--credentials <dir>',
          'write cups.crt, cups.key, cups.trust, hardware.txt and release-root.json for it into this folder',
        ),
    async ({ api, out }, _args, { protocol, identity, hardware, group, credentials }) => {
      const client = api();
      const created = await client.post<DeviceView>('/devices', { protocol, identity, hardware, groups: group });
      if (credentials !== undefined) await writeCredentials(client, created, credentials);
      out.result(created, () => `Device ${created.id}: ${created.protocol} ${created.identity}`);
    },
  );
  verb(
    device,
    'list',
    'all devices, oldest first',
    () => undefined,
    async ({ api, out }) => {
      const devices = await api().list<DeviceView>('/devices');
      out.result(devices, () =>
        table(
          ['id', 'protocol', 'identity', 'hardware', 'groups', 'runs', 'last seen'],
          devices.map((one) => [
            ...[one.id, one.protocol, one.identity, one.hardware, one.groups.join(' '), runs(one)],
            one.lastSeenAt ?? 'never',
          ]),
        ),
      );
    },
  );
  verb(
    device,
    'get <id>',
    'one device',
    () => undefined,
    async ({ api, out }, [id = '']) => {
      const one = await api().get<DeviceView>(`/devices/${encodeURIComponent(id)}`);
      out.result(
        one,
        () =>
          `${one.protocol} ${one.identity}, ${one.hardware}; runs ${runs(one) || 'nothing known'}; last seen ${one.lastSeenAt ?? 'never'}`,
      );
    },
  );
  verb(
    device,
    'why <id>',
    'why it is, or is not, offered an update',
    () => undefined,
    async ({ api, out }, [id = '']) => {
      const decision = await api().get<DecisionView>(`/devices/${encodeURIComponent(id)}/decision`);
      out.result(decision, () =>
        decision.trace
          .map(({ passed, code, text }) => `${passed ? 'yes' : 'NO '}  ${code.padEnd(22)} ${printable(text)}`)
          .join('\n'),
      );
    },
  );
}

function runs(device: DeviceView): string {
  return device.installed.map(({ component, version }) => `${component} ${printable(version ?? 'unknown')}`).join(', ');
}

/**
 * What a Station needs to connect, and what our own client needs to know which images are released for it. The key pair is made here;
 * only its public half travels.
 */
async function writeCredentials(api: ApiClient, { id, hardware }: DeviceView, dir: string): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const { certificate, trust } = await api.post<{ certificate: string; trust: string }>(`/devices/${id}/certificates`, {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  });
  makeFolder(dir);
  // SEC1: the one private key form of P-256 that a Station reads.
  writeSecretFile(join(dir, 'cups.key'), privateKey.export({ type: 'sec1', format: 'pem' }).toString());
  await writeOutput(join(dir, 'cups.crt'), certificate);
  await writeOutput(join(dir, 'cups.trust'), trust);
  await writeOutput(join(dir, 'hardware.txt'), `${hardware}\n`);
  const { revision } = await api.get<{ revision: number }>('/trust/repository');
  if (revision > 0)
    await writeOutput(join(dir, 'release-root.json'), (await api.get<{ root: string }>('/trust/root')).root);
}
