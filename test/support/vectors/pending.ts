/** Kinds that wait for the part that they test. An issue that builds a part takes its rows out of here. */
import { type Kind, ofKind, withEntries, withMembers } from './kind.ts';

export const PENDING: Readonly<Record<string, readonly Kind[]>> = {
  cups: [
    { name: 'CUPS-4 response-generated', recognises: ofKind('response-generated') },
    { name: 'CUPS-15 exchange', recognises: ofKind('exchange') },
    { name: 'CUPS-10 state-machine', recognises: ofKind('state-machine') },
    { name: 'CUPS-11 auth-token', recognises: ofKind('auth-token') },
  ],
  dtls: [{ name: 'DTLS sessions', recognises: withMembers('vectors') }],
  lwm2m: [
    { name: 'LWM2M advanced firmware', recognises: withMembers('scenarios', 'execute_arguments') },
    { name: 'LWM2M firmware state machine', recognises: withMembers('scenarios') },
    { name: 'LWM2M block options', recognises: withMembers('valid', 'invalid_on_udp') },
    { name: 'LWM2M CoAP exchanges', recognises: withMembers('exchanges') },
    { name: 'LWM2M CoAP notifications', recognises: withMembers('notifications') },
    { name: 'LWM2M CoAP pull trace', recognises: withMembers('messages') },
    { name: 'LWM2M CoAP over TCP', recognises: withMembers('frames') },
    { name: 'LWM2M content formats', recognises: withMembers('payloads', 'tlv') },
    { name: 'LWM2M DTLS 1.2', recognises: withMembers('handshake_messages', 'datagrams') },
    { name: 'LWM2M registration', recognises: withMembers('registrations') },
    { name: 'LWM2M HTTP resume', recognises: withEntries('cases', 'before', 'request') },
    { name: 'LWM2M security look-up', recognises: withEntries('cases', 'download_uri', 'instances') },
    { name: 'LWM2M server decisions', recognises: withEntries('cases', 'input', 'expect') },
  ],
  'omaha-cup': [
    { name: 'OMAHA CUP headers', recognises: withEntries('cases', 'responseHeaders', 'cup2key') },
    { name: 'OMAHA CUP proofs', recognises: withEntries('cases', 'proof', 'cup2key') },
    { name: 'OMAHA XML', recognises: withEntries('cases', 'requestXml') },
    { name: 'OMAHA JSON', recognises: withEntries('cases', 'request', 'response') },
    { name: 'OMAHA rules', recognises: withMembers('versionCompare', 'dialect') },
  ],
  srup: [
    { name: 'SRUP keys', recognises: withMembers('ids', 'keys') },
    { name: 'SRUP messages and scenarios', recognises: withMembers('vectors') },
  ],
  uptane: [
    { name: 'UPTANE DER rejects', recognises: withEntries('cases', 'der_hex', 'expect') },
    { name: 'UPTANE reference codec', recognises: withEntries('cases', 'der_hex', 'signed_json') },
    { name: 'UPTANE manifests', recognises: withEntries('cases', 'manifest') },
    { name: 'UPTANE scenarios', recognises: withEntries('cases', 'stored', 'served', 'vehicle', 'expect') },
    { name: 'UPTANE time attestations', recognises: withEntries('cases', 'attestation', 'sent_nonces') },
    { name: 'UPTANE reference metadata', recognises: withMembers('signatures', 'signed') },
    { name: 'UPTANE reference index', recognises: withMembers('files', 'keys') },
    { name: 'UPTANE reference transcripts', recognises: withMembers('exchanges', 'steps') },
    { name: 'UPTANE transcript keys', recognises: withMembers('format', 'keys') },
  ],
};

/** Names of all kinds that are not built. */
export function pendingKinds(): readonly string[] {
  return Object.values(PENDING).flatMap((kinds) => kinds.map(({ name }) => name));
}
