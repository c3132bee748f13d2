import { catalog } from '@hostwire/collectors';
import { newRunId, type Tier, topics as topicsUnder } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import { type AgentConfig, type Connection, intervalsOf } from './agent-config.ts';
import { getAcquainted } from './host-facts.ts';
import type { HostSource } from './host-source.ts';
import { MemoryOutbox } from './outbox.ts';
import { createSampler } from './sampler.ts';
import { startSchedule } from './schedule.ts';
import { Session, type SessionOptions } from './session.ts';
import { TickClock } from './tick-clock.ts';
import { createTicks } from './ticks.ts';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly connection: Connection;
  readonly source: HostSource;
  readonly host: string;
  /** The host's root is mounted elsewhere (HOST_ROOT). */
  readonly remapped: boolean;
  readonly logger: Logger;
  /** Gets every outgoing payload as text. */
  readonly onPayload?: (kind: string, text: string) => void;
  readonly conflictRetryMs?: number;
  readonly timing?: NonNullable<SessionOptions['timing']>;
}

export interface Agent {
  /** Stops sampling and says goodbye to the broker. */
  stop(): Promise<void>;
}

/** How long an agent idles after another one with its identity was seen. */
const CONFLICT_RETRY_MS = 5 * 60_000;

/** Starts sampling a host and publishing what it gives. Never rejects: what is not there yet (the broker) is waited for. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, connection, source, host, logger, remapped } = options;
  const intervals = intervalsOf(config);
  const run = newRunId();
  const clock = new TickClock();
  const declared = catalog();
  const ticks = createTicks({ source, clock, intervals, collectors: config.collectors });
  const info = await getAcquainted({ source, ticks, remapped, run, intervals });
  const capabilities = Object.values(info.capabilities);
  const available = capabilities.filter((capability) => capability.available).length;
  logger.info(
    { host, run, intervals },
    `${available} of ${capabilities.length} collectors work here; samples go out as ${host} every ${intervals.fast} s`,
  );

  const toSamples = createSampler({ host, run, catalog: declared.hash, intervals });
  const outbox = new MemoryOutbox();
  let close = open();

  /** Connects and samples; the result ends both. */
  function open(): (farewell: boolean) => Promise<void> {
    const session = new Session({
      ...options,
      connection,
      topics: topicsUnder(config.topic_root),
      run,
      info,
      catalog: declared,
      outbox,
      clock,
      compress: config.compress,
      onConflict: yieldIdentity,
    });
    let primed: Promise<void> = Promise.resolve();
    const stopTicks = startSchedule({
      intervals,
      host,
      prime: () => {
        primed = ticks.prime();
      },
      // Where the priming takes longer than its second, the first samples wait for it; all others never do.
      tick: (tier) => void primed.then(() => tick(session, tier)),
    });
    return async (farewell) => {
      stopTicks();
      await session.close({ farewell });
    };
  }

  async function tick(session: Session, tier: Tier): Promise<void> {
    const { collected, monotonic } = await ticks.take(tier);
    if (Object.keys(collected.data).length + collected.errors.length === 0) return;
    for (const sample of toSamples(tier, collected)) session.send(sample, monotonic);
  }

  function yieldIdentity(): void {
    const wait = options.conflictRetryMs ?? CONFLICT_RETRY_MS;
    logger.error(
      { host, run },
      `another agent is alive as ${host}, so this one stops for ${Math.round(wait / 1000)} s; give each machine a host_id and a token of its own`,
    );
    const closed = close(false);
    const timer = setTimeout(() => {
      close = open();
    }, wait);
    close = async () => {
      clearTimeout(timer);
      await closed;
    };
  }

  return {
    async stop() {
      await close(true);
      ticks.close();
    },
  };
}
