import { accessSync, constants, mkdirSync, readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ConfigError, type ConfigProblem, type LogLevel, loadToml, overridesFrom, secretFilesFrom } from '@hostwire/service';
import type { Role } from '../roles/roles.ts';
import { ServerFile, type ServerFileTable } from './schema.ts';

export type StoreConfig =
  | {
      /** Of the process with the role ingest; the others reach it at its InfluxDB port. */
      readonly kind: 'embedded';
      /** Where that port is; absent: where that process kept it in the data directory. */
      readonly url?: string;
    }
  | {
      readonly kind: 'influxdb';
      readonly url: string;
      readonly token?: string;
      readonly username?: string;
      readonly password?: string;
    };

/** `embedded`: of the process with the role broker; the others reach it where that process kept its port in the data directory. */
export type BrokerConfig =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'external';
      readonly url: string;
      readonly username?: string;
      readonly password?: string;
      /** File of the CA of its certificate, PEM; absent: the roots that every system knows. */
      readonly ca?: string;
      /** By which the broker shows itself to the API when it asks who may connect; absent: it does not ask. */
      readonly authSecret?: string;
      /** Where the files of `broker export` for Mosquitto are kept true; absent: only when that is typed. */
      readonly exportDir?: string;
    };

/** How the ports off loopback are secured. */
export interface TlsConfig {
  /** A user's files; absent: an own CA and its certificates, in the data directory. */
  readonly files?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** For which the own certificate stands beside the names of this machine. */
  readonly names: readonly string[];
  /** Also serve off loopback what goes over the network in clear. */
  readonly allowPlain: boolean;
  /** Whether hosts may, or must, show a certificate of the own CA. */
  readonly clientCertificates: 'off' | 'accept' | 'require';
}

/** The configuration of an agent of this machine, written for it at each start. */
export interface LocalAgentConfig {
  readonly dir: string;
  /** Of the broker, as that agent reaches it. */
  readonly url: string;
}

/** Bounds of the journal in front of InfluxDB. */
export interface JournalConfig {
  readonly maxBytes: number;
  /** So much of the file system stays free; absent: the smaller of 1 GiB and 10 % of it. */
  readonly minFreeBytes?: number;
}

/** Where hosts, tokens and alert state are kept: a file in the data directory, or a PostgreSQL database. */
export type DatabaseConfig =
  | { readonly kind: 'sqlite' }
  | {
      readonly kind: 'postgres';
      /** May hold a password: never shown but through `redactUrl`. */
      readonly url: string;
    };

/** The configuration of one server process, checked. */
export interface ServerConfig {
  readonly listen: string;
  /** Of the API and dashboard; 0 takes any free port, as for the others. */
  readonly port: number;
  readonly mqttPort: number;
  /** MQTT over TLS, off loopback only. */
  readonly mqttsPort: number;
  readonly influxPort: number;
  /** Under which hosts and browsers reach this server, without a slash at its end; absent: derived from where it listens. */
  readonly publicUrl?: string;
  readonly publicMqttUrl?: string;
  readonly tls: TlsConfig;
  readonly dataDir: string;
  readonly roles: readonly Role[];
  /** Names this process among all of the server; absent: its host name and roles. */
  readonly instance?: string;
  /** Of /health and /metrics alone; absent: not served. */
  readonly metricsPort?: number;
  /** Alert rules; absent: those that ship on. */
  readonly rules?: string;
  /** What hosts that enrol are given; absent: the packages beside this program. */
  readonly downloadsDir?: string;
  readonly topicRoot: string;
  readonly logLevel: LogLevel;
  readonly store: StoreConfig;
  readonly database: DatabaseConfig;
  readonly broker: BrokerConfig;
  readonly localAgent?: LocalAgentConfig;
  readonly journal: JournalConfig;
  readonly deadLetters: { readonly maxBytes: number };
}

