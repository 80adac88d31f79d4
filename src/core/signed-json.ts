import { canonicalJson } from './canonical-json.ts';
import { asObject, type JsonObject, type JsonOptions, parseJson } from './json.ts';
export function parseSigned(
  bytes: Uint8Array,
  options: JsonOptions = {},
): { document: JsonObject; signed: JsonObject; canonical: Uint8Array } {
  const document = asObject(parseJson(bytes, options), '');
  const signed = asObject(document.get('signed'), '/signed');
  return { document, signed, canonical: canonicalJson(signed) };
}
