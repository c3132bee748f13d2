import Type, { type Static, type TSchema } from 'typebox';

/** Shapes of what ran on a host at a moment of its past. Times are ms since the epoch, UTC. */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const RankedProcess = Type.Object({
  by: Type.Union([Type.Literal('cpu'), Type.Literal('memory')], { description: 'What it is ranked by.' }),
  rank: Type.Integer({ description: 'From 1.' }),
  name: Type.String(),
  user: Nullable(Type.String()),
  pid: Nullable(Type.Integer()),
  cpu: Nullable(Type.Number({ description: 'Percent of one core.' })),
  memory: Nullable(Type.Number({ description: 'Resident bytes.' })),
  gpu_memory: Nullable(Type.Number({ description: 'Bytes on all GPUs; null: it uses none that is known of.' })),
});

export const MomentProcesses = Type.Object(
  {
    at: Type.Integer({ description: 'The moment that was asked for.' }),
    time: Nullable(Type.Integer({ description: 'Of the sample nearest to it; null: none is within one interval of it.' })),
    before: Nullable(Type.Integer({ description: 'Of the sample before that one; without one, of the nearest before the moment.' })),
    after: Nullable(Type.Integer({ description: 'Of the sample after it, as `before`.' })),
    total: Nullable(Type.Integer({ description: 'How many processes there were.' })),
    processes: Type.Array(RankedProcess, { description: 'Those that used most, by cpu and by memory.' }),
  },
  { $id: 'MomentProcesses', description: 'The top processes of one sample. Neighbours are looked for up to 30 days away.' },
);

export const MomentQuery = Type.Object(
  {
    at: Type.Optional(Type.String({ description: 'ms since the epoch, ISO 8601, or relative such as -1h. Default now.' })),
  },
  { additionalProperties: false },
);

export const MOMENT_COMPONENTS: readonly TSchema[] = [MomentProcesses];

export type MomentBody = Static<typeof MomentProcesses>;
export type RankedProcessBody = Static<typeof RankedProcess>;
