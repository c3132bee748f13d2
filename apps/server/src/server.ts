import { type Alerting, DEFAULT_RULES_FILE, loadRules } from '@hostwire/alerting';
import type { Tls } from '@hostwire/certificates';
import { catalog } from '@hostwire/collectors';
import { createIdentityWatch } from '@hostwire/ingest';
import { Counters, topics as topicsOf } from '@hostwire/model';
import { describeUrl, hashToken, openRegistry, type Registry, verifyToken } from '@hostwire/registry';
import { type Logger, type ProblemLog, redactUrl, version } from '@hostwire/service';
import type { SeriesStore } from '@hostwire/store';
import { openActionDesk } from './actions/action-desk.ts';
import { switchedDesk } from './alerts/alert-desk.ts';
import { followAlerts } from './alerts/follow-alerts.ts';
import { type AlertsTerm, leadAlerts } from './alerts/lead-alerts.ts';
import { takePart } from './alerts/leadership.ts';
import type { ApiContext } from './api/context.ts';
import type { LiveSocketOptions } from './api/live-socket.ts';
import type { ConfigBody } from './api/schemas.ts';
import { Closers } from './closers.ts';
import { makeDataDir, type ServerConfig } from './config/load-config.ts';
import { registryOptions } from './config/registry-options.ts';
import { Downloads } from './enrolment/downloads.ts';
import { internalToken } from './internal-token.ts';
import { createCatalogIndex } from './live/catalog-index.ts';
import { hearHosts } from './live/hear-hosts.ts';
import { listenToHosts } from './live/listen.ts';
import { listening } from './live/listening.ts';
import { createLiveState, type LiveState } from './live/live-state.ts';
import { seedSoon } from './live/seed-soon.ts';
import { writeSeen } from './live/seen-writer.ts';

import { describeReach, keepReach, type Reach } from './reach.ts';

import { publishConfigs } from './remote-config/publish-configs.ts';

import type { BrokerLink } from './roles/broker-link.ts';
import { enrolUnknown, followRegistry } from './roles/follow-hosts.ts';
import { claimInstance } from './roles/instance.ts';
import { openBroker } from './roles/open-broker.ts';
import { openBrokerAccess } from './roles/open-broker-access.ts';
import { openIngest } from './roles/open-ingest.ts';
import { openStore } from './roles/open-store.ts';
import { serveApi } from './roles/serve-api.ts';
import { serveInflux } from './roles/serve-influx.ts';
import { serveMetrics } from './roles/serve-metrics.ts';
import { serveNeighbours } from './roles/serve-neighbours.ts';
import { takeSamples } from './roles/take-samples.ts';
import { alertLevels, levels } from './self/levels.ts';
import type { ProcessSource } from './self/process-report.ts';
import { silentParts } from './self/silent-parts.ts';
import { writeSelf } from './self/write-self.ts';

import { serverKey, signer } from './server-key.ts';

import { openServerTls } from './tls/open-server-tls.ts';
import { isPlainOpen, type ServerWarning, transportWarnings } from './tls/warnings.ts';

/** Raw samples; the same name on every store. */
export const DATABASE = 'hostwire';

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly logger: Logger;
  /** What the logger keeps of its problems. */
  readonly problems?: ProblemLog;
  readonly socket?: LiveSocketOptions;
  readonly webRoot?: string;
  /** Used instead of the configuration's; closed with the server. */
  readonly store?: SeriesStore;
}

export interface ServerPorts {
  readonly http: number | null;
  readonly mqtt: number | null;
  /** MQTT over TLS. */
  readonly mqtts: number | null;
  readonly influx: number | null;
  readonly metrics: number | null;
}

export interface RunningServer {
  readonly registry: Registry;
  readonly store: SeriesStore;
  readonly live: LiveState;
  /** While this process leads the alerts. */
  alerting(): Alerting | null;
  /** How other machines reach it, as it is now. */
  reach(): Reach;
  warnings(): ServerWarning[];
  /** Real ports; null for what this process does not serve. */
  readonly ports: ServerPorts;
  degraded(): string[];
  /** Names of the parts of this process that do not answer, asked now. Rejects never; takes as long as the slowest part. */
  silent(): Promise<string[]>;
  /** Stops every part in the reverse order of its start. */
  close(): Promise<void>;
}

