/** Shapes of the trust part of the REST API. */
import { type Static, Type } from 'typebox';
import { Digest, Exact, Id, Name, Nullable, Time, Version } from './schemas.ts';

const KeyId = () => Type.String({ minLength: 1, maxLength: 128, description: 'Key id, hex' });
const Days = (what: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 7_300, description: `Days that ${what} is valid` }));
/** No other members: one that held a private half by whatever name would be published with the root. */
const PublicKeyObject = Type.Object(
  {
    keytype: Type.String({ maxLength: 64 }),
    scheme: Type.String({ maxLength: 64 }),
    keyval: Exact({ public: Type.String({ maxLength: 8_192 }) }),
  },
  {
    additionalProperties: false,
    description: 'A public key as TUF metadata writes it; the *.pub.json files of `trust init`',
  },
);
const Holder = Exact({
  name: Type.String({ minLength: 1, maxLength: 64, description: 'Who holds it' }),
  key: PublicKeyObject,
});
const RoleBody = Exact({
  keys: Type.Array(Holder, { minItems: 1, maxItems: 32 }),
  threshold: Type.Integer({ minimum: 1, maximum: 32, description: 'How many of them must sign' }),
});
export type RoleBody = Static<typeof RoleBody>;
const Paths = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 256, description });
const Supplier = () => Type.Optional(Name('Supplier that signs; without it the signers of the repository'));
const Reason = Type.Optional(Type.String({ maxLength: 1_000, description: 'Why; shown to those who sign' }));

const RootChange = Exact({
  kind: Type.Literal('root'),
  reason: Reason,
  root: Type.Optional(RoleBody),
  targets: Type.Optional(RoleBody),
  rotateOnline: Type.Optional(Type.Boolean({ description: 'Make new keys for snapshot and timestamp' })),
  bins: Type.Optional(
    Type.Integer({
      minimum: 2,
      maximum: 4_096,
      description: 'With the first root: a power of two; targets are split by hash',
    }),
  ),
  days: Days('the root'),
  targetsDays: Days('the targets metadata'),
});
const ReleaseChange = Exact({
  kind: Type.Literal('release'),
  reason: Reason,
  component: Name('Component that the release updates'),
  version: Version(),
  artifacts: Type.Array(
    Exact({
      hardware: Name('Hardware id'),
      sha256: Digest(),
      path: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 256,
          description: 'Target path; COMPONENT/VERSION/HARDWARE without it',
        }),
      ),
    }),
    { minItems: 1, maxItems: 64 },
  ),
  payloadKeys: Type.Optional(
    Type.Array(Type.String({ pattern: '^[0-9a-f]{128}$', description: 'X || Y of a P-256 key, hex' }), {
      maxItems: 8,
      description: 'Keys that gateways check the image with (sig-N.key); each has to sign',
    }),
  ),
  supplier: Supplier(),
  days: Days('the targets metadata'),
});
const RemoveChange = Exact({
  kind: Type.Literal('remove'),
  reason: Reason,
  paths: Paths('Targets to take out'),
  supplier: Supplier(),
  days: Days('the targets metadata'),
});
const DelegateChange = Exact({
  kind: Type.Literal('delegate'),
  reason: Reason,
  name: Name('Supplier'),
  keys: Type.Array(PublicKeyObject, { minItems: 1, maxItems: 32 }),
  threshold: Type.Integer({ minimum: 1, maximum: 32 }),
  paths: Paths('Patterns of paths it may speak for; * stops at a slash'),
  hardware: Type.Optional(
    Type.Array(Name('Hardware id'), { minItems: 1, maxItems: 64, description: 'Only for these' }),
  ),
  terminating: Type.Optional(Type.Boolean({ description: 'Nobody after it may speak for these paths' })),
  days: Days('the targets metadata'),
});
const UndelegateChange = Exact({
  kind: Type.Literal('undelegate'),
  reason: Reason,
  supplier: Name('Supplier'),
  days: Days('the targets metadata'),
});
const RenewChange = Exact({
  kind: Type.Literal('renew'),
  reason: Reason,
  roles: Type.Optional(
    Type.Array(Name('Role'), {
      maxItems: 4_096,
      description: 'Targets and bins without it; the root where it is named',
    }),
  ),
  days: Days('what is renewed'),
});

export const SigningEventBody = Type.Union([
  RootChange,
  ReleaseChange,
  RemoveChange,
  DelegateChange,
  UndelegateChange,
  RenewChange,
]);
export type SigningEventBody = Static<typeof SigningEventBody>;

const Signer = Exact({ keyId: KeyId(), name: Type.String({ description: 'Empty when nobody said' }) });
export const SigningEventAnswer = Exact({
  id: Id(),
  state: Type.Enum(['open', 'published', 'cancelled']),
  reason: Type.String(),
  digest: Digest(),
  changes: Type.Array(Type.String(), { description: 'What is different once it is published, one sentence each' }),
  files: Type.Array(
    Exact({
      role: Type.String(),
      authority: Type.String({ description: 'Whose threshold this is' }),
      need: Type.Integer(),
      signed: Type.Array(Signer),
      missing: Type.Array(Signer),
      complete: Type.Boolean(),
    }),
  ),
  payloads: Type.Array(Exact({ path: Type.String(), key: Type.String(), signed: Type.Boolean() })),
  complete: Type.Boolean(),
  releaseId: Nullable(Id()),
  createdAt: Time(),
  updatedAt: Time(),
});

const REQUEST_CHARACTERS = 64 * 2 ** 20;
export const SigningRequestDocument = Exact({
  request: Type.String({
    minLength: 2,
    maxLength: REQUEST_CHARACTERS,
    description: 'The signing request, as one JSON text',
  }),
});

export const ExpiryAnswer = Exact({
  what: Type.String({ description: 'A role of the repository, or a certificate' }),
  version: Nullable(Type.Integer()),
  expiresAt: Time(),
  renewedBy: Type.Enum(['server', 'signers', 'operator']),
  warning: Nullable(
    Type.String({ description: 'Set from 30 days before; renewed by the server: from the last quarter of its life' }),
  ),
});

export const RepositoryAnswer = Exact({
  revision: Type.Integer({ description: '0: nothing is published yet' }),
  rootDigest: Nullable(Digest()),
  roles: Type.Array(
    Exact({
      role: Type.String(),
      version: Type.Integer(),
      threshold: Type.Integer(),
      keys: Type.Array(Signer),
      online: Type.Boolean(),
    }),
  ),
  targets: Type.Integer({ description: 'Targets in the top file; those in bins and of suppliers are not counted' }),
  keysProblem: Nullable(
    Type.String({
      description: 'Why the server cannot sign snapshot and timestamp: its vault lacks their keys, or fails',
    }),
  ),
  expiries: Type.Array(ExpiryAnswer),
});
export const RootAnswer = Exact({
  version: Type.Integer(),
  root: Type.String({ description: 'The newest root, as one JSON text' }),
});
export const IntentAnswer = Exact({
  id: Id(),
  what: Type.String({ description: 'What the online keys were about to sign' }),
  state: Type.Enum(['open', 'done', 'abandoned']),
  at: Time(),
});
