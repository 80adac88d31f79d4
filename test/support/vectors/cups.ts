/** Vectors of cups/ that are built: the wire format, CRCs, identifiers, signatures, segment decisions. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { WireError } from '../../../src/core/errors.ts';
import {
  chooseSegments,
  crcOf,
  credentialCrc,
  decodeResponse,
  deviceCrc,
  formatId6,
  parseId6,
  splitSegment,
  type Target,
  type UpdateInfoRequest,
  uriObjection,
} from '../../../src/protocols/cups/index.ts';
import { createPayloadVerifier } from '../../../src/trust/payload.ts';
import { hexOf, type Kind, listOf, type Members, ofKind, textOf } from './kind.ts';

export const CUPS: readonly Kind[] = [
  {
    name: 'CUPS-4 response',
    recognises: ofKind('response'),
    cases: (file) => [{ name: nameOf(file), run: () => checkResponse(file, file) }],
  },
  {
    name: 'CUPS-8 response-list',
    recognises: ofKind('response-list'),
    cases: (file) => listOf(file, 'cases').map((one) => ({ name: nameOf(one), run: () => checkResponse(one, file) })),
  },
  {
    name: 'CUPS-4 response-prefixes',
    recognises: ofKind('response-prefixes'),
    cases: (file) =>
      listOf(file, 'cases').map((one) => ({
        name: `cut at ${String(one.cut_at)}`,
        run() {
          expect(one.error).toBe('truncated');
          const cut = hexOf(file, 'base_body_hex').subarray(0, Number(one.cut_at));
          expect(() => decodeResponse(cut)).toThrow(expect.objectContaining({ code: 'WIRE_TRUNCATED' }));
        },
      })),
  },
  {
    name: 'CUPS-5 credential-list',
    recognises: ofKind('credential-list'),
    cases: (file) => listOf(file, 'cases').map((one) => ({ name: nameOf(one), run: () => checkSegment(one) })),
  },
  {
    name: 'CUPS-6 crc',
    recognises: ofKind('crc'),
    cases: (file) => [
      { name: 'check value', run: () => checkValue(file.check as Members | undefined) },
      ...listOf(file, 'cases').map((one) => ({
        name: nameOf(one),
        run() {
          const parts = { trust: base64(one.trust_b64), crt: base64(one.crt_b64), key: base64(one.key_b64) };
          expect(credentialCrc(parts)).toBe(one.crc32);
        },
      })),
    ],
  },
  {
    name: 'CUPS-3.2 id6',
    recognises: ofKind('id6'),
    cases: (file) => [
      ...listOf(file, 'cases').map((one) => ({
        name: textOf(one, 'id6'),
        run() {
          expect(formatId6(textOf(one, 'eui'))).toBe(one.id6);
          // EUI zero has a spelling, but no router can have it.
          if (/^0+$/.test(textOf(one, 'eui'))) expect(() => parseId6(textOf(one, 'id6'))).toThrow();
          else expect(parseId6(textOf(one, 'id6'))).toBe(one.eui);
        },
      })),
      ...listOf(file, 'also_accept').map((one) => ({
        name: textOf(one, 'text'),
        run: () => expect(parseId6(textOf(one, 'text'))).toBe(one.eui),
      })),
    ],
  },
  {
    name: 'CUPS-13 uri-list',
    recognises: ofKind('uri-list'),
    cases: (file) =>
      listOf(file, 'cases').map((one) => ({
        name: textOf(one, 'uri').slice(-24),
        run() {
          const objection = uriObjection(one.field as 'cups' | 'tc', textOf(one, 'uri'));
          expect(objection === undefined).toBe(one.ok);
        },
      })),
  },
  {
    name: 'CUPS-7 decision-list',
    recognises: ofKind('decision-list'),
    cases: (file) => listOf(file, 'cases').map((one) => ({ name: nameOf(one), run: () => checkDecision(one) })),
  },
];

const ERRORS = new Map([
  ['truncated', 'WIRE_TRUNCATED'],
  ['signature-length', 'WIRE_LIMIT'],
]);

function checkResponse(one: Members, file: Members): void {
  const expected = one.expect as Members;
  const body = hexOf(one, 'body_hex');
  if (expected.parse === 'error') {
    const code = ERRORS.get(textOf(expected, 'error'));
    expect(code).toBeDefined();
    expect(() => decodeResponse(body)).toThrow(expect.objectContaining({ code }));
    return;
  }
  const { head, update, trailingBytes } = decodeResponse(body);
  const decode = expected.decode as Members | undefined;
  if (decode) {
    expect(head.cupsUri || null).toBe(decode.cups_uri);
    expect(head.tcUri || null).toBe(decode.tc_uri);
    checkCredentials(head.cupsCred, decode.cups_cred as Members | null);
    checkCredentials(head.tcCred, decode.tc_cred as Members | null);
    expect(trailingBytes).toBe(decode.trailing);
    expect(body.length - trailingBytes).toBe(decode.consumed);
    checkSignatureSegment(head.signature, decode.signature as Members | null);
    checkUpdate(update, decode.update as Members | null);
  }
  const given = one.update_b64 ?? file.update_b64;
  if (given !== undefined) expect(Buffer.from(update)).toEqual(base64(given));
  checkVerification(one, expected, head.signature, update);
}

function checkVerification(
  one: Members,
  expected: Members,
  signature: { der: Uint8Array } | undefined,
  update: Uint8Array,
): void {
  if (expected.signature === undefined) return;
  const keys = (one.installed_sig_keys_hex as string[]).map((hex) => Buffer.from(hex, 'hex'));
  const verifiedBy = keys.findIndex((key) => {
    const verifier = createPayloadVerifier('cups-p256-sha512', key, signature?.der ?? new Uint8Array());
    verifier.update(update);
    return verifier.verify();
  });
  expect(verifiedBy >= 0 ? 'verified' : 'not-verified').toBe(expected.signature);
  if (expected.verified_by !== undefined) expect(verifiedBy).toBe(expected.verified_by);
  if (expected.run_update !== undefined) expect(verifiedBy >= 0).toBe(expected.run_update);
}

function checkCredentials(segment: Uint8Array, expected: Members | null): void {
  if (expected === null) {
    expect(segment).toHaveLength(0);
    return;
  }
  const set = splitSegment(segment);
  expect(segment).toHaveLength(Number(expected.segment_len));
  expect(crcOf(segment)).toBe(expected.segment_crc32);
  for (const part of ['trust', 'crt', 'key'] as const) {
    expect(set[part]).toHaveLength(Number(expected[`${part}_len`]));
    const sha256 = set[part].length === 0 ? null : createHash('sha256').update(set[part]).digest('hex');
    expect(sha256).toBe(expected[`${part}_sha256`]);
  }
  const auth = set.key.length === 0 ? 'server' : set.crt.length === 0 ? 'token' : 'mutual';
  expect(textOf(expected, 'auth')).toContain(auth);
  if (expected.key_text !== undefined) expect(Buffer.from(set.key).toString()).toBe(expected.key_text);
}

function checkSignatureSegment(
  signature: { keyCrc: number; der: Uint8Array } | undefined,
  expected: Members | null,
): void {
  if (expected === null) {
    expect(signature).toBeUndefined();
    return;
  }
  expect(signature?.keyCrc).toBe(expected.key_crc32);
  expect(signature?.der).toHaveLength(Number(expected.segment_len) - 4);
  expect(Buffer.from(signature?.der ?? []).toString('hex')).toBe(expected.der_hex);
}

function checkUpdate(update: Uint8Array, expected: Members | null): void {
  expect(update).toHaveLength(Number(expected?.len ?? 0));
  if (expected?.sha512 !== undefined) expect(createHash('sha512').update(update).digest('hex')).toBe(expected.sha512);
}

/** Where a Station refuses without a word we refuse aloud; where it accepts, we report the CRC it would report. */
function checkSegment(one: Members): void {
  const segment = base64(one.segment_b64) ?? new Uint8Array();
  const expected = one.expect as Members;
  expect(crcOf(segment)).toBe(one.segment_crc32);
  if (expected.station_2_0_6 === 'accepted') expect(deviceCrc(splitSegment(segment))).toBe(expected.device_crc_after);
  else expect(() => splitSegment(segment)).toThrow(WireError);
}

