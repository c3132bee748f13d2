import { join } from 'node:path';
import { createLifecycle, createLogger, createNotifier, type Logger, ProblemLog, version } from '@hostwire/service';
import { loadConfig, type ServerConfig, type ServerOptions } from '../config/load-config.ts';
import { keptAddress, reachable } from '../kept-address.ts';
import { type RunningServer, startServer } from '../server.ts';
import { serverKey } from '../server-key.ts';
import { isPlainOpen } from '../tls/warnings.ts';
import { startAgentProcess } from '../up/agent-process.ts';
import { enrolLocalHost, localHostId } from '../up/enrol-local.ts';
import { describeFailure } from './failure.ts';
import { dashboardUrl, loginLink } from './login.ts';
import { ownCommand } from './own-command.ts';
import { print } from './print.ts';

export interface LocalAgentOptions {
  /** The agent's program. */
  readonly script: string;
  readonly mock: boolean;
}

const STOP_SERVER_MS = 15_000;
const FIRST_SAMPLE_MS = 8000;

/**
 * Runs the server, with an agent of this host if one is given, until a signal comes. Throws ConfigError; any other
 * failure to start is said in one sentence and ends the process with exit code 1.
 */
export async function serve(options: ServerOptions, agent: LocalAgentOptions | null): Promise<void> {
  const config = loadConfig(options);
  const problems = new ProblemLog();
  const logger = createLogger({ name: 'hostwire', level: config.logLevel, problems });
  const lifecycle = createLifecycle(logger);
  const notifier = createNotifier({ logger });
  lifecycle.signal.addEventListener('abort', () => notifier.stopping());
  const starting = startServer({ config, logger, problems });
  // Known to the lifecycle while it starts: a signal then waits for it and stops it too.
  lifecycle.add(
    'server',
    () =>
      starting.then(
        (server) => server.close(),
        () => undefined,
      ),
    { timeout: STOP_SERVER_MS },
  );
  try {
    const server = await starting;
    if (agent !== null && !lifecycle.signal.aborted) {
      const running = await startLocalAgent(server, config, agent, logger);
      lifecycle.add('agent', () => running.stop());
      await firstSample(server, running.host, lifecycle.signal);
    }
    if (lifecycle.signal.aborted) return;
    // A log of the service manager is no place for a key to the dashboard.
    await announce(server, config, { withLink: !notifier.isHeard });
    notifier.ready(`${config.roles.join(', ')} on ${config.listen}`);
    notifier.watch(() => server.silent());
  } catch (error) {
    // What was being closed under its hands failed by that alone.
    if (lifecycle.signal.aborted) return;
    const { message, exitCode } = describeFailure(error);
    process.stderr.write(`hostwire: ${message}\n`);
    await lifecycle.stop('the server cannot start', exitCode);
  }
}

async function startLocalAgent(server: RunningServer, config: ServerConfig, { script, mock }: LocalAgentOptions, logger: Logger) {
  const { broker, listen } = config;
  const ownBroker = (): string => keptAddress(config.dataDir, 'mqtt') ?? `mqtt://${reachable(listen)}:${config.mqttPort}`;
  const serverUrl = broker.kind === 'external' ? broker.url : ownBroker();
  const token = process.env['HOSTWIRE_AGENT_TOKEN'];
  const { host, configFile } = await enrolLocalHost(server.registry, {
    host: localHostId(process.env),
    folder: join(config.dataDir, 'agent'),
    spool: join(config.dataDir, 'agent', 'spool'),
    serverUrl,
    topicRoot: config.topicRoot,
    serverKey: serverKey(config.dataDir),
    ...(token === undefined || token === '' ? {} : { token }),
  });
  // The dashboard shows the host at once, not only when the registry tells of the change.
  server.live.sync(await server.registry.hosts.list());
  return Object.assign(startAgentProcess({ script, configFile, mock, logger }), { host });
}

/** The dashboard has values from the start line on; a host that stays silent does not hold the line back for long. */
async function firstSample(server: RunningServer, host: string, signal: AbortSignal): Promise<void> {
  await new Promise<void>((done) => {
    const check = (): void => {
      if (server.live.get(host)?.lastSampleAt === null) return;
      finish();
    };
    const finish = (): void => {
      clearTimeout(timer);
      stopListening();
      done();
    };
    const timer = setTimeout(finish, FIRST_SAMPLE_MS);
    const stopListening = server.live.onChange(check);
    signal.addEventListener('abort', finish, { once: true });
    check();
  });
}

async function announce(server: RunningServer, config: ServerConfig, { withLink }: { readonly withLink: boolean }): Promise<void> {
  const { ports } = server;
  const lines = [`Hostwire ${version} is running`];
  const address = reachable(config.listen);
  const reach = server.reach();
  if (ports.http !== null) {
    const url = reach.loopbackOnly ? dashboardUrl(config.listen, ports.http) : reach.httpUrl;
    lines.push(`  Dashboard  ${withLink ? await loginLink(server.registry, url) : url}`);
    lines.push(`             (${withLink ? 'works once, for 24 hours; a new one' : 'a link that logs in'}: ${ownCommand} login)`);
    if (!reach.loopbackOnly) lines.push(`             on this machine also ${dashboardUrl(config.listen, ports.http)}`);
  }
  if (ports.mqtts !== null) lines.push(`  MQTT       ${reach.mqttUrl}`);
  if (ports.mqtt !== null) {
    const among = ports.mqtts === null ? '' : isPlainOpen(config) ? ' (in clear, open to other machines)' : ' (on this machine)';
    lines.push(`  MQTT       ${keptAddress(config.dataDir, 'mqtt') ?? `mqtt://${address}:${ports.mqtt}`}${among}`);
  }
  if (config.broker.kind === 'external') lines.push(`  MQTT       ${config.broker.url}`);
  if (ports.influx !== null)
    lines.push(`  InfluxDB   http://${address}:${ports.influx}${reach.loopbackOnly ? '' : ' (on this machine; with https on others)'}`);
  if (config.store.kind === 'influxdb') lines.push(`  InfluxDB   ${config.store.url}`);
  lines.push(`  Data       ${config.dataDir}`);
  if (reach.caFingerprint !== null) lines.push(`  CA         ${reach.caFingerprint}`);
  for (const { message } of server.warnings()) lines.push(`  Warning    ${message}`);
  const degraded = server.degraded();
  if (degraded.length > 0) lines.push(`  Not well   ${degraded.join(', ')} (see the log above)`);
  print(lines.join('\n'));
}
