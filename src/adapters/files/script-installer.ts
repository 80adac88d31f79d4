/** Runs the image of a slot as a program, the way Stations run updates (spec/cups.md section 8). */
import { execFile } from 'node:child_process';
import { resolve as resolvePath } from 'node:path';
import type { Installer, SlotName } from '../../device/ports.ts';
import type { FileSlots } from './device.ts';

/** Milliseconds an image may take to come up. */
export const START_TIMEOUT_MS = 30_000;
/** Bytes of output kept of an image; more ends it. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/**
 * The image is executed directly, without a shell and without arguments, in `workDir`, with a bare environment. It is healthy
 * when it ends with exit code 0 in time.
 */
export class ScriptInstaller implements Installer {
  readonly #slots: FileSlots;
  readonly #workDir: string;

  constructor(slots: FileSlots, workDir: string) {
    this.#slots = slots;
    this.#workDir = workDir;
  }

  start(slot: SlotName): Promise<boolean> {
    const options = {
      cwd: this.#workDir,
      timeout: START_TIMEOUT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: MAX_OUTPUT_BYTES,
      env: { PATH: '/usr/bin:/bin' },
    };
    return new Promise((resolve) => {
      execFile(resolvePath(this.#slots.path(slot)), [], options, (error) => resolve(error === null));
    });
  }
}
