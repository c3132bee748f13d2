import { lookAtUnit } from '@hostwire/service/doctor';
import { AGENT_UNIT, type AgentCheck } from '../agent-look.ts';

/** Whether systemd starts the agent at boot, where there is a unit of it. */
export const unit: AgentCheck = {
  name: 'service',
  run: (_look, signal) => lookAtUnit(AGENT_UNIT, signal),
};
