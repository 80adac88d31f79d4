/** `npm test`: types, lint, format, requirements, every test. `--release` adds the long forms. Other arguments go to Vitest. */
import { ensurePrograms } from './programs.ts';
import { ensureRuntime } from './setup.mjs';
import { checkStep, commandStep, runSteps, type Step, vitestStep } from './steps.ts';

const args = process.argv.slice(2);
const isRelease = args.includes('--release');
const vitestArgs = args.filter((arg) => arg !== '--release');
/** Tests that have a larger size for a release take it from here. */
const RELEASE_SIZE = 'SEALIFT_RELEASE';

const STEPS: readonly Step[] = [
  checkStep('foreign programs', ensurePrograms),
  commandStep('types', ['node_modules/typescript/bin/tsc', '-p', '.']),
  commandStep('format and lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']),
  commandStep('lint with types', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']),
  commandStep('requirements', ['tools/requirements.ts']),
  isRelease ? inReleaseSize(vitestStep('tests in release size', vitestArgs)) : vitestStep('tests', vitestArgs),
];

/** Long forms of docs/status.md; a release waits for them, a change does not. */
const RELEASE_STEPS: readonly Step[] = [
  {
    name: 'tests on the next Node',
    run: async () => vitestStep('tests on the next Node', vitestArgs, await ensureRuntime('next')).run(),
  },
  commandStep('mutation score', ['tools/mutation.ts']),
];

delete process.env[RELEASE_SIZE];
process.exitCode = await runSteps(isRelease ? [...STEPS, ...RELEASE_STEPS] : STEPS);

function inReleaseSize(step: Step): Step {
  return {
    name: step.name,
    async run() {
      process.env[RELEASE_SIZE] = '1';
      try {
        return await step.run();
      } finally {
        delete process.env[RELEASE_SIZE];
      }
    },
  };
}
