/** A Station on this machine: its home folder, slots, and the real client over real TLS. */
import { join } from 'node:path';
import { FileDeviceState, FileSlots } from '../adapters/files/device.ts';
import { FileDeviceTrust } from '../adapters/files/device-trust.ts';
import { ScriptInstaller } from '../adapters/files/script-installer.ts';
import { systemClock } from '../adapters/node/ports.ts';
import type { Clock, Log } from '../core/ports.ts';
import { DeviceEngine } from '../device/engine.ts';
import { type ClientOptions, CupsClient } from '../protocols/cups/client.ts';
import { StationHome } from '../protocols/cups/home.ts';
import { parseId6 } from '../protocols/cups/id6.ts';
import { CONNECTION_TIMEOUT_MS } from '../protocols/cups/limits.ts';
import { createExchange } from '../transport/http/exchange.ts';

export interface StationRequest {
  /** Home folder in the layout of a Station. */
  readonly home: string;
  readonly eui: string;
  readonly log: Log;
  readonly options?: ClientOptions;
  /** Default: that of this machine. */
  readonly clock?: Clock;
}

export async function stationClient(request: StationRequest): Promise<CupsClient> {
  const { home: dir, eui, log, options, clock = systemClock } = request;
  const home = new StationHome(dir);
  const tls = await home.tls();
  const exchange = createExchange({ ...(tls ? { tls } : {}), idleTimeoutMs: CONNECTION_TIMEOUT_MS });
  const identity = { eui: parseId6(eui), station: 'sealift(linux/std)', model: 'linux' };
  const engine = stationEngine(dir, await home.releaseRoot(), clock);
  return new CupsClient(identity, { home, engine, exchange, log }, options);
}

/** Slots, journal and trust lie in a private folder of the home (spec/cups.md section 8: never in /tmp). */
function stationEngine(dir: string, pinnedRoot: Uint8Array | undefined, clock: Clock): DeviceEngine {
  const own = join(dir, 'slots');
  const slots = new FileSlots(own);
  return new DeviceEngine({
    slots,
    state: new FileDeviceState(own),
    trust: new FileDeviceTrust(own, pinnedRoot),
    installer: new ScriptInstaller(slots, dir),
    clock,
  });
}
