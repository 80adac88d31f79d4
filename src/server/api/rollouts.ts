import type { Static } from 'typebox';
import type { Attempt, Phase, Rollout } from '../../fleet/model.ts';
import type { RolloutCommand } from '../../fleet/rollout.ts';
import { ApiError } from '../errors.ts';
import { type ApiPorts, operation } from './operation.ts';
import { page, pageRequest, time } from './paging.ts';
import {
  AttemptAnswer,
  AttemptQuery,
  IdParams,
  Page,
  PageQuery,
  type PhaseSchema,
  RolloutAnswer,
  RolloutBody,
} from './schemas.ts';

const COMMANDS: readonly (readonly [RolloutCommand, string])[] = [
  ['advance', 'Open the next phase'],
  ['pause', 'Make no offers until it is resumed; attempts under way go on'],
  ['resume', 'Make offers again after a pause'],
  ['halt', 'Make no further offers, for good; attempts under way go on'],
  ['cancel', 'Make no further offers, and give the rollout up; attempts under way go on'],
];

export const ROLLOUT_OPERATIONS = [
  operation({
    id: 'createRollout',
    method: 'POST',
    url: '/rollouts',
    permission: 'rollout.write',
    summary: 'Start a rollout; its first phase is open at once',
    body: RolloutBody,
    status: 201,
    answer: RolloutAnswer,
    async run(ports, { body, reply }) {
      const { fleet, tenant } = ports;
      const rollout = await fleet.startRollout({
        tenant,
        releaseId: body.releaseId,
        phases: body.phases.map(phaseFrom),
      });
      reply.header('location', `/api/v1/rollouts/${rollout.id}`);
      return rolloutAnswer(ports, rollout);
    },
  }),
  operation({
    id: 'listRollouts',
    method: 'GET',
    url: '/rollouts',
    permission: 'rollout.read',
    summary: 'All rollouts, oldest first',
    query: PageQuery,
    status: 200,
    answer: Page(RolloutAnswer),
    async run(ports, { query }) {
      const rollouts = await ports.store.rollouts(ports.tenant, pageRequest(query));
      const { nextCursor } = page(query, (rollout) => rollout, rollouts);
      return { items: await Promise.all(rollouts.map((rollout) => rolloutAnswer(ports, rollout))), nextCursor };
    },
  }),
  operation({
    id: 'getRollout',
    method: 'GET',
    url: '/rollouts/:id',
    permission: 'rollout.read',
    summary: 'One rollout: phases, state and attempts per state',
    params: IdParams,
    status: 200,
    answer: RolloutAnswer,
    async run(ports, { params }) {
      const rollout = await ports.store.rollout(ports.tenant, params.id);
      if (!rollout)
        throw new ApiError('API_NOT_FOUND', `there is no rollout ${params.id}`, { fix: 'See: sealift rollout list' });
      return rolloutAnswer(ports, rollout);
    },
  }),
  ...COMMANDS.map(commandOperation),
  operation({
    id: 'listAttempts',
    method: 'GET',
    url: '/attempts',
    permission: 'rollout.read',
    summary: 'Attempts of a device or a rollout, oldest first',
    query: AttemptQuery,
    status: 200,
    answer: Page(AttemptAnswer),
    async run({ store, tenant }, { query }) {
      const { deviceId, rolloutId } = query;
      const filter = {
        ...(deviceId === undefined ? {} : { deviceId }),
        ...(rolloutId === undefined ? {} : { rolloutId }),
      };
      return page(query, attemptAnswer, await store.attempts(tenant, filter, pageRequest(query)));
    },
  }),
];

function commandOperation([command, summary]: readonly [RolloutCommand, string]) {
  return operation({
    id: `${command}Rollout`,
    method: 'POST',
    url: `/rollouts/:id([0-9A-Z]+)::${command}`,
    permission: 'rollout.write',
    summary,
    params: IdParams,
    status: 200,
    answer: RolloutAnswer,
    async run(ports, { params }) {
      return rolloutAnswer(ports, await ports.fleet.command(ports.tenant, params.id, command));
    },
  });
}

/** One of the two is there: the schema says so. */
function phaseFrom({ name, group, share = 0 }: Static<typeof PhaseSchema>): Phase {
  return group === undefined ? { kind: 'share', name, share } : { kind: 'group', name, group };
}

async function rolloutAnswer({ store, tenant }: ApiPorts, rollout: Rollout) {
  return {
    id: rollout.id,
    releaseId: rollout.releaseId,
    state: rollout.state,
    phases: rollout.phases.map(({ kind: _, ...phase }, index) => ({
      ...phase,
      open: index < rollout.openPhases,
    })) as never,
    revision: rollout.revision,
    attempts: [...(await store.attemptCounts(tenant, rollout.id))].map(([state, count]) => ({ state, count })),
    createdAt: time(rollout.createdAtMs),
  };
}

function attemptAnswer(attempt: Attempt) {
  const { id, deviceId, rolloutId, releaseId, component, fromVersion, toVersion, state } = attempt;
  return {
    ...{ id, deviceId, rolloutId, releaseId, component, fromVersion, toVersion, state },
    offeredAt: time(attempt.offeredAtMs),
    updatedAt: time(attempt.updatedAtMs),
  };
}
