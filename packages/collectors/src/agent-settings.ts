import Type, { type TObject, type TSchema } from 'typebox';
import type { Collector } from './collector.ts';
import { settingsSchema } from './config.ts';
import { COLLECTORS } from './registry.ts';

const seconds = (fallback: number, what: string) => Type.Number({ minimum: 1, maximum: 86_400, default: fallback, description: what });

/** Keys of the agent's file that a server may set too, beside `[collectors]`. */
export const settings = {
  enabled: Type.Boolean({ default: true, description: 'Whether samples are taken' }),
  compress: Type.Boolean({ default: false, description: 'Whether samples are sent as gzip' }),
  intervals: Type.Object({
    fast_seconds: seconds(30, 'fast'),
    medium_seconds: seconds(300, 'medium'),
    slow_seconds: seconds(1800, 'slow'),
  }),
};

/** The end of a sentence that begins with the key. */
const OWN_FILE = "is set in the host's own file alone, never by a server";

/** What no server may set, whatever version it has: who the agent is, what it may run, read, write or ask. */
const NEVER = [
  'server_url',
  'token',
  'token_file',
  'host_id',
  'topic_root',
  'tls',
  'spool',
  'debug',
  'dump_dir',
  'pin',
  'actions',
  'remote',
  'remotes',
  'local',
  'sudo',
  'commands',
  'probes',
];

/**
 * Schema of a remote configuration: the part of the agent's file that a server may set. It fills in no defaults, for what is
 * absent is left as it is. The annotation `never` on a key says why it is refused.
 */
export function remoteConfigSchema(collectors: readonly Collector[] = COLLECTORS): TObject {
  const tables = collectors.map((collector) => [collector.name, remoteTable(collector)] as const);
  return closed({
    enabled: withoutDefault(settings.enabled),
    compress: withoutDefault(settings.compress),
    intervals: closed(mapValues(settings.intervals.properties, withoutDefault)),
    collectors: closed(Object.fromEntries(tables)),
    ...Object.fromEntries(NEVER.map((key) => [key, refused()])),
  });
}

function remoteTable(collector: Collector): TObject {
  const { properties: own } = collector.options as TObject;
  const { properties } = settingsSchema(collector) as TObject;
  return closed(
    mapValues(properties, (property, key) =>
      Object.hasOwn(own, key) && Reflect.get(property, 'remote') !== true ? refused() : withoutDefault(property),
    ),
  );
}

function closed(properties: Readonly<Record<string, TSchema>>): TObject {
  return Type.Object(
    mapValues(properties, (property) => Type.Optional(property)),
    { additionalProperties: false },
  );
}

function refused(): TSchema {
  return Type.Unknown({ never: OWN_FILE });
}

function withoutDefault(schema: TSchema): TSchema {
  const { default: _default, ...rest } = schema as TSchema & { readonly default?: unknown };
  return rest as TSchema;
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, map: (value: V, key: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
