import { hostname } from 'node:os';
import { type Alerting, createAlerting, DEFAULT_RULES_FILE, loadRules } from '@hostwire/alerting';
import { catalog } from '@hostwire/collectors';
import { Counters, topics as topicsOf } from '@hostwire/model';
import { describeUrl, openRegistry, type Registry } from '@hostwire/registry';
import { type Logger, redactUrl, version } from '@hostwire/service';
import type { EmbeddedStore, SeriesStore } from '@hostwire/store';
import type { ApiContext } from './api/context.ts';
import type { LiveSocketOptions } from './api/live-socket.ts';
import type { ConfigBody } from './api/schemas.ts';
import { Closers } from './closers.ts';
import { makeDataDir, type ServerConfig } from './config/load-config.ts';
import { registryOptions } from './config/registry-options.ts';
import { internalToken } from './internal-token.ts';
import { createCatalogIndex } from './live/catalog-index.ts';
import { listenToHosts } from './live/listen.ts';
import { createLiveState, type LiveState } from './live/live-state.ts';
import { seedLive } from './live/seed.ts';
import { writeSeen } from './live/seen-writer.ts';
import { openBus } from './roles/open-bus.ts';
import { openIngest } from './roles/open-ingest.ts';
import { openStore } from './roles/open-store.ts';
import { serveApi } from './roles/serve-api.ts';
import { serveInflux } from './roles/serve-influx.ts';
import type { ProcessSource } from './self/process-report.ts';
import { writeSelf } from './self/write-self.ts';

/** Raw samples; the same name on every store. */
export const DATABASE = 'hostwire';

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly logger: Logger;
  readonly socket?: LiveSocketOptions;
  readonly webRoot?: string;
  /** Used instead of the configuration's; closed with the server. */
  readonly store?: SeriesStore;
}

export interface RunningServer {
  readonly registry: Registry;
  readonly store: SeriesStore;
  readonly live: LiveState;
  readonly alerting: Alerting | null;
  /** Real ports; null for what this process does not serve. */
  readonly ports: { readonly http: number | null; readonly mqtt: number | null; readonly influx: number | null };
  degraded(): string[];
  /** Stops every part in the reverse order of its start. */
  close(): Promise<void>;
}

const SEED_WAIT_MS = 3000;

/**
 * Composes the roles of one process. Rejects, with everything stopped that had been started, if a port is in use, the
 * data directory belongs to another process, or a file cannot be read.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const closers = new Closers(options.logger);
  try {
    return await compose(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function compose({ config, logger, socket, webRoot, store: given }: ServerOptions, closers: Closers): Promise<RunningServer> {
  const startedAt = Date.now();
  const has = (role: ServerConfig['roles'][number]): boolean => config.roles.includes(role);
  const counters = new Map<string, Counters>();
  const countersOf = (part: string): Counters => {
    const made = new Counters();
    counters.set(part, made);
    return made;
  };
  const topics = topicsOf(config.topicRoot);
  makeDataDir(config.dataDir);
  const serverToken = internalToken(config.dataDir);

  const registry = await openRegistry(registryOptions(config, logger));
  closers.add('registry', () => registry.close());
  const catalogs = createCatalogIndex(catalog());
  for (const known of await registry.catalogs.list()) catalogs.add(known);
  const live = createLiveState(catalogs);
  live.sync(await registry.hosts.list());

  const { store, embedded } = given === undefined ? await openStore(config, DATABASE, logger) : { store: given, embedded: null };
  closers.add('store', () => store.close());
  await seed(live, store, logger, closers);
  closers.add('last seen times', writeSeen(live, registry.hosts, logger));

  const enrol = config.broker.kind === 'external' ? enrolUnknown(registry, live, logger) : () => undefined;
  const taking = has('ingest')
    ? await openIngest({
        dataDir: config.dataDir,
        store,
        journal: config.store.kind === 'influxdb' ? config.journal : null,
        topics,
        catalogs,
        registry,
        database: DATABASE,
        counters: countersOf('ingest'),
        logger,
      })
    : null;
  const ingest = taking?.ingest ?? null;
  if (taking !== null) {
    closers.add('ingest', () => taking.close());
    taking.ingest.onSample((sample, receivedAt) => {
      if (!live.applySample(sample, { receivedAt, retained: false })) enrol(sample.host);
    });
  }
  const bus = await openBus({ config, registry, serverToken, topics, counters: countersOf('broker'), logger, ingest });
  closers.add('broker', () => bus.close());
  await taking?.acknowledgeOn(bus.bus);
  await listenToHosts({ bus: bus.bus, topics, live, registry, counters: countersOf('live'), logger, onUnknownHost: enrol });

  const alerting = has('alerts')
    ? createAlerting({
        rules: await loadRules(config.rules ?? DEFAULT_RULES_FILE, catalogs.merged()),
        registry: registry.alerts,
        bus: bus.bus,
        topics,
        logger,
        hosts: () => live.hosts(),
        counters: countersOf('alerting'),
      })
    : null;
  if (alerting !== null) {
    await alerting.start();
    closers.add('alerting', () => alerting.close());
  }
  closers.add('host list', followRegistry(registry, live, alerting, logger));

  let http: number | null = null;
  const influx =
    embedded === null
      ? null
      : await serveInflux({ config, store: embedded, registry, serverToken, logger, counters: countersOf('influx_http') });
  if (influx !== null) closers.add('InfluxDB port', () => influx.close());
  const degraded = (): string[] => [
    ...(influx?.port === null ? ['influx-port'] : []),
    ...(registry.isAvailable() ? [] : ['registry']),
    ...(bus.isConnected() ? [] : ['broker']),
    ...(taking?.degraded() ?? []),
  ];
  const ports = (): RunningServer['ports'] => ({ http, mqtt: bus.mqttPort, influx: influx?.port ?? null });
  const self: ProcessSource = {
    instance: `${hostname()}/${config.roles.join('+')}`,
    roles: config.roles,
    version,
    startedAt,
    counters,
    gauges: () => new Map([...gauges(live, bus.clients(), embedded), ...(taking?.levels() ?? [])]),
    degraded,
  };
  closers.add('measurement of itself', writeSelf({ source: self, store, database: DATABASE, counters: countersOf('process'), logger }));
  if (has('api')) {
    const context: ApiContext = {
      self,
      registry,
      live,
      store,
      database: DATABASE,
      alerting,
      config: () => describeConfig(config, ports()),
      now: Date.now,
    };
    const api = await serveApi(context, { config, logger, bus, socket: { ...socket, counters: countersOf('api') }, webRoot });
    closers.add('API', () => api.close());
    http = api.port;
  }
  return { registry, store, live, alerting, ports: ports(), degraded, close: () => closers.close() };
}

/** Waits a moment, so that the first page has values; a large fleet is filled while the server runs already. */
async function seed(live: LiveState, store: ApiContext['store'], logger: Logger, closers: Closers): Promise<void> {
  const stop = new AbortController();
  const seeding = seedLive(live, store, DATABASE, stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) logger.warn({ err: error }, 'last values not read from the store; hosts show values when they send them');
  });
  closers.add('seeding', () => {
    stop.abort();
    return seeding;
  });
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((done) => {
    timer = setTimeout(done, SEED_WAIT_MS);
  });
  await Promise.race([seeding, limit]);
  clearTimeout(timer);
}

