import { COLLECTORS, catalog, settingsOf, spoolRow } from '@hostwire/collectors';
import { type HostInfo, newRunId, type Row, type Tier, topics as topicsUnder } from '@hostwire/model';
import type { Logger } from '@hostwire/service';
import type { ConnectionFailure } from '@hostwire/transport';
import { Actions } from './actions/actions.ts';
import { performersOf } from './actions/performers.ts';
import { ServerClock } from './actions/server-clock.ts';
import { parseServerKey } from './actions/server-key.ts';
import { type AgentConfig, type Connection, intervalsOf } from './agent-config.ts';
import { type Capabilities, CapabilityWatch, logCapabilities } from './capabilities.ts';
import { unknownFacts, wasCut } from './gateway/reach.ts';
import { getAcquainted } from './host-facts.ts';
import type { HostSource } from './host-source.ts';
import { RemoteConfigs } from './remote/remote-config.ts';
import { createSampler } from './sampler.ts';
import { type Sampling, startSampling } from './sampling.ts';
import { Session, type SessionTiming } from './session.ts';
import { openSpool } from './spool/open-spool.ts';
import type { SpoolTiming } from './spool/spool.ts';
import { TickClock } from './tick-clock.ts';
import { createTicks, type Tick } from './ticks.ts';

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
  /** Writes down what this host is asked, for so many minutes; absent: a server cannot ask for it. */
  readonly startDump?: (minutes: number) => Promise<void>;
  /** Hears when the connection stands, with null, and when it ended, with why. */
  readonly onConnection?: (failure: ConnectionFailure | null) => void;
  readonly conflictRetryMs?: number;
  readonly timing?: SessionTiming;
  readonly spoolTiming?: SpoolTiming;
  /** Milliseconds between looks at which collectors work here; default 5 minutes. */
  readonly lookEveryMs?: number;
}

export interface Agent {
  /** Looks again at which collectors work here, and tells the server what has changed. Never rejects. */
  refresh(): Promise<Capabilities>;
  /** Stops sampling and says goodbye to the broker. */
  stop(): Promise<void>;
}

/** What an agent has while it does not idle. */
interface Presence {
  readonly session: Session;
  readonly sampling: Sampling;
}

const LOOK_EVERY_MS = 5 * 60_000;

/** How long an agent idles after another one with its identity was seen; doubles each time up to an hour. */
const CONFLICT_RETRY_MS = 5 * 60_000;
const MAX_CONFLICT_RETRY_MS = 60 * 60_000;

