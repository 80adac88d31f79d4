/** URIs that a Station can use (spec/cups.md section 13): scheme://host:port, nothing after it. */
import { MAX_URI_BYTES } from './limits.ts';

const FORM = /^(https?|wss?):\/\/(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,127}):([0-9]{1,5})$/;
const SCHEMES = { cups: ['http', 'https'], tc: ['ws', 'wss'] } as const;

/** Why a Station of 2.0.6 would store `uri` and then fail; `undefined` when it is fine. */
export function uriObjection(category: 'cups' | 'tc', uri: string): string | undefined {
  if (uri.length > MAX_URI_BYTES) return `${uri.length} characters where ${MAX_URI_BYTES} fit`;
  const [, scheme = '', , port] = FORM.exec(uri) ?? [];
  const allowed: readonly string[] = SCHEMES[category];
  if (port === undefined) return 'not of the form scheme://host:port (the port is required, a path is forbidden)';
  if (!allowed.includes(scheme)) return `scheme ${scheme} where ${allowed.join(' or ')} is needed`;
  if (Number(port) < 1 || Number(port) > 65_535) return `port ${port} does not exist`;
  return undefined;
}
