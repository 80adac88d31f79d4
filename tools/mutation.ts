/**
 * Mutation testing (SEC-8, ADR 0007): breaks the verification code in every small way there is, and sees whether a test notices.
 *
 * node tools/run.mjs tools/mutation.ts [FILE or FOLDER ...]; without arguments the folder that a release is held to.
 * Fails below the score, and on an accepted survivor that no longer exists.
 */
import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTool } from './setup.mjs';
import { REPORT_DIR, ROOT, runNode } from './steps.ts';

/** What a release mutates. */
const SUBJECT = 'src/trust/tuf';
/** Per cent of mutants that a test must notice (SEC-8). */
const MIN_SCORE = 90;
const WORK_DIR = join(REPORT_DIR, 'mutation');
export const SURVIVORS_FILE = 'tools/mutation/survivors.json';

/** One change that a mutant makes; lines are left out, so that it stays the same when others move it. */
export interface Change {
  readonly file: string;
  readonly mutator: string;
  readonly original: string;
  readonly replacement: string;
}

/** A change that no test needs to notice, and why. */
export interface Accepted extends Change {
  readonly reason: string;
}

/** A mutant that no test noticed; `reason` where it is accepted. */
export interface Survivor extends Change {
  readonly line: number;
  readonly reason: string | undefined;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** The part of Stryker's JSON report that counts here. Lines and columns begin with 1. */
export interface MutationReport {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: string;
        readonly mutants: readonly {
          readonly mutatorName: string;
          readonly replacement: string;
          readonly status: string;
          readonly location: { readonly start: Position; readonly end: Position };
        }[];
      }
    >
  >;
}

export interface Verdict {
  /** Mutants that a test noticed, of those that could run: not those that words.ts leaves out, or that broke the run itself. */
  readonly noticed: number;
  readonly counted: number;
  readonly survivors: readonly Survivor[];
  /** Accepted changes that the report has no mutant for. */
  readonly stale: readonly Accepted[];
}

const NOTICED: ReadonlySet<string> = new Set(['Killed', 'Timeout']);
const SURVIVED: ReadonlySet<string> = new Set(['Survived', 'NoCoverage']);

export function judge(report: MutationReport, accepted: readonly Accepted[]): Verdict {
  const mutants = Object.entries(report.files).flatMap(([file, { source, mutants: found }]) => {
    const lines = source.split('\n');
    return found.map(({ mutatorName, replacement, status, location }) => ({
      ...{ file, mutator: mutatorName, original: textAt(lines, location), replacement },
      ...{ status, line: location.start.line },
    }));
  });
  const survivors = mutants
    .filter(({ status }) => SURVIVED.has(status))
    .map(({ status: _, ...change }) => ({ ...change, reason: accepted.find((one) => isSame(one, change))?.reason }))
    .toSorted((one, other) => one.file.localeCompare(other.file) || one.line - other.line);
  const noticed = mutants.filter(({ status }) => NOTICED.has(status)).length;
  return {
    noticed,
    counted: noticed + survivors.length,
    survivors,
    // A file that was not mutated this time says nothing about its survivors.
    stale: accepted.filter((one) => Object.hasOwn(report.files, one.file) && !mutants.some((two) => isSame(one, two))),
  };
}

/** Per cent, 0 when nothing was counted: a run that mutates nothing shows nothing. */
export function scoreOf({ noticed, counted }: Verdict): number {
  return counted === 0 ? 0 : (100 * noticed) / counted;
}

export function isGood(verdict: Verdict): boolean {
  return scoreOf(verdict) >= MIN_SCORE && verdict.stale.length === 0;
}

function isSame(one: Change, other: Change): boolean {
  const keys = ['file', 'mutator', 'original', 'replacement'] as const;
  return keys.every((key) => one[key] === other[key]);
}

function textAt(lines: readonly string[], { start, end }: { start: Position; end: Position }): string {
  const text = lines.slice(start.line - 1, end.line);
  const last = text.length - 1;
  return text
    .map((line, index) => line.slice(index === 0 ? start.column - 1 : 0, index === last ? end.column - 1 : undefined))
    .join('\n');
}

function print(verdict: Verdict): void {
  for (const { file, line, mutator, original, replacement, reason } of verdict.survivors) {
    console.log(`${file}:${line} ${mutator}: ${oneLine(original)} => ${oneLine(replacement)}`);
    console.log(`    ${reason ?? 'no reason given: a test is missing'}`);
  }
  for (const { file, mutator, original } of verdict.stale)
    console.log(`${SURVIVORS_FILE} accepts a mutant that does not exist: ${file} ${mutator}: ${oneLine(original)}`);
  const score = scoreOf(verdict).toFixed(1);
  console.log(`${verdict.noticed} of ${verdict.counted} mutants noticed: ${score} %, at least ${MIN_SCORE} % wanted.`);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 100);
}

/** Sources below the given files and folders, without their tests. */
function sourcesIn(paths: readonly string[]): string[] {
  const found = globSync(
    paths.flatMap((path) => [path, `${path}/**/*.ts`]),
    { cwd: ROOT },
  );
  return found.filter((file) => file.endsWith('.ts') && !/\.(?:test|contract)\.ts$/.test(file));
}

async function main(paths: readonly string[]): Promise<number> {
  const sources = sourcesIn(paths);
  if (sources.length === 0) {
    console.log(`There is nothing to mutate in ${paths.join(', ')}.`);
    return 1;
  }
  const stryker = join(await ensureTool('mutation'), 'node_modules/@stryker-mutator/core/bin/stryker.js');
  // Also what a run left behind that was killed.
  rmSync(WORK_DIR, { recursive: true, force: true });
  const code = await runNode([stryker, 'run', 'tools/mutation/stryker.json', '--mutate', sources.join(',')]);
  if (code !== 0) return 1;
  const report = JSON.parse(readFileSync(join(WORK_DIR, 'report.json'), 'utf8')) as MutationReport;
  const verdict = judge(report, JSON.parse(readFileSync(join(ROOT, SURVIVORS_FILE), 'utf8')) as Accepted[]);
  print(verdict);
  return isGood(verdict) ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.length > 2 ? process.argv.slice(2) : [SUBJECT]);
