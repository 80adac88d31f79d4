/** Public keys that may sign targets metadata, from the files the configuration names. */
import { readFileSync } from 'node:fs';
import { parseJson } from '../core/json.ts';
import { type PublicKey, parsePublicKey } from '../trust/keys.ts';
import { ConfigError } from './errors.ts';
import { MAX_CONFIG_BYTES } from './limits.ts';

/** @param files paths of JSON key files, comma between @throws {ConfigError} CONFIG_KEY_FILE one is missing or no key */
export function loadTargetsKeys(files: string): readonly PublicKey[] {
  return files
    .split(',')
    .map((file) => file.trim())
    .filter((file) => file !== '')
    .map((file) => {
      try {
        return parsePublicKey(parseJson(readFileSync(file), { maxBytes: MAX_CONFIG_BYTES }));
      } catch (cause) {
        throw new ConfigError(
          'CONFIG_KEY_FILE',
          `${file} (trust.targetsKeyFiles) holds no usable public key: ${String(cause)}`,
          {
            cause,
            fix: 'Name the *.pub.json files that "sealift trust init" wrote.',
          },
        );
      }
    });
}
