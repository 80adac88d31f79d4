/** DNS names of certificates (RFC 6125 section 6.4): letters, digits, hyphen and underscore; compared without regard to case. */
import { isIP } from 'node:net';
import { MAX_DNS_NAME } from './limits.ts';

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
const WILDCARD = '*.';

/** In lower case; `undefined` for what is no DNS name. A certificate's may begin with a label that is `*`. */
export function dnsName(text: string): string | undefined {
  const labels = (text.startsWith(WILDCARD) ? text.slice(WILDCARD.length) : text).split('.');
  const isFine = text.length <= MAX_DNS_NAME && labels.every((label) => LABEL.test(label));
  // In this order: there are letters outside of ASCII whose lower case lies inside.
  return isFine ? text.toLowerCase() : undefined;
}

/**
 * Whether a certificate's name stands for a host. `*` stands for exactly one label, and only before two others: a wildcard for
 * all of a top-level domain is nobody's. An address never matches, not even a name spelled like it.
 * @param name as `dnsName` gives it
 */
export function matchesHost(name: string, hostName: string): boolean {
  const host = dnsName(hostName);
  if (host === undefined || host.startsWith(WILDCARD) || isIP(host) !== 0) return false;
  if (!name.startsWith(WILDCARD)) return name === host;
  const parent = name.slice(WILDCARD.length);
  return parent.includes('.') && host.slice(host.indexOf('.') + 1) === parent;
}
