import { remoteConfigSchema } from '@hostwire/collectors';
import { configKeys, filterConfig, mergeConfigs, type RefusedKey, type RemoteConfig } from '@hostwire/model';
import { acceptKeys, describeProblem } from '@hostwire/service';
import type { AgentConfig } from '../agent-config.ts';

/** What of an agent's configuration a server may change while it runs. */
export type Settings = Pick<AgentConfig, 'enabled' | 'compress' | 'intervals' | 'collectors'>;

export interface AppliedConfig {
  readonly settings: Settings;
  /** Keys that stand as the server set them. */
  readonly applied: readonly string[];
  readonly refused: readonly RefusedKey[];
}

/** What an agent tells is bounded, whatever it was sent. */
const MAX_REFUSED = 64;
const MAX_KEY = 200;
const MAX_REASON = 500;

const schema = remoteConfigSchema();

/**
 * Lays a server's configuration over the host's own: a key that no server may set, that is wrong or unknown, that the host's
 * file pins, or that turns on what the file turns off, is refused by itself, and the others hold.
 */
export function applyConfig(own: AgentConfig, sent: unknown): AppliedConfig {
  const { accepted, problems } = acceptKeys(schema, sent);
  const refused: RefusedKey[] = problems.map((problem) => ({ key: problem.key, reason: describeProblem(problem) }));
  const isAllowed = (key: string, value: unknown): boolean => {
    const reason = whyNot(own, key, value);
    if (reason !== null) refused.push({ key, reason: `${key} ${reason}` });
    return reason === null;
  };
  const config = filterConfig(accepted, isAllowed);
  const { enabled, compress, intervals, collectors } = own;
  return {
    settings: mergeConfigs([{ enabled, compress, intervals, collectors }, config]) as Settings,
    applied: [...configKeys(config)].map(([key]) => key),
    refused: bounded(refused),
  };
}

/** The end of a sentence that begins with the key. */
function whyNot(own: AgentConfig, key: string, value: unknown): string | null {
  if (own.pin.some((pin) => key === pin || key.startsWith(`${pin}.`))) return "is pinned in the host's own file";
  const turnsOn = value === true && (key === 'enabled' || key.endsWith('.enabled'));
  return turnsOn && valueAt(own, key) === false ? "is switched off in the host's own file, which no server overrules" : null;
}

function valueAt(config: RemoteConfig, key: string): unknown {
  return [...configKeys(config)].find(([path]) => path === key)?.[1];
}

function bounded(refused: readonly RefusedKey[]): RefusedKey[] {
  const told = refused
    .slice(0, MAX_REFUSED)
    .map(({ key, reason }) => ({ key: key.slice(0, MAX_KEY), reason: reason.slice(0, MAX_REASON) }));
  const more = refused.length - told.length;
  return more === 0 ? told : [...told, { key: '...', reason: `${more} more keys were refused` }];
}
