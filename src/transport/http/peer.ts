/** Who stands at the other end of a TLS connection. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

export interface PeerCertificate {
  /** Of the subject; `''` when it has none. */
  readonly commonName: string;
  /** SHA-256 of the DER certificate, lower-case hex. */
  readonly sha256: string;
}

const SEEN = new WeakMap<Socket, PeerCertificate | null>();

/**
 * The client certificate, if there is one and the listener's CA signed it; parsed once per connection.
 * @returns `undefined` for plain connections and for clients that showed no, or no valid, certificate
 */
export function peerCertificate(socket: Socket): PeerCertificate | undefined {
  let peer = SEEN.get(socket);
  if (peer === undefined) {
    peer = read(socket);
    SEEN.set(socket, peer);
  }
  return peer ?? undefined;
}

function read(socket: Socket): PeerCertificate | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  // A subject may repeat CN; a list of names is no name.
  const commonName: unknown = subject?.CN;
  if (typeof fingerprint256 !== 'string') return null;
  return {
    commonName: typeof commonName === 'string' ? commonName : '',
    sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
