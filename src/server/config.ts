/**
 * Configuration: one schema, from which come the YAML keys, the `SEALIFT_*` variables (one to one), defaults and checks.
 *
 * Order: variable > file > default. `cups.tls.certFile` is `SEALIFT_CUPS_TLS_CERT_FILE`.
 */
import { readFileSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { parse as parseYaml } from 'yaml';
import { nearest } from '../core/nearest.ts';
import { ConfigError } from './errors.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';

const Port = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: value, description });
const Text = (value: string, description: string) => Type.String({ default: value, description });
const Switch = (value: boolean, description: string) => Type.Boolean({ default: value, description });
const Days = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 365, default: value, description });
const Section = <T extends Parameters<typeof Type.Object>[0]>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

export const ConfigSchema = Section({
  dataDir: Text('sealift-data', 'Folder of the database, artifacts and generated keys; made with mode 0700'),
  tenant: Text('default', 'Tenant that devices and API calls of this process belong to'),
  management: Section({
    host: Text('127.0.0.1', 'Address of REST API and metrics; anything but loopback needs TLS'),
    port: Port(8080, 'Port of REST API and metrics; 0 takes a free one'),
    tls: Section({
      certFile: Text('', 'PEM certificate chain; empty: plain HTTP, on loopback only'),
      keyFile: Text('', 'PEM private key of the certificate'),
    }),
    allowInsecurePublic: Switch(false, 'Serve the API without TLS on a public address all the same'),
  }),
  cups: Section({
    enabled: Switch(true, 'Serve LoRa Basics Station gateways'),
    host: Text('127.0.0.1', 'Address of the CUPS listener'),
    port: Port(8443, 'Port of the CUPS listener; 0 takes a free one'),
    tls: Section({
      certFile: Text('', 'PEM certificate chain; empty: issued by a CA of our own in the data folder'),
      keyFile: Text('', 'PEM private key of the certificate'),
      clientCaFile: Text('', 'PEM certificates that sign router certificates; empty: our own CA'),
      serverNames: Text('localhost', 'DNS names in the certificate we issue for ourselves, separated by commas'),
    }),
  }),
  http: Section({
    enabled: Switch(true, 'Serve the image repository and release proofs over HTTP'),
    host: Text('127.0.0.1', 'Address of the device HTTP listener'),
    port: Port(8081, 'Port of the device HTTP listener; 0 takes a free one'),
    tls: Section({
      certFile: Text('', 'PEM certificate chain; empty: plain HTTP (what is served is signed, not secret)'),
      keyFile: Text('', 'PEM private key of the certificate'),
    }),
  }),
  trust: Section({
    vault: Section({
      file: Text('', 'Encrypted keys for snapshot and timestamp; empty: vault.json in the data folder'),
      passphraseFile: Text(
        '',
        'File with the passphrase of the vault, not in the data folder; empty: asked on a terminal',
      ),
    }),
    snapshotDays: Days(7, 'Days a snapshot is valid; it is signed anew at half of that'),
    timestampDays: Days(7, 'Days a timestamp is valid; it is signed anew at half of that'),
  }),
  blobs: Section({
    scrubDays: Type.Integer({
      minimum: 0,
      maximum: 365,
      default: 30,
      description: 'Days after which each artifact is read and hashed anew, to find bit rot; 0 never does',
    }),
  }),
  log: Section({
    level: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], {
      default: 'info',
      description: 'Least severe entries that are written',
    }),
  }),
});
export type Config = Static<typeof ConfigSchema>;

export interface Setting {
  /** `cups.tls.certFile` */
  readonly path: string;
  readonly variable: string;
  readonly description: string;
  readonly schema: { readonly type?: string; readonly default?: unknown };
}

/** Every setting there is, in the order of the schema. */
export const SETTINGS: readonly Setting[] = leaves(ConfigSchema, []);
const BY_PATH = new Map(SETTINGS.map((setting) => [setting.path, setting]));
const BY_VARIABLE = new Map(SETTINGS.map((setting) => [setting.variable, setting]));

/** Variables that are not settings: they choose the file, and steer tests. */
const OTHER_VARIABLES = new Set([
  'SEALIFT_CONFIG',
  'SEALIFT_RELEASE',
  'SEALIFT_TEST_SKIP',
  'SEALIFT_VECTORS',
  'SEALIFT_TOKEN',
  'SEALIFT_SERVER',
]);

