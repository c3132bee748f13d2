import { GROUP_PATTERN, LABEL_KEY_PATTERN } from '@hostwire/model';
import Type, { type Static, type TSchema } from 'typebox';

/** Shapes of enrolment. Times are ms since the epoch, UTC. What hosts say of themselves is text to show, nothing to go by. */

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.Integer({ description: 'Milliseconds since the epoch, UTC.' });
const Labels = Type.Record(Type.String(), Type.String());
const LabelsInput = Type.Record(Type.String({ pattern: LABEL_KEY_PATTERN.source }), Type.String({ minLength: 1, maxLength: 63 }), {
  additionalProperties: false,
  description: 'Values are of characters that can be seen.',
});
const GroupInput = Type.String({ pattern: GROUP_PATTERN.source });
const HostName = Type.String({ minLength: 1, maxLength: 63 });
const Kind = Type.Union([Type.Literal('once'), Type.Literal('universal')], {
  description: 'once: one host, at once; universal: any number, each after it was approved.',
});

export const EnrolmentShape = Type.Object(
  {
    id: Type.String(),
    kind: Kind,
    host: Nullable(Type.String({ description: 'The only host that may use it; null: any that is not there yet.' })),
    replaces: Type.Boolean({ description: 'The host was there when the code was made: it gets a new token, the old one is refused then.' }),
    group: Nullable(Type.String()),
    labels: Labels,
    created_at: Time,
    created_by: Nullable(Type.String()),
    expires_at: Time,
    used_at: Nullable(Time),
    used_by: Nullable(Type.String({ description: 'The host; of a universal code the last one.' })),
    used_from: Nullable(Type.String({ description: 'Its address.' })),
  },
  { $id: 'Enrolment', description: 'A code with which hosts enrol. The code itself is told once, when it is made.' },
);

export const RequestShape = Type.Object(
  {
    id: Type.String(),
    enrolment: Type.String({ description: 'The id of the code.' }),
    host: Type.String(),
    address: Type.String(),
    facts: Type.Object({ hostname: Type.String(), os: Type.String(), arch: Type.String(), agent_version: Type.String() }),
    created_at: Time,
    state: Type.Union([Type.Literal('pending'), Type.Literal('approved'), Type.Literal('denied'), Type.Literal('claimed')]),
    decided_at: Nullable(Time),
    decided_by: Nullable(Type.String()),
    group: Nullable(Type.String()),
    labels: Labels,
  },
  { $id: 'EnrolmentRequest', description: 'A host that came with a universal code. claimed: it has its token.' },
);

export const EnrolmentList = Type.Object(
  { enrolments: Type.Array(Type.Ref('Enrolment')), requests: Type.Array(Type.Ref('EnrolmentRequest')) },
  { $id: 'EnrolmentList', description: 'Newest first, up to a week after they are over.' },
);

export const NewEnrolmentInput = Type.Object(
  {
    kind: Type.Optional(Kind),
    host: Type.Optional(HostName),
    group: Type.Optional(GroupInput),
    labels: Type.Optional(LabelsInput),
    expires_in: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 30 * 86_400,
        description: 'Seconds. Default 900, of a universal code 86,400; at most 7 and 30 days.',
      }),
    ),
  },
  { additionalProperties: false },
);

export const NewEnrolmentAnswer = Type.Object(
  {
    id: Type.String(),
    kind: Kind,
    code: Type.String({ description: 'In clear, this once; only its hash is kept.' }),
    host: Nullable(Type.String()),
    replaces: Type.Boolean(),
    expires_at: Time,
    commands: Type.Object({
      install: Type.String({ description: 'One command for the new host, with curl.' }),
      archive: Type.String({ description: 'In the folder of an archive that was copied to the host.' }),
      docker: Type.String(),
    }),
    notes: Type.Array(Type.String(), { description: 'Sentences to show: what may keep the command from working, what it will change.' }),
  },
  { $id: 'NewEnrolment' },
);

export const ApprovalInput = Type.Object(
  { host: Type.Optional(HostName), group: Type.Optional(Nullable(GroupInput)), labels: Type.Optional(LabelsInput) },
  { additionalProperties: false, description: 'What is absent stays as the host and its code say.' },
);

export const EnrolInput = Type.Object({
  code: Type.String({ minLength: 1, maxLength: 64 }),
  nonce: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{16,128}$',
      description: 'Random, the same when the answer was lost and the agent asks again: for 5 minutes it gets a fresh token then.',
    }),
  ),
  host: Type.Optional(HostName),
  facts: Type.Object({
    hostname: Type.String({ minLength: 1, maxLength: 255 }),
    os: Type.Optional(Type.String({ maxLength: 255 })),
    arch: Type.Optional(Type.String({ maxLength: 255 })),
    agent_version: Type.Optional(Type.String({ maxLength: 255 })),
  }),
});

export const EnrolledAnswer = Type.Object(
  {
    host: Type.String(),
    token: Type.String({ description: 'In clear, this once.' }),
    server_key: Type.String({ description: 'ed25519:BASE64, with which commands are signed.' }),
    mqtt_url: Type.String(),
    topic_root: Type.String(),
    ca_pem: Nullable(Type.String({ description: 'The CA to check the server with; null: those of the system.' })),
    ca_fingerprint: Nullable(Type.String({ description: 'sha256:HEX of ca_pem.' })),
    group: Nullable(Type.String()),
    labels: Labels,
  },
  { $id: 'Enrolled' },
);

export const WaitingAnswer = Type.Object(
  {
    state: Type.Literal('pending'),
    request: Type.String(),
    host: Type.String({ description: 'The name that it asks for.' }),
    secret: Type.Optional(Type.String({ description: 'What to ask with: POST /api/enroll/{request}. Only in the first answer.' })),
  },
  { $id: 'EnrolmentWaiting' },
);

export const ClaimInput = Type.Object({ secret: Type.String({ minLength: 1, maxLength: 128 }) }, { additionalProperties: false });

export const ENROLMENT_COMPONENTS: readonly TSchema[] = [
  EnrolmentShape,
  RequestShape,
  EnrolmentList,
  NewEnrolmentAnswer,
  EnrolledAnswer,
  WaitingAnswer,
];

export type EnrolmentBody = Static<typeof EnrolmentShape>;
export type EnrolmentRequestBody = Static<typeof RequestShape>;
export type NewEnrolmentBody = Static<typeof NewEnrolmentAnswer>;
export type EnrolledBody = Static<typeof EnrolledAnswer>;