/** Environment variable -> key of the file. Secrets come from here or from the file, never from the command line. */
const ENVIRONMENT = {
  HOSTWIRE_LISTEN: 'listen',
  HOSTWIRE_PORT: 'port',
  HOSTWIRE_MQTT_PORT: 'mqtt_port',
  HOSTWIRE_MQTTS_PORT: 'mqtts_port',
  HOSTWIRE_INFLUX_PORT: 'influx_port',
  HOSTWIRE_PUBLIC_URL: 'public_url',
  HOSTWIRE_PUBLIC_MQTT_URL: 'public_mqtt_url',
  HOSTWIRE_TLS_CERT: 'tls.cert',
  HOSTWIRE_TLS_KEY: 'tls.key',
  HOSTWIRE_TLS_CA: 'tls.ca',
  HOSTWIRE_TLS_NAMES: 'tls.names',
  HOSTWIRE_TLS_CLIENT_CERTIFICATES: 'tls.client_certificates',
  HOSTWIRE_ALLOW_PLAIN: 'tls.allow_plain',
  HOSTWIRE_DATA_DIR: 'data_dir',
  HOSTWIRE_ROLES: 'roles',
  HOSTWIRE_INSTANCE: 'instance',
  HOSTWIRE_METRICS_PORT: 'metrics_port',
  HOSTWIRE_RULES: 'rules',
  HOSTWIRE_DOWNLOADS_DIR: 'downloads_dir',
  HOSTWIRE_TOPIC_ROOT: 'topic_root',
  HOSTWIRE_LOG_LEVEL: 'log_level',
  HOSTWIRE_STORE: 'store.kind',
  HOSTWIRE_INFLUX_URL: 'store.url',
  HOSTWIRE_INFLUX_TOKEN: 'store.token',
  HOSTWIRE_INFLUX_USERNAME: 'store.username',
  HOSTWIRE_INFLUX_PASSWORD: 'store.password',
  HOSTWIRE_DATABASE_URL: 'database.url',
  HOSTWIRE_DATABASE_PASSWORD: 'database.password',
  HOSTWIRE_BROKER_URL: 'broker.url',
  HOSTWIRE_BROKER_USERNAME: 'broker.username',
  HOSTWIRE_BROKER_PASSWORD: 'broker.password',
  HOSTWIRE_BROKER_CA: 'broker.ca',
  HOSTWIRE_BROKER_AUTH_SECRET: 'broker.auth_secret',
  HOSTWIRE_BROKER_EXPORT_DIR: 'broker.export_dir',
  HOSTWIRE_LOCAL_AGENT_DIR: 'local_agent.dir',
  HOSTWIRE_LOCAL_AGENT_URL: 'local_agent.url',
  HOSTWIRE_JOURNAL_MAX_BYTES: 'journal.max_bytes',
  HOSTWIRE_JOURNAL_MIN_FREE_BYTES: 'journal.min_free_bytes',
  HOSTWIRE_DEAD_LETTERS_MAX_BYTES: 'dead_letters.max_bytes',
} as const;

/** Also by file: `<variable>_FILE` is the path of a file that holds the value. */
const SECRETS = {
  HOSTWIRE_INFLUX_TOKEN: 'store.token',
  HOSTWIRE_INFLUX_PASSWORD: 'store.password',
  HOSTWIRE_DATABASE_PASSWORD: 'database.password',
  HOSTWIRE_BROKER_PASSWORD: 'broker.password',
  HOSTWIRE_BROKER_AUTH_SECRET: 'broker.auth_secret',
} as const;

/** Option as the command line parser names it -> key of the file. */
const OPTIONS = {
  listen: 'listen',
  port: 'port',
  mqttPort: 'mqtt_port',
  mqttsPort: 'mqtts_port',
  influxPort: 'influx_port',
  publicUrl: 'public_url',
  tlsCert: 'tls.cert',
  tlsKey: 'tls.key',
  tlsName: 'tls.names',
  allowPlain: 'tls.allow_plain',
  dataDir: 'data_dir',
  roles: 'roles',
  instance: 'instance',
  metricsPort: 'metrics_port',
  rules: 'rules',
  topicRoot: 'topic_root',
  logLevel: 'log_level',
  store: 'store.kind',
  influxUrl: 'store.url',
  influxUsername: 'store.username',
  databaseUrl: 'database.url',
  brokerUrl: 'broker.url',
} as const;

export type ServerOptions = { readonly [Name in keyof typeof OPTIONS]?: string | number | boolean } & { readonly config?: string };

/**
 * Defaults < the TOML file (`--config`, else HOSTWIRE_CONFIG, else none) < environment < options.
 * Throws ConfigError that lists every problem at once.
 */
