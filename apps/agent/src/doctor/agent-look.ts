import type { Check } from '@hostwire/service/doctor';
import type { AgentConfig } from '../agent-config.ts';

/** What the checks of the agent look at. */
export interface AgentLook {
  readonly config: AgentConfig;
  /** Whether it is there or not. */
  readonly configFile: string;
  /** Null: it cannot be read. */
  readonly token: string | null;
  /** The name as which samples go out. */
  readonly host: string;
  /** Absolute; null: memory only. */
  readonly spool: string | null;
  /** HOST_ROOT; empty: none. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** Ms since the epoch. */
  readonly now: () => number;
}

export type AgentCheck = Check<AgentLook>;

export const AGENT_UNIT = 'hostwire-agent.service';
