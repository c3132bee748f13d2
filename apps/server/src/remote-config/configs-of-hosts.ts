import { canonicalJson, contentHash, type HostInfo, mergeConfigs, type RemoteConfig, scopesOf } from '@hostwire/model';
import type { RemoteConfigRecord } from '@hostwire/registry';

/** What of a host decides its configuration. */
export interface ConfiguredHost {
  readonly host: string;
  readonly group: string | null;
  readonly info: Pick<HostInfo, 'config'> | null;
}

/** What a host is to have, out of all that is set. */
export interface HostConfig {
  readonly config: RemoteConfig;
  readonly hash: string;
  /** Where something is set for it, the strongest last. */
  readonly scopes: readonly string[];
}

export function configOf(records: ReadonlyMap<string, RemoteConfigRecord>, host: Pick<ConfiguredHost, 'host' | 'group'>): HostConfig {
  const found = scopesOf(host).flatMap((scope) => records.get(scope) ?? []);
  const config = mergeConfigs(found.map((record) => record.config));
  return { config, hash: contentHash(config), scopes: found.map(({ scope }) => scope) };
}

/**
 * What is to stand on the host's topic. Where nothing is set for it an empty configuration takes back what its agent says
 * to have, also from one that is away now; once the agent says to have none, nothing stands there.
 */
export function messageFor(records: ReadonlyMap<string, RemoteConfigRecord>, host: ConfiguredHost): string {
  const { config } = configOf(records, host);
  const isSet = Object.keys(config).length > 0;
  if (!isSet && host.info?.config === undefined) return '';
  return canonicalJson({ v: 1, host: host.host, config });
}
