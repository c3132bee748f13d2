import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import type { FieldDeclaration, FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { isAbsent, probeFile } from '../proc-text.ts';
import { countTcpStates, parseSockstat, TCP_STATES, type TcpState } from './parse.ts';

/** The host's network namespace first; see the collector `net`. */
const FOLDERS = ['/proc/1/net', '/proc/net'] as const;

const states: Record<string, FieldDeclaration> = Object.fromEntries(
  TCP_STATES.map((state) => [state, gauge('int', 'sockets', `TCP sockets in state ${state.slice(4).toUpperCase().replaceAll('_', '-')}`)]),
);

export const netstat = defineCollector({
  name: 'netstat',
  tier: 'medium',
  help: 'Sockets by state.',
  measurements: {
    netstat: {
      help: 'TCP sockets by state and UDP sockets, IPv4 and IPv6 together.',
      tags: {},
      fields: { ...states, udp_socket: gauge('int', 'sockets', 'UDP sockets') },
    },
  },
  options: Type.Object({
    max_sockets: Type.Integer({
      remote: true,
      default: 10_000,
      minimum: 0,
      maximum: 25_000,
      description: 'With more TCP sockets than this only tcp_time_wait and udp_socket are reported: the list of all is too costly',
    }),
  }),
  probe: (access) => probeFile(access, [`${FOLDERS[0]}/sockstat`, `${FOLDERS[1]}/sockstat`]),
  async collect({ access, options, signal }) {
    const { folder, sockstat, sockstat6 } = await readSockstat(access, { signal });
    const v4 = parseSockstat(sockstat);
    const v6 = parseSockstat(sockstat6);
    const fields: Record<string, FieldValue> = { udp_socket: v4.udp + v6.udp };
    if (v4.tcp + v6.tcp + v4.timeWait > options.max_sockets) {
      return { netstat: [{ fields: { ...fields, tcp_time_wait: v4.timeWait } }] };
    }
    const [tcp, tcp6] = await access.readFiles([`${folder}/tcp`, `${folder}/tcp6`], { signal });
    if (typeof tcp === 'string') {
      const counts = Object.fromEntries(TCP_STATES.map((state) => [state, 0])) as Record<TcpState, number>;
      countTcpStates(tcp, counts);
      if (typeof tcp6 === 'string') countTcpStates(tcp6, counts);
      // Without IPv6 there is no tcp6; any other failure would make the counts too small.
      else if (tcp6 !== undefined && !isAbsent(tcp6)) throw tcp6;
      Object.assign(fields, counts);
    } else if (tcp !== undefined && !isAbsent(tcp)) throw tcp;
    return { netstat: [{ fields }] };
  },
});

/** Counts by protocol, and the folder that they were found in; IPv6 is empty where the kernel has none. */
async function readSockstat(access: HostAccess, options: AccessOptions) {
  let failure: unknown;
  for (const folder of FOLDERS) {
    const [sockstat, sockstat6] = await access.readFiles([`${folder}/sockstat`, `${folder}/sockstat6`], options);
    if (typeof sockstat === 'string') return { folder, sockstat, sockstat6: typeof sockstat6 === 'string' ? sockstat6 : '' };
    failure = sockstat;
    if (!isAbsent(sockstat)) break;
  }
  throw failure;
}
