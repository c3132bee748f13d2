import { GROUP_PATTERN, LABEL_KEY_PATTERN } from '@hostwire/model';
import Type, { type Static, type TSchema } from 'typebox';
import { ContainerShape, ContainersPart } from './container-schemas.ts';
import { ENROLMENT_COMPONENTS } from './enrolment-schemas.ts';
import { MOMENT_COMPONENTS } from './moment-schemas.ts';
import { ConflictShape, GapList, GapShape, ProcessShape, ServerAnswer } from './process-schemas.ts';
import { HostConfigShape, RemoteConfigList, RemoteConfigShape } from './remote-config-schemas.ts';
import { SESSION_COMPONENTS } from './session-schemas.ts';

/** Shapes of the API. Times are ms since the epoch, UTC, unless a name ends in `_at_iso`. Missing knowledge is null, never 0. */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.Integer({ description: 'Milliseconds since the epoch, UTC.' });

export const ErrorBody = Type.Object(
  {
    error: Type.Object({
      code: Type.String({ description: 'Stable, for programs.' }),
      message: Type.String({ description: 'One sentence that says what to do.' }),
    }),
  },
  { $id: 'Error' },
);

export const Health = Type.Object(
  {
    ok: Type.Literal(true),
    roles: Type.Array(Type.String()),
    version: Type.String(),
    mock: Type.Boolean({ description: 'A host here replays a recorded dump.' }),
    degraded: Type.Array(Type.String(), { description: 'Names of parts that do not work as they should, e.g. influx-port, store.' }),
  },
  { $id: 'Health' },
);

export const Scalar = Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]);
export const RowShape = Type.Object({
  tags: Type.Record(Type.String(), Type.String()),
  fields: Type.Record(Type.String(), Scalar, { description: 'Integers beyond 2^53-1 are decimal strings.' }),
});

export const HostState = Type.Union(
  [Type.Literal('never_connected'), Type.Literal('online'), Type.Literal('offline'), Type.Literal('unknown')],
  {
    description:
      'By the status topic and by silence: more than 3 intervals without a sample while connected is `late`, see that flag. `unknown`: the gateway that speaks for it is not online.',
  },
);

export const CollectErrorShape = Type.Object({ collector: Type.String(), code: Type.String(), message: Type.String() });

const Level = Type.Object({ percent: Nullable(Type.Number()), used: Nullable(Type.Number()), total: Nullable(Type.Number()) });

const GpuSummary = Type.Object(
  {
    count: Type.Integer(),
    utilization: Nullable(Type.Number({ description: 'Percent of the time, of the busiest.' })),
    memory: Level,
    power: Type.Object(
      { draw: Nullable(Type.Number()), limit: Nullable(Type.Number()) },
      { description: 'Watts of those that tell of it; limit is null if one of these tells none.' },
    ),
    temperature: Nullable(
      Type.Object(
        { celsius: Type.Number(), limit: Nullable(Type.Number({ description: 'At which it slows itself down.' })) },
        { description: 'Of the hottest.' },
      ),
    ),
  },
  { description: 'All GPUs of the host together; null: it has none, or none is read.' },
);

