/** Every REST operation there is. What is not in this table does not exist. */
import { ARTIFACT_OPERATIONS } from './artifacts.ts';
import { DEVICE_OPERATIONS } from './devices.ts';
import type { Operation } from './operation.ts';
import { RELEASE_OPERATIONS } from './releases.ts';
import { ROLLOUT_OPERATIONS } from './rollouts.ts';
import { TOKEN_OPERATIONS } from './tokens.ts';
import { TRUST_OPERATIONS } from './trust.ts';

export const OPERATIONS: readonly Operation[] = [
  ...DEVICE_OPERATIONS,
  ...ARTIFACT_OPERATIONS,
  ...RELEASE_OPERATIONS,
  ...ROLLOUT_OPERATIONS,
  ...TRUST_OPERATIONS,
  ...TOKEN_OPERATIONS,
];
