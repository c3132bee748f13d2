import { describeDuration, failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import type { HostSummaryBody } from '../../api/schemas.ts';
import type { ServerCheck } from '../server-look.ts';

/** What the running server knows of its hosts that somebody should know. */
export const hosts: ServerCheck = {
  name: 'hosts',
  async run({ running, now }, signal) {
    if (running.health === null) return [];
    const { hosts: all } = await running.get<{ hosts: HostSummaryBody[] }>('/api/hosts', signal);
    const found = all.flatMap((host) => lookAt(host, now()));
    const online = all.filter(({ state }) => state === 'online').length;
    return [...found, ...(found.length === 0 ? [fine(`${online} of ${all.length} hosts are online`)] : [])];
  },
};

function lookAt({ host, state, last_seen: lastSeen, conflict }: HostSummaryBody, now: number): Observation[] {
  if (conflict !== null) {
    return [
      failure(
        `two agents run with the identity of ${host}`,
        `give each machine its own: stop one of them, and enrol it under another name (hostwire enroll NAME); one machine may run two agents: pgrep -af hostwire-agent`,
      ),
    ];
  }
  if (state === 'never_connected') {
    return [
      warning(
        `${host} was added and has never connected`,
        `start its agent, and run hostwire-agent doctor there; or remove it: hostwire host remove ${host}`,
      ),
    ];
  }
  if (state === 'offline') {
    const since = lastSeen === null ? '' : ` since ${describeDuration(now - lastSeen)}`;
    return [warning(`${host} is offline${since}`, `see whether the machine and its network are up, and run hostwire-agent doctor there`)];
  }
  return [];
}
