/** What happens on the machine of one who signs: no server, no network. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { writeFileDurably } from '../../adapters/files/durable.ts';
import { printable } from '../../core/text.ts';
import type { SchemeName } from '../../trust/keys.ts';
import { answerRequest } from '../../trust/repository/answer.ts';
import { describe } from '../../trust/repository/describe.ts';
import { rootsIn } from '../../trust/repository/published.ts';
import {
  approvalMessage,
  merged,
  readRequest,
  type SigningRequest,
  writeRequest,
} from '../../trust/repository/request.ts';
import {
  eligible,
  holder,
  progressOf,
  type Review,
  requireSound,
  reviewRequest,
} from '../../trust/repository/review.ts';
import { CliError } from '../exit.ts';
import type { Output } from '../output.ts';
import { confirm, readPassphrase } from '../passphrase.ts';
import { progressLines } from '../progress.ts';
import {
  digestOf,
  makeSigner,
  openSigner,
  readBytes,
  SIGNER_FILES,
  trustedRootFor,
  trustRoots,
} from '../signer-folder.ts';
import { collect, verb } from '../verbs.ts';

const SCHEMES: readonly SchemeName[] = ['ed25519', 'ecdsa-sha2-nistp256', 'rsassa-pss-sha256', 'ml-dsa-44'];

interface InitOptions {
  readonly keys: string;
  readonly name: string;
  readonly passphraseFile?: string;
  readonly scheme: string;
}

interface SignOptions {
  readonly keys: string;
  readonly passphraseFile?: string;
  readonly file: readonly string[];
  readonly out?: string;
  readonly yes?: boolean;
  readonly acceptRoot?: string;
}

interface AttachOptions {
  readonly role: string;
  readonly keyId: string;
  readonly signature: string;
  readonly approval: string;
}

export function addSigningCommands(trust: Command): void {
  verb<InitOptions>(
    trust,
    'init',
    'make the keys of one signer in a new folder',
    (command) =>
      command
        .requiredOption('--keys <dir>', 'folder for the keys; keep it offline')
        .requiredOption('--name <name>', 'who this is, as others will see it')
        .option('--passphrase-file <file>', 'file with the passphrase; without it you are asked')
        .option('--scheme <scheme>', `kind of key: ${SCHEMES.join(', ')}`, 'ed25519'),
    async ({ out }, _args, { keys, name, passphraseFile, scheme }) => {
      const kind = SCHEMES.find((one) => one === scheme);
      if (!kind)
        throw new CliError('CLI_USAGE', `"${scheme}" is no kind of key`, { fix: `Use one of: ${SCHEMES.join(', ')}` });
      const passphrase = await readPassphrase({
        file: passphraseFile,
        prompt: `New passphrase for the keys of ${name}`,
        isNew: true,
      });
      const { root, targets } = await makeSigner(keys, name, passphrase, kind);
      out.result({ keys, name, rootKeyId: root.keyId, targetsKeyId: targets.keyId }, () =>
        [
          `${name} signs with key ${root.keyId.slice(0, 8)} (root) and ${targets.keyId.slice(0, 8)} (targets).`,
          `  ${join(keys, SIGNER_FILES.public)}  public: give it to whoever runs the ceremony`,
          `  ${join(keys, SIGNER_FILES.cups)}  public: gateways hold one such file as sig-0.key`,
          `  ${join(keys, SIGNER_FILES.vault)}  secret, and useless without the passphrase: keep both offline, and apart`,
        ].join('\n'),
      );
    },
  );
  verb<SignOptions>(
    trust,
    'sign <request>',
    'sign a request with the keys of one signer; needs no server',
    (command) =>
      command
        .requiredOption('--keys <dir>', 'folder that "trust init" made')
        .option('--passphrase-file <file>', 'file with the passphrase; without it you are asked')
        .option('--file <file>', 'an artifact that needs a signature of its own (repeatable)', collect, [])
        .option('--out <file>', 'where the signed request goes; without it, into the file it came from')
        .option('--accept-root <sha256>', 'trust the root that the request begins from, if it has this digest')
        .option('--yes', 'sign without asking'),
    async ({ out }, [file = ''], options) => {
      const { review, signed, outFile } = await sign(file, options, out);
      out.result({ request: outFile, signed, changes: describe(review), complete: isComplete(review) }, () =>
        [printable(`Signed: ${signed.join(', ')}.`), ...progressOfAll(review), `The request is in ${outFile}.`].join(
          '\n',
        ),
      );
    },
  );
  verb<{ outDir?: string }>(
    trust,
    'show <request>',
    'say what a request changes, who has signed and who is missing; and exactly what there is to sign',
    (command) => command.option('--out-dir <dir>', 'write what has to be signed there, for other tools and tokens'),
    (context, [file = ''], { outDir }) => {
      const review = reviewRequest(readRequest(readBytes(file)));
      requireSound(review);
      const messages = outDir === undefined ? [] : writeMessages(review, outDir);
      context.out.result(viewOf(review, messages), () =>
        [
          ...headLines(review),
          ...describe(review).map((line) => `  ${line}`),
          ...progressOfAll(review),
          ...messages.map(({ role, file: at, keyIds }) =>
            printable(`${role}: sign the bytes of ${at} with one of ${keyIds.join(', ')}`),
          ),
        ].join('\n'),
      );
    },
  );
  verb<AttachOptions>(
    trust,
    'attach <request>',
    'add a signature that another tool made over what "trust show --out-dir" wrote',
    (command) =>
      command
        .requiredOption('--role <role>', 'the file that was signed')
        .requiredOption('--key-id <id>', 'the key that signed')
        .requiredOption('--signature <file>', 'over ROLE.tosign: raw (Ed25519, RSA, ML-DSA) or DER (ECDSA)')
        .requiredOption('--approval <file>', 'by the same key over approval.tosign'),
    async ({ out }, [file = ''], { role, keyId, signature, approval }) => {
      const request = readRequest(readBytes(file));
      const value = new Uint8Array(readBytes(signature));
      const approvals = new Map([[keyId, new Uint8Array(readBytes(approval))]]);
      const collected = merged(
        { signatures: [{ role, keyId, value }], payloadSignatures: [], approvals },
        request.collected,
      );
      const review = reviewRequest({ ...request, collected });
      requireSound(review);
      await writeFileDurably(file, writeRequest(review.request), 0o644);
      out.result(viewOf(review, []), () => progressOfAll(review).join('\n'));
    },
  );
}

async function sign(file: string, options: SignOptions, out: Output) {
  const { keys, passphraseFile, file: artifacts, out: outFile = file } = options;
  const request = readRequest(readBytes(file));
  const pinned = trustedRootFor(keys, request) ?? acceptedRoot(request, options);
  const review = reviewRequest(request, pinned);
  requireSound(review);
  for (const line of [...headLines(review), ...describe(review).map((one) => `  ${one}`)]) out.message(line);
  if (!options.yes) await confirm('Sign this?', 'Read what changes, then repeat the command with --yes.');
  const contents = artifacts.map((one) => new Uint8Array(readBytes(one)));
  const passphrase = await readPassphrase({ file: passphraseFile, prompt: `Passphrase of ${keys}` });
  const signer = await openSigner(keys, passphrase);
  try {
    const answer = await answerRequest(review, signer.signers, signer.payloadSigners, contents);
    await writeFileDurably(outFile, writeRequest(answer.request), 0o644);
    const after = reviewRequest(answer.request, pinned);
    await trustRoots(keys, after);
    return { review: after, signed: answer.signed, outFile };
  } finally {
    await signer.close();
  }
}

/**
 * The first time, nothing but another person can say which root is right: its digest has to be compared, and named.
 * @throws {CliError} CLI_USAGE
 */
