import { createPublicKey } from 'node:crypto';
import { DAY_MS } from '../../core/time.ts';
import type { DeviceView } from '../../fleet/model.ts';
import { parseId6 } from '../../protocols/cups/index.ts';
import { ApiError } from '../errors.ts';
import { ROUTER_CERTIFICATE_DAYS } from '../limits.ts';
import { operation } from './operation.ts';
import { page, pageRequest, time } from './paging.ts';
import {
  CertificateAnswer,
  CertificateBody,
  DecisionAnswer,
  DeviceAnswer,
  DeviceBody,
  IdParams,
  Page,
  PageQuery,
} from './schemas.ts';

export const DEVICE_OPERATIONS = [
  operation({
    id: 'createDevice',
    method: 'POST',
    url: '/devices',
    permission: 'device.write',
    summary: 'Register a device, so that it is answered when it gets in touch',
    body: DeviceBody,
    status: 201,
    answer: DeviceAnswer,
    async run({ fleet, tenant }, { body, reply }) {
      const identity = parseId6(body.identity);
      const device = await fleet.registerDevice({ ...body, tenant, identity, groups: body.groups ?? [] });
      reply.header('location', `/api/v1/devices/${device.id}`);
      return deviceAnswer({ ...device, installed: new Map(), facts: [], openAttempts: [], lastSeenAtMs: null });
    },
  }),
  operation({
    id: 'listDevices',
    method: 'GET',
    url: '/devices',
    permission: 'device.read',
    summary: 'All devices, oldest first',
    query: PageQuery,
    status: 200,
    answer: Page(DeviceAnswer),
    async run({ store, tenant }, { query }) {
      return page(query, deviceAnswer, await store.devices(tenant, pageRequest(query)));
    },
  }),
  operation({
    id: 'getDevice',
    method: 'GET',
    url: '/devices/:id',
    permission: 'device.read',
    summary: 'One device and what it last reported',
    params: IdParams,
    status: 200,
    answer: DeviceAnswer,
    async run({ store, tenant }, { params }) {
      return deviceAnswer(await known(store.device(tenant, params.id), params.id));
    },
  }),
  operation({
    id: 'explainDevice',
    method: 'GET',
    url: '/devices/:id/decision',
    permission: 'device.read',
    summary: 'Why the device is, or is not, offered an update: the rules looked at, in order',
    params: IdParams,
    status: 200,
    answer: DecisionAnswer,
    async run({ fleet, tenant }, { params }) {
      const { offers, trace } = await fleet.why(tenant, params.id);
      return {
        offers: offers.map(({ component, version, rolloutId, releaseId }) => ({
          component,
          version,
          rolloutId,
          releaseId,
        })),
        trace: trace.map(({ code, passed, text }) => ({ code, passed, text })),
      };
    },
  }),
  operation({
    id: 'issueCertificate',
    method: 'POST',
    url: '/devices/:id/certificates',
    permission: 'device.write',
    summary: 'Sign a client certificate for the device; its private key never leaves the caller',
    params: IdParams,
    body: CertificateBody,
    status: 201,
    answer: CertificateAnswer,
    async run({ store, tenant, issuer, clock }, { params, body }) {
      if (!issuer) {
        throw new ApiError('API_NO_ISSUER', 'router certificates are signed by the CA of cups.tls.clientCaFile', {
          fix: 'Let that CA sign a certificate whose common name is the EUI of the router.',
        });
      }
      const device = await known(store.device(tenant, params.id), params.id);
      const certificate = await issuer.issue(device.identity, spki(body.publicKey));
      const expiresAtMs = clock.nowMs() + ROUTER_CERTIFICATE_DAYS * DAY_MS;
      return { certificate, trust: issuer.trust, expiresAt: time(expiresAtMs) };
    },
  }),
];

async function known(found: Promise<DeviceView | undefined>, id: string): Promise<DeviceView> {
  const device = await found;
  if (!device) throw new ApiError('API_NOT_FOUND', `there is no device ${id}`, { fix: 'See: sealift device list' });
  return device;
}

function spki(pem: string): string {
  try {
    return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  } catch (cause) {
    throw new ApiError('API_INVALID', 'publicKey is not a public key in PEM', {
      cause,
      fix: 'Export it with: openssl pkey -pubout',
    });
  }
}

function deviceAnswer(device: DeviceView) {
  return {
    id: device.id,
    protocol: device.protocol,
    identity: device.identity,
    hardware: device.hardware,
    groups: [...device.groups],
    installed: [...device.installed].map(([component, version]) => ({ component, version })),
    lastSeenAt: device.lastSeenAtMs === null ? null : time(device.lastSeenAtMs),
    createdAt: time(device.createdAtMs),
  };
}
