import { compareClocks, fine, lookAtClock } from '@hostwire/service/doctor';
import type { AgentCheck } from '../agent-look.ts';
import { askServerTime } from '../server-time.ts';

/** Whether this machine's clock can be right, and agrees with the server's. */
export const clock: AgentCheck = {
  name: 'clock',
  async run({ config: { server_url: url }, now }, signal) {
    const own = lookAtClock(now());
    const server = url === undefined ? null : await askServerTime(url, { now, signal });
    if (server !== null) return [compareClocks(server.ours, server.time, 'the server')];
    return [own.level === 'ok' ? fine(`${own.message}; the server's API cannot be asked from here for its own`) : own];
  },
};