/** What a card of the fleet page shows. */
export const HostSummary = Type.Object(
  {
    host: Type.String(),
    group: Nullable(Type.String({ description: 'Null: it is in none.' })),
    labels: Type.Record(Type.String(), Type.String()),
    state: HostState,
    gateway: Nullable(Type.String({ description: 'The host whose agent asks this one over SSH; null: its own agent.' })),
    degraded: Type.Boolean({ description: 'Online, but some of its collectors fail (`errors`).' }),
    late: Type.Boolean({ description: 'Online, but the newest fast sample is older than 3 intervals.' }),
    paused: Type.Boolean({ description: 'Told to take no samples (`enabled = false`); its agent is there all the same.' }),
    last_seen: Nullable(Time),
    interval: Nullable(Type.Number({ description: 'Seconds between fast samples.' })),
    mock: Type.Boolean(),
    os: Nullable(Type.String()),
    kernel: Nullable(Type.String()),
    arch: Nullable(Type.String()),
    cpu_model: Nullable(Type.String()),
    agent_version: Nullable(Type.String()),
    n_cpus: Nullable(Type.Integer()),
    uptime: Nullable(Type.Number({ description: 'Seconds.' })),
    cpu: Nullable(Type.Number({ description: 'Percent of all cores, 0..100.' })),
    memory: Level,
    swap: Level,
    disk: Nullable(
      Type.Object(
        { path: Type.String(), percent: Type.Number(), used: Type.Number(), total: Type.Number() },
        { description: 'The fullest file system.' },
      ),
    ),
    storage: Type.Object(
      { used: Nullable(Type.Number()), free: Nullable(Type.Number()), total: Nullable(Type.Number()) },
      { description: 'All file systems, bytes. `free` is what a user may still write: less than total - used where some is reserved.' },
    ),
    load: Nullable(Type.Array(Type.Number(), { minItems: 3, maxItems: 3, description: 'load1, load5, load15.' })),
    network: Nullable(Type.Object({ in: Type.Number(), out: Type.Number() }, { description: 'Bytes per second over all interfaces.' })),
    temperature: Nullable(
      Type.Object(
        { sensor: Type.String(), celsius: Type.Number(), limit: Nullable(Type.Number()) },
        { description: 'The sensor nearest to its own limit; without limits the hottest.' },
      ),
    ),
    gpu: Nullable(GpuSummary),
    errors: Type.Array(CollectErrorShape, { description: 'Of the newest sample of each tier.' }),
    alerts: Type.Object({ critical: Type.Integer(), warning: Type.Integer(), info: Type.Integer() }, { description: 'Firing now.' }),
    conflict: Nullable(ConflictShape),
  },
  { $id: 'HostSummary', description: '`conflict`: two agents run with this identity; null: one, or none.' },
);

export const HostChangeInput = Type.Object(
  {
    group: Type.Optional(Nullable(Type.String({ pattern: GROUP_PATTERN.source, description: 'Null takes it out of its group.' }))),
    labels: Type.Optional(
      Type.Record(Type.String({ pattern: LABEL_KEY_PATTERN.source }), Type.String({ minLength: 1, maxLength: 63 }), {
        additionalProperties: false,
        description: 'All labels that the host is to have: others that it had go. Values are of characters that can be seen.',
      }),
    ),
  },
  { additionalProperties: false, description: 'What is absent stays as it is.' },
);

export const HostGrouping = Type.Object(
  { host: Type.String(), group: HostSummary.properties.group, labels: HostSummary.properties.labels },
  { $id: 'HostGrouping' },
);

export const HostDetail = Type.Object(
  {
    summary: Type.Ref('HostSummary'),
    info: Nullable(Type.Record(Type.String(), Type.Unknown())),
    capabilities: Type.Record(
      Type.String(),
      Type.Object({ available: Type.Boolean(), reason: Type.Optional(Type.String()), hint: Type.Optional(Type.String()) }),
    ),
    latest: Type.Record(Type.String(), Type.Object({ time: Time, tier: Type.String(), rows: Type.Array(RowShape) }), {
      description: 'Measurement -> rows of the newest sample that had it. Raw values: counters are counters.',
    }),
    rates: Type.Record(Type.String(), Type.Array(RowShape), {
      description: 'Measurement -> the counters of its rows as change per second, between the two newest samples.',
    }),
  },
  { $id: 'HostDetail' },
);

export const SeriesAnswer = Type.Object(
  {
    measurement: Type.String(),
    field: Type.String(),
    aggregate: Type.String(),
    step: Type.Integer({ description: 'Milliseconds of one bucket.' }),
    unit: Nullable(Type.String()),
    times: Type.Array(Time, { description: 'Start of each bucket; every series has one value a time.' }),
    series: Type.Array(
      Type.Object({
        tags: Type.Record(Type.String(), Type.String()),
        values: Type.Array(Nullable(Type.Number()), { description: 'null: no sample in that bucket.' }),
      }),
    ),
    query: Type.String({ description: 'The InfluxQL that was asked.' }),
  },
  { $id: 'SeriesAnswer' },
);

