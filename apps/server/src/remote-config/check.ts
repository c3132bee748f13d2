import { remoteConfigSchema } from '@hostwire/collectors';
import type { RemoteConfig } from '@hostwire/model';
import { acceptKeys, describeProblem } from '@hostwire/service';

const schema = remoteConfigSchema();

export interface CheckedConfig {
  /** What of it may be set. */
  readonly config: RemoteConfig;
  /** One sentence for each key that cannot be set. */
  readonly problems: readonly string[];
}

/** A remote configuration by the same rules as those that an agent of this version goes by. `fromText`: values that came as text are read as what is wanted. */
export function checkRemoteConfig(body: unknown, { fromText = false }: { readonly fromText?: boolean } = {}): CheckedConfig {
  const { accepted, problems } = acceptKeys(schema, body, { fromText });
  return { config: accepted, problems: problems.map(describeProblem) };
}
