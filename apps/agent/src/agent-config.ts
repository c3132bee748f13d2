import { readFileSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { type CollectorsConfig, collectorsConfigSchema, settings } from '@hostwire/collectors';
import { ACTIONS, HOST_ID_PATTERN, type Tier } from '@hostwire/model';
import { ConfigError, type ConfigProblem, loadToml, overridesFrom, redactUrl } from '@hostwire/service';
import { type ClientTls, parseBrokerUrl } from '@hostwire/transport';
import Type, { type Static } from 'typebox';
import { SERVER_KEY_PATTERN } from './actions/server-key.ts';
import { LocalSchema, RemotesSchema, remoteChecks } from './gateway/remote-schema.ts';
import { DEFAULT_MAX_AGE_HOURS, DEFAULT_MAX_BYTES } from './spool/open-spool.ts';
import { checkTls, readTls, TLS_ENVIRONMENT, TlsSchema } from './tls-files.ts';

const DEFAULT_PATH = '/etc/hostwire/agent.toml';

/** Environment variables that go before the file. */
const ENVIRONMENT = {
  HOSTWIRE_AGENT_SERVER_URL: 'server_url',
  HOSTWIRE_AGENT_TOKEN: 'token',
  HOSTWIRE_AGENT_TOKEN_FILE: 'token_file',
  HOSTWIRE_AGENT_HOST_ID: 'host_id',
  HOSTWIRE_AGENT_SERVER_KEY: 'server_key',
  HOSTWIRE_AGENT_DUMP_DIR: 'debug.dump_dir',
  HOSTWIRE_AGENT_SPOOL_DIR: 'spool.dir',
  ...TLS_ENVIRONMENT,
};

/** Sixteen segments that each hold the largest sample. */
const MIN_SPOOL_BYTES = 16 * 512 * 1024;

export const AgentConfigSchema = Type.Object({
  server_url: Type.Optional(
    Type.String({ pattern: '^(mqtt|mqtts|ws|wss)://[^/?#]', allowed: 'a URL: mqtt://, mqtts://, ws:// or wss:// and a host' }),
  ),
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  token_file: Type.Optional(Type.String({ minLength: 1 })),
  host_id: Type.Optional(
    Type.String({
      pattern: HOST_ID_PATTERN.source,
      allowed: '1 to 63 of the characters a-z 0-9 _ . - that begin with a letter or a digit',
    }),
  ),
  server_key: Type.Optional(
    Type.String({ pattern: SERVER_KEY_PATTERN, allowed: 'ed25519: and the base64 of 32 bytes, as `hostwire host add` shows it' }),
  ),
  topic_root: Type.String({
    pattern: '^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$',
    default: 'hostwire',
    allowed: 'letters, digits, _ and -, levels divided by /',
  }),
  tls: TlsSchema,
  ...settings,
  pin: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
  spool: Type.Object({
    dir: Type.Optional(Type.String({ pattern: '^(/.*)?$', allowed: 'an absolute path, or empty for memory alone' })),
    max_bytes: Type.Integer({ minimum: MIN_SPOOL_BYTES, default: DEFAULT_MAX_BYTES }),
    max_age_hours: Type.Number({ minimum: 1, maximum: 8760, default: DEFAULT_MAX_AGE_HOURS }),
    min_free_bytes: Type.Optional(Type.Integer({ minimum: 0 })),
    backlog_rate: Type.Number({ minimum: 1, maximum: 1000, default: 5 }),
  }),
  sudo: Type.Boolean({ default: false }),
  local: LocalSchema,
  remote: RemotesSchema,
  actions: Type.Object({
    allow: Type.Array(Type.Enum([...ACTIONS]), { default: [] }),
  }),
  debug: Type.Object({ dump_dir: Type.String({ default: '' }) }),
  collectors: Type.Unsafe<CollectorsConfig>(collectorsConfigSchema()),
});

export type AgentConfig = Static<typeof AgentConfigSchema>;

/** What a connection needs; see `loadConfig`. */
export interface Connection {
  readonly url: string;
  readonly token: string;
  /** Default the host's name; a gateway connects with its own for the hosts behind it. */
  readonly username?: string;
  /** Asked at each attempt. Throws an Error, one sentence, if a file cannot be used. */
  readonly tls?: () => ClientTls;
}

/** Where the configuration is: `--config`, else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml. */
export function configPath(option: string | undefined, env: NodeJS.ProcessEnv): string {
  return option ?? (env['HOSTWIRE_AGENT_CONFIG'] || DEFAULT_PATH);
}

export async function fileExists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

/** True if the environment alone says where to connect to, so that no file is needed. */
export function isConfiguredBy(env: NodeJS.ProcessEnv): boolean {
  return (env['HOSTWIRE_AGENT_SERVER_URL'] ?? '') !== '';
}

export interface LoadConfigOptions {
  /** server_url and a token are needed. */
  readonly connect: boolean;
  /** A file that does not exist is a problem; otherwise it counts as empty. */
  readonly mustExist: boolean;
}

/** Reads the configuration: the file with the environment laid over it. Throws ConfigError with all problems. */
export async function loadConfig(file: string, env: NodeJS.ProcessEnv, { connect, mustExist }: LoadConfigOptions): Promise<AgentConfig> {
  const text = await readText(file, mustExist);
  const overrides = overridesFrom(env, ENVIRONMENT);
  const [top = ''] = text.split(/^\s*\[/m, 1);
  const isNamed = (key: string) => new RegExp(`^\\s*${key}\\s*=`, 'm').test(top) || overrides.some((override) => override.key === key);
  const checkRemotes = await remoteChecks(text);
  const rules = (config: Partial<AgentConfig>): ConfigProblem[] => [
    ...checkUrl(config.server_url),
    ...checkPins(config.pin),
    ...(connect ? [...checkConnection(isNamed, config), ...checkTokenFile(config), ...checkTls(config.tls)] : []),
    ...checkRemotes(config.remote, config.host_id),
    ...(config.token !== undefined && config.token_file !== undefined
      ? [{ key: 'token_file', value: JSON.stringify(config.token_file), allowed: 'cannot be set beside token; remove one of them' }]
      : []),
  ];
  return loadToml(text, AgentConfigSchema, { file, overrides, rules });
}

/** What a file without any key means. */
export function defaultConfig(): AgentConfig {
  return loadToml('', AgentConfigSchema, { file: 'the defaults' });
}

/** URL and token to connect with, of a configuration that was loaded to connect. Throws if the token file has gone since. */
export function connectionOf({ server_url: url = '', token, token_file: file = '', tls }: AgentConfig): Connection {
  return { url, token: token ?? readToken(file), tls: () => readTls(tls) };
}

/** True for a URL without TLS to another machine. */
export function isInClear(url: string): boolean {
  const { protocol, host } = parseBrokerUrl(url);
  return (protocol === 'mqtt' || protocol === 'ws') && !/^(localhost|127\..*|::1)$/.test(host);
}

function readToken(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

/** Seconds of each tier. */
export function intervalsOf({ intervals }: Pick<AgentConfig, 'intervals'>): Record<Tier, number> {
  return { fast: intervals.fast_seconds, medium: intervals.medium_seconds, slow: intervals.slow_seconds };
}

async function readText(file: string, mustExist: boolean): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (!mustExist && (cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new ConfigError(file, [{ key: 'the file', allowed: `cannot be read: ${(cause as Error).message}` }], { cause });
  }
}

function checkUrl(url: string | undefined): ConfigProblem[] {
  if (url === undefined) return [];
  try {
    parseBrokerUrl(url);
    return [];
  } catch (error) {
    return [{ key: 'server_url', value: JSON.stringify(redactUrl(url)), allowed: `cannot be used: ${(error as Error).message}` }];
  }
}

function checkTokenFile({ token, token_file: file }: Partial<AgentConfig>): ConfigProblem[] {
  if (token !== undefined || file === undefined) return [];
  const problem = (allowed: string) => [{ key: 'token_file', value: JSON.stringify(file), allowed }];
  try {
    return readToken(file) === '' ? problem('is an empty file; it must hold the token') : [];
  } catch (error) {
    return problem(`cannot be read: ${(error as Error).message}`);
  }
}

/** Keys that the file or the environment names are not missing, even if their value is wrong: that is a problem of its own. */
function checkConnection(named: (key: string) => boolean, config: Partial<AgentConfig>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (config.server_url === undefined && !named('server_url')) {
    problems.push({ key: 'server_url', allowed: 'is missing; it must be the URL of the server, e.g. mqtt://server:1883' });
  }
  if (config.token === undefined && config.token_file === undefined && !named('token') && !named('token_file')) {
    problems.push({ key: 'token', allowed: "is missing; it must be this host's token (`hostwire host add` on the server shows it)" });
  }
  return problems;
}

/** A key that is written wrongly would be left to the server. */
function checkPins(pins: readonly string[] = []): ConfigProblem[] {
  const known = (schema: object | undefined, [first, ...rest]: readonly string[]): boolean => {
    const properties = Reflect.get(schema ?? {}, 'properties') as Readonly<Record<string, object>> | undefined;
    return first === undefined || (properties !== undefined && Object.hasOwn(properties, first) && known(properties[first], rest));
  };
  return pins
    .filter((pin) => !known(AgentConfigSchema, pin.split('.')))
    .map((pin) => ({
      key: 'pin',
      value: JSON.stringify(pin),
      allowed: 'is no key of this file; such as intervals.fast_seconds or collectors.disk',
    }));
}