export function loadConfig(options: ServerOptions, environment: NodeJS.ProcessEnv = process.env): ServerConfig {
  const file = options.config ?? environment['HOSTWIRE_CONFIG'];
  const name = file ?? 'the command line and the environment';
  if (URL.canParse(String(options.databaseUrl)) && new URL(String(options.databaseUrl)).password !== '') {
    const allowed = 'holds a password, which other users of this machine can read; give that by HOSTWIRE_DATABASE_PASSWORD';
    throw new ConfigError(name, [{ key: 'database.url', source: '--database-url', allowed }]);
  }
  const secrets = secretFilesFrom(environment, SECRETS);
  const table = loadToml(file === undefined ? '' : readConfigFile(file), ServerFile, {
    file: name,
    overrides: [
      ...overridesFrom(environment, ENVIRONMENT),
      ...secrets.overrides,
      ...overridesFrom(options, OPTIONS, (option) => `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`),
    ],
    rules: (found) => [...secrets.problems, ...findContradictions(found)],
  });
  return {
    listen: table.listen,
    port: table.port,
    mqttPort: table.mqtt_port,
    mqttsPort: table.mqtts_port,
    influxPort: table.influx_port,
    ...(table.public_url === undefined ? {} : { publicUrl: table.public_url.replace(/\/$/, '') }),
    ...(table.public_mqtt_url === undefined ? {} : { publicMqttUrl: table.public_mqtt_url }),
    tls: tlsConfig(table.tls),
    dataDir: resolve(table.data_dir ?? defaultDataDir(environment)),
    // With a broker elsewhere nobody here is one.
    roles: table.broker.url === undefined ? table.roles : table.roles.filter((role) => role !== 'broker'),
    ...(table.instance === undefined ? {} : { instance: table.instance }),
    ...(table.metrics_port === undefined ? {} : { metricsPort: table.metrics_port }),
    ...(table.rules === undefined ? {} : { rules: resolve(table.rules) }),
    ...(table.downloads_dir === undefined ? {} : { downloadsDir: resolve(table.downloads_dir) }),
    topicRoot: table.topic_root,
    logLevel: table.log_level,
    store: storeConfig(table.store),
    database: databaseConfig(table.database),
    broker: brokerConfig(table.broker),
    ...localAgentConfig(table.local_agent),
    journal: {
      maxBytes: table.journal.max_bytes,
      ...(table.journal.min_free_bytes === undefined ? {} : { minFreeBytes: table.journal.min_free_bytes }),
    },
    deadLetters: { maxBytes: table.dead_letters.max_bytes },
  };
}

/** `$XDG_DATA_HOME/hostwire`, else `~/.local/share/hostwire` (XDG Base Directory Specification). */
function defaultDataDir(environment: NodeJS.ProcessEnv): string {
  const base = environment['XDG_DATA_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.local', 'share') : base, 'hostwire');
}

/** Makes the data directory, for its owner only. Throws ConfigError if it cannot be made or written to. */
export function makeDataDir(folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const allowed = `is no folder that can be made or written to (${(cause as NodeJS.ErrnoException).code}); choose another with --data-dir`;
    throw new ConfigError('the data directory', [{ key: 'data_dir', value: JSON.stringify(folder), allowed }], { cause });
  }
}

