/** What happens on the machine of one who signs: no server, no network. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { printable } from '../../core/text.ts';
import { answerRequest, artifactsFor, requirePayloadsAtHand } from '../../trust/repository/answer.ts';
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
  isComplete,
  payloadProgressOf,
  progressOf,
  type Review,
  requireSound,
  reviewRequest,
} from '../../trust/repository/review.ts';
import { CliError } from '../exit.ts';
import { makeFolder, readBytes, requireFolderOf, writeOutput } from '../files.ts';
import type { Output } from '../output.ts';
import { confirm, readPassphrase } from '../passphrase.ts';
import { payloadLines, progressLines } from '../progress.ts';
import { openSigner, readPayloadKey } from '../signer-folder.ts';
import { digestOf, trustedRootFor, trustRoots } from '../trusted-roots.ts';
import { collect, verb } from '../verbs.ts';

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

interface AttachPayloadOptions {
  readonly path: string;
  readonly key: string;
  readonly signature: string;
  readonly file: string;
}

export function addSigningCommands(trust: Command): void {
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
      const { review, signed, notAtHand, outFile } = await sign(file, options, out);
      for (const path of notAtHand)
        out.message(printable(`Not signed: the artifact ${path}. One of these keys is asked to: add --file FILE.`));
      out.result({ request: outFile, signed, notAtHand, changes: describe(review), complete: isComplete(review) }, () =>
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
    async (context, [file = ''], { outDir }) => {
      const review = reviewRequest(readRequest(readBytes(file)));
      requireSound(review);
      const messages = outDir === undefined ? [] : await writeMessages(review, outDir);
      context.out.result(viewOf(review, messages), () =>
        [
          ...headLines(review),
          ...describe(review).map((line) => `  ${line}`),
          ...progressOfAll(review),
          ...(outDir === undefined ? [] : howToSign(review, messages, file)),
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
      const made = { signatures: [{ role, keyId, value }], payloadSignatures: [], approvals };
      const review = reviewRequest({ ...request, collected: merged(request.collected, made) });
      requireSound(review);
      await writeOutput(file, writeRequest(review.request));
      out.result(viewOf(review, []), () => progressOfAll(review).join('\n'));
    },
  );
  verb<AttachPayloadOptions>(
    trust,
    'attach-payload <request>',
    'add a signature over the bytes of an artifact that another tool made (P-256, SHA-512, DER)',
    (command) =>
      command
        .requiredOption('--path <path>', 'target path of the artifact')
        .requiredOption('--key <file>', 'sig-N.key of the key that signed: 64 bytes X || Y')
        .requiredOption('--signature <file>', 'the signature')
        .requiredOption('--file <file>', 'the artifact, to check the signature with'),
    async ({ out }, [file = ''], options) => {
      const request = readRequest(readBytes(file));
      const { path, key: keyFile, signature, file: artifact } = options;
      const atHand = artifactsFor(request, [new Uint8Array(readBytes(artifact))]);
      const value = new Uint8Array(readBytes(signature));
      const payloadSignatures = [{ path, key: readPayloadKey(keyFile), value }];
      const made = { signatures: [], payloadSignatures, approvals: new Map<string, Uint8Array>() };
      const review = reviewRequest({ ...request, collected: merged(request.collected, made) });
      requireSound(review);
      requirePayloadsAtHand(review.request, atHand);
      await writeOutput(file, writeRequest(review.request));
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
  // What could go wrong goes wrong before anybody is asked.
  requireFolderOf(outFile);
  const contents = artifacts.map((one) => new Uint8Array(readBytes(one)));
  artifactsFor(request, contents);
  const passphrase = await readPassphrase({ file: passphraseFile, prompt: `Passphrase of ${keys}` });
  const signer = await openSigner(keys, passphrase);
  try {
    if (!options.yes) await confirm('Sign this?', 'Read what changes, then repeat the command with --yes.');
    const answer = await answerRequest(review, signer.signers, signer.payloadSigners, contents);
    await writeOutput(outFile, writeRequest(answer.request));
    const after = reviewRequest(answer.request, pinned);
    await trustRoots(keys, after);
    return { review: after, signed: answer.signed, notAtHand: answer.notAtHand, outFile };
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
  const files = progressOf(review).map(({ signed, missing, ...file }) => ({
    ...file,
    ...{ signed: names(signed), missing: names(missing) },
  }));
  return [...progressLines(files), ...payloadLines(payloadProgressOf(review).filter(({ isSigned }) => !isSigned))];
}

function viewOf(review: Review, messages: readonly Message[]) {
  return {
    id: review.request.body.id,
    digest: review.request.digest,
    changes: describe(review),
    progress: progressOf(review),
    payloads: payloadProgressOf(review),
    complete: isComplete(review),
    messages,
  };
}

/** Bytes for another tool or token to sign. */
interface Message {
  readonly role: string;
  readonly file: string;
  readonly keyIds: readonly string[];
}

const APPROVAL = 'approval.tosign';

async function writeMessages(review: Review, dir: string): Promise<readonly Message[]> {
  makeFolder(dir);
  await writeOutput(join(dir, APPROVAL), approvalMessage(review.request.digest));
  const messages: Message[] = [];
  for (const one of review.files) {
    const file = join(dir, `${encodeURIComponent(one.role)}.tosign`);
    await writeOutput(file, one.message);
    messages.push({ role: one.role, file, keyIds: [...eligible(one).keys()] });
  }
  return messages;
}

/** For somebody whose key lies elsewhere: each signature that is asked for, and how it comes back. */
function howToSign({ request }: Review, messages: readonly Message[], file: string): readonly string[] {
  const [first] = messages;
  const approval = first && join(first.file, '..', APPROVAL);
  return [
    ...messages.map(
      ({ role, file: at, keyIds }) => `${role}: sign the bytes of ${at} with one of ${keyIds.join(', ')}`,
    ),
    `request: sign the bytes of ${approval} with the same key`,
    `then, for each of them: sealift trust attach ${file} --role ROLE --key-id KEY --signature SIGNATURE --approval APPROVAL`,
    ...request.body.payloads.flatMap(({ path, sha256, lengthBytes, keys }) =>
      keys.map(
        (key) =>
          `${path}: sign the ${lengthBytes} bytes of the artifact with SHA-256 ${sha256} with payload key ${key.slice(0, 16)} (P-256, SHA-512, DER), then: sealift trust attach-payload ${file} --path ${path} --key SIG_KEY --signature SIGNATURE --file ARTIFACT`,
      ),
    ),
  ].map(printable);
}
