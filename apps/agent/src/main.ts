#!/usr/bin/env node
import { hostname } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { DiagnosticDump, recordAccess } from '@hostwire/host-access';
import { encodeSample, toHostId } from '@hostwire/model';
import {
  ConfigError,
  createLifecycle,
  createLogger,
  createNotifier,
  EXIT,
  endProcess,
  type Logger,
  type LogLevel,
  redactUrl,
  version,
} from '@hostwire/service';
import { startAgent } from './agent.ts';
import {
  type AgentConfig,
  configPath,
  connectionOf,
  fileExists,
  intervalsOf,
  isConfiguredBy,
  isInClear,
  loadConfig,
} from './agent-config.ts';
import { type AgentCommand, type CliOptions, type Given, helpText, parseCommand, parseCommandLine, UsageError } from './cli.ts';
import { COMMANDS } from './commands.ts';
import { dryRun } from './dry-run.ts';
import { startRemoteAgents } from './gateway/remote-agents.ts';
import { keepHealthFile } from './health-file.ts';
import { readHostname } from './host-facts.ts';
import { type HostSource, lacksProc, openHost } from './host-source.ts';
import { listCollectors } from './list.ts';
import { spoolFolder } from './spool/spool-folder.ts';
import { TickClock } from './tick-clock.ts';
import { createTicks } from './ticks.ts';
import { timedDump } from './timed-dump.ts';
import { waitForConfig } from './wait-for-config.ts';
import { watchParent } from './watch-parent.ts';

const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error'];

const { env } = process;
const root = env['HOST_ROOT'];
const remapped = root !== undefined && root !== '' && root !== '/';

try {
  const args = process.argv.slice(2);
  const parsed = parseCommand(args, COMMANDS);
  if (parsed === null) await start(parseCommandLine(args));
  else await runCommand(parsed.command, parsed.given);
} catch (error) {
  fail(error);
}

async function start(options: CliOptions): Promise<void> {
  if (options.help) print(helpText(COMMANDS));
  else if (options.version) print(`hostwire-agent ${version}\n`);
  else if (options.list || options.dryRun) await look(options);
  else await serve(options);
}

async function runCommand(command: AgentCommand, given: Given): Promise<void> {
  if (given.flag('help')) return print(helpText(COMMANDS, command));
  const code = await command.run(given, env);
  // A pipe takes what it is given only bit by bit.
  await new Promise<void>((done) => process.stdout.write('', () => done()));
  await endProcess(code);
}

/** Prints what this host gives; standard output holds nothing else. */
async function look(options: CliOptions): Promise<void> {
  const config = await loadConfig(configPath(options.config, env), env, { connect: false, mustExist: options.config !== undefined });
  const { source, dump } = await open(options, config, logger(), false);
  const { collectors } = config;
  const intervals = intervalsOf(config);
  let text: string;
  if (options.list) text = await listCollectors(createTicks({ source, clock: new TickClock(), intervals, collectors }), collectors);
  else {
    const samples = await dryRun({ source, host: await hostIdOf(config, source), intervals, collectors });
    const texts = samples.map(encodeSample);
    for (const [index, { tier }] of samples.entries()) dump?.payload(tier, texts[index] ?? '');
    text = `${JSON.stringify(
      texts.map((sample) => JSON.parse(sample) as unknown),
      null,
      2,
    )}\n`;
  }
  await dump?.close();
  print(text);
}

