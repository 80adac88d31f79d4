/** `npm run build`: the published package's dist/ from src/, without tests. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runNode } from './steps.ts';

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
process.exitCode = (await runNode(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'])) ?? 1;
