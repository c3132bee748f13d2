import type { HostDetail } from '../api/types.ts';

type Capability = HostDetail['capabilities'][string];

/**
 * `lacking`: somebody can grant it, by the hint. `unasked`: a line of the agent's file switches it on, and nobody has wanted
 * that. `absent`: the host has no such thing.
 */
export interface Capabilities {
  readonly working: readonly string[];
  readonly lacking: readonly (readonly [name: string, capability: Capability])[];
  readonly unasked: readonly (readonly [name: string, capability: Capability])[];
  readonly absent: readonly (readonly [name: string, capability: Capability])[];
}

/** What a host's collectors say of themselves, told apart. */
export function capabilitiesOf(detail: HostDetail | null): Capabilities {
  const missing = Object.entries(detail?.capabilities ?? {}).filter(([, { available }]) => !available);
  const isSetting = ([name, { hint }]: readonly [string, Capability]): boolean => hint?.startsWith(`[collectors.${name}] `) === true;
  return {
    working: Object.entries(detail?.capabilities ?? {}).flatMap(([name, { available }]) => (available ? [name] : [])),
    lacking: missing.filter((one) => one[1].hint !== undefined && !isSetting(one)),
    unasked: missing.filter(isSetting),
    absent: missing.filter(([, { hint }]) => hint === undefined),
  };
}
