/** What happened, after it is durable. For logs, metrics and live views. */
import type { Attempt, Device, Rollout } from './model.ts';

export type FleetEvent =
  | { readonly type: 'deviceRegistered'; readonly device: Device }
  | { readonly type: 'rolloutChanged'; readonly rollout: Rollout }
  | { readonly type: 'attemptMoved'; readonly attempt: Attempt; readonly protocol: string }
  | { readonly type: 'unknownDevice'; readonly tenant: string; readonly protocol: string; readonly identity: string };

export type FleetListener = (event: FleetEvent) => void;
