/** CUPS: the wire format and the server half. The station side is `sealift/cups/client`. */
export {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  FIRMWARE,
  NO_UPDATE,
  NOTHING,
  ResponseHead,
  type UpdateInfoRequest,
  type UpdateInfoResponse,
} from './codec.ts';
export { crcOf, credentialCrc, EMPTY_SET_CRC } from './crc.ts';
export { type CredentialSet, deviceCrc, splitSegment } from './credentials.ts';
export { CupsRequestError } from './errors.ts';
export { formatId6, parseId6 } from './id6.ts';
export { chooseSegments, type Segments, type Target } from './segments.ts';
export { type CupsPorts, type CupsReply, CupsServer, cupsTraits, mountCups } from './server.ts';
export { uriObjection } from './uri.ts';
