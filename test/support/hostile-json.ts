/** JSON whose names are meant to reach a prototype, and the readers that get it. Run as a program it prints their outcome. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../../src/core/canonical-json.ts';
import { parseJson } from '../../src/core/json.ts';
import { decodeRequest } from '../../src/protocols/cups/codec.ts';

const NAMES = ['__proto__', 'constructor', 'prototype', 'polluted', 'toString', 'router', 'a'];

/** A thousand documents, the same for the same seed. */
export function hostileJson(seed: string): readonly string[] {
  return Array.from({ length: 1_000 }, (_, index) =>
    document(createHash('sha256').update(`${seed}${index}`).digest(), 0),
  );
}

function document(noise: Buffer, depth: number): string {
  const pick = (noise[depth] ?? 0) % (depth > 6 ? 2 : 5);
  if (pick === 0) return '1';
  if (pick === 1) return '"polluted"';
  if (pick === 2) return `[${document(noise, depth + 1)}]`;
  const name = NAMES[(noise[31 - depth] ?? 0) % NAMES.length];
  const other = NAMES[(noise[20 - depth] ?? 0) % NAMES.length];
  return `{"${name}":${document(noise, depth + 1)},"${other}":{"polluted":true}}`;
}

export function parseAll(documents: readonly string[]): { parsed: number; refused: number; digest: string } {
  const hash = createHash('sha256');
  let [parsed, refused] = [0, 0];
  for (const text of documents) {
    const bytes = Buffer.from(text);
    for (const read of [() => canonicalJson(parseJson(bytes)), () => JSON.stringify(decodeRequest(bytes))]) {
      try {
        hash.update(read());
        parsed += 1;
      } catch (error) {
        hash.update(String(error));
        refused += 1;
      }
    }
  }
  return { parsed, refused, digest: hash.digest('hex') };
}

if (import.meta.main) process.stdout.write(JSON.stringify(parseAll(hostileJson('traps'))));
