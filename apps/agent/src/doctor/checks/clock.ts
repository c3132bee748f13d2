import { readFile } from 'node:fs/promises';
import { compareClocks, fine, lookAtClock } from '@hostwire/service/doctor';
import type { AgentCheck } from '../agent-look.ts';
import { askServerTime } from '../server-time.ts';

/** Whether this machine's clock can be right, and agrees with the server's. */
export const clock: AgentCheck = {
  name: 'clock',
  async run({ config: { server_url: url, tls }, now }, signal) {
    // What is wrong with the file is told by other checks.
    const ca = tls.ca === undefined ? undefined : await readFile(tls.ca, 'utf8').catch(() => undefined);
    const own = lookAtClock(now());
    const server = url === undefined ? null : await askServerTime(url, { ca, now, signal });
    if (server !== null) return [compareClocks(server.ours, server.time, 'the server')];
    return [own.level === 'ok' ? fine(`${own.message}; the server's API cannot be asked from here for its own`) : own];
  },
};
