/** A running Sealift for tests that cross folders; it goes away with the test. */
import { onTestFinished } from 'vitest';
import { createWorld, type World } from '../../src/lab/world.ts';
import { recordingLog, temporaryDir } from './ports.ts';

export async function testWorld(): Promise<World & { readonly log: ReturnType<typeof recordingLog> }> {
  const log = recordingLog();
  const world = await createWorld(temporaryDir(), log);
  onTestFinished(() => world.close());
  return { ...world, log };
}
