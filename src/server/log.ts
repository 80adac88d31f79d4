/** Log lines as JSON on standard error: UTC, one object per outcome. */
import { pino } from 'pino';
import type { Log } from '../core/ports.ts';
import type { Config } from './config.ts';

export function createLog(level: Config['log']['level']): Log {
  const base = { base: null, level, messageKey: 'message', timestamp: pino.stdTimeFunctions.isoTime };
  return pino(
    { ...base, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ dest: 2, sync: false }),
  );
}
