/** Rows to model and back. */
import { fromHex, toHex } from '../../core/bytes.ts';
import { versionKey } from '../../core/version.ts';
import { isOpen } from '../../fleet/attempt.ts';
import type {
  Artifact,
  Attempt,
  Contact,
  Device,
  DeviceView,
  Release,
  ReleaseDraft,
  Rollout,
  SigningEvent,
} from '../../fleet/model.ts';
import type { Values } from './query.ts';
import type { Tables } from './schema.ts';

export function deviceValues(device: Device): Values {
  const { tenant, id, protocol, identity, hardware, groups, createdAtMs } = device;
  return { tenant, id, protocol, identity, hardware, groups: JSON.stringify(groups), created_at_ms: createdAtMs };
}

export function contactValues({ installed, facts }: Pick<Contact, 'installed' | 'facts'>): Values {
  return { installed: JSON.stringify([...installed]), facts: JSON.stringify(facts) };
}

export function deviceFrom(row: Tables['device'], openAttempts: readonly Attempt[]): DeviceView {
  return {
    tenant: row.tenant,
    id: row.id,
    protocol: row.protocol,
    identity: row.identity,
    hardware: row.hardware,
    groups: JSON.parse(row.groups) as string[],
    installed: new Map(JSON.parse(row.installed) as [string, string | null][]),
    facts: JSON.parse(row.facts) as string[],
    createdAtMs: row.created_at_ms,
    lastSeenAtMs: row.last_seen_at_ms,
    openAttempts,
  };
}

export function releaseValues(release: Release): Values {
  return {
    tenant: release.tenant,
    id: release.id,
    component: release.component,
    version: release.version,
    version_key: versionKey(release.version),
    artifacts: JSON.stringify(release.artifacts.map(plainArtifact)),
    signing_event_id: release.signingEventId,
    signed_by: JSON.stringify(release.signedBy),
    created_at_ms: release.createdAtMs,
  };
}

export function releaseFrom(row: Tables['release']): Release {
  return {
    tenant: row.tenant,
    id: row.id,
    component: row.component,
    version: row.version,
    artifacts: (JSON.parse(row.artifacts) as PlainArtifact[]).map(artifactFrom),
    signingEventId: row.signing_event_id,
    signedBy: JSON.parse(row.signed_by) as string[],
    createdAtMs: row.created_at_ms,
  };
}

export function eventValues(event: SigningEvent): Values {
  return {
    ...{ tenant: event.tenant, id: event.id, state: event.state, reason: event.reason, request: event.request },
    digest: event.digest,
    release: event.release === null ? null : JSON.stringify(event.release),
    release_id: event.releaseId,
    ...{ revision: event.revision, created_at_ms: event.createdAtMs, updated_at_ms: event.updatedAtMs },
  };
}

export function eventFrom(row: Tables['signing_event']): SigningEvent {
  return {
    ...{ tenant: row.tenant, id: row.id, state: row.state, reason: row.reason, request: row.request },
    digest: row.digest,
    release: row.release === null ? null : (JSON.parse(row.release) as ReleaseDraft),
    releaseId: row.release_id,
    ...{ revision: row.revision, createdAtMs: row.created_at_ms, updatedAtMs: row.updated_at_ms },
  };
}

export function rolloutValues(rollout: Rollout): Values {
  return {
    tenant: rollout.tenant,
    id: rollout.id,
    release_id: rollout.releaseId,
    phases: JSON.stringify(rollout.phases),
    open_phases: rollout.openPhases,
    state: rollout.state,
    revision: rollout.revision,
    created_at_ms: rollout.createdAtMs,
  };
}

export function rolloutFrom(row: Tables['rollout']): Rollout {
  return {
    tenant: row.tenant,
    id: row.id,
    releaseId: row.release_id,
    phases: JSON.parse(row.phases) as Rollout['phases'],
    openPhases: row.open_phases,
    state: row.state,
    revision: row.revision,
    createdAtMs: row.created_at_ms,
  };
}

export function attemptValues(attempt: Attempt): Values {
  return {
    tenant: attempt.tenant,
    id: attempt.id,
    device_id: attempt.deviceId,
    rollout_id: attempt.rolloutId,
    release_id: attempt.releaseId,
    component: attempt.component,
    from_version: attempt.fromVersion,
    to_version: attempt.toVersion,
    state: attempt.state,
    is_open: isOpen(attempt.state) ? 1 : 0,
    offered_at_ms: attempt.offeredAtMs,
    updated_at_ms: attempt.updatedAtMs,
  };
}

export function attemptFrom(row: Tables['attempt']): Attempt {
  return {
    tenant: row.tenant,
    id: row.id,
    deviceId: row.device_id,
    rolloutId: row.rollout_id,
    releaseId: row.release_id,
    component: row.component,
    fromVersion: row.from_version,
    toVersion: row.to_version,
    state: row.state,
    offeredAtMs: row.offered_at_ms,
    updatedAtMs: row.updated_at_ms,
  };
}

type PlainArtifact = Omit<Artifact, 'payloadSignatures'> & {
  payloadSignatures: { scheme: 'cups-p256-sha512'; key: string; signature: string }[];
};

function plainArtifact(artifact: Artifact): PlainArtifact {
  const payloadSignatures = artifact.payloadSignatures.map(({ scheme, key, signature }) => ({
    ...{ scheme, key: toHex(key), signature: toHex(signature) },
  }));
  return { ...artifact, payloadSignatures };
}

function artifactFrom(plain: PlainArtifact): Artifact {
  const payloadSignatures = plain.payloadSignatures.map(({ scheme, key, signature }) => ({
    ...{ scheme, key: bytesOf(key), signature: bytesOf(signature) },
  }));
  return { ...plain, payloadSignatures };
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (!bytes) throw new Error('a stored artifact is not as it was written');
  return bytes;
}
