import type { Tier } from '@hostwire/model';
import Type, { type TObject, type TSchema } from 'typebox';
import Value from 'typebox/value';
import type { Collector } from './collector.ts';
import { COLLECTORS } from './registry.ts';

/** The table `[collectors]` of an agent's configuration: collector name -> its settings and options. */
export type CollectorsConfig = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What the runner goes by: a collector's table with the defaults filled in. */
export interface CollectorSettings {
  readonly enabled: boolean;
  readonly tier: Tier;
  /** Seconds; absent: the runner's default. */
  readonly timeoutSeconds?: number;
  /** The collector's own options. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Schema of `[collectors]`: a table per collector with `enabled`, `tier`, `timeout_seconds` and the collector's own
 * options. Unknown collectors and keys are errors. Every table may be absent; `Value.Default` fills in all defaults.
 */
export function collectorsConfigSchema(collectors: readonly Collector[] = COLLECTORS): TObject {
  const tables: Record<string, TSchema> = {};
  for (const collector of collectors) tables[collector.name] = Type.Optional(settingsSchema(collector));
  return Type.Object(tables, { additionalProperties: false, default: {}, description: 'What is collected, and how' });
}

/** The settings of one collector. Throws an Error that names the key if the table is not valid. */
export function settingsOf(collector: Collector, config: CollectorsConfig): CollectorSettings {
  const schema = settingsSchema(collector);
  const table: unknown = Value.Default(schema, structuredClone(config[collector.name] ?? {}));
  const problem = Value.Errors(schema, table)[0];
  if (problem !== undefined)
    throw new Error(`collectors.${collector.name}${problem.instancePath.replaceAll('/', '.')}: ${problem.message}`);
  const { enabled, tier, timeout_seconds, ...options } = table as Record<string, unknown>;
  return {
    enabled: (enabled as boolean | undefined) ?? collector.optIn !== true,
    tier: tier as Tier,
    ...(timeout_seconds === undefined ? {} : { timeoutSeconds: timeout_seconds as number }),
    options,
  };
}

/** Schema of one collector's table. */
export function settingsSchema(collector: Collector): TSchema {
  const own = (collector.options as TObject).properties;
  return Type.Object(
    {
      // Without a default, what the file does not say is no `false` that forbids a server to turn it on.
      enabled: collector.optIn
        ? Type.Optional(Type.Boolean({ description: 'Whether it runs; off unless it is set' }))
        : Type.Boolean({ default: true, description: 'Whether it runs' }),
      tier: Type.Union([Type.Literal('fast'), Type.Literal('medium'), Type.Literal('slow')], {
        default: collector.tier,
        description: 'How often it runs',
      }),
      timeout_seconds: Type.Optional(
        Type.Number({ minimum: 0.1, maximum: 300, description: 'After this it is given up and reported; default 10' }),
      ),
      ...own,
    },
    { additionalProperties: false, default: {}, description: collector.help },
  );
}
