import { GROUP_PATTERN } from './grouping.ts';
import { HOST_ID_PATTERN } from './sample.ts';

/** What a server sets on agents: keys as in the agent's own file. What is absent is left as it is. */
export type RemoteConfig = Readonly<Record<string, unknown>>;

/** `config`, from the server to an agent. An empty `config` takes back whatever was set before. */
export interface ConfigMessage {
  readonly v: 1;
  readonly host: string;
  readonly config: RemoteConfig;
}

/** Whom a remote configuration is for; the later ones in this order go before the earlier. */
export type ConfigScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'host'; readonly name: string };

/** `all`, `group:<name>` or `host:<id>`; null if it is none of these. */
export function parseConfigScope(text: string): ConfigScope | null {
  if (text === 'all') return { kind: 'all' };
  const [, kind, name = ''] = /^(group|host):(.*)$/s.exec(text) ?? [];
  if (kind === 'group') return GROUP_PATTERN.test(name) ? { kind, name } : null;
  if (kind === 'host') return HOST_ID_PATTERN.test(name) ? { kind, name } : null;
  return null;
}

/** The scopes that a host gets its configuration from, in the order in which they are laid over each other. */
export function scopesOf({ host, group }: { readonly host: string; readonly group: string | null }): string[] {
  return ['all', ...(group === null ? [] : [`group:${group}`]), `host:${host}`];
}

/** Laid over each other, later ones over earlier, key by key within tables. A list is one value. */
export function mergeConfigs(configs: readonly RemoteConfig[]): RemoteConfig {
  return configs.reduce<RemoteConfig>(merge, {});
}

function merge(under: RemoteConfig, over: RemoteConfig): RemoteConfig {
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    merged.set(key, isTable(value) ? merge(isTable(before) ? before : {}, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Every value that is no table, with its path as the file's documentation writes it: `collectors.disk.enabled`. */
export function* configKeys(config: RemoteConfig, at = ''): Generator<readonly [path: string, value: unknown]> {
  for (const [key, value] of Object.entries(config)) {
    if (isTable(value)) yield* configKeys(value, `${at}${key}.`);
    else yield [`${at}${key}`, value];
  }
}

/** Without the values of which `keep` says false, and without the tables that are empty then. */
export function filterConfig(config: RemoteConfig, keep: (path: string, value: unknown) => boolean, at = ''): RemoteConfig {
  const kept: [string, unknown][] = [];
  for (const [key, value] of Object.entries(config)) {
    if (!isTable(value)) {
      if (keep(`${at}${key}`, value)) kept.push([key, value]);
      continue;
    }
    const inner = filterConfig(value, keep, `${at}${key}.`);
    if (Object.keys(inner).length > 0) kept.push([key, inner]);
  }
  return Object.fromEntries(kept);
}

function isTable(value: unknown): value is RemoteConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
