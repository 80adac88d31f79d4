/** API tokens: who or what may do what on the server. */
import type { Command } from 'commander';
import { ROLES } from '../../fleet/model.ts';
import { requireNew, writeSecret } from '../files.ts';
import { table } from '../output.ts';
import { noun, number, verb } from '../verbs.ts';

interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

interface CreateOptions {
  readonly name: string;
  readonly role: string;
  readonly days?: string;
  readonly out?: string;
}

export function addTokenCommands(program: Command): void {
  const token = noun(program, 'token', 'API tokens: who or what may do what on the server');
  verb<CreateOptions>(
    token,
    'create',
    'make a token; it is shown once',
    (command) =>
      command
        .requiredOption('--name <name>', 'who or what uses it')
        .requiredOption('--role <role>', `what it may do: ${ROLES.join(', ')}`)
        .option('--days <days>', 'it expires after these (default: never)')
        .option('--out <file>', 'write it into a new file of mode 0600 instead of showing it'),
    async ({ api, out }, _args, { name, role, days, out: file }) => {
      if (file !== undefined) requireNew(file);
      const made = await api().post<TokenView & { token: string }>('/tokens', {
        ...{ name, role },
        ...(days === undefined ? {} : { days: number('--days', days) }),
      });
      const { token: secret, ...shown } = made;
      if (file === undefined) {
        out.result(made, () => `${secret}\nThis is token ${made.id}; it is not shown again.`);
        return;
      }
      try {
        writeSecret(file, `${secret}\n`);
      } catch (error) {
        // A token that nobody has seen is of no use to anybody but a thief.
        await api().post(`/tokens/${made.id}:revoke`);
        throw error;
      }
      out.result({ ...shown, file }, () => `Token ${made.id} is in ${file}.`);
    },
  );
  verb(
    token,
    'list',
    'all tokens, oldest first',
    () => undefined,
    async ({ api, out }) => {
      const tokens = await api().list<TokenView>('/tokens');
      out.result(tokens, () =>
        table(
          ['id', 'name', 'role', 'created', 'expires', 'revoked'],
          tokens.map((one) => [
            ...[one.id, one.name, one.role, one.createdAt, one.expiresAt ?? 'never', one.revokedAt ?? ''],
          ]),
        ),
      );
    },
  );
  verb(
    token,
    'revoke <id>',
    'take a token its rights, from its next request on',
    () => undefined,
    async ({ api, out }, [id = '']) => {
      const revoked = await api().post<TokenView>(`/tokens/${encodeURIComponent(id)}:revoke`);
      out.result(revoked, () => `Token ${revoked.name} is revoked.`);
    },
  );
  verb(
    program,
    'whoami',
    'whose token is used, and what it may do',
    () => undefined,
    async ({ api, out }) => {
      const who = await api().get<{ name: string; role: string; permissions: readonly string[] }>('/whoami');
      out.result(who, () => `${who.name}, ${who.role}: ${who.permissions.join(', ')}`);
    },
  );
}
