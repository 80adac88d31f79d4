import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDir } from '../../test/support/ports.ts';
import { loadConfig, SETTINGS } from './config.ts';

function fileOf(text: string): string {
  const file = join(temporaryDir(), 'sealift.yaml');
  writeFileSync(file, text);
  return file;
}

describe('DESIGN-6 configuration', () => {
  it('DESIGN-6 works without any', () => {
    const { config, origins } = loadConfig({});
    expect(config.management).toMatchObject({ host: '127.0.0.1', port: 8_080 });
    expect(new Set(origins.values())).toEqual(new Set(['default']));
  });

  it('DESIGN-6 variables of the tests are none of its own, and no mistake', () => {
    const env = { SEALIFT_RELEASE: '1', SEALIFT_TEST_SKIP: 'curl', SEALIFT_VECTORS: '/x' };
    expect(loadConfig(env).config).toEqual(loadConfig({}).config);
  });

  it('DESIGN-6 file beats default, variable beats file, and each value knows where it is from', () => {
    const file = fileOf('cups:\n  port: 1\n  tls: { serverNames: gw.example }\nlog:\n  level: warn\n');
    const { config, origins } = loadConfig({ SEALIFT_CUPS_PORT: '2', PATH: '/bin' }, file);
    expect([config.cups.port, config.cups.tls.serverNames, config.log.level]).toEqual([2, 'gw.example', 'warn']);
    expect([origins.get('cups.port'), origins.get('log.level'), origins.get('cups.host')]).toEqual([
      'SEALIFT_CUPS_PORT',
      'file',
      'default',
    ]);
  });

  it('DESIGN-6 variables mirror the keys of the file one to one', () => {
    expect(new Set(SETTINGS.map(({ variable }) => variable)).size).toBe(SETTINGS.length);
    expect(SETTINGS.map(({ path, variable }) => [path, variable])).toContainEqual([
      'cups.tls.clientCaFile',
      'SEALIFT_CUPS_TLS_CLIENT_CA_FILE',
    ]);
  });

  it.each([
    ['cupps:\n  port: 1\n', 'CONFIG_UNKNOWN_KEY', 'Did you mean cups?'],
    ['cups:\n  prot: 1\n', 'CONFIG_UNKNOWN_KEY', 'Did you mean cups.port?'],
    ['cups: 1\n', 'CONFIG_VALUE', ''],
    ['cups:\n  port: "1"\n', 'CONFIG_VALUE', 'SEALIFT_CUPS_PORT'],
    ['cups:\n  port: 70000\n', 'CONFIG_VALUE', 'SEALIFT_CUPS_PORT'],
    ['cups:\n  enabled: maybe\n', 'CONFIG_VALUE', 'SEALIFT_CUPS_ENABLED'],
    ['log:\n  level: loud\n', 'CONFIG_VALUE', 'SEALIFT_LOG_LEVEL'],
    ['cups:\n  port: [\n', 'CONFIG_SYNTAX', ''],
    ['- a list\n', 'CONFIG_VALUE', ''],
    ['a: &x 1\nb: *x\n', 'CONFIG_SYNTAX', ''],
    ['__proto__:\n  port: 1\n', 'CONFIG_UNKNOWN_KEY', ''],
    ['cups:\n  port: 1\n  port: 2\n', 'CONFIG_SYNTAX', ''],
    [`x: ${'y'.repeat(70_000)}\n`, 'CONFIG_SYNTAX', ''],
  ])('DESIGN-6 refuses %j with %s', (text, code, fix) => {
    expect(() => loadConfig({}, fileOf(text))).toThrow(
      expect.objectContaining({ code, ...(fix === '' ? {} : { fix: expect.stringContaining(fix) as string }) }),
    );
  });

  it('DESIGN-6 refuses unknown variables with a hint, and a file that is not there', () => {
    expect(() => loadConfig({ SEALIFT_CUPS_PROT: '1' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNKNOWN_KEY', fix: 'Did you mean SEALIFT_CUPS_PORT?' }),
    );
    expect(() => loadConfig({}, '/nowhere/sealift.yaml')).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNREADABLE' }),
    );
  });

  it('DESIGN-6 an empty file is as good as none', () => {
    expect(loadConfig({}, fileOf('# nothing\n')).config).toEqual(loadConfig({}).config);
  });
});
