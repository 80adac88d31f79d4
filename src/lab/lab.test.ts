import { describe, expect, it } from 'vitest';
import { testWorld } from '../../test/support/world.ts';
import { runCupsLab, SCENARIOS, type Seams } from './cups.ts';
import { demoSteps } from './demo.ts';

describe('DESIGN-8 the demo', () => {
  it('DESIGN-8 tells its whole story with evidence', async () => {
    const evidence: string[] = [];
    for (const { run } of demoSteps(await testWorld())) evidence.push(await run());
    expect(evidence).toHaveLength(10);
    expect(evidence.join('\n')).toContain('3 attempts, all confirmed');
  });

  it('DESIGN-8 a step whose evidence is wrong fails', async () => {
    const world = await testWorld();
    const [, gateways, , , , canary] = demoSteps(world);
    await gateways?.run();
    await expect(canary?.run()).rejects.toThrow();
  });
});

describe('SEC-1 attacks on CUPS', () => {
  it('SEC-1 each is stopped by the check it is meant for, and the bytes are there to see', async () => {
    const results = await runCupsLab(await testWorld());
    expect(results.map(({ name, outcome, observed }) => [name, outcome, observed])).toEqual(
      SCENARIOS.map(({ name, expected }) => [name, 'as-expected', expected]),
    );
    expect(
      results.every(
        ({ transcript }) => transcript.length === 2 && transcript.every(({ hex }) => /^(?:[0-9a-f]{2})+$/.test(hex)),
      ),
    ).toBe(true);
  });

  it.each<[string, Seams, string]>([
    ['unsigned-firmware', { client: { allowUnsigned: true } }, 'installed'],
    ['foreign-signature', { trustAttacker: true }, 'installed'],
    ['altered-image', { client: { checkSignature: false } }, 'installed'],
    ['stolen-firmware-key', { client: { releaseProof: 'off' } }, 'installed'],
    ['router-asks-for-another', { ownCertificate: true }, '200'],
  ])('SEC-8 control: with its one check switched off, %s succeeds', async (name, seams, observed) => {
    const [result] = await runCupsLab(await testWorld(), seams, [name]);
    expect(result).toMatchObject({ name, outcome: 'unexpected', observed });
  });
});
