import { describe, expect, it } from 'vitest';
import { collect, recordingLog } from '../../../test/support/ports.ts';
import { StoreError } from '../../fleet/errors.ts';
import type { CheckIn } from '../../fleet/fleet.ts';
import type { Artifact, Attempt, Contact, Offer } from '../../fleet/model.ts';
import type { Blobs, Proofs } from '../../fleet/ports.ts';
import { encodeRequest, NO_UPDATE, ResponseHead } from './codec.ts';
import { crcOf } from './crc.ts';
import { CupsServer, cupsTraits } from './server.ts';

const EUI = '00000000000000a1';
const peer = { commonName: EUI.toUpperCase(), sha256: 'ab' };
const key = new Uint8Array(64).fill(1);
const otherKey = new Uint8Array(64).fill(2);
const image = Buffer.from('image');
const artifact: Artifact = {
  ...{ hardware: 'hw', sha256: 'cd'.repeat(32), lengthBytes: image.length, targetPath: 'x' },
  payloadSignatures: [
    { scheme: 'cups-p256-sha512', key: otherKey, signature: new Uint8Array(70).fill(8) },
    { scheme: 'cups-p256-sha512', key, signature: new Uint8Array(71).fill(9) },
  ],
};
const request = (changes: object = {}) =>
  encodeRequest({
    ...{ router: EUI, cupsUri: 'https://localhost:1', tcUri: '', cupsCredCrc: 1, tcCredCrc: 2 },
    ...{ station: 's', model: 'm', package: '1.0.0', keys: [crcOf(key)], ...changes },
  });

/** By tenant, digest and hardware. */
const PROOFS = new Map([
  [`t ${artifact.sha256} any`, Buffer.from('{"proof":1}')],
  [`t ${artifact.sha256} hw`, Buffer.from('{"proof":2}')],
]);

function server(checkIn: () => Promise<CheckIn | undefined>) {
  const contacts: Contact[] = [];
  const reports: string[] = [];
  const log = recordingLog();
  const blobs: Pick<Blobs, 'read'> = {
    async *read() {
      yield image;
    },
  };
  const fleet = {
    checkIn: (contact: Contact) => {
      contacts.push(contact);
      return checkIn();
    },
    report: async ({ state }: { state: string }) => {
      reports.push(state);
      return undefined;
    },
  };
  const proofs: Proofs = {
    proof: async (tenant, digest, hardware = 'any') => PROOFS.get(`${tenant} ${digest} ${hardware}`),
  };
  return { cups: new CupsServer({ fleet, blobs, proofs, log, tenant: 't' }), contacts, reports, log };
}

const nothing = { device: {}, decision: { offers: [], trace: [] }, attempts: [] } as unknown as CheckIn;
const offer: Offer = { component: 'firmware', rolloutId: 'P', releaseId: 'R', version: '1.1.0', artifact };
const offering = {
  ...nothing,
  decision: { offers: [offer], trace: [] },
  attempts: [{ id: 'A', releaseId: 'R' } as Attempt],
};

describe('CUPS-7 answers', () => {
  it('CUPS-7 nothing to change', async () => {
    const { cups, contacts } = server(async () => nothing);
    expect(await cups.answer(peer, request())).toEqual({ head: NO_UPDATE, update: undefined });
    expect(contacts).toEqual([
      {
        ...{ tenant: 't', protocol: 'cups', identity: EUI, assurance: 'proven' },
        ...{ installed: new Map([['firmware', '1.0.0']]), facts: [`sigkey:${crcOf(key)}`] },
      },
    ]);
  });

  it('CUPS-7 an update with the first signature whose key the router has', async () => {
    const { cups, reports } = server(async () => offering);
    const { head, update } = await cups.answer(peer, request());
    expect(ResponseHead.decode(head)).toMatchObject({
      signature: { keyCrc: crcOf(key), der: artifact.payloadSignatures[1]?.signature },
      updateLength: 5,
    });
    expect(update).toMatchObject({ attemptId: 'A' });
    if (update) expect(await collect(cups.send(update))).toEqual(image);
    expect(reports).toEqual(['downloading', 'downloaded']);
  });

  it('CUPS-7 never an update without a signature the router can check', async () => {
    const { cups } = server(async () => offering);
    expect(await cups.answer(peer, request({ keys: [] }))).toEqual({ head: NO_UPDATE, update: undefined });
    expect(cupsTraits.objection([], artifact)).toMatchObject({ code: 'cups.no-common-key' });
    expect(cupsTraits.objection([`sigkey:${crcOf(otherKey)}`], artifact)).toBeUndefined();
    expect(cupsTraits.objection([`sigkey:${crcOf(key)}`], { ...artifact, lengthBytes: 2 ** 40 })).toMatchObject({
      code: 'cups.update-too-large',
    });
  });

  it('CUPS-7 a fault of ours is "no change" to a router that is known, and an error in the log', async () => {
    const { cups, log } = server(() => Promise.reject(new StoreError('STORE_IO', 'disk')));
    expect(await cups.answer(peer, request())).toEqual({ head: NO_UPDATE, update: undefined });
    expect(log.entries).toMatchObject([{ code: 'STORE_IO', identity: EUI }]);
  });
});

describe('SEC-19 a router is only itself', () => {
  it.each([
    ['no certificate', undefined, request(), 'CUPS_NOT_AUTHENTICATED'],
    ['a certificate without an EUI', { ...peer, commonName: 'cups-router-1' }, request(), 'CUPS_NOT_AUTHENTICATED'],
    ['the certificate of another', { ...peer, commonName: '00000000000000a2' }, request(), 'CUPS_FOREIGN_ROUTER'],
    ['no request', peer, new Uint8Array(), 'JSON_SYNTAX'],
  ])('SEC-19 %s is refused before the fleet is asked', async (_what, who, body, code) => {
    const { cups, contacts } = server(async () => offering);
    await expect(cups.answer(who, body)).rejects.toMatchObject({ code });
    expect(contacts).toEqual([]);
  });

  it('CUPS-7 a router nobody registered is told how to be', async () => {
    const { cups } = server(async () => undefined);
    await expect(cups.answer(peer, request())).rejects.toMatchObject({
      code: 'CUPS_UNKNOWN_ROUTER',
      fix: expect.stringContaining(EUI) as string,
    });
  });
});

describe('SEC-22 release proofs', () => {
  const { cups } = server(async () => nothing);

  it('SEC-22 any router with a certificate gets the proof of its own tenant', async () => {
    expect(await cups.proof({ ...peer, commonName: '00000000000000a2' }, artifact.sha256)).toEqual(
      PROOFS.get(`t ${artifact.sha256} any`),
    );
    expect(await cups.proof(peer, artifact.sha256, 'hw')).toEqual(PROOFS.get(`t ${artifact.sha256} hw`));
    expect(await cups.proof(peer, artifact.sha256, 'hw2')).toBeUndefined();
    expect(await cups.proof(peer, 'ab'.repeat(32))).toBeUndefined();
  });

  it.each([
    ['no certificate', undefined],
    ['a certificate without an EUI', { ...peer, commonName: 'cups-router-1' }],
  ])('SEC-19 %s gets none', async (_what, who) => {
    await expect(cups.proof(who, artifact.sha256)).rejects.toMatchObject({ code: 'CUPS_NOT_AUTHENTICATED' });
  });
});
