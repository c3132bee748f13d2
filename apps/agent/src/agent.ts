import { catalog, spoolRow } from '@hostwire/collectors';
import { newRunId, type Row, type Tier, topics as topicsUnder } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { ConnectionFailure } from '@hostwire/transport';
import { type AgentConfig, type Connection, intervalsOf } from './agent-config.ts';
import { getAcquainted } from './host-facts.ts';
import type { HostSource } from './host-source.ts';
import { createSampler } from './sampler.ts';
import { startSchedule } from './schedule.ts';
import { Session, type SessionTiming } from './session.ts';
import { openSpool } from './spool/open-spool.ts';
import type { SpoolTiming } from './spool/spool.ts';
import { TickClock } from './tick-clock.ts';
import { createTicks } from './ticks.ts';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly connection: Connection;
  readonly source: HostSource;
  readonly host: string;
  /** Absolute; null: memory only. */
  readonly spoolFolder: string | null;
  /** The host's root is mounted elsewhere (HOST_ROOT). */
  readonly remapped: boolean;
  readonly logger: Logger;
  /** Gets every outgoing payload as text. */
  readonly onPayload?: (kind: string, text: string) => void;
  /** Hears when the connection stands, with null, and when it ended, with why. */
  readonly onConnection?: (failure: ConnectionFailure | null) => void;
  readonly conflictRetryMs?: number;
  readonly timing?: SessionTiming;
  readonly spoolTiming?: SpoolTiming;
}

export interface Agent {
  /** Stops sampling and says goodbye to the broker. */
  stop(): Promise<void>;
}

/** How long an agent idles after another one with its identity was seen; doubles each time up to an hour. */
const CONFLICT_RETRY_MS = 5 * 60_000;
const MAX_CONFLICT_RETRY_MS = 60 * 60_000;

/**
 * Starts sampling a host and publishing what it gives. Rejects only with JournalError `locked`, if another agent uses the
 * spool; what is not there yet (the broker) is waited for.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, connection, source, host, logger, remapped } = options;
  const intervals = intervalsOf(config);
  const run = newRunId();
  const clock = new TickClock();
  const { max_bytes: maxBytes, max_age_hours: maxAgeHours, min_free_bytes: minFreeBytes, backlog_rate: backlogRate } = config.spool;
  const {
    spool,
    held,
    close: closeSpool,
  } = await openSpool({
    folder: options.spoolFolder,
    clock,
    logger,
    maxBytes,
    maxAgeMs: maxAgeHours * 3_600_000,
    ...(minFreeBytes === undefined ? {} : { minFreeBytes }),
    ...(options.spoolTiming === undefined ? {} : { timing: options.spoolTiming }),
  });
  if (held.length > 0) logger.info({ samples: spool.size }, `${spool.size} samples of earlier runs wait in the spool`);
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
  let conflictWait = options.conflictRetryMs ?? CONFLICT_RETRY_MS;
  let openedAt = 0;
  let resentBefore = 0;
  let close = open();

  /** Connects and samples; the result ends both. */
  function open(): (farewell: boolean) => Promise<void> {
    openedAt = clock.monotonic();
    const session = new Session({
      ...options,
      connection,
      topics: topicsUnder(config.topic_root),
      run,
      info,
      catalog: declared,
      outbox: spool,
      clock,
      backlogRate,
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
      resentBefore += session.resent;
    };
  }

  async function tick(session: Session, tier: Tier): Promise<void> {
    const { collected, monotonic } = await ticks.take(tier);
    if (Object.keys(collected.data).length + collected.errors.length === 0) return;
    const samples = toSamples(
      tier,
      tier === 'medium' ? { ...collected, data: { ...collected.data, spool: [spoolState(session)] } } : collected,
    );
    await Promise.all(samples.map((sample) => session.send(sample, monotonic)));
  }

  function spoolState(session: Session): Row {
    const { ioErrors, ...rest } = spool.stats();
    return spoolRow({ ...rest, resent: resentBefore + session.resent, io_errors: ioErrors });
  }

  function yieldIdentity(): void {
    const first = options.conflictRetryMs ?? CONFLICT_RETRY_MS;
    // A conflict long after the last is another one.
    const wait = clock.monotonic() - openedAt > MAX_CONFLICT_RETRY_MS ? first : conflictWait;
    conflictWait = Math.min(wait * 2, MAX_CONFLICT_RETRY_MS);
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
      await closeSpool();
    },
  };
}
