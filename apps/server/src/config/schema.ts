import Type, { type Static } from 'typebox';
import { ROLES } from '../roles/roles.ts';

const port = (fallback: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: fallback });
const Path = Type.String({ minLength: 1 });
const Text = Type.String({ minLength: 1 });

/** `hostwire.toml`. Every key has a default; port 0 takes any free port. */
export const ServerFile = Type.Object(
  {
    listen: Type.String({
      default: '127.0.0.1',
      pattern: '^[0-9A-Fa-f.:]+$',
      allowed: 'an IPv4 or IPv6 address; 127.0.0.1 is this machine only, 0.0.0.0 every interface',
    }),
    port: port(8080),
    mqtt_port: port(1883),
    mqtts_port: port(8883),
    influx_port: port(8086),
    public_url: Type.Optional(
      Type.String({
        pattern: '^https?://[^@/?#]+/?$',
        allowed: 'https:// (or http://), a name or an address, and a port, without a path: https://hostwire.example.org:8080',
      }),
    ),
    public_mqtt_url: Type.Optional(
      Type.String({
        pattern: '^(mqtts?|wss?)://[^@?#]+$',
        allowed: 'mqtts:// or wss:// (or mqtt://, ws://) and a host, without user and password',
      }),
    ),
    tls: Type.Object(
      {
        cert: Type.Optional(Path),
        key: Type.Optional(Path),
        ca: Type.Optional(Path),
        names: Type.Array(
          Type.String({ pattern: '^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}$', allowed: 'a DNS name without wildcard, or an IP address' }),
          { default: [] },
        ),
        allow_plain: Type.Boolean({ default: false }),
        client_certificates: Type.Union([Type.Literal('off'), Type.Literal('accept'), Type.Literal('require')], { default: 'off' }),
      },
      { additionalProperties: false, default: {} },
    ),
    data_dir: Type.Optional(Path),
    roles: Type.Array(Type.Union([Type.Literal('broker'), Type.Literal('ingest'), Type.Literal('alerts'), Type.Literal('api')]), {
      default: [...ROLES],
      minItems: 1,
    }),
    instance: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9_.+/-]{0,95}$',
        allowed: 'a name of letters, digits and _ . + / -, at most 96, that no other process of this server has',
      }),
    ),
    metrics_port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    rules: Type.Optional(Path),
    downloads_dir: Type.Optional(Path),
    topic_root: Type.String({ default: 'hostwire', pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$' }),
    log_level: Type.Union(
      [
        Type.Literal('trace'),
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warn'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ],
      { default: 'info' },
    ),
    store: Type.Object(
      {
        kind: Type.Union([Type.Literal('embedded'), Type.Literal('influxdb')], { default: 'embedded' }),
        url: Type.Optional(
          Type.String({ pattern: '^https?://[^@]+$', allowed: 'http:// or https:// and a host, without user and password' }),
        ),
        token: Type.Optional(Text),
        username: Type.Optional(Text),
        password: Type.Optional(Text),
      },
      { additionalProperties: false },
    ),
    database: Type.Object(
      {
        url: Type.Optional(
          Type.String({
            pattern: '^postgres(ql)?://[^/]*/[^/?]+([?].*)?$',
            secret: true,
            allowed: 'postgres://, a host and the name of a database: postgres://user@host:5432/hostwire',
          }),
        ),
        password: Type.Optional(Text),
      },
      { additionalProperties: false },
    ),
    broker: Type.Object(
      {
        url: Type.Optional(
          Type.String({
            pattern: '^(mqtts?|wss?)://[^@]+$',
            allowed: 'mqtt://, mqtts://, ws:// or wss:// and a host, without user and password',
          }),
        ),
        username: Type.Optional(Text),
        password: Type.Optional(Text),
        ca: Type.Optional(Path),
        export_dir: Type.Optional(Path),
        auth_secret: Type.Optional(
          Type.String({ pattern: '^[!-~]{16,256}$', allowed: '16 or more printable characters without spaces: openssl rand -hex 32' }),
        ),
      },
      { additionalProperties: false },
    ),
    local_agent: Type.Object(
      {
        dir: Type.Optional(Path),
        url: Type.Optional(
          Type.String({
            pattern: '^(mqtts?|wss?)://[^@]+$',
            allowed: 'mqtt://, mqtts://, ws:// or wss:// and a host, without user and password',
          }),
        ),
      },
      { additionalProperties: false, default: {} },
    ),
    journal: Type.Object(
      {
        max_bytes: Type.Integer({ minimum: 16 * 1024 * 1024, default: 10 * 1024 ** 3 }),
        min_free_bytes: Type.Optional(Type.Integer({ minimum: 0 })),
      },
      { additionalProperties: false, default: {} },
    ),
    dead_letters: Type.Object(
      { max_bytes: Type.Integer({ minimum: 1024 * 1024, default: 64 * 1024 * 1024 }) },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false },
);

export type ServerFileTable = Static<typeof ServerFile>;