export interface LoadedConfig {
  readonly config: Config;
  /** Setting path to where its value came from: `default`, `file` or the variable's name. */
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * @param env variables of the process
 * @param file path of a YAML file, `undefined` for none
 * @throws {ConfigError} CONFIG_UNREADABLE, CONFIG_SYNTAX, CONFIG_UNKNOWN_KEY (with the nearest known name), CONFIG_VALUE
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, file?: string): LoadedConfig {
  const values = new Map<string, unknown>(SETTINGS.map(({ path, schema }) => [path, schema.default]));
  const origins = new Map(SETTINGS.map(({ path }) => [path, 'default']));
  for (const [path, value] of file === undefined ? [] : fromYaml(file)) {
    values.set(path, value);
    origins.set(path, 'file');
  }
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('SEALIFT_') || text === undefined || OTHER_VARIABLES.has(variable)) continue;
    const setting = BY_VARIABLE.get(variable) ?? unknownKey(variable, [...BY_VARIABLE.keys()], 'variable');
    values.set(setting.path, fromText(setting, text));
    origins.set(setting.path, variable);
  }
  return { config: checked(values), origins };
}

function fromYaml(file: string): [string, unknown][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('CONFIG_UNREADABLE', `${file} cannot be read`, {
      cause,
      fix: 'Check the path and its permissions.',
    });
  }
  if (text.length > MAX_CONFIG_BYTES)
    throw new ConfigError('CONFIG_SYNTAX', `${file} is larger than ${MAX_CONFIG_BYTES} bytes`);
  let document: unknown;
  try {
    document = parseYaml(text, { mapAsMap: true, maxAliasCount: 0, prettyErrors: true });
  } catch (cause) {
    throw new ConfigError('CONFIG_SYNTAX', `${file}: ${(cause as Error).message}`, { cause });
  }
  return document === null ? [] : flatten(document, '', file);
}

function flatten(node: unknown, path: string, file: string): [string, unknown][] {
  if (!(node instanceof Map)) {
    if (BY_PATH.has(path)) return [[path, node]];
    const hint = path === '' ? 'the file must be a mapping' : `${path} is a section, not a value`;
    throw new ConfigError('CONFIG_VALUE', `${file}: ${hint}`);
  }
  return [...node].flatMap(([name, child]: [unknown, unknown]) => {
    const inner = path === '' ? String(name) : `${path}.${String(name)}`;
    const isKnown = SETTINGS.some((setting) => setting.path === inner || setting.path.startsWith(`${inner}.`));
    if (!isKnown) unknownKey(inner, knownKeys(), `key of ${file}`);
    return flatten(child, inner, file);
  });
}

function knownKeys(): string[] {
  return SETTINGS.flatMap(({ path }) => path.split('.').map((_, at, parts) => parts.slice(0, at + 1).join('.')));
}

function fromText(setting: Setting, text: string): unknown {
  if (setting.schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (setting.schema.type === 'integer') return /^[0-9]{1,9}$/.test(text) ? Number(text) : text;
  return text;
}

function checked(values: ReadonlyMap<string, unknown>): Config {
  const config: Record<string, unknown> = {};
  for (const [path, value] of values) assign(config, path.split('.'), value);
  const [problem] = Value.Errors(ConfigSchema, config);
  if (problem) {
    const path = problem.instancePath.slice(1).replaceAll('/', '.');
    const setting = BY_PATH.get(path);
    throw new ConfigError('CONFIG_VALUE', `${path} ${problem.message}, it is ${JSON.stringify(values.get(path))}`, {
      fix: `Set it in the YAML file or by ${setting?.variable ?? 'its variable'}. It is: ${setting?.description ?? ''}.`,
    });
  }
  return config as Config;
}

/** Paths come from our own schema, so a plain object is safe here. */
function assign(target: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  target[name] ??= {};
  assign(target[name] as Record<string, unknown>, rest, value);
}

interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: unknown;
}

function leaves(schema: SchemaNode, path: readonly string[]): Setting[] {
  if (schema.properties) {
    return Object.entries(schema.properties).flatMap(([name, child]) => leaves(child, [...path, name]));
  }
  const words = path.map((name) => name.replaceAll(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase());
  return [
    { path: path.join('.'), variable: ['SEALIFT', ...words].join('_'), description: schema.description ?? '', schema },
  ];
}

function unknownKey(name: string, known: readonly string[], what: string): never {
  const meant = nearest(name, known);
  throw new ConfigError('CONFIG_UNKNOWN_KEY', `unknown ${what}: ${name}`, {
    fix: meant === undefined ? 'See: sealift config view' : `Did you mean ${meant}?`,
  });
}