/** Going on without a broker is better than not starting: /health then says what is wrong. */
const CONNECT_WAIT_MS = 5000;
const SEEN_MS = 5000;
const SEEN_BESIDE_ALERTS_MS = 60_000;

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

async function compose(
  { config, logger, problems, socket, webRoot, store: given }: ServerOptions,
  closers: Closers,
): Promise<RunningServer> {
  const startedAt = Date.now();
  const has = (role: ServerConfig['roles'][number]): boolean => config.roles.includes(role);
  const hearsHosts = has('alerts') || has('api');
  const counters = new Map<string, Counters>();
  const countersOf = (part: string): Counters => {
    const made = new Counters();
    counters.set(part, made);
    return made;
  };
  const topics = topicsOf(config.topicRoot);
  makeDataDir(config.dataDir);
  const serverToken = internalToken(config.dataDir);
  const instance = await claimInstance(config);
  closers.add('name of this process', () => instance.release());

  const tlsCounters = countersOf('tls');
  const tls = await openServerTls(config, { counters: tlsCounters, logger });
  if (tls !== null) closers.add('certificates', () => tls.close());
  const warnings = (): ServerWarning[] => transportWarnings(config, tls);
  for (const { message } of warnings()) logger.warn(message);

  const registry = await openRegistry(registryOptions(config, { logger, counters: countersOf('registry') }));
  closers.add('registry', () => registry.close());
  const catalogs = createCatalogIndex(catalog());
  for (const known of await registry.catalogs.list()) catalogs.add(known);
  const live = createLiveState(catalogs, createIdentityWatch({ now: Date.now }));
  live.sync(await registry.hosts.list());
  let term: AlertsTerm | null = null;
  const liveCounters = countersOf('live');
  closers.add(
    'host list',
    followRegistry(registry, live, { onGone: async (host) => term?.forgetHost(host), counters: liveCounters, logger }),
  );

  const { store, embedded } =
    given === undefined
      ? await openStore(config, { serverToken, database: DATABASE, counters: countersOf('store'), logger })
      : { store: given, embedded: null };
  closers.add('store', () => store.close());
  const influx =
    embedded === null
      ? null
      : await serveInflux({
          config,
          tls,
          tlsCounters,
          store: embedded,
          registry,
          serverToken,
          logger,
          counters: countersOf('influx_http'),
        });
  if (influx !== null) closers.add('InfluxDB port', () => influx.close());
  if (hearsHosts) {
    closers.add('seeding', await seedSoon(live, store, { database: DATABASE, counters: liveCounters, logger }));
    // Where alerts are evaluated too, that process writes the same times.
    closers.add(
      'last seen times',
      writeSeen(live, registry.hosts, { counters: liveCounters, logger, everyMs: has('alerts') ? SEEN_MS : SEEN_BESIDE_ALERTS_MS }),
    );
  }

  const enrol = config.broker.kind === 'external' ? enrolUnknown(registry, live, { counters: liveCounters, logger }) : () => undefined;
  const ingestCounters = countersOf('ingest');
  const taking = has('ingest')
    ? await openIngest({
        dataDir: config.dataDir,
        store,
        journal: config.store.kind === 'influxdb' ? config.journal : null,
        deadLetters: config.deadLetters,
        topics,
        catalogs,
        registry,
        database: DATABASE,
        counters: ingestCounters,
        logger,
      })
    : null;
  // Elsewhere ingest has its share of the samples, and must not take it for the whole.
  const samplesFromIngest = taking !== null && config.broker.kind === 'embedded' && has('broker');
  if (taking !== null) {
    closers.add('ingest', () => taking.close());
    if (samplesFromIngest && hearsHosts) {
      taking.ingest.onSample((sample, receivedAt) => void live.applySample(sample, { receivedAt, retained: false }));
    }
  }
  const stopServing = await serveNeighbours({ config, tls, registry, serverToken, logger, counters: countersOf('neighbours') });
  closers.add('files of neighbours', async () => stopServing());
  const broker = await openBroker({
    ...{ config, tls, registry, serverToken, topics, logger, counters: countersOf('broker'), linkCounters: countersOf('link') },
    clientName: `${instance.name.replace(/[^A-Za-z0-9_-]+/g, '-')}-${instance.id.slice(0, 6)}`,
    ingest: taking?.ingest ?? null,
  });
  closers.add('broker', () => broker.close());
  const [ingestLink, liveLink] = [taking === null ? null : broker.link('ingest'), hearsHosts ? broker.link('live') : null];
  const hearing = { topics, live, registry, counters: liveCounters, logger, onUnknownHost: enrol };
  if (taking !== null && ingestLink !== null) {
    await taking.acknowledgeOn(ingestLink.bus);
    if (ingestLink.client !== null) takeSamples(ingestLink.client, taking.ingest, { topics, counters: ingestCounters, logger });
    if (!hearsHosts) await listenToHosts({ ...hearing, bus: ingestLink.bus, kinds: ['catalog'] });
  }
  if (liveLink !== null) await hearHosts({ ...hearing, bus: liveLink.bus, samplesFromIngest });
  await connected([ingestLink, liveLink]);

  const followed =
    has('api') && liveLink !== null
      ? await followAlerts({
          ...{ registry: registry.alerts, bus: liveLink.bus, topics, logger, counters: countersOf('alerts_followed') },
          isNeeded: () => term === null,
        })
      : null;
  if (followed !== null) closers.add('alerts of others', () => followed.close());
  const desk = followed === null ? null : switchedDesk(followed);
  const actions =
    has('api') && liveLink !== null
      ? await openActionDesk({
          ...{ audit: registry.audit, bus: liveLink.bus, topics, logger, counters: countersOf('actions') },
          sign: signer(config.dataDir),
        })
      : null;
  if (actions !== null) closers.add('actions', () => actions.close());
  if (has('api') && liveLink !== null) {
    const configs = await publishConfigs({
      ...{ registry: registry.remoteConfig, live, bus: liveLink.bus, topics, logger, counters: countersOf('remote_config') },
      onConnect: (listener) => liveLink.onConnect(listener),
    });
    closers.add('remote configuration', () => configs.close());
  }
  if (has('alerts') && liveLink !== null) {
    const rules = await loadRules(config.rules ?? DEFAULT_RULES_FILE, catalogs.merged());
    const heard = listening(() => liveLink.connectedSince());
    closers.add('clock', () => heard.close());
    const alertCounters = countersOf('alerting');
    const leadership = await takePart({
      ...{ leases: registry.leases, lease: 'alerts', logger, counters: alertCounters },
      holder: `${instance.name}/${instance.id}`,
      survivesErrors: config.database.kind === 'sqlite',
      async begin(isLeader) {
        const begun = await leadAlerts(
          {
            ...{ rules, registry, topics, live, logger, counters: alertCounters, listeningSince: () => heard.since() },
            link: (will) => broker.link('alerts', will),
          },
          isLeader,
        );
        term = begun;
        desk?.lead(begun.alerting);
        return {
          async end(lost) {
            term = null;
            desk?.lead(null);
            await begun.end(lost);
          },
        };
      },
    });
    closers.add('alerting', () => leadership.close());
  }
  const degraded = (): string[] => [
    ...(influx?.port === null ? ['influx-port'] : []),
    ...(registry.isAvailable() ? [] : ['registry']),
    ...(broker.isConnected() ? [] : ['broker']),
    ...(taking?.degraded() ?? []),
    ...(isPlainOpen(config) ? ['plain-transport'] : []),
    ...(tls?.warnings().some(({ code }) => code === 'certificate-expired' || code === 'certificate-unusable') === true
      ? ['certificate']
      : []),
  ];
  const self: ProcessSource = {
    instance: instance.name,
    roles: config.roles,
    version,
    startedAt,
    counters,
    gauges: () =>
      new Map([
        ...levels(hearsHosts ? live : null, broker.stats(), embedded),
        ...(has('alerts') ? [['alerting_leads', term === null ? 0 : 1] as const] : []),
        ...alertLevels(term?.alerting ?? null),
        ...(taking?.levels() ?? []),
      ]),
    degraded,
  };
  closers.add('measurement of itself', writeSelf({ source: self, store, database: DATABASE, counters: countersOf('process'), logger }));
  const metrics =
    config.metricsPort === undefined
      ? null
      : await serveMetrics({
          config,
          tls,
          tlsCounters,
          port: config.metricsPort,
          source: self,
          registry,
          counters: countersOf('metrics_http'),
          logger,
        });
  if (metrics !== null) closers.add('metrics', () => metrics.close());
  const ports = {
    http: null as number | null,
    mqtt: broker.mqttPort,
    mqtts: broker.mqttsPort,
    influx: influx?.port ?? null,
    metrics: metrics?.port ?? null,
  };
  const reach = (): Reach => describeReach(config, ports, tls);
  if (desk !== null && actions !== null) {
    const serverHash = hashToken(serverToken);
    const context: ApiContext = {
      ...{ self, registry, live, store, database: DATABASE, alerts: desk, actions, now: Date.now },
      brokerAccess: openBrokerAccess({ config, registry, serverToken, topics, counters: countersOf('broker_access'), logger }),
      problems: () => problems?.list() ?? [],
      isServerToken: (token) => verifyToken(token, serverHash),
      reach,
      config: () => describeConfig(config, ports, tls, reach(), warnings()),
      enrolment: {
        serverKey: () => serverKey(config.dataDir),
        downloads: new Downloads(config.downloadsDir),
        requiresCertificate: config.tls.clientCertificates === 'require',
        counters: countersOf('enrolment'),
      },
    };
    const api = await serveApi(context, {
      config,
      tls,
      tlsCounters,
      logger,
      bus: broker,
      socket: { ...socket, counters: countersOf('api') },
      webRoot,
    });
    closers.add('API', () => api.close());
    ports.http = api.port;
    keepReach(config.dataDir, reach());
    tls?.onChange(() => keepReach(config.dataDir, reach()));
  }
  const silent = (): Promise<string[]> => silentParts({ embedded, listen: config.listen, httpPort: ports.http });
  return {
    registry,
    store,
    live,
    alerting: () => term?.alerting ?? null,
    ports,
    reach,
    warnings,
    degraded,
    silent,
    close: () => closers.close(),
  };
}

