import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeFileDurably } from '../../adapters/files/durable.ts';
import { writeSecretFile } from '../../adapters/files/secret.ts';
import { systemClock } from '../../adapters/node/ports.ts';
import { parseJson } from '../../core/json.ts';
import { generateSigner, importSigner, parsePublicKey } from '../../trust/keys.ts';
import { generatePayloadSigner, importPayloadSigner } from '../../trust/payload.ts';
import { signRelease } from '../../trust/release-bundle.ts';
import { type VerifiedTargets, verifyTargets } from '../../trust/targets.ts';
import { CliError } from '../exit.ts';
import { noun, verb } from '../verbs.ts';

/** Files of a signer's folder. Only `*.key.pem` are secret. */
const FILES = {
  targetsKey: 'targets.key.pem',
  targetsPublic: 'targets.pub.json',
  cupsKey: 'cups-sig.key.pem',
  /** X || Y, 64 bytes: the file a gateway holds as sig-0.key. */
  cupsPublic: 'sig-0.key',
  /** What was signed last. */
  targets: 'targets.json',
} as const;

const DAY_MS = 86_400_000;
const DEFAULT_EXPIRY_DAYS = 90;

interface SignOptions {
  readonly keys: string;
  readonly component: string;
  readonly version: string;
  readonly hardware: string;
  readonly file: string;
  readonly out: string;
  readonly expiresDays: string;
}

export function addTrustCommands(program: Command): void {
  const trust = noun(program, 'trust', 'keys that speak for releases; these commands need no server and no network');
  verb<{ keys: string }>(
    trust,
    'init',
    'make the keys of a signer in a new folder',
    (command) => command.requiredOption('--keys <dir>', 'folder for the keys; keep it offline'),
    async ({ out }, _args, { keys }) => {
      const keyId = await initKeys(keys);
      out.result({ keys, keyId }, () =>
        [
          `Key ${keyId} signs targets metadata.`,
          `  ${join(keys, FILES.targetsPublic)}  give it to the server (trust.targetsKeyFiles)`,
          `  ${join(keys, FILES.cupsPublic)}  give it to gateways (sig-0.key)`,
          `  ${join(keys, '*.key.pem')}  secret: never on the server`,
        ].join('\n'),
      );
    },
  );
  verb<SignOptions>(
    trust,
    'sign',
    'sign a new version: targets metadata and payload signatures in one bundle',
    (command) =>
      command
        .requiredOption('--keys <dir>', 'folder that "trust init" made')
        .requiredOption('--file <file>', 'the artifact')
        .requiredOption('--version <version>', 'version it is')
        .requiredOption('--hardware <id>', 'hardware it is for')
        .requiredOption('--out <file>', 'where the bundle goes')
        .option('--component <name>', 'what it updates', 'firmware')
        .option('--expires-days <days>', 'how long the metadata holds', String(DEFAULT_EXPIRY_DAYS)),
    async ({ out }, _args, options) => {
      const summary = await sign(options);
      out.result(
        summary,
        () =>
          `Signed ${options.component} ${options.version} for ${options.hardware}: targets v${summary.targetsVersion}, bundle ${options.out}`,
      );
    },
  );
}

async function initKeys(dir: string): Promise<string> {
  if (existsSync(join(dir, FILES.targetsKey))) {
    throw new CliError('CLI_FILE', `${dir} holds keys already`, {
      fix: 'Name a new folder; keys are never overwritten.',
    });
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const { signer, pem } = generateSigner('ed25519');
  const payload = generatePayloadSigner();
  writeSecretFile(join(dir, FILES.cupsKey), payload.pem);
  await writeFileDurably(join(dir, FILES.cupsPublic), payload.signer.key, 0o644);
  await writeFileDurably(join(dir, FILES.targetsPublic), `${JSON.stringify(signer.publicKey.json)}\n`, 0o644);
  writeSecretFile(join(dir, FILES.targetsKey), pem);
  return signer.publicKey.keyId;
}

async function sign(options: SignOptions): Promise<{ targetsVersion: number; bundle: string }> {
  const { keys, component, version, hardware, file, out } = options;
  const days = Number(options.expiresDays);
  if (!Number.isInteger(days) || days < 1) {
    throw new CliError('CLI_USAGE', `"${options.expiresDays}" is no number of days`, {
      fix: 'Write --expires-days 90.',
    });
  }
  const previous = readPrevious(keys);
  const bundle = await signRelease({
    ...{ previous, component, version },
    artifacts: [{ hardware, content: read(file) }],
    expiresAtMs: systemClock.nowMs() + days * DAY_MS,
    signers: [importSigner(read(join(keys, FILES.targetsKey)).toString())],
    payloadSigners: [importPayloadSigner(read(join(keys, FILES.cupsKey)).toString())],
  });
  await writeFileDurably(out, `${JSON.stringify(bundle, null, 2)}\n`, 0o644);
  await writeFileDurably(join(keys, FILES.targets), bundle.targets, 0o644);
  return { targetsVersion: (previous?.version ?? 0) + 1, bundle: out };
}

/** Expiry does not matter here: a signer may come back after it, and signs anew. */
function readPrevious(dir: string): VerifiedTargets | undefined {
  const file = join(dir, FILES.targets);
  if (!existsSync(file)) return undefined;
  const key = parsePublicKey(parseJson(read(join(dir, FILES.targetsPublic))));
  return verifyTargets(read(file), { keys: [key], threshold: 1, nowMs: 0, minVersion: 0 });
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CliError('CLI_FILE', `${file} cannot be read`, {
      cause,
      fix: 'Check the path; "sealift trust init" makes the keys.',
    });
  }
}
