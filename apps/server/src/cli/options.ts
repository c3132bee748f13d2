import type { CAC, Command } from 'cac';
import type { ServerOptions } from '../config/load-config.ts';
import { UsageError } from './failure.ts';

/** What the parser gives: options by name in camel case, and those words under `--` that it did not understand. */
export type Parsed = Readonly<Record<string, unknown>>;

/** Adds the options that say which server a command means; those with which one runs only if it `runs` one. */
export function serverOptions(command: Command, runs: boolean): Command {
  command
    .option('--config <file>', 'TOML file; else HOSTWIRE_CONFIG')
    .option('--data-dir <dir>', 'Where everything is kept (HOSTWIRE_DATA_DIR)')
    .option('--listen <address>', 'Address to listen on (default 127.0.0.1, this machine only)')
    .option('--port <port>', 'Dashboard and API (default 8080)')
    .option('--database-url <url>', 'PostgreSQL to use instead of a file; its password comes from HOSTWIRE_DATABASE_PASSWORD');
  if (!runs) return command;
  return command
    .option('--mqtt-port <port>', 'MQTT (default 1883)')
    .option('--mqtts-port <port>', 'MQTT over TLS, off loopback (default 8883)')
    .option('--influx-port <port>', "InfluxDB's HTTP API on the embedded store (default 8086)")
    .option('--public-url <url>', 'Under which hosts and browsers reach this server: https://name:port')
    .option('--tls-cert <file>', 'Your own certificate with its chain, PEM (default: one of an own CA, made at the first start)')
    .option('--tls-key <file>', 'Its key')
    .option('--tls-name <name>', 'A name or address more for the own certificate, or several divided by commas')
    .option('--allow-plain', 'Serve also without TLS off loopback: tokens and values then cross the network in clear')
    .option('--store <embedded|influxdb>', 'Where series are kept (default embedded)')
    .option('--influx-url <url>', 'InfluxDB to use; HOSTWIRE_INFLUX_TOKEN, or HOSTWIRE_INFLUX_USERNAME and HOSTWIRE_INFLUX_PASSWORD')
    .option('--influx-username <name>', 'The password comes from HOSTWIRE_INFLUX_PASSWORD')
    .option('--broker-url <url>', 'MQTT broker to use; HOSTWIRE_BROKER_USERNAME and HOSTWIRE_BROKER_PASSWORD')
    .option('--roles <roles>', 'broker, ingest, alerts, api divided by commas (default all)')
    .option('--instance <name>', 'Name of this process among all of the server (default its host name and roles)')
    .option('--metrics-port <port>', '/health and /metrics alone, for a process without the role api (default not served)')
    .option('--rules <file>', 'Alert rules (TOML)')
    .option('--topic-root <root>', 'First levels of all topics (default hostwire)')
    .option('--log-level <trace|debug|info|warn|error|silent>', 'How much is logged (default info)');
}

const SERVER_OPTIONS = [
  'config',
  'dataDir',
  'listen',
  'port',
  'mqttPort',
  'mqttsPort',
  'influxPort',
  'publicUrl',
  'tlsCert',
  'tlsKey',
  'store',
  'influxUrl',
  'influxUsername',
  'databaseUrl',
  'brokerUrl',
  'roles',
  'instance',
  'metricsPort',
  'rules',
  'topicRoot',
  'logLevel',
] as const;

/** The options of `serverOptions` that were given. */
export function serverOptionsOf(options: Parsed): ServerOptions {
  const found = SERVER_OPTIONS.map((name) => [name, textOf(options, name)] as const);
  const names = listOf(options['tlsName']);
  return {
    ...Object.fromEntries(found.filter(([, value]) => value !== undefined)),
    ...(names.length === 0 ? {} : { tlsName: names.join(',') }),
    ...(options['allowPlain'] === true ? { allowPlain: true } : {}),
  };
}

/** Whether `--json` was given. */
export function isJson(options: Parsed): boolean {
  return options['json'] === true;
}

/** The parser turns digits into numbers; here everything is text until the configuration's schema reads it. */
export function textOf(options: Parsed, name: string): string | undefined {
  const value = options[name];
  if (Array.isArray(value)) throw new UsageError(`--${name} is given more than once`);
  return value === undefined || typeof value === 'boolean' ? undefined : String(value);
}

/** As `textOf`, also of what looks like a number: the parser makes 7 of 007. */
export function asWritten({ rawArgs }: CAC, options: Parsed, name: string): string | undefined {
  const text = textOf(options, name);
  const at = rawArgs.findLastIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  if (text === undefined || at < 0 || typeof options[name] !== 'number') return text;
  return rawArgs[at] === `--${name}` ? rawArgs[at + 1] : rawArgs[at]?.slice(name.length + 3);
}

/** The values of an option that may be given more than once, commas and all. */
export function eachOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((item) => item !== undefined).map(String);
}

/** The words of an option or argument that may be several, also divided by commas. */
export function listOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value])
    .filter((item) => item !== undefined)
    .flatMap((item) => String(item).split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Throws UsageError if the argument is missing. */
export function nameOf(name: unknown): string {
  if (name === undefined) throw new UsageError('a name is missing');
  return String(name);
}