/** Waits a moment for the connections, so that what is asked next finds what the broker had kept. */
async function connected(links: readonly (BrokerLink | null)[]): Promise<void> {
  const waits = links.map((link) => new Promise<void>((done) => (link === null ? done() : link.onConnect(done))));
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((done) => {
    timer = setTimeout(done, CONNECT_WAIT_MS);
  });
  await Promise.race([Promise.all(waits), limit]);
  clearTimeout(timer);
}

function describeConfig(config: ServerConfig, ports: ServerPorts, tls: Tls | null, reach: Reach, warnings: ServerWarning[]): ConfigBody {
  const state = tls?.state();
  const { store, database, broker } = config;
  return {
    version,
    roles: [...config.roles],
    listen: { address: config.listen, http: ports.http ?? 0, mqtt: ports.mqtt, mqtts: ports.mqtts, influx: ports.influx },
    store: { kind: store.kind, url: store.url === undefined ? null : redactUrl(store.url) },
    database: { kind: database.kind, url: database.kind === 'postgres' ? describeUrl(database.url) : null },
    broker: { kind: broker.kind, url: broker.kind === 'external' ? redactUrl(broker.url) : null },
    topic_root: config.topicRoot,
    tls: {
      enabled: tls !== null,
      names: [...(state?.names ?? [])],
      not_after: state?.notAfter ?? null,
      ca_fingerprint: state?.caFingerprint ?? null,
      own_ca: state?.ownCa ?? false,
    },
    public_url: reach.loopbackOnly ? null : reach.httpUrl,
    warnings,
  };
}
