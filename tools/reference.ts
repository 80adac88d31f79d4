/** Reference pages that are made from the code: node tools/run.mjs tools/reference.ts writes them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS } from '../src/server/config.ts';
import { ROOT } from './steps.ts';

export function configurationPage(): string {
  const rows = SETTINGS.map(
    ({ path, variable, description, schema }) =>
      `| \`${path}\` | \`${variable}\` | \`${JSON.stringify(schema.default)}\` | ${description} |`,
  );
  return [
    '# Configuration',
    '',
    'Generated from the schema that checks it (`npm run reference`); do not edit.',
    '',
    'A variable beats the YAML file, the file beats the default. The file is `--config FILE`, else `SEALIFT_CONFIG`, else `./sealift.yaml`. Unknown keys are refused.',
    '`sealift config view --origin` shows what is in force and why; `sealift config check` says whether it is sound.',
    '',
    '| key | variable | default | |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (import.meta.main) writeFileSync(join(ROOT, 'docs/reference/configuration.md'), configurationPage());