function acceptedRoot({ body }: SigningRequest, { acceptRoot }: SignOptions): Uint8Array | undefined {
  const roots = rootsIn(body.base);
  const newest = roots.at(-1);
  if (!newest) return undefined;
  const accepted = roots.find(({ bytes }) => digestOf(bytes) === acceptRoot);
  if (accepted) return accepted.bytes;
  throw new CliError(
    'CLI_USAGE',
    `you trust no root yet; this request begins from root ${newest.version} with digest ${digestOf(newest.bytes)}`,
    {
      fix: 'Compare the digest with one who signed that root (sealift trust status shows it), then add: --accept-root DIGEST',
    },
  );
}

function headLines({ request }: Review): string[] {
  const { id, createdAtMs, reason } = request.body;
  return [
    printable(`Signing event ${id}, ${new Date(createdAtMs).toISOString()}${reason === '' ? '' : `: ${reason}`}`),
    `Digest ${request.digest}`,
  ];
}

function progressOfAll(review: Review): readonly string[] {
  const names = (keyIds: readonly string[]) => keyIds.map((keyId) => holder(keyId, review.names));
  return progressLines(
    progressOf(review).map(({ signed, missing, ...file }) => ({
      ...file,
      ...{ signed: names(signed), missing: names(missing) },
    })),
  );
}

function isComplete(review: Review): boolean {
  return progressOf(review).every((one) => one.isComplete);
}

function viewOf(review: Review, messages: readonly object[]) {
  return {
    id: review.request.body.id,
    digest: review.request.digest,
    changes: describe(review),
    progress: progressOf(review),
    payloads: review.request.body.payloads,
    complete: isComplete(review),
    messages,
  };
}

function writeMessages(review: Review, dir: string) {
  const write = (role: string, message: Uint8Array, keyIds: readonly string[]) => {
    const file = join(dir, `${encodeURIComponent(role)}.tosign`);
    writeFileSync(file, message);
    return { role, file, keyIds };
  };
  return [
    ...review.files.map((one) => write(one.role, one.message, [...eligible(one).keys()])),
    write('approval', approvalMessage(review.request.digest), []),
  ];
}