function checkDecision(one: Members): void {
  const request = one.request as Members;
  const target = one.target as Members;
  const segments = chooseSegments(
    {
      ...(request as unknown as UpdateInfoRequest),
      cupsUri: (request.cupsUri as string | null) ?? '',
      tcUri: (request.tcUri as string | null) ?? '',
    },
    {
      cupsUri: target.cups_uri,
      cupsCredCrc: target.cups_cred_crc,
      tcUri: target.tc_uri,
      tcCredCrc: target.tc_cred_crc,
      package: target.package,
      signatureKeyCrcs: target.signature_key_crcs,
    } as Target,
  );
  const { updateSignedBy } = segments;
  expect({
    cups_uri: segments.cupsUri,
    tc_uri: segments.tcUri,
    cups_cred: segments.cupsCred,
    tc_cred: segments.tcCred,
    signature: updateSignedBy !== null,
    update: updateSignedBy !== null,
  }).toEqual(one.expect_segments);
  if (one.expect_key_crc !== undefined) expect(updateSignedBy).toBe(one.expect_key_crc);
}

function checkValue(check: Members | undefined): void {
  expect(crcOf(Buffer.from(check === undefined ? '123456789' : textOf(check, 'ascii')))).toBe(
    check?.crc32 ?? 0xcbf4_3926,
  );
}

function nameOf(members: Members): string {
  return String(members.name ?? 'unnamed');
}

function base64(text: unknown): Buffer | undefined {
  return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}
