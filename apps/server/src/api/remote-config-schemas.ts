import Type, { type Static } from 'typebox';

const Keys = Type.Record(Type.String(), Type.Unknown(), { description: "Keys as in the agent's file; only those that a server may set." });

export const RemoteConfigInput = Keys;

export const RemoteConfigShape = Type.Object(
  {
    scope: Type.String({ description: 'all, group:NAME or host:ID' }),
    config: Keys,
    updated_at: Type.Integer({ description: 'Milliseconds since the epoch, UTC.' }),
    updated_by: Type.Union([Type.String(), Type.Null()], { description: 'The name of a token, dashboard, or null: the command line.' }),
  },
  { $id: 'RemoteConfig' },
);

export const RemoteConfigList = Type.Object({ scopes: Type.Array(Type.Ref('RemoteConfig')) }, { $id: 'RemoteConfigList' });

export const HostConfigShape = Type.Object(
  {
    host: Type.String(),
    config: Keys,
    hash: Type.String(),
    scopes: Type.Array(Type.String(), { description: 'Where something is set for it, the strongest last.' }),
    current: Type.Boolean({ description: 'Its agent has seen what is set now.' }),
    reported: Type.Union(
      [
        Type.Object({
          hash: Type.String(),
          applied: Type.Array(Type.String()),
          refused: Type.Array(Type.Object({ key: Type.String(), reason: Type.String() })),
          unreadable: Type.Integer({ description: 'Messages that the agent could not read.' }),
        }),
        Type.Null(),
      ],
      { description: 'What its agent says of the last configuration that it got; null: it has none.' },
    ),
  },
  { $id: 'HostConfig' },
);

export type RemoteConfigBody = Static<typeof RemoteConfigShape>;
