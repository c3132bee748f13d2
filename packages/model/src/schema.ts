/** Schemas of what travels, for those who must check it. Apart from the vocabulary so that a browser need not load it. */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

const name = Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,127}$' });
/** Tag and field names: 1 to 128 characters, none of them a control character. */
const key = Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,128}$' });
const closed = { additionalProperties: false };
const row = Type.Object(
  {
    tags: Type.Optional(Type.Record(key, Type.String({ minLength: 1, maxLength: 1024 }), closed)),
    fields: Type.Record(key, Type.Union([Type.Number(), Type.String({ maxLength: 65536 }), Type.Boolean()]), {
      minProperties: 1,
      ...closed,
    }),
  },
  { additionalProperties: false },
);

/** JSON Schema of a sample on the wire; unknown top-level keys are allowed so that a newer agent is understood. */
export const SampleSchema = Type.Object(
  {
    v: Type.Literal(1),
    host: Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,62}$' }),
    tier: Type.Union([Type.Literal('fast'), Type.Literal('medium'), Type.Literal('slow')]),
    run: Type.String({ pattern: '^[A-Za-z0-9]{1,32}$' }),
    seq: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    time: Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 }),
    interval: Type.Number({ exclusiveMinimum: 0, maximum: 86_400 }),
    catalog: Type.String({ pattern: '^[0-9a-f]{0,64}$' }),
    data: Type.Record(name, Type.Array(row, { maxItems: 10_000 }), closed),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          collector: Type.String({ maxLength: 128 }),
          code: Type.String({ maxLength: 64 }),
          message: Type.String({ maxLength: 2048 }),
        }),
        {
          maxItems: 256,
        },
      ),
    ),
    backfill: Type.Optional(Type.Boolean()),
  },
  { $id: 'hostwire/sample-v1', title: 'Sample', description: 'All rows of one tick of one tier of one host.' },
);

const seqRanges = Type.Array(Type.Tuple([Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 1 })]), { maxItems: 1024 });

export const AckSchema = Type.Object(
  {
    run: Type.String({ pattern: '^[A-Za-z0-9]{1,32}$' }),
    seqs: Type.Optional(seqRanges),
    time: Type.Integer({ minimum: 0 }),
    clock: Type.Optional(seqRanges),
    conflict: Type.Optional(Type.Boolean()),
  },
  { $id: 'hostwire/ack-v1', title: 'Ack', description: 'These samples are durable; the agent may forget them.' },
);

const capability = Type.Object({ available: Type.Boolean(), reason: Type.Optional(Type.String()), hint: Type.Optional(Type.String()) });

export const HostInfoSchema = Type.Object(
  {
    agent_version: Type.String({ maxLength: 64 }),
    hostname: Type.String({ maxLength: 255 }),
    os: Type.String({ maxLength: 255 }),
    kernel: Type.String({ maxLength: 255 }),
    arch: Type.String({ maxLength: 64 }),
    cpu_model: Type.Optional(Type.String({ maxLength: 255 })),
    n_cpus: Type.Optional(Type.Integer({ minimum: 0 })),
    mem_total: Type.Optional(Type.Integer({ minimum: 0 })),
    boot_time: Type.Optional(Type.Integer({ minimum: 0 })),
    user: Type.String({ maxLength: 255 }),
    groups: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 1024 }),
    capabilities: Type.Record(key, capability, closed),
    mock: Type.Optional(Type.Boolean()),
    run: Type.String({ maxLength: 32 }),
    intervals: Type.Object({ fast: Type.Number(), medium: Type.Number(), slow: Type.Number() }),
    enabled: Type.Optional(Type.Boolean()),
    config: Type.Optional(
      Type.Object({
        hash: Type.String({ maxLength: 64 }),
        applied: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 1024 }),
        refused: Type.Array(Type.Object({ key: Type.String({ maxLength: 256 }), reason: Type.String({ maxLength: 512 }) }), {
          maxItems: 256,
        }),
        unreadable: Type.Integer({ minimum: 0 }),
      }),
    ),
    actions: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  },
  { $id: 'hostwire/info-v1', title: 'HostInfo', description: 'Static facts of a host.' },
);

export const ConfigSchema = Type.Object(
  {
    v: Type.Literal(1),
    host: Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,62}$' }),
    config: Type.Record(Type.String(), Type.Unknown()),
  },
  { $id: 'hostwire/config-v1', title: 'Config', description: "What the server sets on an agent; keys as in the agent's own file." },
);

