/** A sound chain of three, and ways to spoil it. */
import { type ChainRequest, TrustedRoots } from '../../src/trust/x509-chain.ts';
import { createRevocations } from '../../src/trust/x509-revocations.ts';
import {
  authorityKeyId,
  basicConstraints,
  certificate,
  DIGITAL_SIGNATURE,
  dnsNames,
  ecKeys,
  extendedKeyUsage,
  KEY_CERT_SIGN,
  keyUsage,
  nameOf,
  type Parts,
  subjectKeyId,
} from './certificates.ts';

export const [rootKeys, betweenKeys, leafKeys, otherKeys] = [ecKeys(), ecKeys(), ecKeys(), ecKeys()];
export const SERVER = '1.3.6.1.5.5.7.3.1';
export const CLIENT = '1.3.6.1.5.5.7.3.2';
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const NOW_MS = Date.UTC(2026, 10, 25);

export const ROOT = {
  subject: nameOf('root'),
  issuer: nameOf('root'),
  publicKey: rootKeys.publicKey,
  signingKey: rootKeys.privateKey,
  extensions: {
    constraints: basicConstraints(true),
    usage: keyUsage(KEY_CERT_SIGN),
    subjectKey: subjectKeyId(rootKeys.publicKey),
  },
};
export const BETWEEN = {
  subject: nameOf('between'),
  issuer: nameOf('root'),
  publicKey: betweenKeys.publicKey,
  signingKey: rootKeys.privateKey,
  extensions: {
    constraints: basicConstraints(true, 0),
    usage: keyUsage(KEY_CERT_SIGN),
    subjectKey: subjectKeyId(betweenKeys.publicKey),
    issuerKey: authorityKeyId(rootKeys.publicKey),
  },
};
export const LEAF = {
  subject: nameOf('00000000000000aa'),
  issuer: nameOf('between'),
  publicKey: leafKeys.publicKey,
  signingKey: betweenKeys.privateKey,
  extensions: {
    constraints: basicConstraints(false),
    usage: keyUsage(DIGITAL_SIGNATURE),
    purposes: extendedKeyUsage(SERVER, CLIENT),
    names: dnsNames('GW.example', '*.station.example'),
    issuerKey: authorityKeyId(betweenKeys.publicKey),
  },
};

/** Parts that differ from a sound chain. */
export interface Changes {
  readonly root?: Partial<Parts>;
  readonly between?: Partial<Parts>;
  readonly leaf?: Partial<Parts>;
}

export function chain(changes: Changes = {}, request: Partial<ChainRequest> = {}): ChainRequest {
  return {
    presented: [certificate({ ...LEAF, ...changes.leaf }), certificate({ ...BETWEEN, ...changes.between })],
    roots: new TrustedRoots(certificate({ ...ROOT, ...changes.root })),
    purpose: 'server',
    hostName: 'gw.example',
    revocations: createRevocations({ serials: [], fingerprints: [] }),
    nowMs: NOW_MS,
    ...request,
  };
}

export const rootWith = (extensions: Parts['extensions']) => ({
  root: { extensions: { ...ROOT.extensions, ...extensions } },
});
export const betweenWith = (extensions: Parts['extensions']) => ({
  between: { extensions: { ...BETWEEN.extensions, ...extensions } },
});
export const leafWith = (extensions: Parts['extensions']) => ({
  leaf: { extensions: { ...LEAF.extensions, ...extensions } },
});
