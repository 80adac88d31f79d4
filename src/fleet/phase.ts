/** Who belongs to a phase. Computed, never stored: a rollout writes as many rows for 10 devices as for 10 million. */
import { createHash } from 'node:crypto';
import { BUCKETS } from './limits.ts';
import type { Device, Phase } from './model.ts';

/** u32be(SHA-256(rolloutId "|" deviceId)) mod 10000: one function for all protocols (design section 2). */
export function bucketOf(rolloutId: string, deviceId: string): number {
  return createHash('sha256').update(`${rolloutId}|${deviceId}`).digest().readUInt32BE(0) % BUCKETS;
}

/** A device in a share stays in every larger share. */
export function isInPhase(phase: Phase, rolloutId: string, device: Pick<Device, 'id' | 'groups'>): boolean {
  return phase.kind === 'group'
    ? device.groups.includes(phase.group)
    : bucketOf(rolloutId, device.id) < phase.share * BUCKETS;
}
