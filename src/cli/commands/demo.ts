import type { Command } from 'commander';
import { Listr } from 'listr2';
import type { DemoStep } from '../../lab/demo.ts';
import { EXIT } from '../exit.ts';
import type { Output } from '../output.ts';
import { verb } from '../verbs.ts';
import { stopSignal } from './serve.ts';

interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  readonly evidence: string;
}

export function addDemoCommand(program: Command): void {
  verb<{ headless?: boolean }>(
    program,
    'demo',
    'a server, three virtual gateways and the story of a rollout, in a temporary folder',
    (command) => command.option('--headless', 'end by itself when the story is told'),
    async ({ json, out }, _args, { headless = false }) => {
      const [{ withWorld }, { demoSteps }, { createLog }] = await Promise.all([
        import('../../lab/temporary.ts'),
        import('../../lab/demo.ts'),
        import('../../server/log.ts'),
      ]);
      await withWorld(createLog('error'), async (world) => {
        const steps = await tell(demoSteps(world), json);
        out.result({ steps }, () => closingWords(steps));
        if (steps.some(({ ok }) => !ok)) process.exitCode = EXIT.failure;
        if (!headless) await leaveOpen(out, world.server.managementUrl, world.server.dataDir);
      });
    },
  );
}

/** A step after one that failed is not run: it would only fail for want of it. */
async function tell(steps: readonly DemoStep[], quiet: boolean): Promise<StepResult[]> {
  const results: StepResult[] = [];
  const tasks = steps.map((step) => ({
    title: step.name,
    async task(_context: unknown, task: { output: string }) {
      try {
        const evidence = await step.run();
        results.push({ name: step.name, ok: true, evidence });
        task.output = evidence;
      } catch (error) {
        results.push({ name: step.name, ok: false, evidence: String(error) });
        throw error;
      }
    },
    rendererOptions: { persistentOutput: true },
  }));
  const renderer = quiet ? 'silent' : process.stdout.isTTY ? 'default' : 'simple';
  await new Listr(tasks, { exitOnError: true, renderer }).run().catch(() => undefined);
  const missing = steps
    .slice(results.length)
    .map(({ name }) => ({ name, ok: false, evidence: 'not run: a step before it failed' }));
  return [...results, ...missing];
}

function closingWords(steps: readonly StepResult[]): string {
  const failed = steps.filter(({ ok }) => !ok).length;
  return failed === 0
    ? `All ${steps.length} steps are as they should be. The keys were made for this demo (DEMO KEYS) and are worth nothing.`
    : `${failed} of ${steps.length} steps failed.`;
}

async function leaveOpen(out: Output, url: string, dataDir: string): Promise<void> {
  out.message(`The server stays open until Ctrl-C: ${url}/api/openapi.json`);
  out.message(
    `Look around from another terminal: SEALIFT_DATA_DIR=${dataDir} node bin/sealift.js rollout list --server ${url}`,
  );
  await stopSignal();
}
