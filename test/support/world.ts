/** A running Sealift for tests that cross folders; it goes away with the test. */
import { onTestFinished } from 'vitest';
import { createWorld, type World } from '../../src/lab/world.ts';
import { type AtEnd, recordingLog, temporaryDir } from './ports.ts';

export async function testWorld(
  atEnd: AtEnd = onTestFinished,
): Promise<World & { readonly log: ReturnType<typeof recordingLog> }> {
  const log = recordingLog();
  const world = await createWorld(temporaryDir(atEnd), log);
  atEnd(() => world.close());
  return { ...world, log };
}