/** The CLI of another process adds and removes hosts; the registry notices within 2 s. */
function followRegistry(registry: Registry, live: LiveState, alerting: Alerting | null, logger: Logger): () => void {
  return registry.onCredentialsChange(() => {
    registry.hosts
      .list()
      .then(async (records) => {
        for (const host of live.sync(records)) await alerting?.forgetHost(host);
      })
      .catch((error: unknown) => logger.warn({ err: error }, 'the list of hosts was not read; it is read again at its next change'));
  });
}

/** An external broker decides itself who is a host: who publishes there is entered here, with a token that nobody knows. */
function enrolUnknown(registry: Registry, live: LiveState, logger: Logger): (host: string) => void {
  const underway = new Set<string>();
  return (host) => {
    if (underway.has(host)) return;
    underway.add(host);
    registry.hosts
      .add(host)
      .then(async () => live.sync(await registry.hosts.list()))
      .then(() => logger.info({ host }, 'a new host on the external broker'))
      .catch((error: unknown) => logger.warn({ err: error, host }, 'a new host was not entered; tried again at its next message'))
      .finally(() => underway.delete(host));
  };
}

function gauges(live: LiveState, clients: number | null, store: EmbeddedStore | null): ReadonlyMap<string, number> {
  const states = { never_connected: 0, online: 0, offline: 0 };
  for (const { state } of live.hosts()) states[state]++;
  const levels = new Map<string, number>(Object.entries(states).map(([state, count]) => [`hosts{state="${state}"}`, count]));
  if (clients !== null) levels.set('broker_clients', clients);
  if (store !== null) {
    for (const [name, value] of Object.entries(store.stats())) {
      if (typeof value === 'number') levels.set(`store_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`, value);
    }
  }
  levels.set('process_resident_memory_bytes', process.memoryUsage.rss());
  levels.set('process_uptime_seconds', process.uptime());
  return levels;
}

function describeConfig(config: ServerConfig, ports: RunningServer['ports']): ConfigBody {
  const { store, database, broker } = config;
  return {
    version,
    roles: [...config.roles],
    listen: { address: config.listen, http: ports.http ?? 0, mqtt: ports.mqtt, influx: ports.influx },
    store: { kind: store.kind, url: store.kind === 'influxdb' ? redactUrl(store.url) : null },
    database: { kind: database.kind, url: database.kind === 'postgres' ? describeUrl(database.url) : null },
    broker: { kind: broker.kind, url: broker.kind === 'external' ? redactUrl(broker.url) : null },
    topic_root: config.topicRoot,
  };
}
