/** Shapes of the REST API; validation, types and the OpenAPI document come from these. */
import { type Static, type TSchema, Type } from 'typebox';
import { SHA256_HEX } from '../../core/bytes.ts';
import { ATTEMPT_STATES, ROLES, ROLLOUT_STATES } from '../../fleet/model.ts';
import { DEFAULT_PAGE, MAX_ARTIFACT_BYTES, MAX_PAGE, MAX_TOKEN_DAYS } from '../limits.ts';

/** No member but those named: a misspelt one is an error, not silence. */
export const Exact = <T extends Parameters<typeof Type.Object>[0]>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

export const Time = () => Type.String({ format: 'date-time', description: 'RFC 3339, UTC' });
export const Id = () => Type.String({ pattern: '^[0-9A-HJKMNP-TV-Z]{26}$', description: 'ULID' });
export const Name = (description: string) => Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$', description });
export const Version = () =>
  Type.String({ pattern: '^[!-.0-~]{1,64}$', description: 'Printable ASCII without spaces and slashes' });
export const Digest = () => Type.String({ pattern: SHA256_HEX.source, description: 'SHA-256, lower-case hex' });
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const IdParams = Exact({ id: Id() });
export const DigestParams = Exact({ sha256: Digest() });
export const PageQuery = Exact({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })),
  cursor: Type.Optional(Type.String({ maxLength: 128, description: '`nextCursor` of the page before' })),
});
export type PageQuery = Static<typeof PageQuery>;
export const Page = <T extends TSchema>(item: T) =>
  Exact({ items: Type.Array(item), nextCursor: Nullable(Type.String()) });

export const DeviceBody = Exact({
  protocol: Type.Enum(['cups'], { description: 'Protocol the device speaks' }),
  identity: Type.String({
    minLength: 1,
    maxLength: 128,
    description: "The protocol's own name of the device; CUPS: its EUI",
  }),
  hardware: Name('Hardware id that artifacts must match'),
  groups: Type.Optional(Type.Array(Name('Group'), { maxItems: 64, default: [] })),
});
export const DeviceAnswer = Exact({
  id: Id(),
  protocol: Type.String(),
  identity: Type.String(),
  hardware: Type.String(),
  groups: Type.Array(Type.String()),
  installed: Type.Array(Exact({ component: Type.String(), version: Nullable(Type.String()) })),
  lastSeenAt: Nullable(Time()),
  createdAt: Time(),
});
export const CertificateBody = Exact({
  publicKey: Type.String({
    minLength: 1,
    maxLength: 4_096,
    description: 'SPKI as PEM; the private key stays with the device',
  }),
});
export const CertificateAnswer = Exact({
  certificate: Type.String({ description: 'PEM' }),
  trust: Type.String({ description: 'PEM of the CA that signed our server certificate' }),
  expiresAt: Time(),
});

export const DecisionAnswer = Exact({
  offers: Type.Array(Exact({ component: Type.String(), version: Type.String(), rolloutId: Id(), releaseId: Id() })),
  trace: Type.Array(Exact({ code: Type.String(), passed: Type.Boolean(), text: Type.String() })),
});

export const ArtifactAnswer = Exact({ sha256: Digest(), lengthBytes: Type.Integer({ minimum: 0 }) });

export const UploadBody = Exact({
  sha256: Digest(),
  lengthBytes: Type.Integer({ minimum: 1, maximum: MAX_ARTIFACT_BYTES }),
});
export const UploadHeaders = Type.Object({
  'upload-offset': Type.String({ pattern: '^[0-9]{1,15}$', description: 'Bytes that are there; the body goes behind' }),
});
export const UploadAnswer = Exact({
  id: Id(),
  sha256: Digest(),
  lengthBytes: Type.Integer(),
  offset: Type.Integer({ description: 'Bytes that are there, on disk; all of them: the artifact is stored' }),
  expiresAt: Time(),
});

export const ReleaseAnswer = Exact({
  id: Id(),
  component: Type.String(),
  version: Type.String(),
  artifacts: Type.Array(
    Exact({
      hardware: Type.String(),
      targetPath: Type.String(),
      sha256: Digest(),
      lengthBytes: Type.Integer(),
      payloadSignatures: Type.Array(Exact({ scheme: Type.String(), key: Type.String() })),
    }),
  ),
  signingEventId: Id(),
  signedBy: Type.Array(Type.String()),
  createdAt: Time(),
});

const PhaseName = Name('Name of the phase');
/** No union: an error would name what the other kind of phase misses, too. */
export const PhaseSchema = Type.Object(
  {
    name: PhaseName,
    group: Type.Optional(Name('All devices of this group')),
    share: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'This share of all devices, by hash' }),
    ),
  },
  {
    additionalProperties: false,
    oneOf: [{ required: ['group'] }, { required: ['share'] }],
    description: 'Either a group or a share',
  },
);
export const RolloutBody = Exact({
  releaseId: Id(),
  phases: Type.Array(PhaseSchema, { minItems: 1, maxItems: 32 }),
});
export const RolloutAnswer = Exact({
  id: Id(),
  releaseId: Id(),
  state: Type.Enum([...ROLLOUT_STATES]),
  phases: Type.Array(
    Exact({
      name: Type.String(),
      group: Type.Optional(Type.String()),
      share: Type.Optional(Type.Number()),
      open: Type.Boolean(),
    }),
  ),
  revision: Type.Integer(),
  attempts: Type.Array(Exact({ state: Type.Enum([...ATTEMPT_STATES]), count: Type.Integer() }), {
    description: 'Attempts per state; a state that is missing has none',
  }),
  createdAt: Time(),
});

export const AttemptQuery = Exact({
  ...PageQuery.properties,
  deviceId: Type.Optional(Id()),
  rolloutId: Type.Optional(Id()),
});
export const AttemptAnswer = Exact({
  id: Id(),
  deviceId: Id(),
  rolloutId: Id(),
  releaseId: Id(),
  component: Type.String(),
  fromVersion: Nullable(Type.String()),
  toVersion: Type.String(),
  state: Type.Enum([...ATTEMPT_STATES]),
  offeredAt: Time(),
  updatedAt: Time(),
});

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'Page about the code' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String({ description: 'The request' }),
    code: Type.String({ description: 'Stable' }),
    requestId: Type.String(),
    fix: Type.Optional(Type.String({ description: 'What to do' })),
    errors: Type.Optional(Type.Array(Exact({ pointer: Type.String(), message: Type.String() }))),
  },
  { $id: 'Problem' },
);

const RoleName = () => Type.Enum([...ROLES], { description: 'What it may do; see the page about API tokens' });
export const TokenBody = Exact({
  name: Type.String({ minLength: 1, maxLength: 64, description: 'Who or what uses it' }),
  role: RoleName(),
  days: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_TOKEN_DAYS, description: 'It expires after these; never without' }),
  ),
});
const TOKEN = {
  id: Id(),
  name: Type.String(),
  role: RoleName(),
  createdAt: Time(),
  expiresAt: Nullable(Time()),
  revokedAt: Nullable(Time()),
};
export const TokenAnswer = Exact(TOKEN);
export const NewTokenAnswer = Exact({ ...TOKEN, token: Type.String({ description: 'Shown here, and never again' }) });
export const PrincipalAnswer = Exact({
  tenant: Type.String(),
  role: RoleName(),
  tokenId: Type.String(),
  name: Type.String(),
  permissions: Type.Array(Type.String()),
});