const fieldDeclaration = Type.Object({
  type: Type.Union([Type.Literal('int'), Type.Literal('float'), Type.Literal('string'), Type.Literal('bool')]),
  unit: Type.String({ maxLength: 32 }),
  kind: Type.Union([Type.Literal('gauge'), Type.Literal('counter'), Type.Literal('state')]),
  help: Type.String({ maxLength: 1024 }),
  decimals: Type.Optional(Type.Integer({ minimum: 0, maximum: 9 })),
});

export const CatalogSchema = Type.Object(
  {
    hash: Type.String({ pattern: '^[0-9a-f]{1,64}$' }),
    measurements: Type.Record(
      name,
      Type.Object({
        help: Type.String({ maxLength: 1024 }),
        tags: Type.Record(key, Type.String({ maxLength: 1024 }), closed),
        fields: Type.Record(key, fieldDeclaration, closed),
        collector: Type.String({ maxLength: 128 }),
        tier: Type.Union([Type.Literal('fast'), Type.Literal('medium'), Type.Literal('slow')]),
      }),
      closed,
    ),
  },
  { $id: 'hostwire/catalog-v1', title: 'Catalog', description: "The declarations of a host's collectors." },
);

const BASE64 = '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$';

/** Its bytes are this JSON without blanks, `payload` first. */
export const SignedActionSchema = Type.Object(
  { payload: Type.String({ pattern: BASE64, minLength: 4, maxLength: 3072 }), sig: Type.String({ pattern: '^[A-Za-z0-9+/]{86}==$' }) },
  { ...closed, $id: 'hostwire/command-v1', title: 'SignedAction', description: 'A signed action; `payload` is a base64 ActionRequest.' },
);

const actionId = Type.String({ pattern: '^[A-Za-z0-9_-]{8,64}$' });
const runId = Type.String({ pattern: '^[A-Za-z0-9]{1,32}$' });
const hostId = Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,62}$' });
const moment = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });

/** How a session of tmux is named for good; `created` is seconds since the epoch. */
const SessionArgs = Type.Object(
  {
    user: Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]{1,64}$' }),
    socket: Type.String({ pattern: '^/tmp/tmux-[0-9]{1,9}/[A-Za-z0-9_][A-Za-z0-9_.@%+=,-]{0,63}$' }),
    session: Type.String({ pattern: '^\\$[0-9]{1,9}$' }),
    created: Type.Integer({ minimum: 1, maximum: 9_999_999_999 }),
  },
  closed,
);

const request = <Name extends string, Args extends TSchema>(action: Name, args: Args) =>
  Type.Object(
    { v: Type.Literal(1), host: hostId, run: runId, id: actionId, action: Type.Literal(action), args, issued: moment, expires: moment },
    closed,
  );

export const ActionRequestSchema = Type.Union(
  [
    request('tmux.kill', SessionArgs),
    request('agent.refresh', Type.Object({}, closed)),
    request('agent.dump', Type.Object({ minutes: Type.Integer({ minimum: 1, maximum: 60 }) }, closed)),
  ],
  { $id: 'hostwire/action-v1', title: 'ActionRequest', description: 'What a server asks of an agent.' },
);

export const ActionResultSchema = Type.Object(
  {
    v: Type.Literal(1),
    host: hostId,
    run: runId,
    id: actionId,
    action: Type.String({ maxLength: 64 }),
    result: Type.Union([Type.Literal('done'), Type.Literal('refused'), Type.Literal('failed')]),
    code: Type.Optional(Type.String({ maxLength: 64 })),
    reason: Type.Optional(Type.String({ maxLength: 500 })),
    time: moment,
  },
  { $id: 'hostwire/command-result-v1', title: 'ActionResult', description: 'What became of a signed action at its agent.' },
);

export const signedActionCheck = Compile(SignedActionSchema);
export const actionRequestCheck = Compile(ActionRequestSchema);
export const actionResultCheck = Compile(ActionResultSchema);
export const sampleCheck = Compile(SampleSchema);
export const ackCheck = Compile(AckSchema);
export const hostInfoCheck = Compile(HostInfoSchema);
export const configCheck = Compile(ConfigSchema);
export const catalogCheck = Compile(CatalogSchema);

export type WireSample = Static<typeof SampleSchema>;