/** With all folders above it. Not by mkdir's `recursive`: below /proc, where mkdir(2) says ENOENT, Node tries for ever. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(file, [{ key: 'the file', allowed: `cannot be read (${(cause as NodeJS.ErrnoException).code})` }], { cause });
  }
}

/** A key that is there with a wrong value is no missing key: `checkConfig` leaves it undefined, and says so itself. */
function findContradictions({
  listen,
  store,
  database,
  broker,
  roles,
  tls,
  public_url,
  public_mqtt_url,
  local_agent: localAgent,
}: Partial<ServerFileTable>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (listen !== undefined && isIP(listen) === 0) {
    problems.push({ key: 'listen', value: JSON.stringify(listen), allowed: 'must be an IPv4 or IPv6 address, such as 127.0.0.1 or ::1' });
  }
  for (const [key, url] of Object.entries({ public_url, public_mqtt_url })) {
    if (url !== undefined && !URL.canParse(url))
      problems.push({ key, value: JSON.stringify(url), allowed: 'is no URL: https://name:8080' });
  }
  const lacks = (table: object | undefined, key: string): boolean => table !== undefined && !Object.hasOwn(table, key);
  if (store?.kind === 'influxdb' && lacks(store, 'url')) {
    problems.push({ key: 'store.url', allowed: 'is missing; kind "influxdb" needs it: --influx-url http://host:8086' });
  }
  if (store?.kind === 'embedded' && store.url !== undefined && roles?.includes('ingest') !== false) {
    problems.push({
      key: 'store.url',
      value: JSON.stringify(store.url),
      allowed: 'must be absent with kind "embedded" in the process that has the store (role ingest); did you mean --store influxdb?',
    });
  }
  if (store?.password !== undefined && lacks(store, 'username')) {
    problems.push({ key: 'store.username', allowed: 'is missing; store.password needs it' });
  }
  if (database?.url !== undefined && !URL.canParse(database.url)) {
    problems.push({ key: 'database.url', value: '***', allowed: 'is no URL; write what is special in its password as %XX' });
  }
  if (database?.password !== undefined && lacks(database, 'url')) {
    problems.push({ key: 'database.url', allowed: 'is missing; database.password needs it' });
  }
  if (tls?.cert !== undefined && lacks(tls, 'key'))
    problems.push({ key: 'tls.key', allowed: 'is missing; tls.cert needs the file of its key' });
  if (tls?.key !== undefined && lacks(tls, 'cert'))
    problems.push({ key: 'tls.cert', allowed: 'is missing; tls.key needs the certificate' });
  if (tls?.ca !== undefined && lacks(tls, 'cert')) {
    problems.push({ key: 'tls.cert', allowed: 'is missing; tls.ca is the CA of your own certificate, the own CA makes its file itself' });
  }
  if (broker?.password !== undefined && lacks(broker, 'username')) {
    problems.push({ key: 'broker.username', allowed: 'is missing; broker.password needs it' });
  }
  if (broker?.ca !== undefined && lacks(broker, 'url')) {
    problems.push({ key: 'broker.url', allowed: 'is missing; broker.ca is for an external broker' });
  }
  if (broker?.auth_secret !== undefined && lacks(broker, 'url')) {
    problems.push({ key: 'broker.url', allowed: 'is missing; broker.auth_secret is for an external broker' });
  }
  if (broker?.export_dir !== undefined && lacks(broker, 'username')) {
    const allowed = 'is missing; as whom is the server itself to connect? hostwire-server needs no password of its own';
    problems.push({ key: 'broker.username', allowed });
  }
  if (localAgent?.dir !== undefined && lacks(localAgent, 'url')) {
    problems.push({
      key: 'local_agent.url',
      allowed: 'is missing; local_agent.dir needs it: mqtts://server:8883, as that agent reaches the broker',
    });
  }
  if (broker?.url !== undefined && roles?.every((role) => role === 'broker') === true) {
    problems.push({
      key: 'roles',
      value: JSON.stringify(roles),
      allowed: 'must hold another role where broker.url names a broker elsewhere; leave out one of the two',
    });
  }
  return problems;
}

function tlsConfig({ cert, key, ca, names, allow_plain, client_certificates }: ServerFileTable['tls']): TlsConfig {
  const files = cert === undefined || key === undefined ? undefined : { cert: resolve(cert), key: resolve(key) };
  return {
    ...(files === undefined ? {} : { files: ca === undefined ? files : { ...files, ca: resolve(ca) } }),
    names: names.map((name) => name.toLowerCase()),
    allowPlain: allow_plain,
    clientCertificates: client_certificates,
  };
}

function storeConfig({ kind, url, token, username, password }: ServerFileTable['store']): StoreConfig {
  if (kind === 'embedded' || url === undefined) return { kind: 'embedded', ...(url === undefined ? {} : { url }) };
  return {
    kind: 'influxdb',
    url,
    ...(token === undefined ? {} : { token }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function databaseConfig({ url, password }: ServerFileTable['database']): DatabaseConfig {
  if (url === undefined) return { kind: 'sqlite' };
  const full = new URL(url);
  if (password !== undefined) full.password = encodeURIComponent(password);
  return { kind: 'postgres', url: full.href };
}

function localAgentConfig({ dir, url }: ServerFileTable['local_agent']): { readonly localAgent?: LocalAgentConfig } {
  return dir === undefined || url === undefined ? {} : { localAgent: { dir: resolve(dir), url } };
}

function brokerConfig({
  url,
  username,
  password,
  ca,
  auth_secret: authSecret,
  export_dir: exportDir,
}: ServerFileTable['broker']): BrokerConfig {
  if (url === undefined) return { kind: 'embedded' };
  return {
    kind: 'external',
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca: resolve(ca) }),
    ...(authSecret === undefined ? {} : { authSecret }),
    ...(exportDir === undefined ? {} : { exportDir: resolve(exportDir) }),
  };
}