/**
 * Starts sampling a host and publishing what it gives. Rejects only with JournalError `locked`, if another agent uses the
 * spool; what is not there yet (the broker) is waited for.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { config, connection, source, host, logger, remapped } = options;
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
  const topics = topicsUnder(config.topic_root);
  const remote = await RemoteConfigs.open({ own: config, host, topic: topics.config(host), folder: options.spoolFolder, logger });
  let { settings } = remote;
  const intervals = (): Record<Tier, number> => intervalsOf(settings);
  const ticks = createTicks({
    ...{ source, clock, intervals: intervals(), collectors: settings.collectors },
    onCapability: (name, capability) => {
      // Of a host that cannot be reached this says nothing.
      if (isReachable()) watch?.note(name, capability);
    },
  });
  let watch: CapabilityWatch | null = null;
  const isReachable = (): boolean => source.reach?.reach?.reachable ?? source.reach === undefined;
  const look = (): Promise<HostInfo> => getAcquainted({ source, ticks, remapped, run, intervals: intervals() });
  let facts = isReachable() ? await look() : unknownFacts(host, { run, intervals: intervals() });
  const { capabilities } = facts;
  const available = Object.values(capabilities).filter((capability) => capability.available).length;
  logger.info(
    { host, run, intervals: intervals() },
    !isReachable()
      ? `${host} is offline for now, and asked again until it answers`
      : settings.enabled
        ? `${available} of ${Object.keys(capabilities).length} collectors work here; samples go out as ${host} every ${intervals().fast} s`
        : `no samples are taken: enabled = false, and ${host} waits for the server to change that`,
  );

  logCapabilities(capabilities, logger);
  watch = new CapabilityWatch({
    first: capabilities,
    probe: async (names) => {
      const found = isReachable() ? await ticks.probeAll(names) : {};
      return isReachable() ? found : {};
    },
    onChange: () => present?.session.introduce(info(), settings.compress),
    logger,
    // A recording has its answers in the order in which they were asked for.
    everyMs: source.replay === null ? (options.lookEveryMs ?? LOOK_EVERY_MS) : null,
  });

  const serverClock = new ServerClock(() => clock.monotonic());
  const { server_key: serverKey, actions: permitted } = config;
  const actions = new Actions({
    ...{ host, run, clock: serverClock, folder: options.spoolFolder, logger },
    key: serverKey === undefined ? null : parseServerKey(serverKey),
    // What a recording is asked is answered by the recording: there is nobody to do anything.
    allow: source.replay === null ? permitted.allow : [],
    performers: performersOf({ access: source.access, refresh: () => refresh(), startDump: options.startDump }),
    answer: (result) => present?.session.answer(result),
  });

  const toSamples = createSampler({ host, run, catalog: declared.hash, intervals });
  let conflictWait = options.conflictRetryMs ?? CONFLICT_RETRY_MS;
  let openedAt = 0;
  let resentBefore = 0;
  let present: Presence | null = null;
  const stopReach = source.reach?.onReach(({ reachable }) => void followReach(reachable));
  let close = open();

  /** A host that is gone is offline, and nothing is asked of it; when it is back it is looked at anew. */
  async function followReach(reachable: boolean): Promise<void> {
    if (reachable) {
      facts = await look();
      if (!isReachable()) return;
      // The watch has heard in passing what this look found.
      present?.session.introduce(info(), settings.compress);
    }
    present?.session.setPresent(reachable);
    present?.sampling.change(sampled(), []);
  }

  /** No samples are taken of a host that cannot be reached. */
  function sampled(): typeof settings {
    return { ...settings, enabled: settings.enabled && isReachable() };
  }

  function info(): HostInfo {
    const config = remote.report;
    const enabled = settings.enabled ? {} : { enabled: false };
    return {
      ...facts,
      capabilities: { ...watch?.capabilities },
      intervals: intervals(),
      actions: [...actions.allowed],
      ...enabled,
      ...(config === undefined ? {} : { config }),
    };
  }

  /** Connects and samples; the result ends both. */
  function open(): (farewell: boolean) => Promise<void> {
    openedAt = clock.monotonic();
    const session = new Session({
      ...options,
      connection,
      topics,
      run,
      info: info(),
      present: isReachable(),
      catalog: declared,
      outbox: spool,
      clock,
      backlogRate,
      compress: settings.compress,
      onConflict: yieldIdentity,
      onCommand: (payload, retained) => actions.receive(payload, retained),
      onServerTime: (time) => serverClock.heard(time),
      onConfig(topic, payload) {
        if (remote.receive(topic, payload)) reconfigure();
      },
    });
    const sampling = startSampling({
      ...{ ticks, host, settings: sampled() },
      deliver: (tier, tick) => deliver(session, tier, tick),
      onIdle: () => session.sayOnline(),
    });
    present = { session, sampling };
    return async (farewell) => {
      present = null;
      sampling.stop();
      await session.close({ farewell });
      resentBefore += session.resent;
    };
  }

  /** Goes on as the server wants it now. What it tells of it comes before the first sample of the new rhythm. */
  function reconfigure(): void {
    settings = remote.settings;
    const changed = ticks.configure({ intervals: intervals(), collectors: settings.collectors });
    const gained = COLLECTORS.map((collector) => ({ name: collector.name, ...settingsOf(collector, settings.collectors) }))
      .filter(({ name, enabled }) => enabled && changed.includes(name))
      .map(({ tier }) => tier);
    present?.session.introduce(info(), settings.compress);
    present?.sampling.change(sampled(), gained);
    if (changed.length > 0) void refresh(changed);
  }

  async function refresh(names?: readonly string[]): Promise<Capabilities> {
    return (source.replay === null ? await watch?.refresh(names) : watch?.capabilities) ?? capabilities;
  }

  async function deliver(session: Session, tier: Tier, { collected, monotonic }: Tick): Promise<void> {
    if (source.reach !== undefined && wasCut(collected)) {
      logger.debug({ host, tier }, 'the way to the host was lost under way: no sample of this tick');
      return;
    }
    // The fast tier is the sign of life, also where all of its collectors are switched off.
    if (tier !== 'fast' && Object.keys(collected.data).length + collected.errors.length === 0) return;
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
    refresh: () => refresh(),
    async stop() {
      stopReach?.();
      await actions.close();
      await close(true);
      ticks.close();
      await watch?.close();
      await remote.close();
      await closeSpool();
    },
  };
}
