import { configKeys, filterConfig, mergeConfigs, parseConfigScope, type RemoteConfig } from '@hostwire/model';
import type { CAC } from 'cac';
import type { ServerOptions } from '../config/load-config.ts';
import { checkRemoteConfig } from '../remote-config/check.ts';
import { choose } from './choose.ts';
import { UsageError } from './failure.ts';
import { isJson, type Parsed, serverOptions, serverOptionsOf, textOf } from './options.ts';
import { formatTime, print, printJson } from './print.ts';
import { withRegistry } from './with-registry.ts';

/** `hostwire config`: what is set on agents. A server that runs publishes what changes within 2 s. */
export function remoteConfigCommand(cli: CAC): void {
  serverOptions(cli.command('config <action> [...keys]', 'What is set on agents: get, set KEY=VALUE..., unset KEY...'), false)
    .option('--scope <scope>', 'all, group:NAME or host:ID; for get default every scope')
    .option('--all-keys', 'For unset: all that is set for the scope')
    .option('--json', 'Print JSON')
    .example('  hostwire config set intervals.fast_seconds=60 collectors.temp.enabled=false --scope group:pi')
    .action(
      choose<[keys: readonly string[], options: Parsed]>('config', {
        get: (_, options) => getConfig(serverOptionsOf(options), textOf(options, 'scope'), isJson(options)),
        set: (keys, options) => setConfig(serverOptionsOf(options), scopeOf(options), keys.map(String), isJson(options)),
        unset: (keys, options) => {
          const names = options['allKeys'] === true ? null : keys.map(String);
          return unsetConfig(serverOptionsOf(options), scopeOf(options), names, isJson(options));
        },
      }),
    );
}

function getConfig(options: ServerOptions, scope: string | undefined, json: boolean): Promise<void> {
  if (scope !== undefined) checkScope(scope);
  return withRegistry(options, async ({ remoteConfig }) => {
    const records = (await remoteConfig.list()).filter((record) => scope === undefined || record.scope === scope);
    if (json) {
      printJson(records.map(({ updatedAt, updatedBy, ...record }) => ({ ...record, updated_at: updatedAt, updated_by: updatedBy })));
      return;
    }
    if (records.length === 0) print(`Nothing is set${scope === undefined ? '' : ` for ${scope}`}.`);
    for (const { scope: name, config, updatedAt, updatedBy } of records) {
      print(`${name} (${formatTime(updatedAt)}${updatedBy === null ? '' : ` by ${updatedBy}`})`);
      for (const [key, value] of configKeys(config)) print(`  ${key} = ${JSON.stringify(value)}`);
    }
  });
}

function setConfig(options: ServerOptions, scope: string, assignments: readonly string[], json: boolean): Promise<void> {
  const { config, problems } = checkRemoteConfig(mergeConfigs(assignments.map(parseAssignment)), { fromText: true });
  if (problems.length > 0) throw new UsageError(problems.join('; '));
  if (assignments.length === 0) throw new UsageError('config set needs KEY=VALUE, such as intervals.fast_seconds=60');
  return withRegistry(options, async ({ remoteConfig }) => {
    const record = await remoteConfig.set(scope, (now) => mergeConfigs([now ?? {}, config]), null);
    show(scope, record.config, json);
  });
}

function unsetConfig(options: ServerOptions, scope: string, keys: readonly string[] | null, json: boolean): Promise<void> {
  if (keys?.length === 0) throw new UsageError('config unset needs the keys that are to go, or --all-keys');
  return withRegistry(options, async ({ remoteConfig }) => {
    const before = (await remoteConfig.get(scope))?.config;
    const strays = keys?.filter((key) => ![...configKeys(before ?? {})].some(([path]) => isBelow(path, key))) ?? [];
    if (before === undefined || strays.length > 0) {
      throw new UsageError(`${strays.length === 0 ? 'nothing' : `no ${strays.join(', ')}`} is set for ${scope}`);
    }
    const left =
      keys === null
        ? {}
        : (await remoteConfig.set(scope, (now) => filterConfig(now ?? {}, (path) => !keys.some((key) => isBelow(path, key))), null)).config;
    if (Object.keys(left).length === 0) await remoteConfig.remove(scope);
    show(scope, left, json);
  });
}

function show(scope: string, config: RemoteConfig, json: boolean): void {
  if (json) {
    printJson({ scope, config });
    return;
  }
  const keys = [...configKeys(config)];
  print(keys.length === 0 ? `Nothing is set for ${scope} any more.` : `Set for ${scope}:`);
  for (const [key, value] of keys) print(`  ${key} = ${JSON.stringify(value)}`);
}

function isBelow(path: string, key: string): boolean {
  return path === key || path.startsWith(`${key}.`);
}

function parseAssignment(text: string): RemoteConfig {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`${text} is not KEY=VALUE, such as intervals.fast_seconds=60`);
  const path = text.slice(0, at).split('.');
  return path.reduceRight<unknown>((value, key) => Object.fromEntries([[key, value]]), text.slice(at + 1)) as RemoteConfig;
}

function scopeOf(options: Parsed): string {
  const scope = textOf(options, 'scope');
  if (scope === undefined) throw new UsageError('--scope is missing: all, group:NAME or host:ID');
  checkScope(scope);
  return scope;
}

function checkScope(scope: string): void {
  if (parseConfigScope(scope) === null) throw new UsageError(`--scope ${scope} is no scope: all, group:NAME or host:ID`);
}
