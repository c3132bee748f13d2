import Type, { type Static, type TSchema } from 'typebox';

/** Shapes of tmux sessions, units, and what is asked of a host. Times are ms since the epoch, UTC. */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.Integer({ description: 'Milliseconds since the epoch, UTC.' });
const Figure = Nullable(Type.Number());

export const TmuxSessionShape = Type.Object(
  {
    id: Type.String({ description: 'Names this one session for good: one that is made anew under its name has another.' }),
    host: Type.String(),
    user: Type.String(),
    name: Type.String(),
    windows: Figure,
    attached: Nullable(Type.Integer({ description: 'Clients that are attached.' })),
    created: Nullable(Time),
    lastActivity: Nullable(Time),
    status: Type.Union([Type.Literal('active'), Type.Literal('legacy')], {
      description: 'active: attached, or detached for less than `legacy_after_hours` of its host.',
    }),
    cpu: Nullable(Type.Number({ description: 'Percent of one core, of all its processes.' })),
    memory: Nullable(Type.Number({ description: 'Resident bytes of all its processes.' })),
    gpuMemory: Nullable(Type.Number({ description: 'Bytes on all GPUs; null: not known, or none.' })),
    pids: Nullable(Type.Integer({ description: 'Processes.' })),
    attachCommand: Nullable(Type.String({ description: 'For a shell; null if the user has no plain name.' })),
    sshUrl: Nullable(Type.String({ description: 'ssh://user@host' })),
    current: Type.Boolean({ description: 'False: the host is offline or late, or could not look; this is what was there at `time`.' }),
    time: Type.Integer({ description: 'When its host looked.' }),
    age: Type.Number({ description: 'Seconds since the server heard of it.' }),
    killable: Type.Object({
      allowed: Type.Boolean(),
      reason: Type.Optional(Type.String({ description: 'Why not, in a sentence that says what would change it.' })),
    }),
  },
  { $id: 'TmuxSession', description: 'A session of tmux, with all processes that descend from its panes.' },
);

export const TmuxSessionList = Type.Object(
  {
    sessions: Type.Array(Type.Ref('TmuxSession')),
    summary: Type.Object(
      { total: Type.Integer(), active: Type.Integer(), legacy: Type.Integer() },
      { description: 'Of the hosts that were asked for, whatever the status.' },
    ),
    server_time: Time,
  },
  { $id: 'TmuxSessionList', description: 'By host, user and name.' },
);

export const TmuxSessionDetail = Type.Object(
  {
    session: Type.Ref('TmuxSession'),
    confirmation: Nullable(
      Type.Object(
        { token: Type.String(), expiresAt: Time },
        { description: 'What a kill of this session needs: lives one minute, works once and for who asked. Null: may not be killed.' },
      ),
    ),
  },
  { $id: 'TmuxSessionDetail' },
);

export const SessionQuery = Type.Object(
  {
    status: Type.Optional(TmuxSessionShape.properties.status),
    host: Type.Optional(Type.String({ description: 'One host id, or several divided by commas; absent: all.' })),
  },
  { additionalProperties: false },
);

export const KillInput = Type.Object(
  { confirm: Type.String({ minLength: 1, maxLength: 128, description: 'The token of GET /api/sessions/:id.' }) },
  { additionalProperties: false },
);

export const DumpInput = Type.Object(
  { minutes: Type.Integer({ minimum: 1, maximum: 60, description: 'After so long it ends by itself.' }) },
  { additionalProperties: false },
);

export const ActionAnswer = Type.Object(
  {
    id: Type.String({ description: 'As in the audit log of the server and of the agent.' }),
    host: Type.String(),
    action: Type.String({ description: 'tmux.kill, agent.refresh or agent.dump.' }),
    result: Type.Literal('done'),
    time: Type.Integer({ description: 'When the agent answered, by its clock.' }),
  },
  { $id: 'ActionAnswer', description: 'The agent did it. Whatever else became of it is an error, with the reason.' },
);

export const AuditEntryShape = Type.Object(
  {
    id: Type.String(),
    time: Time,
    host: Type.String(),
    action: Type.String(),
    args: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()])),
    actor: Nullable(Type.String({ description: 'The name of the token, or `dashboard`.' })),
    result: Type.Union(
      [Type.Literal('sent'), Type.Literal('done'), Type.Literal('refused'), Type.Literal('failed'), Type.Literal('unanswered')],
      { description: 'sent: no answer yet. refused: by the server or by the agent, and nothing was done.' },
    ),
    reason: Nullable(Type.String()),
  },
  { $id: 'AuditEntry', description: 'One action that was asked of a host, and what became of it.' },
);

export const AuditList = Type.Object(
  { entries: Type.Array(Type.Ref('AuditEntry')) },
  { $id: 'AuditList', description: 'The newest first.' },
);

export const AuditQuery = Type.Object(
  {
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 100.' })),
    before: Type.Optional(Type.Integer({ minimum: 0, description: 'Only entries older than this, ms since the epoch.' })),
  },
  { additionalProperties: false },
);

export const ServiceShape = Type.Object(
  {
    name: Type.String(),
    description: Nullable(Type.String()),
    load: Nullable(Type.String({ description: 'loaded, not-found, masked, ...' })),
    active: Nullable(Type.String({ description: 'active, inactive, failed, activating, ...' })),
    sub: Nullable(Type.String({ description: 'running, exited, dead, auto-restart, ...' })),
    restarts: Nullable(Type.Integer({ description: 'By its own restart setting.' })),
    memory: Nullable(Type.Number({ description: 'Bytes.' })),
    since: Nullable(Type.Integer({ description: 'When it became active last, ms since the epoch.' })),
  },
  { $id: 'Service' },
);

export const ServicesPart = Type.Object(
  {
    timestamp: Nullable(Time),
    services: Type.Array(Type.Ref('Service')),
    allHealthy: Nullable(Type.Boolean({ description: 'None has failed; null: nothing is known of any.' })),
  },
  { $id: 'ServicesPart', description: 'The units of systemd in the newest sample of a host; those that failed come first.' },
);

export const SESSION_COMPONENTS: readonly TSchema[] = [
  TmuxSessionShape,
  TmuxSessionList,
  TmuxSessionDetail,
  ActionAnswer,
  AuditEntryShape,
  AuditList,
  ServiceShape,
  ServicesPart,
];

export type TmuxSessionBody = Static<typeof TmuxSessionShape>;
export type ActionAnswerBody = Static<typeof ActionAnswer>;
export type ServiceBody = Static<typeof ServiceShape>;
export type ServicesBody = Omit<Static<typeof ServicesPart>, 'services'> & { services: ServiceBody[] };
export type AuditBody = Static<typeof AuditEntryShape>;
