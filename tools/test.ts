/** `npm test`: types, lint, format, requirements, every test. `--release` adds the long forms. Other arguments go to Vitest. */
import { ensurePrograms } from './programs.ts';
import { ensureRuntime } from './setup.mjs';
import { checkStep, commandStep, runSteps, type Step, vitestStep } from './steps.ts';

const args = process.argv.slice(2);
const isRelease = args.includes('--release');
const vitestArgs = args.filter((arg) => arg !== '--release');

const STEPS: readonly Step[] = [
  checkStep('foreign programs', ensurePrograms),
  commandStep('types', ['node_modules/typescript/bin/tsc', '-p', '.']),
  commandStep('format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']),
  commandStep('lint with types', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']),
  commandStep('requirements', ['tools/requirements.ts']),
  vitestStep('tests', vitestArgs),
];

/** Long forms of docs/status.md; a release waits for them, a change does not. */
const RELEASE_STEPS: readonly Step[] = [
  {
    name: 'tests on the next Node',
    run: async () => vitestStep('tests on the next Node', vitestArgs, await ensureRuntime('next')).run(),
  },
  commandStep('mutation score', ['tools/mutation.ts']),
];

process.exitCode = await runSteps(isRelease ? [...STEPS, ...RELEASE_STEPS] : STEPS);
