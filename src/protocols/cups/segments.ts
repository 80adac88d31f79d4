/** Which segments a server sends for a request and a target (spec/cups.md section 7). Pure. */
import type { UpdateInfoRequest } from './codec.ts';

/** `null`: unmanaged, never sent. */
export interface Target {
  readonly cupsUri: string | null;
  readonly cupsCredCrc: number | null;
  readonly tcUri: string | null;
  readonly tcCredCrc: number | null;
  readonly package: string | null;
  /** Key CRCs of the stored signatures over the update, in order of preference. */
  readonly signatureKeyCrcs: readonly number[];
}

export interface Segments {
  readonly cupsUri: boolean;
  readonly cupsCred: boolean;
  readonly tcUri: boolean;
  readonly tcCred: boolean;
  /** Key CRC of the signature to send with the update; `null`: no update, because unsigned ones are never sent. */
  readonly updateSignedBy: number | null;
}

export function chooseSegments(request: UpdateInfoRequest, target: Target): Segments {
  const updateWanted = differs(target.package, request.package);
  return {
    cupsUri: differs(target.cupsUri, request.cupsUri),
    cupsCred: differs(target.cupsCredCrc, request.cupsCredCrc),
    tcUri: differs(target.tcUri, request.tcUri),
    tcCred: differs(target.tcCredCrc, request.tcCredCrc),
    updateSignedBy: updateWanted ? (commonKey(target.signatureKeyCrcs, request.keys) ?? null) : null,
  };
}

/** The first stored signature whose key the router has. */
export function commonKey(stored: readonly number[], installed: readonly number[]): number | undefined {
  return stored.find((crc) => installed.includes(crc));
}

function differs<T>(target: T | null, reported: T | null): boolean {
  return target !== null && target !== reported;
}
