/** Log lines as JSON, on standard error or into an open file: UTC, one object per outcome. */
import { pino } from 'pino';
import type { Log } from '../core/ports.ts';
import type { Config } from './config.ts';

export function createLog(level: Config['log']['level'], destination = 2): Log {
  const base = { base: null, level, messageKey: 'message', timestamp: pino.stdTimeFunctions.isoTime };
  return pino(
    { ...base, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ dest: destination, sync: false }),
  );
}