export const AggregateName = Type.Union([
  Type.Literal('mean'),
  Type.Literal('min'),
  Type.Literal('max'),
  Type.Literal('sum'),
  Type.Literal('count'),
  Type.Literal('first'),
  Type.Literal('last'),
  Type.Literal('rate'),
]);

export const SeriesQuery = Type.Object(
  {
    measurement: Type.String({ minLength: 1, maxLength: 128 }),
    field: Type.String({ minLength: 1, maxLength: 128 }),
    host: Type.Optional(Type.String({ description: 'One host id, or several divided by commas; absent: all.' })),
    from: Type.Optional(Type.String({ description: 'ms since the epoch, ISO 8601, or relative such as -1h. Default -1h.' })),
    to: Type.Optional(Type.String({ description: 'As `from`. Default now.' })),
    step: Type.Optional(Type.String({ description: 'Such as 10s, 5m, 1h, or ms. Default: about 300 buckets, at least the interval.' })),
    aggregate: Type.Optional(AggregateName),
    group_by: Type.Optional(Type.String({ description: 'Tag names divided by commas, e.g. host,cpu. Default host.' })),
    where: Type.Optional(
      Type.String({
        description: 'Tag conditions divided by commas: cpu:cpu-total, or !tag:value to exclude. A backslash escapes , : and \\.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const CatalogAnswer = Type.Object(
  {
    hash: Type.String(),
    measurements: Type.Record(
      Type.String(),
      Type.Object({
        help: Type.String(),
        collector: Type.String(),
        tier: Type.String(),
        tags: Type.Record(Type.String(), Type.String()),
        fields: Type.Record(
          Type.String(),
          Type.Object({
            type: Type.String(),
            unit: Type.String(),
            kind: Type.String(),
            help: Type.String(),
            decimals: Type.Optional(Type.Integer()),
          }),
        ),
      }),
    ),
  },
  { $id: 'Catalog' },
);

export const AlertShape = Type.Object(
  {
    id: Type.String(),
    rule: Type.String(),
    host: Type.String(),
    severity: Type.Union([Type.Literal('info'), Type.Literal('warning'), Type.Literal('critical')]),
    state: Type.Union([Type.Literal('pending'), Type.Literal('firing'), Type.Literal('resolved')]),
    labels: Type.Record(Type.String(), Type.String()),
    summary: Type.String(),
    measurement: Nullable(Type.String({ description: 'Of the series that it was judged on; null: it reads none.' })),
    field: Nullable(Type.String()),
    where: Type.Record(Type.String(), Type.String(), { description: 'Tags of that series.' }),
    value: Nullable(Type.Number()),
    threshold: Nullable(Type.Number()),
    unit: Nullable(Type.String()),
    since: Time,
    fired_at: Nullable(Time),
    resolved_at: Nullable(Time),
    acknowledged_at: Nullable(Time),
    acknowledged_by: Nullable(Type.String()),
    note: Nullable(Type.String()),
  },
  { $id: 'Alert' },
);

export const ConfigAnswer = Type.Object(
  {
    version: Type.String(),
    roles: Type.Array(Type.String()),
    listen: Type.Object({
      address: Type.String(),
      http: Type.Integer(),
      mqtt: Nullable(Type.Integer({ description: 'Without TLS; on the loopback alone unless plain transport is allowed.' })),
      mqtts: Nullable(Type.Integer()),
      influx: Nullable(Type.Integer()),
    }),
    store: Type.Object({ kind: Type.String(), url: Nullable(Type.String({ description: 'Without credentials.' })) }),
    database: Type.Object({ kind: Type.String(), url: Nullable(Type.String({ description: 'Without credentials.' })) }),
    broker: Type.Object({ kind: Type.String(), url: Nullable(Type.String({ description: 'Without credentials.' })) }),
    topic_root: Type.String(),
    tls: Type.Object({
      enabled: Type.Boolean({ description: 'The ports are open to other machines, with TLS.' }),
      names: Type.Array(Type.String(), { description: "For which the server's certificate stands." }),
      not_after: Nullable(Time),
      ca_fingerprint: Nullable(Type.String({ description: 'sha256: and hex; null: every system knows the root.' })),
      own_ca: Type.Boolean(),
    }),
    public_url: Nullable(Type.String({ description: 'Where hosts and browsers reach this server; null: only this machine does.' })),
    warnings: Type.Array(Type.Object({ code: Type.String(), message: Type.String() }), {
      description: 'To be shown until they are mended, e.g. plain-transport, certificate-expires.',
    }),
  },
  { $id: 'Config' },
);

export const HostList = Type.Object({ hosts: Type.Array(Type.Ref('HostSummary')), server_time: Time }, { $id: 'HostList' });

export const HostPart = Type.Object(
  {
    timestamp: Nullable(Time),
    host: Type.Object({
      latest: HostDetail.properties.latest,
      rates: HostDetail.properties.rates,
    }),
  },
  { $id: 'HostPart', description: 'What the host itself measures, at the time of its newest sample.' },
);

export const HostStats = Type.Object(
  {
    timestamp: HostPart.properties.timestamp,
    host: HostPart.properties.host,
    containers: Type.Ref('ContainersPart'),
    services: Type.Ref('ServicesPart'),
  },
  { $id: 'HostStats', description: 'The parts of a host at once; `timestamp` is that of the newest sample of all.' },
);

export const HostRemoved = Type.Object(
  { host: Type.String(), message: Type.String({ description: 'What became of its access and of its data, in a sentence.' }) },
  { $id: 'HostRemoved' },
);

export const HostToken = Type.Object(
  { host: Type.String(), token: Type.String({ description: 'In clear, this once; only its hash is kept.' }) },
  { $id: 'HostToken' },
);

export const AlertList = Type.Object({ alerts: Type.Array(Type.Ref('Alert')) }, { $id: 'AlertList' });

export const AlertQuery = Type.Object(
  {
    state: Type.Optional(AlertShape.properties.state),
    acknowledged: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

export const AcknowledgeInput = Type.Object({ note: Type.Optional(Type.String({ maxLength: 1000 })) }, { additionalProperties: false });

export const LoginInput = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 256, description: 'Of the one-time link.' }) },
  { additionalProperties: false },
);

export const SessionAnswer = Type.Object(
  {
    name: Type.String({ description: 'The name of the token, or `dashboard` for a session.' }),
    scopes: Type.Array(Type.String()),
    expires_at: Nullable(Time),
  },
  { $id: 'Session' },
);

/** Everything that stands in the OpenAPI document under its own name. */
export const COMPONENTS: readonly TSchema[] = [
  ErrorBody,
  Health,
  HostSummary,
  HostList,
  HostGrouping,
  HostDetail,
  HostPart,
  ContainerShape,
  ContainersPart,
  HostStats,
  HostRemoved,
  HostToken,
  SeriesAnswer,
  CatalogAnswer,
  AlertShape,
  AlertList,
  ConfigAnswer,
  SessionAnswer,
  ProcessShape,
  ServerAnswer,
  GapShape,
  GapList,
  ...SESSION_COMPONENTS,
  ...MOMENT_COMPONENTS,
  ...ENROLMENT_COMPONENTS,
  RemoteConfigShape,
  RemoteConfigList,
  HostConfigShape,
];

export type HealthBody = Static<typeof Health>;
export type HostSummaryBody = Static<typeof HostSummary>;
export type HostDetailBody = Omit<Static<typeof HostDetail>, 'summary'> & { summary: HostSummaryBody };
export type RowBody = Static<typeof RowShape>;
export type SeriesAnswerBody = Static<typeof SeriesAnswer>;
export type SeriesQueryInput = Static<typeof SeriesQuery>;
export type AlertBody = Static<typeof AlertShape>;
export type ConfigBody = Static<typeof ConfigAnswer>;
