import Type, { type Static, type TSchema } from 'typebox';

/** Shapes of what the server says of its own processes, and of what hosts lost. Times are ms since the epoch, UTC. */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.Integer({ description: 'Milliseconds since the epoch, UTC.' });

export const ProcessShape = Type.Object(
  {
    instance: Type.String({ description: 'Names one process: <hostname>/<roles joined by +>, or `instance` of its configuration.' }),
    roles: Type.Array(Type.String()),
    version: Type.String(),
    started_at: Time,
    last_seen: Time,
    parts: Type.Record(Type.String(), Type.Record(Type.String(), Type.Number()), {
      description: 'Part -> counter or level -> value. Counters count from `started_at`; labels are joined to the name by `_`.',
    }),
    degraded: Type.Array(Type.String(), { description: 'As in /health of that process.' }),
  },
  { $id: 'Process' },
);

const ProblemShape = Type.Object({
  time: Time,
  level: Type.Union([Type.Literal('warn'), Type.Literal('error'), Type.Literal('fatal')]),
  message: Type.String(),
  count: Type.Integer({ description: 'How often it was logged in a row.' }),
});

export const ServerAnswer = Type.Object(
  {
    now: Time,
    processes: Type.Array(Type.Ref('Process'), {
      description:
        'The one that answers as it is now; the others, if heard of within the hour, as they last wrote of themselves (every 30 s).',
    }),
    gaps_24h: Nullable(Type.Integer({ description: 'Gap records of the last 24 h, all hosts; null: the store does not answer.' })),
    problems: Type.Array(ProblemShape, {
      description: 'The last warnings and errors in the log of the process that answers, the newest first.',
    }),
    dead_letters: Type.Integer({ description: 'Messages set aside as not storable, by all processes listed, since their start.' }),
  },
  { $id: 'Server' },
);

export const GapShape = Type.Object(
  {
    time: Time,
    from: Nullable(Type.Integer({ description: 'Time of the first sample that is missing, ms since the epoch.' })),
    to: Nullable(Type.Integer({ description: 'Time of the last one.' })),
    count: Type.Integer({ description: 'Samples that are missing.' }),
    reason: Type.String({ description: 'full, age, disk, clock or damaged.' }),
  },
  { $id: 'Gap', description: 'Samples that an agent had to give up; `time` is that of the sample that told of it.' },
);

export const GapList = Type.Object({ gaps: Type.Array(Type.Ref('Gap')) }, { $id: 'GapList' });

export const GapQuery = Type.Object(
  {
    from: Type.Optional(Type.String({ description: 'ms since the epoch, ISO 8601, or relative such as -24h. Default -1h.' })),
    to: Type.Optional(Type.String({ description: 'As `from`. Default now.' })),
  },
  { additionalProperties: false },
);

/** Two agents with one identity, the run seen first before the newer one. */
export const ConflictShape = Type.Object({
  since: Time,
  runs: Type.Array(Type.String(), { minItems: 2, maxItems: 2, description: 'The older run, then the newer one.' }),
});

export type ProcessBody = Static<typeof ProcessShape>;
export type ServerBody = Omit<Static<typeof ServerAnswer>, 'processes'> & { processes: ProcessBody[] };
export type GapBody = Static<typeof GapShape>;
