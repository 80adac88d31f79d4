import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../core/ports.ts';
import { createWorld, type World } from './world.ts';

/** Gives `work` a world in a temporary folder, and takes both away afterwards, whatever happens. */
export async function withWorld<T>(log: Log, work: (world: World) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'sealift-'));
  try {
    const world = await createWorld(dir, log);
    try {
      return await work(world);
    } finally {
      await world.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
