/** A Station on this machine: its home folder, slots, and the real client over real TLS. */
import { join } from 'node:path';
import { FileDeviceState, FileSlots } from '../adapters/files/device.ts';
import { ScriptInstaller } from '../adapters/files/script-installer.ts';
import type { Log } from '../core/ports.ts';
import { DeviceEngine } from '../device/engine.ts';
import { type ClientOptions, CupsClient } from '../protocols/cups/client.ts';
import { StationHome } from '../protocols/cups/home.ts';
import { parseId6 } from '../protocols/cups/id6.ts';
import { CONNECTION_TIMEOUT_MS } from '../protocols/cups/limits.ts';
import { createPost } from '../transport/http/post.ts';

export interface StationRequest {
  /** Home folder in the layout of a Station. */
  readonly home: string;
  readonly eui: string;
  readonly log: Log;
  readonly options?: ClientOptions;
}

export async function stationClient({ home: dir, eui, log, options }: StationRequest): Promise<CupsClient> {
  const home = new StationHome(dir);
  const tls = await home.tls();
  const post = createPost({ ...(tls ? { tls } : {}), idleTimeoutMs: CONNECTION_TIMEOUT_MS });
  const identity = { eui: parseId6(eui), station: 'sealift(linux/std)', model: 'linux' };
  return new CupsClient(identity, { home, engine: stationEngine(dir), post, log }, options);
}

/** Slots and journal lie in a private folder of the home (spec/cups.md section 8: never in /tmp). */
export function stationEngine(dir: string): DeviceEngine {
  const slots = new FileSlots(join(dir, 'slots'));
  const state = new FileDeviceState(join(dir, 'slots'));
  return new DeviceEngine({ slots, state, installer: new ScriptInstaller(slots, dir) });
}
