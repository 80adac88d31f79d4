import { describe, expect, it } from 'vitest';
import { layerViolations } from '../test/support/layers.ts';
import { readSources } from '../test/support/source.ts';

const TESTS = /\.(?:test|contract)\.ts$/;

describe('DESIGN-1 the house', () => {
  it('DESIGN-1 imports point from the rim to core', () => {
    const sources = new Map(
      [...readSources(['src/**/*.ts'], TESTS)].map(([file, text]) => [file.slice('src/'.length), text]),
    );
    expect(sources.size).toBeGreaterThan(80);
    expect(layerViolations(sources)).toEqual([]);
  });
});

/** Sources of a small house; each case adds one file to it. */
const HOUSE = {
  'core/a.ts': 'export const a = 1;',
  'fleet/f.ts': "import { a } from '../core/a.ts';\nexport const f = a;",
  'device/d.ts': "import { a } from '../core/a.ts';\nexport const d = a;",
  'transport/t.ts': 'export const t = 1;',
  'protocols/one/index.ts': "export { x } from './x.ts';",
  'protocols/one/x.ts': "import { f } from '../../fleet/f.ts';\nexport const x = f;",
  'protocols/two/y.ts': 'export const y = 1;',
  'adapters/sqlite/s.ts': "import { f } from '../../fleet/f.ts';\nexport const s = f;",
  'server/serve.ts': "import { x } from '../protocols/one/index.ts';\nexport const serve = x;",
  'lab/l.ts': "const { serve } = await import('../server/serve.ts');\nexport const l = serve;",
};

function planted(file: string, text: string): string[] {
  return layerViolations(new Map([...Object.entries(HOUSE), [file, text]])).map(
    (violation) => `${violation.file}: ${violation.rule}`,
  );
}

describe('DESIGN-1 the import test itself', () => {
  it('DESIGN-1 lets a sound house stand', () => {
    expect(layerViolations(new Map(Object.entries(HOUSE)))).toEqual([]);
  });

  it('DESIGN-1 takes a method called import for what it is', () => {
    expect(planted('core/b.ts', 'interface Vault { import(label: string): void; }\nvault.import(label);')).toEqual([]);
  });

  it.each([
    ['a static import upwards', 'core/b.ts', "import { f } from '../fleet/f.ts';", 'core imports fleet'],
    ['double quotes', 'core/b.ts', 'import { f } from "../fleet/f.ts";', 'core imports fleet'],
    ['over several lines', 'core/b.ts', "import {\n  f,\n  g,\n} from '../fleet/f.ts';", 'core imports fleet'],
    ['a type import', 'core/b.ts', "import type { F } from '../fleet/f.ts';", 'core imports fleet'],
    ['a default and a namespace import', 'core/b.ts', "import f, * as g from '../fleet/f.ts';", 'core imports fleet'],
    ['a side-effect import', 'core/b.ts', "import '../fleet/f.ts';", 'core imports fleet'],
    ['a re-export', 'core/b.ts', "export { f } from '../fleet/f.ts';", 'core imports fleet'],
    ['a re-export of everything', 'core/b.ts', "export * from '../fleet/f.ts';", 'core imports fleet'],
    ['a dynamic import', 'core/b.ts', "const f = await import('../fleet/f.ts');", 'core imports fleet'],
    [
      'a dynamic import in double quotes',
      'core/b.ts',
      'const f = await import( "../fleet/f.ts" );',
      'core imports fleet',
    ],
    [
      'a dynamic import behind one of a method',
      'core/b.ts',
      "vault.import(a); import('../fleet/f.ts');",
      'core imports fleet',
    ],
    ['a dynamic import in a template', 'core/b.ts', 'const f = await import(`../fleet/f.ts`);', 'core imports fleet'],
    [
      'a dynamic import of a variable',
      'core/b.ts',
      'const f = await import(name);',
      'a dynamic import whose target is not written out',
    ],
    [
      'a dynamic import put together',
      'core/b.ts',
      `const f = await import(\`../\${layer}/f.ts\`);`,
      'a dynamic import whose target is not written out',
    ],
    [
      'behind a comment on the line before',
      'core/b.ts',
      "// from './x.ts'\nimport { f } from '../fleet/f.ts';",
      'core imports fleet',
    ],
    ['the device reaching for the fleet', 'device/b.ts', "import { f } from '../fleet/f.ts';", 'device imports fleet'],
    ['the fleet reaching for the device', 'fleet/b.ts', "import { d } from '../device/d.ts';", 'fleet imports device'],
    [
      'the fleet reaching for an adapter',
      'fleet/b.ts',
      "import { s } from '../adapters/sqlite/s.ts';",
      'fleet imports adapters',
    ],
    [
      'transport reaching for the fleet',
      'transport/b.ts',
      "import { f } from '../fleet/f.ts';",
      'transport imports fleet',
    ],
    [
      'a protocol reaching for an adapter',
      'protocols/one/b.ts',
      "import { s } from '../../adapters/sqlite/s.ts';",
      'protocols imports adapters',
    ],
    [
      'a protocol reaching for another',
      'protocols/one/b.ts',
      "import { y } from '../two/y.ts';",
      'protocol one imports protocol two',
    ],
    ['the server reaching for the commands', 'server/b.ts', "import { l } from '../lab/l.ts';", 'server imports lab'],
    [
      'a way out of src',
      'core/b.ts',
      "import { t } from '../../tools/t.ts';",
      'imports ../tools/t.ts, outside of src/',
    ],
    ['a folder nobody planned', 'utils/b.ts', 'export const b = 1;', '"utils" is no layer of design section 1'],
    [
      'a package in the trust core',
      'trust/b.ts',
      "import forge from 'node-forge';",
      'the trust core imports package node-forge',
    ],
    [
      'a package in a codec',
      'protocols/one/codec.ts',
      "import { z } from 'zod';",
      'the trust core imports package zod',
    ],
    [
      'a client that reaches the fleet through its neighbour',
      'protocols/one/client.ts',
      "import { x } from './x.ts';",
      'a client reaches fleet/f.ts',
    ],
    [
      'a codec that reaches beyond core',
      'protocols/one/codec.ts',
      "import { t } from '../../transport/t.ts';",
      'a codec reaches transport/t.ts',
    ],
  ])('DESIGN-1 fails on %s', (_what, file, text, rule) => {
    expect(planted(file, text)).toEqual([`${file}: ${rule}`]);
  });

  it.each([
    [
      'an import in a comment',
      'core/b.ts',
      "/* import { f } from '../fleet/f.ts'; */\n// import '../fleet/f.ts'\nexport {};",
    ],
    [
      'a codec that uses core and its own folder',
      'protocols/two/codec.ts',
      "import { a } from '../../core/a.ts';\nimport { y } from './y.ts';",
    ],
    [
      'a client on device and transport',
      'protocols/one/client.ts',
      "import { d } from '../../device/d.ts';\nimport { t } from '../../transport/t.ts';",
    ],
    ['node: in the trust core', 'trust/b.ts', "import { sign } from 'node:crypto';"],
  ])('DESIGN-1 allows %s', (_what, file, text) => {
    expect(planted(file, text)).toEqual([]);
  });
});
