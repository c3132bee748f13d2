import Type, { type Static, type TSchema } from 'typebox';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.Integer({ description: 'Milliseconds since the epoch, UTC.' });
const Figure = Nullable(Type.Number());

export const ContainerShape = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    image: Type.String({ description: 'Without the tag.' }),
    version: Type.String({ description: "The image's tag; `unknown` if none." }),
    project: Nullable(Type.String({ description: 'In Docker Compose.' })),
    service: Nullable(Type.String({ description: 'In Docker Compose.' })),
    status: Type.String({ description: 'created, running, paused, restarting, removing, exited or dead.' }),
    health: Nullable(Type.String({ description: 'starting, healthy or unhealthy; null: there is no check.' })),
    failing_streak: Figure,
    exit_code: Nullable(Type.Number({ description: 'Null while it runs.' })),
    oom_killed: Type.Boolean(),
    restarts: Nullable(Type.Number({ description: 'By its restart policy.' })),
    started_at: Nullable(Time),
    finished_at: Nullable(Time),
    cpu: Nullable(Type.Number({ description: 'Percent of one core.' })),
    memory: Type.Object({ percent: Figure, used: Figure, total: Figure }, { description: 'Bytes; total is the limit.' }),
    network: Type.Object({ in: Figure, out: Figure }, { description: 'Bytes per second.' }),
    disk: Type.Object({ read: Figure, write: Figure }, { description: 'Bytes per second.' }),
  },
  { $id: 'Container', description: 'A container as its engine tells of it; never its environment, mounts or command.' },
);

export const ContainersPart = Type.Object(
  {
    timestamp: Nullable(Time),
    engine: Nullable(Type.Object({ name: Type.String(), version: Type.String(), images: Figure })),
    summary: Type.Object({
      total: Type.Integer(),
      running: Type.Integer(),
      stopped: Type.Integer({ description: 'All that do not run.' }),
      unhealthy: Type.Integer({ description: 'By their own health check.' }),
    }),
    containers: Type.Array(Type.Ref('Container')),
  },
  { $id: 'ContainersPart', description: 'The containers of a host in its newest sample; engine is null where there is none.' },
);

export type ContainerBody = Static<typeof ContainerShape>;
export type ContainersBody = Omit<Static<typeof ContainersPart>, 'containers'> & { containers: ContainerBody[] };