/** Runs until it is told to stop. */
async function serve(options: CliOptions): Promise<void> {
  const log = logger();
  const lifecycle = createLifecycle(log);
  const notifier = createNotifier({ logger: log });
  lifecycle.signal.addEventListener('abort', () => notifier.stopping());
  let refresh: (() => Promise<unknown>) | null = null;
  process.on('SIGHUP', () => {
    log.info('SIGHUP: looking again at which collectors work here');
    void refresh?.();
  });
  notifier.watch();
  const healthFile = env['HOSTWIRE_AGENT_HEALTH_FILE'] ?? '';
  const health = healthFile === '' ? null : keepHealthFile(healthFile, (message) => log.warn(message));
  if (health !== null) lifecycle.add('health file', async () => health.close());
  if (options.parent) watchParent(() => void lifecycle.stop('the parent process is gone'));
  const file = configPath(options.config, env);
  if (!isConfiguredBy(env)) {
    if (!(await fileExists(file))) notifier.ready(`idle: there is no configuration at ${file}`);
    if (!(await waitForConfig(file, log, lifecycle.signal))) return;
  }
  const config = await loadConfig(file, env, { connect: true, mustExist: !isConfiguredBy(env) });
  const connection = connectionOf(config);
  if (isInClear(connection.url)) {
    log.warn(
      'the server is on another machine and server_url has no TLS: the token and all values cross the network in clear; use mqtts:// or wss://',
    );
  }
  const { source: opened, dump } = await open(options, config, log, true);
  const spool = await spoolFolder(config.spool.dir, env);
  const folder = spool === null ? null : join(spool, 'dump');
  const timed = opened.replay === null && dump === null ? timedDump({ access: opened.access, folder, logger: log }) : null;
  if (timed !== null) lifecycle.add('timed dump', () => timed.close(), { timeout: 500 });
  const source = timed === null ? opened : { ...opened, access: timed.access };
  lifecycle.add('host access', () => source.access.close(), { timeout: 500 });
  if (dump !== null) lifecycle.add('dump', () => dump.close(), { timeout: 500 });
  const host = await hostIdOf(config, source);
  const broker = redactUrl(connection.url);
  const dumping = timed ?? dump;
  const onPayload = dumping === null ? {} : { onPayload: (kind: string, text: string) => dumping.payload(kind, text) };
  // Optimised code costs an agent that works 30 ms in 10 s some 10 MB and saves it nothing; a gateway works more.
  if (config.remote.length === 0) setFlagsFromString('--no-opt');
  const agent = await startAgent({
    config: config.local.enabled ? config : { ...config, enabled: false },
    connection,
    source,
    host,
    spoolFolder: spool,
    remapped,
    logger: log,
    ...onPayload,
    // Where the file says so the dump is always on.
    startDump: async (minutes) => timed?.start(minutes),
    onConnection(failure) {
      health?.connection(failure);
      notifier.status(failure === null ? `connected to ${broker}` : `not connected to ${broker}: ${failure.message}`);
    },
  });
  notifier.ready(`connecting to ${broker}`);
  refresh = () => agent.refresh();
  lifecycle.add('agent', () => agent.stop(), { timeout: 1_000 });
  if (config.remote.length === 0 || source.replay !== null) return;
  const remotes = await startRemoteAgents({ config, connection, gateway: host, spoolFolder: spool, logger: log });
  refresh = () => Promise.all([agent, ...remotes].map((one) => one.refresh()));
  lifecycle.add('remote hosts', () => Promise.all(remotes.map((one) => one.stop())).then(() => undefined), { timeout: 2_000 });
}

/** The host as the options say, its asks recorded if the configuration wants a dump. */
async function open(
  options: CliOptions,
  config: AgentConfig,
  log: Logger,
  loop: boolean,
): Promise<{ source: HostSource; dump: DiagnosticDump | null }> {
  // Somebody said where the host is: another one's values must not go out under its name.
  if (remapped && !options.mock && options.replay === undefined && (!isAbsolute(root) || lacksProc(root))) {
    throw new UsageError(`HOST_ROOT = ${JSON.stringify(root)} must be the absolute path where the host's root is mounted, with its /proc`);
  }
  const mock = options.mock || (options.replay === undefined && lacksProc(root));
  const source = await openHost({ replay: options.replay, mock, loop, root, sudo: config.sudo });
  if (mock)
    log.info(
      options.mock
        ? 'mock mode: what is sent was recorded elsewhere'
        : 'there is no /proc here: mock mode, what is sent was recorded elsewhere',
    );
  if (config.debug.dump_dir === '' || source.replay !== null) return { source, dump: null };
  const dump = new DiagnosticDump(config.debug.dump_dir, { warn: (message) => log.warn(message) });
  return { source: { ...source, access: recordAccess(source.access, dump) }, dump };
}

async function hostIdOf(config: AgentConfig, source: HostSource): Promise<string> {
  return config.host_id ?? toHostId(source.mock ? hostname() : await readHostname(source.access, remapped));
}

function logger(): Logger {
  const level = env['HOSTWIRE_LOG_LEVEL'] ?? '';
  return createLogger({ name: 'hostwire-agent', destination: 2, level: LEVELS.includes(level) ? (level as LogLevel) : 'info' });
}

/** Ends the process once all is written. */
function print(text: string): void {
  process.stdout.write(text, (error) => void endProcess(error ? EXIT.failed : 0));
}

function fail(error: unknown): void {
  const usage = error instanceof ConfigError || error instanceof UsageError;
  const coded = error instanceof Error && 'code' in error;
  process.stderr.write(`hostwire-agent: ${error instanceof Error ? (coded ? error.message : error.stack) : String(error)}\n`);
  void endProcess(usage ? EXIT.usage : EXIT.failed);
}
